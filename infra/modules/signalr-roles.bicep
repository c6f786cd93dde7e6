// The permissions to rotate, as two custom roles, because they are given at two scopes: what is done to a SignalR resource
// wherever those are, and the reading of ARM's operation status, which has its own address at subscription scope.
//
// Source of the action names: "Azure permissions for Web and Mobile", Microsoft.SignalRService.
targetScope = 'subscription'

@description('What distinguishes the roles\' names from those of other installations and subscriptions: names are unique in a tenant.')
param suffix string

@description('Hash of the installation, by which its roles are found again.')
param installation string

@description('Name (GUID) of the role that rotates.')
param rotator string

@description('Name (GUID) of the role that reads operation status.')
param operationReader string

resource rotatorRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: rotator
  properties: {
    roleName: 'SignalR key rotator ${suffix}'
    description: 'Reads SignalR resources and their access keys and regenerates the keys. Nothing else. Installation ${installation}.'
    type: 'CustomRole'
    assignableScopes: [subscription().id]
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
    roleName: 'SignalR operation reader ${suffix}'
    description: 'Reads the status of SignalR operations of a location. Opens no resource. Installation ${installation}.'
    type: 'CustomRole'
    assignableScopes: [subscription().id]
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
