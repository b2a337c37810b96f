# The same as after-provisioning.sh, where there is no sh.
$ErrorActionPreference = 'Stop'
$app = '--subscription', $env:AZURE_SUBSCRIPTION_ID, '--resource-group', $env:AZURE_RESOURCE_GROUP, '--name', $env:SERVICE_API_NAME

az functionapp update-strategy config set @app --type RollingUpdate --output none
if ($LASTEXITCODE) { exit $LASTEXITCODE }
az functionapp config appsettings delete @app --setting-names AzureWebJobsStorage --output none
exit $LASTEXITCODE
