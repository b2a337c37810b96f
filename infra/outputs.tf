# azd keeps these in its environment; `operate` reads the last three.

output "AZURE_RESOURCE_GROUP" {
  description = "Everything is in it."
  value       = azurerm_resource_group.this.name
}

output "SERVICE_API_NAME" {
  description = "Name of the function app."
  value       = azurerm_function_app_flex_consumption.api.name
}

output "SERVICE_API_URL" {
  description = "Where the routes begin."
  value       = "https://${azurerm_function_app_flex_consumption.api.default_hostname}/api"
}

output "COSMOS__accountEndpoint" {
  description = "The account of Cosmos DB."
  value       = azurerm_cosmosdb_account.this.endpoint
}

output "COSMOS_DATABASE" {
  description = "The database."
  value       = azurerm_cosmosdb_sql_database.this.name
}

output "SERVICEBUS__fullyQualifiedNamespace" {
  description = "The namespace of Service Bus."
  value       = "${azurerm_servicebus_namespace.this.name}.servicebus.windows.net"
}
