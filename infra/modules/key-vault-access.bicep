// The app's right to read and write the secrets of one vault.

@description('Name of a vault in this resource group; it uses Azure RBAC.')
param vaultName string

@description('Object id of the app\'s identity.')
param principalId string

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
