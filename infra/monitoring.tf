# Logs and telemetry. What is alarmed on stands in alerts.tf.

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-${local.token}"
  location                     = azurerm_resource_group.this.location
  resource_group_name          = azurerm_resource_group.this.name
  sku                          = "PerGB2018"
  retention_in_days            = 30
  local_authentication_enabled = false
  tags                         = local.tags
}

resource "azurerm_application_insights" "this" {
  name                         = "appi-${local.token}"
  location                     = azurerm_resource_group.this.location
  resource_group_name          = azurerm_resource_group.this.name
  workspace_id                 = azurerm_log_analytics_workspace.this.id
  application_type             = "web"
  local_authentication_enabled = false
  tags                         = local.tags
}

locals {
  diagnosed = {
    # The sizes of the largest streams, and who has changed the account. Requests are in its metrics: their log costs more than they do.
    cosmos = { id = azurerm_cosmosdb_account.this.id, logs = ["PartitionKeyStatistics", "ControlPlaneRequests"] }
    bus    = { id = azurerm_servicebus_namespace.this.id, logs = ["OperationalLogs"] }
  }
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  for_each                       = local.diagnosed
  name                           = "to-workspace"
  target_resource_id             = each.value.id
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.this.id
  log_analytics_destination_type = "Dedicated"

  dynamic "enabled_log" {
    for_each = each.value.logs
    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_consumption_budget_resource_group" "this" {
  count             = var.monthly_budget == 0 ? 0 : 1
  name              = "monthly"
  resource_group_id = azurerm_resource_group.this.id
  amount            = var.monthly_budget
  time_grain        = "Monthly"

  time_period {
    start_date = "${var.budget_start}T00:00:00Z"
  }

  dynamic "notification" {
    for_each = [80, 100]
    content {
      operator       = "GreaterThanOrEqualTo"
      threshold      = notification.value
      contact_emails = [var.alert_email]
    }
  }
}
