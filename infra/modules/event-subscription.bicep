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
param eventTypes array

@description('Event Grid\'s advanced filters.')
param advancedFilters array

@description('Address of the function app.')
param functionAppUrl string

@secure()
@description('A key of the function events and of no other.')
param eventsKey string

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
    // The handshake of this schema is a POST. The one of CloudEvents is an OPTIONS, which the platform answers itself
    // for the portal's origin; both are understood by the app.
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        // Event Grid keeps the query of a webhook to itself: it is not shown to readers of the subscription.
        endpointUrl: '${functionAppUrl}/api/events?code=${uriComponent(eventsKey)}'
        maxEventsPerBatch: 1
      }
    }
    filter: {
      includedEventTypes: eventTypes
      advancedFilters: advancedFilters
    }
    // A day of attempts. No dead-letter container: what is lost here, the next sweep finds.
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
}
