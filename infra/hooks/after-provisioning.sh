#!/bin/sh
# What version 5.2 of the provider cannot say, after each provisioning.
set -eu
app="--subscription $AZURE_SUBSCRIPTION_ID --resource-group $AZURE_RESOURCE_GROUP --name $SERVICE_API_NAME"

# A deployment replaces instances one after the other and lets what they are doing end. The default kills it, which costs
# no event and no command, but time: what was killed begins again.
az functionapp update-strategy config set $app --type RollingUpdate --output none

# The provider adds a connection string without a key, which the host would prefer to the identity:
# https://github.com/hashicorp/terraform-provider-azurerm/issues/29149
az functionapp config appsettings delete $app --setting-names AzureWebJobsStorage --output none
