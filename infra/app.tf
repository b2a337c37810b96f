# The functions, on Flex Consumption.

resource "azurerm_service_plan" "this" {
  #checkov:skip=CKV_AZURE_225:Zone redundancy of Flex Consumption takes at least two always-ready instances of each group, a price that a deployer decides on.
  #checkov:skip=CKV_AZURE_212:Flex Consumption has always-ready instances instead, http_always_ready.
  name                = "plan-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  os_type             = "Linux"
  sku_name            = "FC1"
  tags                = local.tags
}

locals {
  # Each of these has instances of its own, and what follows from a command waits for all of them.
  process_functions = ["relay_events", "handle_command", "react"]

  always_ready = {
    for name, count in merge(
      { http = var.http_always_ready },
      { for name in local.process_functions : "function:${name}" => var.process_always_ready },
    ) : name => count if count > 0
  }

  by_identity = {
    credential = "managedidentity"
    clientId   = azurerm_user_assigned_identity.api.client_id
  }
}

resource "azurerm_function_app_flex_consumption" "api" {
  name                = "func-api-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  service_plan_id     = azurerm_service_plan.this.id
  # azd finds by it what it deploys to.
  tags = merge(local.tags, { azd-service-name = "api" })

  runtime_name    = "python"
  runtime_version = local.model.python

  instance_memory_in_mb  = var.instance_memory_mb
  maximum_instance_count = var.maximum_instances
  http_concurrency       = var.http_concurrency

  dynamic "always_ready" {
    for_each = local.always_ready
    content {
      name           = always_ready.key
      instance_count = always_ready.value
    }
  }

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = "${azurerm_storage_account.this.primary_blob_endpoint}${azurerm_storage_container.packages.name}"
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = azurerm_user_assigned_identity.api.id

  https_only                                     = true
  webdeploy_publish_basic_authentication_enabled = false
  virtual_network_subnet_id                      = one(azurerm_subnet.app[*].id)

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.api.id]
  }

  site_config {
    minimum_tls_version                    = "1.2"
    scm_minimum_tls_version                = "1.2"
    http2_enabled                          = true
    application_insights_connection_string = azurerm_application_insights.this.connection_string
  }

  app_settings = merge(
    {
      AzureWebJobsStorage__accountName          = azurerm_storage_account.this.name
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.api.client_id};Authorization=AAD"
      COSMOS__accountEndpoint                   = azurerm_cosmosdb_account.this.endpoint
      COSMOS_DATABASE                           = azurerm_cosmosdb_sql_database.this.name
      SERVICEBUS__fullyQualifiedNamespace       = "${azurerm_servicebus_namespace.this.name}.servicebus.windows.net"
      NOTIFICATIONS_WEBHOOK                     = var.notifications_webhook
      NOTIFICATIONS_SECRET                      = var.notifications_secret
      RELAY_REPLAY_UNTIL                        = var.relay_replay_until
      OTEL_EXPORTER_OTLP_ENDPOINT               = var.otlp_endpoint
      TRUST_EASYAUTH                            = var.auth_client_id == "" ? "0" : "1"
      OPERATORS_SIGN_IN                         = var.auth_client_id == "" ? "key" : "easyauth"
    },
    local.own_settings,
    { for name, value in local.by_identity : "AzureWebJobsStorage__${name}" => value },
    { for name, value in local.by_identity : "COSMOS__${name}" => value },
    { for name, value in local.by_identity : "SERVICEBUS__${name}" => value },
  )

  dynamic "auth_settings_v2" {
    for_each = var.auth_client_id == "" ? [] : [var.auth_client_id]
    content {
      auth_enabled           = true
      require_authentication = true
      unauthenticated_action = "Return401"
      excluded_paths         = ["/api/health"]

      active_directory_v2 {
        client_id            = auth_settings_v2.value
        tenant_auth_endpoint = "https://login.microsoftonline.com/${azurerm_user_assigned_identity.api.tenant_id}/v2.0/"
      }

      login {}
    }
  }

  # A trigger that meets a missing container or entity, or may not read it yet, does not recover by itself for long.
  depends_on = [
    azurerm_role_assignment.app,
    azurerm_cosmosdb_sql_role_assignment.data,
    azurerm_cosmosdb_sql_container.this,
    azurerm_servicebus_queue.this,
    azurerm_servicebus_subscription_rule.this,
    azurerm_private_endpoint.this,
  ]
}
