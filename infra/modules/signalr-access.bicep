// Gives the app's identity its role on exactly the SignalR resources, groups and subscriptions that were named.
targetScope = 'subscription'

@description('Name of the installation.')
param environmentName string

@description('Hash of the installation: its roles have it in their names.')
param installation string

@description('Region of the installation: a deployment of one name cannot move to another.')
param region string

@description('Object id of the app\'s identity.')
param principalId string

@description('ARM ids of single SignalR resources, in lower case.')
param resourceIds string[]

@description('ARM ids of resource groups, in lower case.')
param resourceGroupIds string[]

@description('Ids (GUIDs) of whole subscriptions, in lower case.')
param subscriptionIds string[]

@description('GUID or id of the custom role that rotates. Empty: roles are made here.')
param rotatorRoleId string

@description('GUID or id of the custom role that reads operation status.')
param operationReaderRoleId string

var involvedSubscriptionIds = union(
  map(concat(resourceIds, resourceGroupIds), id => split(id, '/')[2]),
  subscriptionIds
)
var makesRoles = empty(rotatorRoleId) || empty(operationReaderRoleId)
// One pair of roles in each subscription, assignable there and nowhere else: Azure takes no subscription away
// from a role that is still assigned in it, so a pair for all could never be narrowed.
var rotators = toObject(
  involvedSubscriptionIds,
  id => id,
  id => makesRoles ? guid('/subscriptions/${id}', installation, 'rotator') : last(split(rotatorRoleId, '/'))
)
var operationReaders = toObject(
  involvedSubscriptionIds,
  id => id,
  id =>
    makesRoles
      ? guid('/subscriptions/${id}', installation, 'operation-reader')
      : last(split(operationReaderRoleId, '/'))
)

module roles 'signalr-roles.bicep' = [
  for id in (makesRoles ? involvedSubscriptionIds : []): {
    name: 'signalr-roles-${uniqueString(id, installation, region)}'
    scope: subscription(id)
    params: {
      suffix: '(${environmentName}, ${take(uniqueString(id, installation), 6)})'
      installation: installation
      rotator: rotators[id]
      operationReader: operationReaders[id]
    }
  }
]

module onResource 'signalr-access-resource.bicep' = [
  for id in resourceIds: {
    name: 'signalr-access-${uniqueString(id, installation, region)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    dependsOn: [roles]
    params: {
      signalRName: last(split(id, '/'))
      roleName: rotators[split(id, '/')[2]]
      principalId: principalId
    }
  }
]

module onGroup 'signalr-access-group.bicep' = [
  for id in resourceGroupIds: {
    name: 'signalr-access-${uniqueString(id, installation, region)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    dependsOn: [roles]
    params: { roleName: rotators[split(id, '/')[2]], principalId: principalId }
  }
]

module onSubscription 'signalr-access-subscription.bicep' = [
  for id in subscriptionIds: {
    name: 'signalr-access-${uniqueString(id, installation, region)}'
    scope: subscription(id)
    dependsOn: [roles]
    params: { roleName: rotators[id], principalId: principalId }
  }
]

// An operation's status is read below /subscriptions/{id}/providers/…/locations: no narrower scope covers it.
module onOperations 'signalr-access-subscription.bicep' = [
  for id in involvedSubscriptionIds: {
    name: 'signalr-operations-${uniqueString(id, installation, region)}'
    scope: subscription(id)
    dependsOn: [roles]
    params: { roleName: operationReaders[id], principalId: principalId }
  }
]
