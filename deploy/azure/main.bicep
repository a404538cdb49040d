// A broker on Azure: Container Apps for the interface and the workers, PostgreSQL, a share for its home, and a vault whose
// key its identity is locked with. Everything but the interface's ingress is on private addresses.
targetScope = 'resourceGroup'

@description('Short name; part of every resource\'s name.')
@minLength(3)
@maxLength(11)
param name string = 'counterfoil'

@description('Where everything is. Data of children of England and Wales stay in the United Kingdom.')
@allowed(['uksouth'])
param location string = 'uksouth'

@description('The image by its digest: registry.azurecr.io/counterfoil-broker@sha256:...')
@minLength(80)
param image string

@description('Resource id of the registry that the image is in.')
param registryId string

@description('Networks from which parties reach the broker, in CIDR form. Nobody else does.')
@minLength(1)
param allowedNetworks array

@description('How many workers there are.')
@minValue(1)
@maxValue(20)
param workers int = 2

@description('Where uploads and the files of runs lie, if not on the share: https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX, without credentials. The identity must have the role Storage Blob Data Contributor there.')
param storageUrl string = ''

@description('Password of the broker\'s role in the database. It is kept in the vault alone.')
@secure()
@minLength(24)
param databasePassword string

@description('Password of the database server\'s owner, for making the broker\'s role once.')
@secure()
@minLength(24)
param databaseOwnerPassword string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-broker'
  location: location
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 90
  }
}

module network 'network.bicep' = {
  name: 'network'
  params: {
    name: name
    location: location
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  params: {
    name: name
    location: location
    principalId: identity.properties.principalId
    logsId: logs.id
    subnetId: network.outputs.endpointsSubnetId
    zoneId: network.outputs.vaultZoneId
    databasePassword: databasePassword
  }
}

module database 'database.bicep' = {
  name: 'database'
  params: {
    name: name
    location: location
    logsId: logs.id
    subnetId: network.outputs.databaseSubnetId
    zoneId: network.outputs.databaseZoneId
    ownerPassword: databaseOwnerPassword
  }
}

module home 'home.bicep' = {
  name: 'home'
  params: {
    name: name
    location: location
    logsId: logs.id
    subnetId: network.outputs.endpointsSubnetId
    zoneId: network.outputs.filesZoneId
  }
}

module apps 'apps.bicep' = {
  name: 'apps'
  params: {
    name: name
    location: location
    image: image
    registryId: registryId
    workers: workers
    allowedNetworks: allowedNetworks
    identityId: identity.id
    clientId: identity.properties.clientId
    logsName: logs.name
    subnetId: network.outputs.appsSubnetId
    vaultKey: vault.outputs.keyAddress
    passwordSecret: vault.outputs.passwordAddress
    databaseHost: database.outputs.host
    shareServer: home.outputs.server
    sharePath: home.outputs.path
    storageUrl: storageUrl
  }
}

output address string = apps.outputs.address
output vaultKey string = vault.outputs.keyAddress
