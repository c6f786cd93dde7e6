// The vaults the app may write to: the main one, made here unless it exists, and those that tags may name.

@description('Name of the vault to make when there is none.')
param newVaultName string

@description('Whether the vault made here is brought back from its soft-deleted state.')
param recover bool

@description('Purge protection of the vault made here.')
param purgeProtection bool

@description('ARM id of the vault to use. Empty: make one.')
param existingKeyVaultId string

@description('ARM ids of further vaults.')
param additionalKeyVaultIds string[]

@description('Azure region.')
param location string

@description('Tags of the vault made here.')
param tags { *: string }

@description('Object id of the app\'s identity.')
param principalId string

@description('Object ids of those who may read the secrets of the main vault.')
param readerPrincipalIds string[]

@description('Log Analytics workspace for the audit log of the vault made here.')
param workspaceId string

@allowed(['Enabled', 'Disabled'])
@description('Whether the vault made here can be reached from outside its private endpoint.')
param publicNetworkAccess string

var domain = environment().suffixes.keyvaultDns
var vaultName = empty(existingKeyVaultId) ? newVaultName : last(split(existingKeyVaultId, '/'))
// The vault made here gets its assignment where it is made.
var foundVaultIds = union(empty(existingKeyVaultId) ? [] : [existingKeyVaultId], additionalKeyVaultIds)

module made 'key-vault.bicep' = if (empty(existingKeyVaultId)) {
  name: 'key-vault'
  params: {
    name: newVaultName
    recover: recover
    purgeProtection: purgeProtection
    location: location
    tags: tags
    principalId: principalId
    readerPrincipalIds: readerPrincipalIds
    workspaceId: workspaceId
    publicNetworkAccess: publicNetworkAccess
  }
}

module access 'key-vault-access.bicep' = [
  for id in foundVaultIds: {
    name: 'key-vault-access-${uniqueString(id, resourceGroup().id)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      vaultName: last(split(id, '/'))
      principalId: principalId
      readerPrincipalIds: id == existingKeyVaultId ? readerPrincipalIds : []
    }
  }
]

@description('ARM id of the main vault.')
output id string = empty(existingKeyVaultId) ? made!.outputs.id : existingKeyVaultId

@description('ARM id of the vault made here. Empty: none was.')
output madeId string = empty(existingKeyVaultId) ? made!.outputs.id : ''

@description('URL of the main vault.')
output url string = 'https://${vaultName}${domain}'

@description('URLs of all of them, the main one first.')
output urls string[] = map(
  union([vaultName], map(foundVaultIds, id => last(split(id, '/')))),
  name => 'https://${name}${domain}'
)
