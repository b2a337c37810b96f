#!/bin/sh
# A deployment replaces instances one after the other and lets what they are doing end. The default kills it, which costs
# no event and no order, but time: what was killed begins again. Version 5.2 of the provider cannot say it.
set -eu
az functionapp update-strategy config set --type RollingUpdate \
  --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" --name "$SERVICE_API_NAME"
