# With private_network: what the app depends on is reached by private endpoints alone. The app itself stays reachable.

locals {
  private = var.private_network ? {
    cosmos = {
      resource = azurerm_cosmosdb_account.this.id
      part     = "Sql"
      zone     = "privatelink.documents.azure.com"
    }
    bus = {
      resource = azurerm_servicebus_namespace.this.id
      part     = "namespace"
      zone     = "privatelink.servicebus.windows.net"
    }
    storage = {
      resource = azurerm_storage_account.this.id
      part     = "blob"
      zone     = "privatelink.blob.core.windows.net"
    }
  } : {}
}

resource "azurerm_virtual_network" "this" {
  count               = var.private_network ? 1 : 0
  name                = "vnet-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  address_space       = ["10.0.0.0/16"]
  tags                = local.tags
}

resource "azurerm_subnet" "app" {
  #checkov:skip=CKV2_AZURE_31:The rules that Azure has without a group let nothing in from outside the network.
  count                = var.private_network ? 1 : 0
  name                 = "app"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = ["10.0.0.0/23"]

  delegation {
    name = "flex-consumption"
    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  #checkov:skip=CKV2_AZURE_31:The rules that Azure has without a group let nothing in from outside the network.
  count                = var.private_network ? 1 : 0
  name                 = "endpoints"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = ["10.0.2.0/24"]
}

resource "azurerm_private_dns_zone" "this" {
  for_each            = local.private
  name                = each.value.zone
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each            = local.private
  name                = each.key
  private_dns_zone_id = azurerm_private_dns_zone.this[each.key].id
  virtual_network_id  = azurerm_virtual_network.this[0].id
  tags                = local.tags
}

resource "azurerm_private_endpoint" "this" {
  for_each            = local.private
  name                = "pe-${each.key}-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  subnet_id           = azurerm_subnet.endpoints[0].id
  tags                = local.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.resource
    subresource_names              = [each.value.part]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = each.key
    private_dns_zone_ids = [azurerm_private_dns_zone.this[each.key].id]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}
