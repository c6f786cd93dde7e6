// Everything the rotator needs in one resource group, and its rights on the SignalR resources wherever those are.
//
// No key, connection string or token is read, passed or put out anywhere: every service here refuses shared keys, and
// the app reaches all of them with one user-assigned identity.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of this installation. Part of the resource group\'s and the role\'s name and of the hash in all other names.')
param environmentName string

@minLength(1)
@description('Azure region of every resource made here. It must offer the Flex Consumption plan.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@maxLength(90)
@description('Resource group to create. Empty: rg-{environmentName}.')
param resourceGroupName string = ''

@description('Comma-separated ARM ids of SignalR resources to manage, tagged or not. The identity gets its role on each of them and no more.')
param signalRResourceIds string = ''

@description('Comma-separated ARM ids of resource groups whose tagged SignalR resources are managed. The identity gets its role on each group.')
param signalRResourceGroupIds string = ''

@description('Comma-separated ids (GUIDs) of subscriptions whose tagged SignalR resources are managed. The identity gets its role on each of them: the widest choice.')
param signalRSubscriptionIds string = ''

@description('ARM id of the key vault that holds the published secrets. Empty: a new vault is made. An existing one must use Azure RBAC.')
param existingKeyVaultId string = ''

@description('Comma-separated ARM ids of further vaults a SignalR resource may name in its key-rotation-vault tag. The identity becomes Secrets Officer on each.')
param additionalKeyVaultIds string = ''

@minLength(1)
@description('Name of the secret of one resource; {name} and {group} stand for the SignalR resource\'s name and resource group.')
param secretNameTemplate string = '{name}-connection-string'

@allowed(['connection-string', 'access-key'])
@description('What a secret version holds.')
param secretFormat string = 'connection-string'

@minLength(1)
@description('First part of the type of every event the app publishes.')
param eventTypePrefix string = 'SignalRKeyRotation'

@minLength(11)
@description('When the sweep looks for due keys: an NCRONTAB expression with seconds, in UTC.')
param rotationSchedule string = '0 7 * * * *'

@minValue(1)
@maxValue(3650)
@description('Days after which a published key is due to be replaced.')
param rotationPeriodDays int = 60

@minValue(0)
@maxValue(2160)
@description('Hours during which the previous key stays valid after its successor is published. App Service refreshes Key Vault references within 24.')
param overlapHours int = 24

@minValue(10)
@maxValue(600)
@description('Seconds to wait until SignalR accepts a regenerated key before the rotation fails without publishing.')
param keyEffectTimeoutSeconds int = 120

@minValue(60)
@maxValue(1500)
@description('Seconds to wait for ARM\'s regenerateKey operation to end.')
param operationTimeoutSeconds int = 600

@minValue(1)
@maxValue(2160)
@description('Hours past due after which an alarm is raised.')
param overdueGraceHours int = 48

@minValue(1)
@maxValue(60)
@description('Seconds until the state of that operation is first asked for.')
param firstPollSeconds int = 13

@description('Azure Resource Manager address, where it is not the cloud\'s own. Empty: the cloud\'s own.')
param resourceManagerUrl string = ''

@description('Entra ID app role that HTTP callers must have on top of a key. Empty: a key is enough. App Service authentication must be on.')
param requiredAppRole string = ''

@description('Puts storage and a newly made key vault behind private endpoints in a virtual network the app is joined to. The Event Grid topic stays public, Entra-only.')
param vnetEnabled bool = false

@description('E-mail address that hears of failures, overdue keys and silence. Empty: the alert rules only show in Azure Monitor.')
param alertEmail string = ''

@minValue(1)
@maxValue(1000)
@description('Largest number of instances the platform may run. One instance serves several resources at once; 40 suit thousands.')
param maximumInstanceCount int = 40

@allowed([512, 2048, 4096])
@description('Memory of one instance in MB.')
param instanceMemoryMB int = 2048

@minValue(30)
@maxValue(730)
@description('Days for which logs are kept.')
param logRetentionDays int = 90

@description('https address of app.zip, deployed by the platform itself with a remote build. Empty: the code is deployed by azd or az afterwards.')
param packageUri string = ''

var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

// One comma-separated string a list: it goes through azd's environment, the portal's form and a shell the same way.
var resourceIds = map(filter(split(signalRResourceIds, ','), id => !empty(trim(id))), id => trim(id))
var resourceGroupIds = map(filter(split(signalRResourceGroupIds, ','), id => !empty(trim(id))), id => trim(id))
var wholeSubscriptionIds = map(filter(split(signalRSubscriptionIds, ','), id => !empty(trim(id))), id => trim(id))
var additionalVaultIds = map(filter(split(additionalKeyVaultIds, ','), id => !empty(trim(id))), id => trim(id))

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: 'id-${resourceToken}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${resourceToken}'
    applicationInsightsName: 'appi-${resourceToken}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (vnetEnabled) {
  name: 'network'
  scope: group
  params: { name: 'vnet-${resourceToken}', location: location, tags: tags }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${resourceToken}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    publicNetworkAccess: vnetEnabled ? 'Disabled' : 'Enabled'
  }
}

