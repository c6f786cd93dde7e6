// The topic that is told of every rotation. Whoever holds a copy of a key subscribes to it.

@description('Name of the topic.')
param name string

@description('Azure region.')
param location string

@description('Tags of the topic.')
param tags object

@description('Object id of the app\'s identity, the only publisher.')
param principalId string

@description('Log Analytics workspace for delivery failures.')
param workspaceId string

// EventGrid Data Sender.
var dataSenderRole = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(topic.id, principalId, dataSenderRole)
  scope: topic
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSenderRole)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource failures 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'failures'
  scope: topic
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
      {
        category: 'PublishFailures'
        enabled: true
      }
    ]
  }
}

@description('Address events are published to.')
output endpoint string = topic.properties.endpoint
