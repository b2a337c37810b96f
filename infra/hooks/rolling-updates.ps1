# The same as rolling-updates.sh, where there is no sh.
$ErrorActionPreference = 'Stop'
az functionapp update-strategy config set --type RollingUpdate `
  --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP --name $env:SERVICE_API_NAME
if ($LASTEXITCODE) { exit $LASTEXITCODE }