module keyVaults 'modules/key-vaults.bicep' = {
  name: 'key-vaults'
  scope: group
  params: {
    newVaultName: 'kv-${resourceToken}'
    existingKeyVaultId: existingKeyVaultId
    additionalKeyVaultIds: additionalVaultIds
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    publicNetworkAccess: vnetEnabled ? 'Disabled' : 'Enabled'
  }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (vnetEnabled) {
  name: 'private-endpoints'
  scope: group
  params: {
    location: location
    tags: tags
    virtualNetworkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
    storageAccountId: storage.outputs.id
    keyVaultId: keyVaults.outputs.madeId
  }
}

module topic 'modules/event-topic.bicep' = {
  name: 'event-topic'
  scope: group
  params: {
    name: 'evgt-${resourceToken}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-${resourceToken}'
    planName: 'plan-${resourceToken}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    storageBlobEndpoint: storage.outputs.blobEndpoint
    storageQueueEndpoint: storage.outputs.queueEndpoint
    deploymentContainerName: storage.outputs.deploymentContainerName
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    subnetId: vnetEnabled ? network!.outputs.appSubnetId : ''
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    appSettings: {
      SIGNALR_RESOURCE_IDS: join(resourceIds, ',')
      SIGNALR_RESOURCE_GROUP_IDS: join(resourceGroupIds, ',')
      SIGNALR_SUBSCRIPTION_IDS: join(wholeSubscriptionIds, ',')
      KEY_VAULT_URL: keyVaults.outputs.url
      ALLOWED_KEY_VAULT_URLS: join(keyVaults.outputs.urls, ',')
      SECRET_NAME_TEMPLATE: secretNameTemplate
      SECRET_FORMAT: secretFormat
      EVENT_GRID_TOPIC_ENDPOINT: topic.outputs.endpoint
      EVENT_TYPE_PREFIX: eventTypePrefix
      ROTATION_SCHEDULE: rotationSchedule
      ROTATION_PERIOD_DAYS: string(rotationPeriodDays)
      OVERLAP_HOURS: string(overlapHours)
      KEY_EFFECT_TIMEOUT_SECONDS: string(keyEffectTimeoutSeconds)
      OPERATION_TIMEOUT_SECONDS: string(operationTimeoutSeconds)
      FIRST_POLL_SECONDS: string(firstPollSeconds)
      OVERDUE_GRACE_HOURS: string(overdueGraceHours)
      AZURE_CLOUD: environment().name
      AZURE_RESOURCE_MANAGER_URL: resourceManagerUrl
      REQUIRED_APP_ROLE: requiredAppRole
    }
  }
}

module signalRAccess 'modules/signalr-access.bicep' = {
  name: 'signalr-access-${resourceToken}'
  params: {
    environmentName: environmentName
    principalId: identity.outputs.principalId
    resourceIds: resourceIds
    resourceGroupIds: resourceGroupIds
    subscriptionIds: wholeSubscriptionIds
  }
}

module package 'modules/package.bicep' = if (!empty(packageUri)) {
  name: 'package'
  scope: group
  // The build reads and writes the storage account, which then has no other door.
  dependsOn: [privateEndpoints]
  params: { functionAppName: functionApp.outputs.name, packageUri: packageUri }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    functionAppName: functionApp.outputs.name
    email: alertEmail
  }
}

@description('Resource group of the installation.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output FUNCTION_APP_NAME string = functionApp.outputs.name

@description('Address of the function app.')
output FUNCTION_APP_URL string = functionApp.outputs.url

@description('Vault the secrets are published to.')
output KEY_VAULT_URL string = keyVaults.outputs.url

@description('ARM id of that vault: the source of the near-expiry events.')
output KEY_VAULT_ID string = keyVaults.outputs.id

@description('Topic that is told of every change.')
output EVENT_GRID_TOPIC_ENDPOINT string = topic.outputs.endpoint
