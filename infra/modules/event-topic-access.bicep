// The app's permission to publish to one topic.

@description('Name of a topic in this resource group.')
param topicName string

@description('Object id of the app\'s identity.')
param principalId string

// EventGrid Data Sender.
var dataSenderRole = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
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

@description('Address events are published to.')
output endpoint string = topic.properties.endpoint
