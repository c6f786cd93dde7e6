// Three log alerts on the app's stable events: a rotation failed, a rotation is overdue, no sweep has ended lately.

@description('Azure region.')
param location string

@description('Tags of everything made here.')
param tags object

@description('Log Analytics workspace the app\'s telemetry is in.')
param workspaceId string

@description('Name of the function app: its telemetry\'s role name.')
param functionAppName string

@description('E-mail address to tell. Empty: alerts only show in Azure Monitor.')
param email string

// A log line lands in AppTraces (Message), a custom event in AppEvents (Name): either counts.
var eventsOfApp = '''
union
  (AppTraces | project TimeGenerated, AppRoleName, Event = Message),
  (AppEvents | project TimeGenerated, AppRoleName, Event = Name)
| where AppRoleName =~ "{0}"
| where Event == "{1}"
'''

// Hours without an ended sweep that mean silence: with the hourly default, two may fail before anybody is called.
var rules = [
  {
    name: 'rotation-failed'
    title: 'SignalR key rotation failed'
    description: 'A rotation ended in failure. The published key is still valid; docs/operations.md says what to do for each code.'
    event: 'rotation failed'
    severity: 1
    window: 'PT15M'
    frequency: 'PT15M'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'rotation-overdue'
    title: 'SignalR key rotation overdue'
    description: 'A key is older than its period allows and has not been replaced.'
    event: 'rotation overdue'
    severity: 2
    window: 'PT6H'
    frequency: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'no-heartbeat'
    title: 'SignalR key rotation is silent'
    description: 'No sweep has ended within three hours: the app does not run, or its telemetry does not arrive.'
    event: 'sweep finished'
    severity: 1
    window: 'PT3H'
    frequency: 'PT30M'
    operator: 'LessThan'
    threshold: 1
  }
]

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-${functionAppName}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'keyrotation'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${rule.name}-${functionAppName}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: rule.description
      enabled: true
      severity: rule.severity
      scopes: [workspaceId]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      // The tables appear with the first telemetry; until then the query cannot be checked.
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: format(eventsOfApp, functionAppName, rule.event)
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: empty(email) ? [] : [mail.id]
      }
    }
  }
]
