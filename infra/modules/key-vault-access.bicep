// The app's permission to read and write the secrets of one vault, and others' permission to read them.

@description('Name of a vault in this resource group; it uses Azure RBAC.')
param vaultName string

@description('Object id of the app\'s identity.')
param principalId string

@description('Object ids of users, groups and identities that may read the secrets.')
param readerPrincipalIds string[]

// Key Vault Secrets User.
var secretsUserRole = '4633458b-17de-408a-b874-0445c86b69e6'
// Key Vault Secrets Officer.
var secretsOfficerRole = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource officer 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, secretsOfficerRole)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsOfficerRole)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// A user, a group or an identity: Azure finds out which.
resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for id in readerPrincipalIds: {
    name: guid(vault.id, id, secretsUserRole)
    scope: vault
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUserRole)
      principalId: id
    }
  }
]
