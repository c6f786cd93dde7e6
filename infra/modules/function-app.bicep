// The function app on a Flex Consumption plan (FC1), Linux, Python 3.13, reaching its storage by identity only.

@description('Name of the function app.')
param name string

@description('Name of the plan.')
param planName string

@description('Azure region.')
param location string

@description('Tags of both.')
param tags { *: string }

@description('ARM id of the app\'s user-assigned identity.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Blob endpoint of the storage account, with a slash at the end.')
param storageBlobEndpoint string

@description('Queue endpoint of the storage account, with a slash at the end.')
param storageQueueEndpoint string

@description('Container the platform keeps the deployed package in.')
param deploymentContainerName string

@description('Application Insights component of this resource group.')
param applicationInsightsName string

@description('Subnet the app sends through. Empty: none.')
param subnetId string

@description('Largest number of instances.')
param maximumInstanceCount int

@description('Memory of one instance in MB.')
param instanceMemoryMB int

@description('HTTP calls one instance serves at a time.')
param httpConcurrency int

@description('Instances for HTTP calls that are always running.')
param alwaysReadyInstances int

@description('Whether instances are spread over availability zones.')
param zoneRedundant bool

@description('The app\'s own settings, by name.')
param appSettings { *: string }

@description('Settings that win over all others, by name.')
param extraAppSettings { *: string }

var portal = environment().portal

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'rotator' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Event Grid must reach the trigger's address; every route but health and openapi.json wants a key.
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      cors: {
        // Test/Run of an HTTP function happens in the operator's browser.
        allowedOrigins: [portal]
      }
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storageBlobEndpoint}${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        // Left to itself, the platform gives each HTTP call of a Python app an instance of its own.
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
        alwaysReady: alwaysReadyInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyInstances }]
      }
    }
  }

  // Replaces the whole set: what was set by hand is gone unless extraAppSettings names it.
  resource settings 'config' = {
    name: 'appsettings'
    properties: union(
      appSettings,
      {
        // Endpoints and no account name: from a name the host makes the table address too, where it has no permission, and
        // always in the public cloud.
        AzureWebJobsStorage__blobServiceUri: storageBlobEndpoint
        AzureWebJobsStorage__queueServiceUri: storageQueueEndpoint
        AzureWebJobsStorage__credential: 'managedidentity'
        AzureWebJobsStorage__clientId: identityClientId
        AZURE_CLIENT_ID: identityClientId
        APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
        // With it the host knows that the app sends its own telemetry: no log line is sent twice.
        PYTHON_ENABLE_OPENTELEMETRY: 'true'
      },
      extraAppSettings
    )
  }

  // No user name and password for deployments: azd and az deploy with an Entra token. One after the other: a site
  // rejects changes while it takes another.
  resource scmPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    dependsOn: [settings]
    properties: {
      allow: false
    }
  }

  resource ftpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    dependsOn: [scmPassword]
    properties: {
      allow: false
    }
  }
}

@description('Name of the function app.')
output name string = site.name

@description('Address of the function app.')
output url string = 'https://${site.properties.defaultHostName}'
