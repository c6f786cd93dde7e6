// Everything the rotator needs in one resource group, and its permissions on the SignalR resources wherever those are.
// No key, connection string or token is read, passed or put out: no service here takes shared keys, all take one identity.
targetScope = 'subscription'

import { armId, armIds, guids } from 'lists.bicep'
import * as limits from 'limits.bicep'

// The installation.
@minLength(1)
@maxLength(40)
@description('Name of this installation. Part of the resource group\'s and the roles\' names and of the hash in all other names.')
param environmentName string
@minLength(1)
@description('Azure region of every resource made here. It must offer the Flex Consumption plan.')
@metadata({ azd: { type: 'location' } })
param location string
@maxLength(90)
@description('Resource group to create. Empty: rg-{environmentName}.')
param resourceGroupName string = ''
@maxLength(13)
@description('Last part of all names, instead of the hash of subscription, environment, group and region: lower-case letters and digits. Empty: the hash.')
param nameToken string = ''

// What is rotated. Ids are separated by commas.
@description('ARM ids of SignalR resources to manage, tagged or not, separated by commas. The identity gets its role on each of them and no more.')
param signalRResourceIds string = ''
@description('ARM ids of resource groups whose tagged SignalR resources are managed. The identity gets its role on each group.')
param signalRResourceGroupIds string = ''
@description('Ids (GUIDs) of subscriptions whose tagged SignalR resources are managed. The identity gets its role on each of them: the widest choice.')
param signalRSubscriptionIds string = ''

// The vaults, and who reads them.
@description('ARM id of the key vault that holds the published secrets. Empty: a new vault is made. An existing one must use Azure RBAC.')
param existingKeyVaultId string = ''
@description('ARM ids of further vaults a SignalR resource may name in its key-rotation-vault tag. The identity becomes Secrets Officer on each.')
param additionalKeyVaultIds string = ''
@maxLength(24)
@description('Name of the vault made here. Empty: made from the hash.')
param keyVaultName string = ''
@description('Whether the vault made here is recovered from its soft-deleted state. The hook preprovision sets it for the one run that needs it.')
param recoverKeyVault bool = false
@description('Purge protection of the vault made here. Cannot be taken back; false for trials that are thrown away.')
param keyVaultPurgeProtection bool = true
@description('Object ids of users, groups and identities that may read the secrets of the main vault (Key Vault Secrets User).')
param vaultReaderPrincipalIds string = ''

// How the app rotates.
@description('Name of the secret of one resource; {name} and {group} stand for the SignalR resource\'s name and resource group. Empty: {name}-connection-string.')
param secretNameTemplate string = ''
@allowed(['connection-string', 'access-key'])
@description('What a secret version holds.')
#disable-next-line secure-secrets-in-params // the name of a format: the linter goes by the word
param secretFormat string = 'connection-string'
@minLength(1)
@description('First part of the type of every event the app publishes.')
param eventTypePrefix string = 'SignalRKeyRotation'
@minLength(11)
@description('When the sweep looks for due keys: an NCRONTAB expression with seconds, in UTC.')
param rotationSchedule string = '0 7 * * * *'
@description('Days after which a published key is due to be replaced.')
param rotationPeriodDays limits.from1To3650 = 60
@description('Hours during which the previous key stays valid after its successor is published. App Service refreshes Key Vault references within 24.')
param overlapHours limits.from0To2160 = 48
@description('Hours after a rotation at which the key it replaced is regenerated, so that its old value fails. 0: never; else no less than the overlap.')
param retirePreviousAfterHours limits.from0To87600 = 0
@maxLength(256)
@description('When scheduled rotations and retirements may begin: days, from-to and an IANA time zone, several separated by semicolons. Empty: at any time.')
param rotationWindow string = ''
@description('Days before a rotation is due that the event RotationUpcoming announces it. 0: never.')
param noticeDays limits.from0To365 = 7
@description('Hours over which resources that were onboarded at once fall due. 0: all at once.')
param rotationSpreadHours limits.from0To2160 = 24
@description('Seconds to wait until SignalR accepts a regenerated key before the rotation fails without publishing.')
param keyEffectTimeoutSeconds limits.from10To493 = 120
@description('Seconds to wait for ARM\'s regenerateKey operation to end. At most 620 unless keyEffectTimeoutSeconds is lowered.')
param operationTimeoutSeconds limits.from60To785 = 600
@description('Seconds until the state of that operation is first polled.')
param firstPollSeconds limits.from1To60 = 13
@description('Hours past due after which an alert is raised.')
param overdueGraceHours limits.from1To2160 = 48
@description('How many resources are rotated wave by wave, where more than ten are due: counts or percentages that grow, the last 100%. 100%: all at once.')
param rotationWaves string = '1,10%,100%'
@description('Minutes between two waves, at least.')
param waveIntervalMinutes limits.from1To1440 = 15
@description('Azure Resource Manager address, where it is not the cloud\'s own. Empty: the cloud\'s own.')
param resourceManagerUrl string = ''
@description('Entra ID app role that HTTP callers must have on top of a key. Empty: a key is enough. App Service authentication must be on.')
param requiredAppRole string = ''
@description('Entra ID app role for what can reject clients (force, revoke, an overlap shorter than the policy\'s) or ends a hold. On top of requiredAppRole. Empty: none is needed.')
param requiredAdminRole string = ''
@description('Further app settings by name; they win over all others. A provision replaces every setting that is not named here or by a parameter.')
param extraAppSettings { *: string } = {}

