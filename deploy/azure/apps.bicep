// The interface, which parties reach by TLS from the networks that are named, and the workers, which nobody reaches.
param name string
param location string
param image string
param registryId string
param workers int
param allowedNetworks array
param identityId string
param clientId string
param logsName string
param subnetId string
param vaultKey string
param passwordSecret string
param databaseHost string
param shareServer string
param sharePath string
param storageUrl string

var registryName = last(split(registryId, '/'))
var home = '/var/lib/counterfoil'
var files = empty(storageUrl) ? [] : [
  {
    name: 'COUNTERFOIL_BROKER_STORAGE_URL'
    value: storageUrl
  }
]
var settings = concat(files, [
  {
    name: 'COUNTERFOIL_BROKER_DATABASE_URL'
    value: 'postgresql+psycopg://counterfoil@${databaseHost}/counterfoil?sslmode=verify-full&sslrootcert=system'
  }
  {
    name: 'COUNTERFOIL_BROKER_DATABASE_PASSWORD_FILE'
    value: '/etc/counterfoil/database-password'
  }
  {
    name: 'COUNTERFOIL_BROKER_VAULT_KEY'
    value: vaultKey
  }
  {
    name: 'COUNTERFOIL_BROKER_MEMORY_MB'
    value: '4096'
  }
  {
    name: 'AZURE_CLIENT_ID'
    value: clientId
  }
])
var mounts = [
  {
    volumeName: 'home'
    mountPath: home
  }
  {
    volumeName: 'secrets'
    mountPath: '/etc/counterfoil'
  }
]
var volumes = [
  {
    name: 'home'
    storageType: 'NfsAzureFile'
    storageName: 'home'
  }
  {
    name: 'secrets'
    storageType: 'Secret'
    secrets: [
      {
        secretRef: 'database-password'
        path: 'database-password'
      }
    ]
  }
]
var secrets = [
  {
    name: 'database-password'
    keyVaultUrl: passwordSecret
    identity: identityId
  }
]
var registries = [
  {
    server: '${registryName}.azurecr.io'
    identity: identityId
  }
]

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: logsName
}

resource place 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: '${name}-apps'
  location: location
  properties: {
    zoneRedundant: true
    vnetConfiguration: {
      infrastructureSubnetId: subnetId
      internal: false
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
      {
        name: 'workers'
        workloadProfileType: 'D4'
        minimumCount: 1
        maximumCount: workers
      }
    ]
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

resource share 'Microsoft.App/managedEnvironments/storages@2026-01-01' = {
  parent: place
  name: 'home'
  properties: {
    nfsAzureFile: {
      server: shareServer
      shareName: sharePath
      accessMode: 'ReadWrite'
    }
  }
}

resource api 'Microsoft.App/containerApps@2026-01-01' = {
  name: '${name}-api'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    managedEnvironmentId: place.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      secrets: secrets
      registries: registries
      ingress: {
        external: true
        targetPort: 8750
        transport: 'http'
        allowInsecure: false
        ipSecurityRestrictions: [
          for (network, index) in allowedNetworks: {
            name: 'party-${index}'
            action: 'Allow'
            ipAddressRange: network
          }
        ]
      }
    }
    template: {
      terminationGracePeriodSeconds: 60
      volumes: volumes
      containers: [
        {
          name: 'api'
          image: image
          args: ['serve', '--no-work', '--home', home, '--host', '0.0.0.0']
          env: settings
          volumeMounts: mounts
          resources: {
            cpu: 1
            memory: '2Gi'
          }
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/healthz'
                port: 8750
              }
              periodSeconds: 5
              failureThreshold: 24
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: 8750
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 6
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 8750
              }
              periodSeconds: 5
              timeoutSeconds: 5
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
  dependsOn: [share]
}

resource worker 'Microsoft.App/containerApps@2026-01-01' = {
  name: '${name}-worker'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    managedEnvironmentId: place.id
    workloadProfileName: 'workers'
    configuration: {
      activeRevisionsMode: 'Single'
      secrets: secrets
      registries: registries
    }
    template: {
      terminationGracePeriodSeconds: 120
      volumes: volumes
      containers: [
        {
          name: 'worker'
          image: image
          args: ['work', '--home', home]
          env: settings
          volumeMounts: mounts
          resources: {
            cpu: 3
            memory: '8Gi'
          }
        }
      ]
      scale: {
        minReplicas: workers
        maxReplicas: workers
      }
    }
  }
  dependsOn: [share]
}

output address string = 'https://${api.properties.configuration.ingress.fqdn}'
