// One system topic, made here or found, and the app's subscription to it.

@description('Name of the event subscription.')
param name string

@description('ARM id of what the events come from.')
param sourceId string

@description('Event Grid\'s name for that kind of source.')
param topicType string

@description('Azure region: the source\'s own, or global.')
param location string

@description('Name of the system topic.')
param topicName string

@description('Whether that topic exists and is not ours to change.')
param existingTopic bool

@description('Event types to deliver.')
param eventTypes string[]

@description('Endings of the names of the operations to deliver. Empty: all.')
param operationSuffixes string[]

@description('ARM id of the function that receives the events by its own trigger.')
param functionId string

resource made 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (!existingTopic) {
  name: topicName
  location: location
  properties: {
    source: sourceId
    topicType: topicType
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource delivery 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  dependsOn: [made]
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: functionId
        maxEventsPerBatch: 1
      }
    }
    filter: {
      includedEventTypes: eventTypes
      advancedFilters: empty(operationSuffixes)
        ? []
        : [{ operatorType: 'StringEndsWith', key: 'data.operationName', values: operationSuffixes }]
    }
    // A day of attempts. No dead-letter container: what is lost here, the next sweep finds.
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
}
