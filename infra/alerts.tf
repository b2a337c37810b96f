# What somebody has to look at: the log lines of docs/operations.md, and what the service cannot say of itself.

resource "azurerm_monitor_action_group" "this" {
  count               = var.alert_email == "" ? 0 : 1
  name                = "ag-${local.token}"
  resource_group_name = azurerm_resource_group.this.name
  short_name          = "orders"
  tags                = local.tags

  email_receiver {
    name                    = "mail"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}

locals {
  log_alerts = {
    service-errors = {
      description = "The service has logged an error: a read model has stopped, a session was parked, history was lost. docs/operations.md, Alarms worth having."
      severity    = 1
      query       = "AppTraces | where SeverityLevel >= 3"
    }
    listeners = {
      description = "The listener of a function does not start: a container or an entity is missing, or may not be read. HTTP may look healthy meanwhile."
      severity    = 1
      query       = "AppTraces | where Message has 'Retrying to start listener for function'"
    }
    failed-requests = {
      description = "Requests were answered 5xx: a defect, or the store or the bus is away."
      severity    = 2
      query       = "AppRequests | where toint(ResultCode) >= 500"
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each             = local.log_alerts
  name                 = each.key
  location             = azurerm_resource_group.this.location
  resource_group_name  = azurerm_resource_group.this.name
  scopes               = [azurerm_log_analytics_workspace.this.id]
  description          = each.value.description
  severity             = each.value.severity
  evaluation_frequency = "PT5M"
  window_duration      = "PT5M"
  # The tables are there once the first telemetry has come.
  skip_query_validation = true
  tags                  = local.tags

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0
  }

  dynamic "action" {
    for_each = azurerm_monitor_action_group.this
    content {
      action_groups = [action.value.id]
    }
  }
}

resource "azurerm_monitor_metric_alert" "dead_letters" {
  name                = "dead-letters"
  resource_group_name = azurerm_resource_group.this.name
  scopes              = [azurerm_servicebus_namespace.this.id]
  description         = "The bus has given a message up: python -m operate dead-letters list"
  severity            = 1
  tags                = local.tags

  criteria {
    metric_namespace = "Microsoft.ServiceBus/namespaces"
    metric_name      = "DeadletteredMessages"
    aggregation      = "Maximum"
    operator         = "GreaterThan"
    threshold        = 0

    dimension {
      name     = "EntityName"
      operator = "Include"
      values   = ["*"]
    }
  }

  dynamic "action" {
    for_each = azurerm_monitor_action_group.this
    content {
      action_group_id = action.value.id
    }
  }
}

resource "azurerm_monitor_metric_alert" "throttled" {
  name                = "cosmos-throttled"
  resource_group_name = azurerm_resource_group.this.name
  scopes              = [azurerm_cosmosdb_account.this.id]
  description         = "Cosmos DB answers 429: there is too little throughput, or one stream is hot. docs/scaling.md"
  severity            = 2
  window_size         = "PT15M"
  tags                = local.tags

  criteria {
    metric_namespace = "Microsoft.DocumentDB/databaseAccounts"
    metric_name      = "TotalRequests"
    aggregation      = "Count"
    operator         = "GreaterThan"
    threshold        = 100

    dimension {
      name     = "StatusCode"
      operator = "Include"
      values   = ["429"]
    }
  }

  dynamic "action" {
    for_each = azurerm_monitor_action_group.this
    content {
      action_group_id = action.value.id
    }
  }
}
