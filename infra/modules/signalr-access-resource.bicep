// A role on one SignalR resource: the narrowest scope there is.

@description('Name of a SignalR resource in this resource group.')
param signalRName string

@description('Name (GUID) of the role.')
param roleName string

@description('Object id of the app\'s identity.')
param principalId string

resource signalR 'Microsoft.SignalRService/signalR@2023-02-01' existing = {
  name: signalRName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(signalR.id, principalId, roleName)
  scope: signalR
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleName)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
