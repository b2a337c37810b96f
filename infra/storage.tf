# The host's own storage, and the deployed package.

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_59:Reached by identity alone; private_network closes it for the public network too.
  #checkov:skip=CKV2_AZURE_33:private_network gives it a private endpoint.
  #checkov:skip=CKV_AZURE_206:Replicated over the zones of the region; nothing in it is worth another region.
  #checkov:skip=CKV_AZURE_33:Its queues are not used.
  #checkov:skip=CKV2_AZURE_1:Encrypted with keys of the platform.
  name                = "st${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags

  account_tier             = "Standard"
  account_replication_type = "ZRS"

  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  min_tls_version                  = "TLS1_2"
  public_network_access_enabled    = !var.private_network

  blob_properties {
    delete_retention_policy {
      days = 7
    }
    container_delete_retention_policy {
      days = 7
    }
  }
}

resource "azurerm_storage_container" "packages" {
  #checkov:skip=CKV2_AZURE_21:It holds the package that is deployed, which is in git.
  name                  = "packages"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}
