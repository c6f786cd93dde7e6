// The vault of the published secrets: Azure RBAC, purge protection, every access audited.

@minLength(3)
@maxLength(24)
@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags of the vault.')
param tags object

@description('Object id of the app\'s identity.')
param principalId string

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
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
      // App Service resolves Key Vault references, and Event Grid watches expiry, as trusted services.
      bypass: 'AzureServices'
    }
  }
}

module access 'key-vault-access.bicep' = {
  name: 'key-vault-access'
  params: {
    vaultName: vault.name
    principalId: principalId
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
