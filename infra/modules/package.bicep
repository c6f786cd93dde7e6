// The code, fetched and built by the platform itself: for installations made in the portal, without azd or az.

@description('Name of the function app.')
param functionAppName string

@description('https address of app.zip. It must not redirect.')
param packageUri string

resource site 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource oneDeploy 'Microsoft.Web/sites/extensions@2022-09-01' = {
  parent: site
  name: 'onedeploy'
  // Bicep's types do not know the body of onedeploy; "Automate resource deployment for your function app" does.
  #disable-next-line BCP187
  properties: {
    packageUri: packageUri
    remoteBuild: true
  }
}
