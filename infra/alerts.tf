# What somebody has to look at. docs/operations.md lists the same alerts, which a test compares; each one's runbook is a part of that page.

resource "azurerm_monitor_action_group" "this" {
  count               = var.alert_email == "" ? 0 : 1
  name                = "ag-${local.token}"
  resource_group_name = azurerm_resource_group.this.name
  short_name          = "service"
  tags                = local.tags

  email_receiver {
    name                    = "mail"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}

locals {
  # Each asks infra/kql/alerts/<name>.kql, whose rows count unless it says what is `measured`. Azure bills by how often a rule asks.
  log_alerts = {
    service-errors = {
      description = "The service has logged an error: a read model has stopped, a stream or session was parked, history was lost."
      runbook     = "what-the-log-says"
      severity    = 1
      every       = "PT5M"
      over        = "PT5M"
    }
    listeners = {
      description = "The listener of a function does not start: a container or an entity is missing, or may not be read. HTTP may look healthy meanwhile."
      runbook     = "provisioning"
      severity    = 1
      every       = "PT5M"
      over        = "PT5M"
    }
    silence = {
      description = "Nothing was measured for a quarter of an hour: the app or its timer does not run, Cosmos DB is away, or nothing is exported."
      runbook     = "what-is-measured-each-minute"
      severity    = 1
      every       = "PT5M"
      over        = "PT15M"
      operator    = "LessThan"
      threshold   = 1
    }
    relay-stands = {
      description = "The relay has been at the same event for a quarter of an hour: no process goes on, and nobody is notified."
      runbook     = "how-far-the-consumers-are"
      severity    = 1
      every       = "PT5M"
      over        = "PT15M"
    }
    leases = {
      description = "For more than five minutes, no host has followed a partition for a consumer of the feed."
      runbook     = "how-far-the-consumers-are"
      severity    = 1
      every       = "PT5M"
      over        = "PT15M"
      measured    = { column = "minutes", by = "Maximum", of = ["consumer", "state"] }
      threshold   = 5
    }
    lag = {
      description = "A consumer of the feed has been a minute behind, or more, for five minutes."
      runbook     = "how-far-the-consumers-are"
      severity    = 2
      every       = "PT5M"
      over        = "PT5M"
      measured    = { column = "seconds", by = "Minimum", of = ["consumer"] }
      operator    = "GreaterThanOrEqual"
      threshold   = 60
    }
    failing-consumers = {
      description = "A consumer fails again and again, at a batch of the feed or at messages of the bus."
      runbook     = "events-that-cannot-be-handled"
      severity    = 2
      every       = "PT15M"
      over        = "PT30M"
      measured    = { column = "failures", by = "Total", of = ["consumer"] }
      threshold   = 5
    }
    parked = {
      description = "Something was parked for a quarter of an hour: a stream of the feed, or a session or a message of the bus."
      runbook     = "messages-that-cannot-be-handled"
      severity    = 2
      every       = "PT15M"
      over        = "PT15M"
      measured    = { column = "parked", by = "Minimum", of = ["consumer"] }
    }
    failed-requests = {
      description = "Requests were answered 5xx: a defect, or the store or the bus is away."
      runbook     = "when-something-hangs"
      severity    = 2
      every       = "PT5M"
      over        = "PT5M"
    }
    throttled = {
      description = "For a quarter of an hour, Cosmos DB has answered 429 to more than five in a hundred requests: too little throughput, or a hot stream."
      runbook     = "when-cosmos-db-throttles"
      severity    = 2
      every       = "PT15M"
      over        = "PT15M"
      measured    = { column = "percent", by = "Minimum", of = [] }
      threshold   = 5
    }
    slow-starts = {
      description = "To import, or to connect, has taken a new worker process more than ten seconds."
      runbook     = "starts"
      severity    = 3
      every       = "PT15M"
      over        = "PT1H"
      measured    = { column = "seconds", by = "Maximum", of = ["part"] }
      threshold   = 10
    }
  }

  # What the resources say of themselves, whatever becomes of the app.
  metric_alerts = merge(
    {
      dead-letters = {
        description = "The bus has given a message up."
        runbook     = "messages-that-cannot-be-handled"
        severity    = 1
        scope       = azurerm_servicebus_namespace.this.id
        namespace   = "Microsoft.ServiceBus/namespaces"
        metric      = "DeadletteredMessages"
        by          = "Maximum"
        of          = ["EntityName"]
        threshold   = 0
        every       = "PT1M"
        over        = "PT5M"
      }
    },
    var.daily_request_units == 0 ? {} : {
      request-units = {
        description = "Within a day, more request units were spent than `daily_request_units` allows."
        runbook     = "what-spends-the-request-units"
        severity    = 3
        scope       = azurerm_cosmosdb_account.this.id
        namespace   = "Microsoft.DocumentDB/databaseAccounts"
        metric      = "TotalRequestUnits"
        by          = "Total"
        of          = []
        threshold   = var.daily_request_units
        every       = "PT1H"
        over        = "P1D"
      }
    },
  )
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each             = local.log_alerts
  name                 = each.key
  location             = azurerm_resource_group.this.location
  resource_group_name  = azurerm_resource_group.this.name
  scopes               = [azurerm_application_insights.this.id]
  description          = "${each.value.description} docs/operations.md#${each.value.runbook}"
  severity             = each.value.severity
  evaluation_frequency = each.value.every
  window_duration      = each.value.over
  # The tables are there once the first telemetry has come.
  skip_query_validation = true
  # What is over resolves itself.
  auto_mitigation_enabled = true
  tags                    = local.tags

  criteria {
    query                   = file("${path.module}/kql/alerts/${each.key}.kql")
    time_aggregation_method = try(each.value.measured.by, "Count")
    metric_measure_column   = try(each.value.measured.column, null)
    operator                = try(each.value.operator, "GreaterThan")
    threshold               = try(each.value.threshold, 0)

    dynamic "dimension" {
      for_each = try(each.value.measured.of, [])
      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }
  }

  dynamic "action" {
    for_each = azurerm_monitor_action_group.this
    content {
      action_groups = [action.value.id]
    }
  }
}

resource "azurerm_monitor_metric_alert" "this" {
  for_each            = local.metric_alerts
  name                = each.key
  resource_group_name = azurerm_resource_group.this.name
  scopes              = [each.value.scope]
  description         = "${each.value.description} docs/operations.md#${each.value.runbook}"
  severity            = each.value.severity
  frequency           = each.value.every
  window_size         = each.value.over
  tags                = local.tags

  criteria {
    metric_namespace = each.value.namespace
    metric_name      = each.value.metric
    aggregation      = each.value.by
    operator         = "GreaterThan"
    threshold        = each.value.threshold

    dynamic "dimension" {
      for_each = each.value.of
      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }
  }

  dynamic "action" {
    for_each = azurerm_monitor_action_group.this
    content {
      action_group_id = action.value.id
    }
  }
}
