# One identity for the app. There are no keys: each resource below has local authentication off.

resource "azurerm_user_assigned_identity" "api" {
  name                = "id-api-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

locals {
  # Who has which, and why, stands in operate/roles.py.
  scopes = {
    bus       = azurerm_servicebus_namespace.this.id
    storage   = azurerm_storage_account.this.id
    telemetry = azurerm_application_insights.this.id
    group     = azurerm_resource_group.this.id
  }
  holders = merge(
    { app = azurerm_user_assigned_identity.api.principal_id },
    var.operator_id == "" ? {} : { operator = var.operator_id },
  )
  roles = {
    for who in ["app", "operator"] : who => {
      for each in local.model.roles : each.role => each.on
      if each.who == who && each.on != "cosmos" && contains(keys(local.holders), who)
    }
  }

  cosmos_roles = { "Cosmos DB Built-in Data Contributor" = "00000000-0000-0000-0000-000000000002" }
}

resource "azurerm_role_assignment" "app" {
  for_each             = local.roles.app
  scope                = local.scopes[each.value]
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.api.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "operator" {
  for_each             = local.roles.operator
  scope                = local.scopes[each.value]
  role_definition_name = each.key
  principal_id         = var.operator_id
  principal_type       = var.operator_type
}

# Data of Cosmos DB has roles of its own. They cannot create containers: those stand in cosmos.tf.
resource "azurerm_cosmosdb_sql_role_assignment" "data" {
  for_each = {
    for each in local.model.roles : each.who => each.role
    if each.on == "cosmos" && contains(keys(local.holders), each.who)
  }
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
  role_definition_id  = "${azurerm_cosmosdb_account.this.id}/sqlRoleDefinitions/${local.cosmos_roles[each.value]}"
  principal_id        = local.holders[each.key]
  scope               = azurerm_cosmosdb_account.this.id
}