// The network.
@description('Puts storage and a newly made key vault behind private endpoints in a virtual network the app is joined to. The Event Grid topic stays public, Entra-only.')
param vnetEnabled bool = false
@description('Existing subnet the app sends through, delegated to Microsoft.App/environments. Empty: a virtual network is made. Needs endpointSubnetId too.')
param appSubnetId string = ''
@description('Existing subnet of the private endpoints, in a network that the app\'s subnet reaches.')
param endpointSubnetId string = ''
@description('ARM id of the resource group that holds the private DNS zones (privatelink.blob…, queue…, vaultcore…). Empty: zones are made and linked here.')
param privateDnsZonesGroupId string = ''

// What others made and this installation uses.
@description('ARM id of the Log Analytics workspace to use. Empty: one is made.')
param existingWorkspaceId string = ''
@description('ARM id of the Event Grid topic to publish to; its input schema is CloudEvents 1.0. Empty: one is made.')
param existingTopicId string = ''
@description('Custom role that rotates, made by others and assignable where it is needed: its GUID or id. Empty: roles are made here.')
param rotatorRoleId string = ''
@description('Custom role that reads operation status, likewise.')
param operationReaderRoleId string = ''

// Alerts.
@description('E-mail address that hears of failures, overdue keys and silence. Empty: the alert rules only show in Azure Monitor.')
param alertEmail string = ''
@description('Hours without a finished sweep after which an alert is raised. More than twice the interval of rotationSchedule.')
param silentHours limits.from1To47 = 3

// The platform.
@description('Largest number of instances the platform may run. One instance serves several resources at once; 40 suit thousands.')
param maximumInstanceCount limits.from1To1000 = 40
@allowed([512, 2048, 4096])
@description('Memory of one instance in MB.')
param instanceMemoryMB int = 2048
@description('HTTP calls one instance serves at a time. The platform\'s own value for Python is 1; the app waits more than it computes.')
param httpConcurrency limits.from1To1000 = 16
@description('Instances for HTTP calls that are always running, and billed.')
param alwaysReadyInstances limits.from0To1000 = 0
@description('Spreads the plan over availability zones, and the storage with it (Standard_ZRS in place of Standard_LRS).')
param zoneRedundant bool = false
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS', 'Standard_RAGRS', 'Standard_RAGZRS'])
@description('Redundancy of the app\'s storage: leases, journals, history.')
param storageSku string = 'Standard_LRS'
@description('Days for which logs are kept, in a workspace made here.')
param logRetentionDays limits.from30To730 = 90
@description('Tags of every resource made here.')
param resourceTags { *: string } = {}
@description('https address of app.zip, deployed by the platform itself with a remote build. Empty: the code is deployed by azd or az afterwards.')
param packageUri string = ''
@description('Time of this deployment: silence counts from here on. Leave it out.')
param deployedAt string = utcNow('yyyy-MM-ddTHH:mm:ssZ')

var groupName = empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
var region = toLower(replace(location, ' ', '')) // 'West Europe' and 'westeurope' are one
var waits = 2 * operationTimeoutSeconds + 3 * keyEffectTimeoutSeconds // of a run; functionTimeout leaves 200 s for the rest
var installation = uniqueString(subscription().id, environmentName, toLower(groupName)) // roles outlive a change of region
var hash = uniqueString(subscription().id, environmentName, toLower(groupName), region) // everything else does not
var resourceToken = toLower(empty(nameToken) ? hash : nameToken)
var tags = union(resourceTags, { 'azd-env-name': environmentName })
var functionAppName = 'func-${resourceToken}'
var resourceIds = armIds(signalRResourceIds)
var resourceGroupIds = armIds(signalRResourceGroupIds)
var wholeSubscriptionIds = guids(signalRSubscriptionIds)
var makesNetwork = vnetEnabled && empty(appSubnetId)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: groupName
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
    existingWorkspaceId: armId(existingWorkspaceId)
    applicationInsightsName: 'appi-${resourceToken}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (makesNetwork) {
  name: 'network'
  scope: group
  params: { name: 'vnet-${resourceToken}', location: location, tags: tags }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${resourceToken}'
    sku: zoneRedundant && storageSku == 'Standard_LRS' ? 'Standard_ZRS' : storageSku
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
    newVaultName: empty(keyVaultName) ? 'kv-${resourceToken}' : keyVaultName
    recover: recoverKeyVault
    purgeProtection: keyVaultPurgeProtection
    existingKeyVaultId: armId(existingKeyVaultId)
    additionalKeyVaultIds: armIds(additionalKeyVaultIds)
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    readerPrincipalIds: guids(vaultReaderPrincipalIds)
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
    subnetId: makesNetwork ? network!.outputs.endpointSubnetId : armId(endpointSubnetId)
    zonesGroupId: armId(privateDnsZonesGroupId)
    storageAccountId: storage.outputs.id
    keyVaultId: keyVaults.outputs.madeId
  }
}

