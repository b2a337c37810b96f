# For a team or a pipeline, whose state must not lie on one machine: copy it into infra/, where azd fills it in by
# provider.conf.json from RS_RESOURCE_GROUP, RS_STORAGE_ACCOUNT and RS_CONTAINER_NAME.
terraform {
  backend "azurerm" {
    use_azuread_auth = true
  }
}
