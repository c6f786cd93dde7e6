// The topic that every rotation is published to, made here or found. Consumers with a copy of a key subscribe to it.

@description('Name of the topic made here.')
param name string

@description('ARM id of the topic to use. Empty: make one.')
param existingTopicId string

@description('Azure region.')
param location string

@description('Tags of the topic.')
param tags { *: string }

@description('Object id of the app\'s identity, the only publisher.')
param principalId string

@description('Log Analytics workspace for delivery failures.')
param workspaceId string

var makes = empty(existingTopicId)

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = if (makes) {
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

module access 'event-topic-access.bicep' = {
  name: 'event-topic-access-${uniqueString(existingTopicId, resourceGroup().id)}'
  scope: resourceGroup(
    makes ? subscription().subscriptionId : split(existingTopicId, '/')[2],
    makes ? resourceGroup().name : split(existingTopicId, '/')[4]
  )
  dependsOn: [topic]
  params: { topicName: makes ? name : last(split(existingTopicId, '/')), principalId: principalId }
}

resource failures 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (makes) {
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
output endpoint string = access.outputs.endpoint
