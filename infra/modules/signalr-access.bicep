// Gives the app's identity its role on exactly the SignalR resources, groups and subscriptions that were named.
targetScope = 'subscription'

@description('Name of the installation.')
param environmentName string

@description('Object id of the app\'s identity.')
param principalId string

@description('ARM ids of single SignalR resources.')
param resourceIds array

@description('ARM ids of resource groups.')
param resourceGroupIds array

@description('Ids (GUIDs) of whole subscriptions.')
param subscriptionIds array

var resourceScopes = map(concat(resourceIds, resourceGroupIds), id => toLower(split(id, '/')[2]))
var involvedSubscriptionIds = union(resourceScopes, map(subscriptionIds, id => toLower(id)))
// A role definition must be assignable where it is kept.
var ownSubscriptionId = toLower(subscription().subscriptionId)

module roles 'signalr-roles.bicep' = {
  name: 'signalr-roles-${uniqueString(environmentName)}'
  params: {
    environmentName: environmentName
    assignableScopes: map(union([ownSubscriptionId], involvedSubscriptionIds), id => '/subscriptions/${id}')
  }
}

module onResource 'signalr-access-resource.bicep' = [
  for id in resourceIds: {
    name: 'signalr-access-${uniqueString(id, environmentName)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      signalRName: last(split(id, '/'))
      roleName: roles.outputs.rotatorName
      principalId: principalId
    }
  }
]

module onGroup 'signalr-access-group.bicep' = [
  for id in resourceGroupIds: {
    name: 'signalr-access-${uniqueString(id, environmentName)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      roleName: roles.outputs.rotatorName
      principalId: principalId
    }
  }
]

module onSubscription 'signalr-access-subscription.bicep' = [
  for id in subscriptionIds: {
    name: 'signalr-access-${uniqueString(id, environmentName)}'
    scope: subscription(id)
    params: {
      roleName: roles.outputs.rotatorName
      principalId: principalId
    }
  }
]

// An operation's status is read below /subscriptions/{id}/providers/…/locations: no narrower scope covers it.
module onOperations 'signalr-access-subscription.bicep' = [
  for id in involvedSubscriptionIds: {
    name: 'signalr-operations-${uniqueString(id, environmentName)}'
    scope: subscription(id)
    params: {
      roleName: roles.outputs.operationReaderName
      principalId: principalId
    }
  }
]
