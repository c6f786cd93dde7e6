// The one identity of the app. User-assigned, so that its permissions exist before the app does and outlive a new app.

@description('Name of the identity.')
param name string

@description('Azure region.')
param location string

@description('Tags of the identity.')
param tags { *: string }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('ARM id of the identity.')
output id string = identity.id

@description('Client id: the app requests tokens of this identity by it.')
output clientId string = identity.properties.clientId

@description('Object id: role assignments name it.')
output principalId string = identity.properties.principalId
