# The bus, as engine/messaging/topology.py defines it.

resource "azurerm_servicebus_namespace" "this" {
  #checkov:skip=CKV_AZURE_204:Reached by identity alone; private_network closes it for the public network too.
  #checkov:skip=CKV_AZURE_201:Encrypted with keys of the platform; keys of one's own take Premium.
  #checkov:skip=CKV_AZURE_199:Encrypted with keys of the platform; double encryption takes Premium.
  #checkov:skip=CKV_AZURE_202:The namespace calls nobody: it needs no identity.
  name                = "sb-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags

  sku                          = var.servicebus_sku
  capacity                     = var.servicebus_sku == "Premium" ? 1 : 0
  premium_messaging_partitions = var.servicebus_sku == "Premium" ? 1 : 0

  local_auth_enabled            = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = !var.private_network
}

locals {
  # In megabytes, the most that Standard has: what waits while a consumer is away for long.
  bus_size = 5120
}

resource "azurerm_servicebus_queue" "this" {
  for_each     = local.model.bus.queues
  name         = each.key
  namespace_id = azurerm_servicebus_namespace.this.id

  requires_session                        = each.value.sessions
  lock_duration                           = local.model.bus.lockDuration
  max_delivery_count                      = local.model.bus.maxDeliveries
  requires_duplicate_detection            = true
  duplicate_detection_history_time_window = local.model.bus.detectionWindow
  max_size_in_megabytes                   = local.bus_size
}

resource "azurerm_servicebus_topic" "events" {
  name         = local.model.bus.topic
  namespace_id = azurerm_servicebus_namespace.this.id

  requires_duplicate_detection            = true
  duplicate_detection_history_time_window = local.model.bus.detectionWindow
  max_size_in_megabytes                   = local.bus_size
}

resource "azurerm_servicebus_subscription" "this" {
  for_each           = local.model.bus.subscriptions
  name               = each.key
  topic_id           = azurerm_servicebus_topic.events.id
  lock_duration      = local.model.bus.lockDuration
  max_delivery_count = local.model.bus.maxDeliveries
}

locals {
  rules = merge([
    for subscription, each in local.model.bus.subscriptions : {
      for subject in each.subjects : "${subscription}/${subject}" => { subscription = subscription, subject = subject }
    }
  ]...)
}

# With the first rule, Azure takes away $Default, which lets every message in.
resource "azurerm_servicebus_subscription_rule" "this" {
  for_each        = local.rules
  name            = each.value.subject
  subscription_id = azurerm_servicebus_subscription.this[each.value.subscription].id
  filter_type     = "CorrelationFilter"

  correlation_filter {
    label = each.value.subject
  }
}
