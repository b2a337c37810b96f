# What the code defines, and the names that follow from it. `make infra-plans` writes the model.

locals {
  model = jsondecode(file("${path.module}/model.json"))

  # Names that are global on Azure end in it: the same for the same subscription, environment and region.
  token = substr(sha1("${var.subscription_id}/${var.environment_name}/${var.location}"), 0, 12)
  tags  = { azd-env-name = var.environment_name }
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.environment_name}"
  location = var.location
  tags     = local.tags
}
