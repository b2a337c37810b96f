# What is known only once resources are there, with ids that the provider can parse: who may do what, and what the app is told.

mock_provider "azurerm" {
  mock_resource "azurerm_resource_group" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg" }
  }
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/api"
      client_id    = "00000000-0000-0000-0000-00000000000c"
      principal_id = "00000000-0000-0000-0000-00000000000d"
    }
  }
  mock_resource "azurerm_cosmosdb_account" {
    defaults = {
      id       = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.DocumentDB/databaseAccounts/cosmos"
      endpoint = "https://cosmos.documents.azure.com:443/"
    }
  }
  mock_resource "azurerm_servicebus_namespace" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ServiceBus/namespaces/sb" }
  }
  mock_resource "azurerm_servicebus_topic" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ServiceBus/namespaces/sb/topics/events" }
  }
  mock_resource "azurerm_servicebus_subscription" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ServiceBus/namespaces/sb/topics/events/subscriptions/notifications" }
  }
  mock_resource "azurerm_storage_account" {
    defaults = {
      id                    = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
      primary_blob_endpoint = "https://st.blob.core.windows.net/"
    }
  }
  mock_resource "azurerm_service_plan" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Web/serverFarms/plan" }
  }
  mock_resource "azurerm_log_analytics_workspace" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
  }
  mock_resource "azurerm_application_insights" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Insights/components/appi" }
  }
  mock_resource "azurerm_virtual_network" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet" }
  }
  mock_resource "azurerm_subnet" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/app" }
  }
  mock_resource "azurerm_private_dns_zone" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.example.net" }
  }
  mock_resource "azurerm_monitor_action_group" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/ag" }
  }
  mock_resource "azurerm_function_app_flex_consumption" {
    defaults = { default_hostname = "api.azurewebsites.net" }
  }
}

variables {
  environment_name = "guests-test"
  location         = "westeurope"
  subscription_id  = "00000000-0000-0000-0000-000000000001"
}

run "applied" {
  command = apply

  assert {
    condition = {
      for name in ["COSMOS__accountEndpoint", "COSMOS__credential", "COSMOS__clientId", "SERVICEBUS__clientId"] :
      name => azurerm_function_app_flex_consumption.api.app_settings[name]
      } == {
      COSMOS__accountEndpoint = "https://cosmos.documents.azure.com:443/"
      COSMOS__credential      = "managedidentity"
      COSMOS__clientId        = "00000000-0000-0000-0000-00000000000c"
      SERVICEBUS__clientId    = "00000000-0000-0000-0000-00000000000c"
    }
    error_message = "The app connects as its identity."
  }

  assert {
    condition     = alltrue([for each in azurerm_role_assignment.app : each.principal_id == "00000000-0000-0000-0000-00000000000d"])
    error_message = "Roles go to the identity of the app."
  }

  assert {
    condition = { for role, each in azurerm_role_assignment.app : role => each.scope } == {
      "Azure Service Bus Data Owner" = azurerm_servicebus_namespace.this.id
      "Monitoring Metrics Publisher" = azurerm_application_insights.this.id
      "Storage Blob Data Owner"      = azurerm_storage_account.this.id
    }
    error_message = "Each role is on one resource."
  }

  assert {
    condition     = length(azurerm_role_assignment.operator) == 0
    error_message = "Nobody operates unless a deployer says who."
  }

  assert {
    condition     = output.SERVICE_API_URL == "https://api.azurewebsites.net/api"
    error_message = "Routes begin with /api."
  }
}

run "applied_with_everything" {
  command = apply

  variables {
    operator_id              = "00000000-0000-0000-0000-000000000002"
    alert_email              = "ops@example.com"
    monthly_budget           = 100
    daily_request_units      = 10000000
    budget_start             = "2026-12-01"
    private_network          = true
    servicebus_sku           = "Premium"
    cosmos_autoscale_max_rus = 4000
  }

  assert {
    condition     = alltrue([for each in azurerm_role_assignment.operator : each.principal_id == var.operator_id])
    error_message = "Roles of operators go to whom the deployer names."
  }

  assert {
    condition     = length(azurerm_private_endpoint.this) == 3 && azurerm_function_app_flex_consumption.api.virtual_network_subnet_id == azurerm_subnet.app[0].id
    error_message = "The app is in the network, and what it depends on has an endpoint there."
  }
}
