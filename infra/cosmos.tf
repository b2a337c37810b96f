# The event store, the views, and the leases of the change feed, as engine/storing/containers.py defines them.

resource "azurerm_cosmosdb_account" "this" {
  #checkov:skip=CKV_AZURE_140:It is off; the check knows the name that the argument had before version 5 of the provider.
  #checkov:skip=CKV_AZURE_99:Reached by identity alone; private_network closes it for the public network too.
  #checkov:skip=CKV_AZURE_101:Reached by identity alone; private_network closes it for the public network too.
  #checkov:skip=CKV_AZURE_100:Encrypted with keys of the platform.
  name                = "cosmos-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  offer_type          = "Standard"
  kind                = "GlobalDocumentDB"
  tags                = local.tags

  local_authentication_enabled          = false
  access_key_metadata_writes_enabled    = false
  minimal_tls_version                   = "Tls12"
  public_network_access_enabled         = !var.private_network
  network_acl_bypass_for_azure_services = false

  # With several write regions two writers of a stream could both win: the service refuses to start.
  multiple_write_locations_enabled = false

  consistency_policy {
    consistency_level = "Session"
  }

  geo_location {
    location          = azurerm_resource_group.this.location
    failover_priority = 0
  }

  backup {
    type = "Continuous"
    tier = var.cosmos_backup
  }

  dynamic "capabilities" {
    for_each = var.cosmos_autoscale_max_rus == 0 ? ["EnableServerless"] : []
    content {
      name = capabilities.value
    }
  }
}

resource "azurerm_cosmosdb_sql_database" "this" {
  name                = local.model.database
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name

  dynamic "autoscale_settings" {
    for_each = var.cosmos_autoscale_max_rus == 0 ? [] : [var.cosmos_autoscale_max_rus]
    content {
      max_throughput = autoscale_settings.value
    }
  }
}

resource "azurerm_cosmosdb_sql_container" "this" {
  for_each            = local.model.containers
  name                = each.key
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
  database_name       = azurerm_cosmosdb_sql_database.this.name

  partition_key_paths   = [each.value.partitionKey]
  partition_key_kind    = "Hash"
  partition_key_version = 2
  default_ttl           = each.value.defaultTtl

  dynamic "unique_key" {
    for_each = each.value.uniqueKeys
    content {
      paths = unique_key.value
    }
  }

  indexing_policy {
    indexing_mode = "consistent"

    dynamic "included_path" {
      for_each = each.value.includedPaths
      content {
        path = included_path.value
      }
    }

    dynamic "excluded_path" {
      for_each = each.value.excludedPaths
      content {
        path = excluded_path.value
      }
    }
  }
}
