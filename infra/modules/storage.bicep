// The app's own storage: host files, the deployed package, one blob a SignalR resource (lease, journal, history), the queue.

@maxLength(24)
@description('Name of the storage account: lower-case letters and digits.')
param name string

@description('Redundancy of the account.')
param sku string

@description('Azure region.')
param location string

@description('Tags of the account.')
param tags { *: string }

@description('Object id of the app\'s identity.')
param principalId string

@description('Log Analytics workspace for the audit log of writes to the journal.')
param workspaceId string

@allowed(['Enabled', 'Disabled'])
@description('Whether the account can be reached from outside its private endpoints.')
param publicNetworkAccess string

// Container and queue have one name; the app and its host.json know it.
var rotationName = 'signalr-rotation'
var deploymentContainer = 'app-package'
// Storage Blob Data Owner (the host takes leases and sets blob tags) and Storage Queue Data Contributor.
var dataRoles = ['b7e6dc6d-f1e8-4753-8033-0f276bb0955b', '974c5e8b-45b9-4653-ba55-5f855dd0fb88']

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // A week to get a deleted or overwritten record back. Every overwrite keeps a copy for as long.
      deleteRetentionPolicy: {
        enabled: true
        days: 7
      }
    }

    resource rotation 'containers' = {
      name: rotationName
    }

    resource package 'containers' = {
      name: deploymentContainer
    }
  }

  // How a rotation ended is kept for ninety days under its id; the record of the resource keeps the last fifty for good.
  resource forgetting 'managementPolicies' = {
    name: 'default'
    properties: {
      policy: {
        rules: [
          {
            name: 'forget-old-rotation-ids'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: {
                blobTypes: ['blockBlob']
                prefixMatch: ['${rotationName}/rotations/', '${rotationName}/idempotency/']
              }
              actions: {
                baseBlob: {
                  delete: {
                    daysAfterModificationGreaterThan: 90
                  }
                }
              }
            }
          }
        ]
      }
    }
  }

  resource queues 'queueServices' = {
    name: 'default'

    // The platform makes neither the queues it listens on nor those it moves hopeless messages to.
    resource work 'queues' = {
      name: rotationName
    }

    resource poison 'queues' = {
      name: '${rotationName}-poison'
    }

    // For what no sweep may be in front of: revocations and forced requests.
    resource urgent 'queues' = {
      name: '${rotationName}-urgent'
    }

    resource urgentPoison 'queues' = {
      name: '${rotationName}-urgent-poison'
    }
  }
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in dataRoles: {
    name: guid(account.id, principalId, role)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

// Who wrote to a journal or deleted one, and when. Reads are left out: the app polls.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

@description('ARM id of the account.')
output id string = account.id

@description('Blob endpoint, with a slash at the end.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Queue endpoint, with a slash at the end.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Container the platform keeps the deployed package in.')
output deploymentContainerName string = deploymentContainer