module topic 'modules/event-topic.bicep' = {
  name: 'event-topic'
  scope: group
  params: {
    name: 'evgt-${resourceToken}'
    existingTopicId: armId(existingTopicId)
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
    name: functionAppName
    planName: 'plan-${resourceToken}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageBlobEndpoint: storage.outputs.blobEndpoint
    storageQueueEndpoint: storage.outputs.queueEndpoint
    deploymentContainerName: storage.outputs.deploymentContainerName
    applicationInsightsName: 'appi-${resourceToken}'
    subnetId: makesNetwork ? network!.outputs.appSubnetId : vnetEnabled ? armId(appSubnetId) : ''
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    httpConcurrency: httpConcurrency
    alwaysReadyInstances: alwaysReadyInstances
    zoneRedundant: zoneRedundant
    extraAppSettings: extraAppSettings
    appSettings: {
      SIGNALR_RESOURCE_IDS: join(resourceIds, ',')
      SIGNALR_RESOURCE_GROUP_IDS: join(resourceGroupIds, ',')
      SIGNALR_SUBSCRIPTION_IDS: join(wholeSubscriptionIds, ',')
      KEY_VAULT_URL: keyVaults.outputs.url
      ALLOWED_KEY_VAULT_URLS: join(keyVaults.outputs.urls, ',')
      SECRET_NAME_TEMPLATE: empty(secretNameTemplate) ? '{name}-connection-string' : secretNameTemplate
      SECRET_FORMAT: secretFormat
      EVENT_GRID_TOPIC_ENDPOINT: topic.outputs.endpoint
      EVENT_TYPE_PREFIX: eventTypePrefix
      ROTATION_SCHEDULE: rotationSchedule
      ROTATION_PERIOD_DAYS: string(rotationPeriodDays)
      OVERLAP_HOURS: string(overlapHours)
      RETIRE_PREVIOUS_AFTER_HOURS: string(retirePreviousAfterHours)
      ROTATION_WINDOW: rotationWindow
      NOTICE_DAYS: string(noticeDays)
      ROTATION_SPREAD_HOURS: string(rotationSpreadHours)
      KEY_EFFECT_TIMEOUT_SECONDS: string(keyEffectTimeoutSeconds)
      OPERATION_TIMEOUT_SECONDS: waits > 1600 ? fail('Exceeds functionTimeout.') : string(operationTimeoutSeconds)
      FIRST_POLL_SECONDS: string(firstPollSeconds)
      OVERDUE_GRACE_HOURS: string(overdueGraceHours)
      ROTATION_WAVES: rotationWaves
      WAVE_INTERVAL_MINUTES: string(waveIntervalMinutes)
      AZURE_CLOUD: environment().name
      AZURE_RESOURCE_MANAGER_URL: resourceManagerUrl
      REQUIRED_APP_ROLE: requiredAppRole
      REQUIRED_ADMIN_ROLE: requiredAdminRole
    }
  }
}

module signalRAccess 'modules/signalr-access.bicep' = {
  name: 'signalr-access-${resourceToken}'
  params: {
    environmentName: environmentName
    installation: installation
    region: region
    principalId: identity.outputs.principalId
    resourceIds: resourceIds
    resourceGroupIds: resourceGroupIds
    subscriptionIds: wholeSubscriptionIds
    rotatorRoleId: rotatorRoleId
    operationReaderRoleId: operationReaderRoleId
  }
}

module package 'modules/package.bicep' = if (!empty(packageUri)) {
  name: 'package'
  scope: group
  dependsOn: [privateEndpoints, functionApp] // the build goes through storage, which may have no other door
  params: { functionAppName: functionAppName, packageUri: packageUri }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    functionAppName: functionAppName
    email: alertEmail
    silentHours: silentHours
    deployedAt: deployedAt
  }
}

@description('Resource group of the installation.')
output AZURE_RESOURCE_GROUP string = group.name
@description('Hash in the descriptions of the custom roles made by this installation.')
output INSTALLATION_ID string = installation
@description('Object id of the app\'s identity: what holds its permissions.')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
@description('Name of the function app.')
output FUNCTION_APP_NAME string = functionAppName
@description('Address of the function app.')
output FUNCTION_APP_URL string = functionApp.outputs.url
@description('Vault the secrets are published to.')
output KEY_VAULT_URL string = keyVaults.outputs.url
@description('ARM id of that vault: the source of the near-expiry events.')
output KEY_VAULT_ID string = keyVaults.outputs.id
@description('Topic that every change is published to.')
output EVENT_GRID_TOPIC_ENDPOINT string = topic.outputs.endpoint
