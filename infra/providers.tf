terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

provider "azurerm" {
  subscription_id = var.subscription_id
  # The storage account has no keys.
  storage_use_azuread = true
  # A subscription that has never had one of these registers them first.
  resource_provider_registrations = "core"
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.DocumentDB",
    "microsoft.insights",
    "Microsoft.OperationalInsights",
    "Microsoft.ServiceBus",
    "Microsoft.Web",
  ]

  features {
    resource_group {
      # Application Insights adds alert rules of its own, which `azd down` removes with the group.
      prevent_deletion_if_contains_resources = false
    }
    log_analytics_workspace {
      # Otherwise Azure keeps a deleted workspace for two weeks.
      permanently_delete_on_destroy = true
    }
  }
}
