// One private endpoint and the private DNS zone that makes its target's usual name lead to it.

@description('Azure region.')
param location string

@description('Tags of everything made here.')
param tags { *: string }

@description('ARM id of the virtual network the zone is linked to.')
param virtualNetworkId string

@description('Subnet of the endpoint.')
param subnetId string

@description('ARM id of the resource behind the endpoint.')
param targetId string

@description('Which of its services: blob, queue, vault.')
param groupId string

@description('Name of the private DNS zone of that service.')
param zoneName string

@description('ARM id of the resource group that has that zone. Empty: make it and link it.')
param zonesGroupId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: 'pe-${last(split(targetId, '/'))}-${groupId}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: targetId
          groupIds: [groupId]
        }
      }
    ]
  }

  resource zoneGroup 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: groupId
          properties: {
            privateDnsZoneId: empty(zonesGroupId)
              ? zone.id
              : '${zonesGroupId}/providers/Microsoft.Network/privateDnsZones/${zoneName}'
          }
        }
      ]
    }
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = if (empty(zonesGroupId)) {
  name: zoneName
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: 'app'
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: virtualNetworkId
      }
    }
  }
}
