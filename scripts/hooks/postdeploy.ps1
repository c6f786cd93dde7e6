# Subscribes the deployed app to Key Vault's expiry events and to keys renewed by others (infra/events.bicep).
#
# Event Grid calls the function `events` with a key made for that function alone. The key goes from Azure to Azure through
# a file of this user's own temporary folder: not on a command line, not into azd's environment.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '../..')

foreach ($name in 'AZURE_SUBSCRIPTION_ID', 'AZURE_RESOURCE_GROUP', 'FUNCTION_APP_NAME', 'KEY_VAULT_ID') {
    if (-not [Environment]::GetEnvironmentVariable($name)) {
        throw "$name is not set: this is run by azd, or after exporting the outputs of infra/main.bicep."
    }
}

$function = @(
    '--subscription', $env:AZURE_SUBSCRIPTION_ID, '--resource-group', $env:AZURE_RESOURCE_GROUP,
    '--name', $env:FUNCTION_APP_NAME, '--function-name', 'events'
)

# The platform lists a function some time after its code has arrived.
$seconds = if ($env:RETRY_SECONDS) { [int]$env:RETRY_SECONDS } else { 15 }
for ($attempt = 1; ; $attempt++) {
    az functionapp function keys list @function --output none 2>$null
    if ($LASTEXITCODE -eq 0) { break }
    if ($attempt -ge 20) {
        throw "The function 'events' of $env:FUNCTION_APP_NAME does not show up. Is the code deployed, and did it start?"
    }
    Start-Sleep -Seconds $seconds
}

if (-not (az functionapp function keys list @function --query eventgrid --output tsv)) {
    az functionapp function keys set @function --key-name eventgrid --output none
    if ($LASTEXITCODE -ne 0) { throw 'No key could be made for the function events.' }
}

$parameters = New-TemporaryFile
try {
    $key = az functionapp function keys list @function --query eventgrid --output tsv
    @{
        '$schema'      = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#'
        contentVersion = '1.0.0.0'
        parameters     = @{ eventsKey = @{ value = $key } }
    } | ConvertTo-Json -Depth 4 | Set-Content -Path $parameters

    $group = $env:SUBSCRIPTION_SYSTEM_TOPIC_GROUP
    if (-not $group) { $group = $env:AZURE_RESOURCE_GROUP }
    az deployment group create --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
        --name events --template-file infra/events.bicep --output none --parameters "@$parameters" `
        --parameters functionAppName=$env:FUNCTION_APP_NAME keyVaultId=$env:KEY_VAULT_ID `
        keyVaultTopicName=$env:KEY_VAULT_SYSTEM_TOPIC subscriptionTopicName=$env:SUBSCRIPTION_SYSTEM_TOPIC `
        subscriptionTopicResourceGroup=$group
    if ($LASTEXITCODE -ne 0) { throw 'The subscriptions could not be made; the reason is above.' }
}
finally {
    Remove-Item -Path $parameters
}

Write-Output "$env:FUNCTION_APP_NAME hears of expiring secrets and of keys renewed by others."
