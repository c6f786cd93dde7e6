// The rights to rotate, as two custom roles, because they are given at two scopes: what is done to a SignalR resource
// wherever those are, and the reading of ARM's operation status, which has its own address below the subscription.
//
// Source of the action names: "Azure permissions for Web and Mobile", Microsoft.SignalRService.
targetScope = 'subscription'

@description('Name of the installation; role names are unique in a tenant.')
param environmentName string

@description('Subscriptions in which the roles can be assigned, as /subscriptions/{id}.')
param assignableScopes array

var rotator = guid(subscription().id, environmentName, 'rotator')
var operationReader = guid(subscription().id, environmentName, 'operation-reader')

resource rotatorRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: rotator
  properties: {
    roleName: 'SignalR key rotator (${environmentName})'
    description: 'Reads SignalR resources and their access keys and regenerates the keys. Nothing else.'
    type: 'CustomRole'
    assignableScopes: assignableScopes
    permissions: [
      {
        actions: [
          'Microsoft.SignalRService/SignalR/read'
          'Microsoft.SignalRService/SignalR/listkeys/action'
          'Microsoft.SignalRService/SignalR/regeneratekey/action'
          'Microsoft.SignalRService/SignalR/operationStatuses/read'
          'Microsoft.SignalRService/SignalR/operationResults/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource operationReaderRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: operationReader
  properties: {
    roleName: 'SignalR operation reader (${environmentName})'
    description: 'Reads the status of SignalR operations of a location. Opens no resource.'
    type: 'CustomRole'
    assignableScopes: assignableScopes
    permissions: [
      {
        actions: [
          'Microsoft.SignalRService/locations/operationStatuses/signalr/read'
          'Microsoft.SignalRService/locations/operationresults/signalr/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

@description('Name (GUID) of the role that rotates.')
output rotatorName string = rotatorRole.name

@description('Name (GUID) of the role that reads operation status.')
output operationReaderName string = operationReaderRole.name
