// Where Azure's own events reach the app. Deployed after the code: Event Grid subscribes only a function that is there.
//
// Without this the app works all the same, an hour slower: the sweep finds due keys and keys regenerated elsewhere itself.
// Azure allows one system topic for each source. Where one exists already, give its name and resource group.

@description('Name of the function app in this resource group.')
param functionAppName string

@description('ARM id of the vault whose near-expiry events start a look at the resource.')
param keyVaultId string

@description('Existing system topic of the vault, in the vault\'s resource group. Empty: one is made.')
param keyVaultTopicName string = ''

@description('Existing system topic of this subscription. Empty: one is made in this resource group.')
param subscriptionTopicName string = ''

@description('Resource group of that existing system topic.')
param subscriptionTopicResourceGroup string = resourceGroup().name

// Not the name of the app alone: versions with a webhook made subscriptions of that name, and whether Azure changes the kind of
// endpoint of one that is there is not known. The hook deletes those when these are there.
var subscriptionName = '${functionAppName}-events'
var vaultName = last(split(keyVaultId, '/'))
var vaultSubscriptionId = split(keyVaultId, '/')[2]
var vaultResourceGroup = split(keyVaultId, '/')[4]

resource site 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName

  resource receiver 'functions' existing = {
    name: 'incoming_event'
  }
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
  scope: resourceGroup(vaultSubscriptionId, vaultResourceGroup)
}

module nearExpiry 'modules/event-subscription.bicep' = {
  name: 'near-expiry-${functionAppName}'
  scope: resourceGroup(vaultSubscriptionId, vaultResourceGroup)
  params: {
    name: subscriptionName
    sourceId: keyVaultId
    topicType: 'Microsoft.KeyVault.vaults'
    location: vault.location
    topicName: empty(keyVaultTopicName) ? 'evgst-${vaultName}' : keyVaultTopicName
    existingTopic: !empty(keyVaultTopicName)
    eventTypes: ['Microsoft.KeyVault.SecretNearExpiry', 'Microsoft.KeyVault.SecretExpired']
    operationSuffixes: []
    functionId: site::receiver.id
  }
}

module keyRenewed 'modules/event-subscription.bicep' = {
  name: 'key-renewed-${functionAppName}'
  scope: resourceGroup(subscriptionTopicResourceGroup)
  params: {
    name: subscriptionName
    sourceId: subscription().id
    topicType: 'Microsoft.Resources.Subscriptions'
    location: 'global'
    topicName: empty(subscriptionTopicName) ? 'evgst-${subscription().subscriptionId}' : subscriptionTopicName
    existingTopic: !empty(subscriptionTopicName)
    eventTypes: ['Microsoft.Resources.ResourceActionSuccess']
    // Compared without regard to case, and ARM writes this name in more than one.
    operationSuffixes: ['/signalR/regeneratekey/action']
    functionId: site::receiver.id
  }
}
