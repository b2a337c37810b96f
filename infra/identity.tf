# One identity for the app. There are no keys: each resource below has local authentication off.

resource "azurerm_user_assigned_identity" "api" {
  name                = "id-api-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

locals {
  cosmos_data_contributor = "00000000-0000-0000-0000-000000000002"

  app_roles = {
    # Keys of functions, locks of timers, and the deployed package.
    storage = { role = "Storage Blob Data Owner", scope = azurerm_storage_account.this.id }
    # Owner, since the scale controller reads the lengths of queues with this identity, which takes the right to manage.
    bus       = { role = "Azure Service Bus Data Owner", scope = azurerm_servicebus_namespace.this.id }
    telemetry = { role = "Monitoring Metrics Publisher", scope = azurerm_application_insights.this.id }
  }

  operator_roles = var.operator_id == "" ? {} : {
    bus_send    = { role = "Azure Service Bus Data Sender", scope = azurerm_servicebus_namespace.this.id }
    bus_receive = { role = "Azure Service Bus Data Receiver", scope = azurerm_servicebus_namespace.this.id }
    logs        = { role = "Log Analytics Reader", scope = azurerm_log_analytics_workspace.this.id }
  }
}

resource "azurerm_role_assignment" "app" {
  for_each             = local.app_roles
  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = azurerm_user_assigned_identity.api.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "operator" {
  for_each             = local.operator_roles
  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = var.operator_id
  principal_type       = var.operator_type
}

# Data of Cosmos DB has roles of its own. They cannot create containers: those stand in cosmos.tf.
resource "azurerm_cosmosdb_sql_role_assignment" "data" {
  for_each = merge(
    { app = azurerm_user_assigned_identity.api.principal_id },
    var.operator_id == "" ? {} : { operator = var.operator_id },
  )
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
  role_definition_id  = "${azurerm_cosmosdb_account.this.id}/sqlRoleDefinitions/${local.cosmos_data_contributor}"
  principal_id        = each.value
  scope               = azurerm_cosmosdb_account.this.id
}
