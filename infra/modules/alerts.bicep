// Eight log alerts on the app's stable events: an invalid key was published, a rotation failed, a rotation is overdue,
// scheduled rotations are on hold, a function failed, a poison queue holds messages, the topic takes no events, no sweep
// has ended lately.
// And the workbook that shows the same on one page.

@description('Azure region.')
param location string

@description('Tags of everything made here.')
param tags { *: string }

@description('Log Analytics workspace the app\'s telemetry is in.')
param workspaceId string

@description('Name of the function app: its telemetry\'s role name.')
param functionAppName string

@description('Hours without a finished sweep that mean silence.')
param silentHours int

@description('Time of this deployment: an app that has just been installed is not silent yet.')
param deployedAt string

@description('E-mail address of the operator. Empty: alerts only show in Azure Monitor.')
param email string

// A log line is a row of AppTraces: Message is its stable event, Properties hold its facts (docs/reference/telemetry.md).
var eventsOfApp = '''
AppTraces
| where AppRoleName =~ "{0}" and Message == "{1}"
| extend Resource = coalesce(tostring(Properties.resource), tostring(Properties.function), tostring(Properties.queue)), Code = tostring(Properties.code)
'''

// One row even when there is nothing to count: silence must be seen as a number, not as no answer. The hours are in the
// query, because a window may only have one of a few lengths.
var heartbeatsOfApp = '''
AppTraces
| where AppRoleName =~ "{0}" and Message == "{1}" and TimeGenerated > ago({2}h)
| summarize Beats = count()
| extend Heartbeats = iff(now() < datetime("{3}") + {2}h, 1, Beats)
'''

// An alert of its own for each resource and code: a second resource that fails is news.
var byResource = [
  { name: 'Resource', operator: 'Include', values: ['*'] }
  { name: 'Code', operator: 'Include', values: ['*'] }
]

// `resolves`: whether an empty window closes the alert. Not where the event is logged once, or once a day while the fault
// stands: its window is empty long before the fault is gone, so an operator closes it. What each sweep logs while it
// lasts is over once it is logged no more; so is silence after a sweep.
var rules = [
  {
    name: 'invalid-key'
    title: 'SignalR key rotation found an invalid key published'
    description: 'The published value was no valid key: clients that read it got 401. The repair follows, unless the code is ServiceRejectsKeys. What to do: docs/how-to/respond-to-alerts.md.'
    event: 'invalid key published'
    perResource: true
    severity: 1
    window: 'PT15M'
    frequency: 'PT15M'
    operator: 'GreaterThan'
    threshold: 0
    resolves: false
  }
  {
    name: 'rotation-failed'
    title: 'SignalR key rotation failed'
    description: 'A rotation ended in failure. Clients are not affected, unless the section of the code says so. What to do: docs/reference/errors.md#code, in lower case.'
    event: 'rotation failed'
    perResource: true
    severity: 3
    window: 'PT15M'
    frequency: 'PT15M'
    operator: 'GreaterThan'
    threshold: 0
    resolves: false
  }
  {
    name: 'rotation-overdue'
    title: 'SignalR key rotation overdue'
    description: 'A key is older than its period allows and has not been replaced, or a leaked key is still valid after its time. What to do: docs/how-to/respond-to-alerts.md.'
    event: 'rotation overdue'
    perResource: true
    severity: 2
    window: 'PT6H'
    frequency: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
    resolves: true
  }
  {
    // Logged when the hold begins, and with each sweep while it lasts.
    name: 'rotations-held'
    title: 'SignalR key rotations on hold'
    description: 'Several scheduled rotations failed in a row: no other is begun until an operator resumes, or 24 hours have passed. Published keys stay valid. What to do: docs/how-to/resume-after-a-hold.md.'
    event: 'rotations held'
    perResource: true
    severity: 1
    window: 'PT2H'
    frequency: 'PT15M'
    operator: 'GreaterThan'
    threshold: 0
    resolves: true
  }
  {
    // What no rotation reports: a wrong setting, a missing permission on storage, an error of the app's own. The platform
    // itself logs no exception where the app sends its own telemetry.
    name: 'function-failed'
    title: 'SignalR key rotation function failed'
    description: 'A function of the app raised an error. Published keys are still valid; rotations may not happen. What to do: docs/how-to/respond-to-alerts.md.'
    event: 'function failed'
    perResource: true
    severity: 1
    window: 'PT15M'
    frequency: 'PT15M'
    operator: 'GreaterThan'
    threshold: 0
    resolves: false
  }
  {
    // The length of a poison queue, as each sweep sees it. A message that the platform cannot convert fails before the
    // app is called, so nothing else reports it; the metric of the storage account knows no single queue.
    name: 'poison-messages'
    title: 'SignalR key rotation poison queue is not empty'
    description: 'A poison queue holds messages that no function of the app could take. They are not carried out, and deleted after seven days. What to do: docs/how-to/respond-to-alerts.md.'
    event: 'poison queue not empty'
    perResource: true
    severity: 2
    window: 'PT6H'
    frequency: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
    resolves: true
  }
  {
    // What consumers do that wait for the event, and read nothing of their own accord.
    name: 'announcements-pending'
    title: 'SignalR key rotation events are not taken'
    description: 'The Event Grid topic has taken no event for an hour. Consumers that wait for events keep the key before. What to do: docs/reference/errors.md#announcementpending.'
    event: 'announcements pending'
    perResource: true
    severity: 2
    window: 'PT6H'
    frequency: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
    resolves: true
  }
  {
    name: 'no-heartbeat'
    title: 'SignalR key rotation is silent'
    description: 'No sweep has ended within ${silentHours} hours: the app does not run, or its telemetry does not arrive. What to do: docs/how-to/respond-to-alerts.md.'
    event: 'sweep finished'
    perResource: false
    severity: 1
    window: 'P2D'
    frequency: 'PT30M'
    operator: 'LessThan'
    threshold: 1
    resolves: true
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
      autoMitigate: rule.resolves
      criteria: {
        allOf: [
          {
            query: format(
              rule.perResource ? eventsOfApp : heartbeatsOfApp,
              functionAppName,
              rule.event,
              silentHours,
              deployedAt
            )
            timeAggregation: rule.perResource ? 'Count' : 'Total'
            metricMeasureColumn: rule.perResource ? null : 'Heartbeats'
            dimensions: rule.perResource ? byResource : []
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

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, functionAppName, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'SignalR key rotation'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: replace(
      replace(loadTextContent('../workbook.json'), '<workspace>', workspaceId),
      '<function app>',
      functionAppName
    )
  }
}
