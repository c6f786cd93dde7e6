// The vault of the published secrets: Azure RBAC, purge protection, every access audited.

@minLength(3)
@maxLength(24)
@description('Name of the vault.')
param name string

@description('Whether the vault is brought back from its soft-deleted state.')
param recover bool

@description('Purge protection: on for good, or not at all.')
param purgeProtection bool

@description('Azure region.')
param location string

@description('Tags of the vault.')
param tags { *: string }

@description('Object id of the app\'s identity.')
param principalId string

@description('Object ids of those who may read the secrets.')
param readerPrincipalIds string[]

@description('Log Analytics workspace for the audit log.')
param workspaceId string

@allowed(['Enabled', 'Disabled'])
@description('Whether the vault can be reached from outside its private endpoints.')
param publicNetworkAccess string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // A vault of this name that was deleted blocks it for ninety days. Recovering one that was not deleted fails.
    createMode: recover ? 'recover' : 'default'
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // The service accepts true or nothing, never false.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
      // No trusted service comes in here: App Service resolves references through the network of the app that has them,
      // and the vault notifies Event Grid.
      bypass: 'None'
    }
  }
}

module access 'key-vault-access.bicep' = {
  name: 'key-vault-access'
  params: {
    vaultName: vault.name
    principalId: principalId
    readerPrincipalIds: readerPrincipalIds
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

@description('ARM id of the vault.')
output id string = vault.id
