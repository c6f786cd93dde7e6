// Private endpoints of storage (blob, queue) and, when it was made here, of the key vault.

@description('Azure region.')
param location string

@description('Tags of everything made here.')
param tags { *: string }

@description('Subnet of the private endpoints.')
param subnetId string

@description('ARM id of the resource group that holds the private DNS zones. Empty: make them.')
param zonesGroupId string

@description('ARM id of the app\'s storage account.')
param storageAccountId string

@description('ARM id of the key vault made here. Empty: an existing vault is used, and its network is its owner\'s.')
param keyVaultId string

var storageTargets = [
  {
    group: 'blob'
    id: storageAccountId
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    group: 'queue'
    id: storageAccountId
    zone: 'privatelink.queue.${environment().suffixes.storage}'
  }
]
// A vault's private zone is vaultcore where its public one is vault.
var vaultTargets = empty(keyVaultId)
  ? []
  : [
      {
        group: 'vault'
        id: keyVaultId
        zone: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
      }
    ]

module endpoints 'private-endpoint.bicep' = [
  for target in concat(storageTargets, vaultTargets): {
    name: 'private-endpoint-${target.group}'
    params: {
      location: location
      tags: tags
      virtualNetworkId: join(take(split(subnetId, '/'), 9), '/')
      subnetId: subnetId
      targetId: target.id
      groupId: target.group
      zoneName: target.zone
      zonesGroupId: zonesGroupId
    }
  }
]
