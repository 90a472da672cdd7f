"""What Azure fills in by itself, what it never answers, and what must be so although nobody says it: literal tables.

Types are in lower case, ``*`` is every type. Paths are dotted, ``[]`` is any item of a list and ``*`` stands for
anything. What stands in ``FILLED`` is never a difference, so it holds only what a service writes and no person sets.
"""

from __future__ import annotations

from typing import Any

FILLED: dict[str, tuple[str, ...]] = {
    # The envelope of every resource: https://learn.microsoft.com/rest/api/resources/resources/get-by-id. Tags and
    # identities are compared on their own, connections are resources of their own.
    "*": (
        *("id", "name", "type", "location", "etag", "tags*", "identity*", "systemData*", "managedBy", "sku.tier"),
        *("*.etag", "*.provisioningState", "properties.resourceGuid", "properties.privateEndpointConnections*"),
        *("properties.creationTime", "properties.createdOn", "properties.createTime", "properties.createdDate"),
        *("properties.creationDate", "properties.modifiedDate", "properties.updatedOn", "properties.lastModified*"),
        *("properties.createdBy", "properties.updatedBy"),
    ),
    # https://learn.microsoft.com/rest/api/authorization/role-assignments/get, …/role-definitions/get
    "microsoft.authorization/roleassignments": ("properties.scope",),
    # https://learn.microsoft.com/rest/api/batchmanagement/batch-account/get, …/pool/get
    "microsoft.batch/batchaccounts": (
        *("properties.accountEndpoint", "properties.nodeManagementEndpoint", "properties.*Quota*"),
        *("properties.encryption.keySource", "properties.allowedAuthenticationModes"),
    ),
    "microsoft.batch/batchaccounts/pools": (
        *("properties.allocationState*", "properties.current*", "properties.resizeOperationStatus*"),
        *("properties.provisioningStateTransitionTime", "properties.autoScaleRun*", "properties.lastModified"),
    ),
    # https://learn.microsoft.com/rest/api/consumption/budgets/get
    "microsoft.consumption/budgets": ("eTag", "properties.currentSpend*", "properties.forecastSpend*"),
    # https://learn.microsoft.com/rest/api/containerregistry/registries/get
    "microsoft.containerregistry/registries": (
        *("properties.dataEndpointHostNames", "properties.loginServer", "properties.status*"),
        *("properties.encryption.status", "properties.policies.*.lastUpdatedTime"),
        "properties.encryption.keyVaultProperties*",
        "properties.policies.azureADAuthenticationAsArmPolicy.status",
        *("properties.policies.softDeletePolicy*", "properties.policies.trustPolicy*"),
        *("properties.policies.retentionPolicy*", "properties.policies.quarantinePolicy*"),
    ),
    # https://learn.microsoft.com/rest/api/datafactory/factories/get and its children
    "microsoft.datafactory/factories": ("properties.version", "eTag"),
    "microsoft.datafactory/factories/integrationruntimes": ("properties.state",),
    "microsoft.datafactory/factories/managedvirtualnetworks": ("properties.alias", "properties.vNetId"),
    "microsoft.datafactory/factories/managedvirtualnetworks/managedprivateendpoints": (
        *("properties.connectionState*", "properties.fqdns", "properties.isReserved", "properties.isCompliant"),
    ),
    # Whether a trigger runs is the outputs' to say: adf-triggers
    "microsoft.datafactory/factories/triggers": ("properties.runtimeState",),
    # https://learn.microsoft.com/rest/api/monitor/action-groups/get: adf-… whether a receiver is told is a check's own
    "microsoft.insights/actiongroups": ("properties.emailReceivers[].status", "properties.smsReceivers[].status"),
    # https://learn.microsoft.com/rest/api/application-insights/components/get
    "microsoft.insights/components": (
        *("properties.AppId", "properties.ApplicationId", "properties.ConnectionString", "properties.Flow_Type"),
        *("properties.InstrumentationKey", "properties.Name", "properties.TenantId"),
        *("properties.Request_Source", "properties.Ver", "properties.LaMigrationDate"),
        # What is sampled or kept less is a pinned value below.
        *("properties.SamplingPercentage", "properties.RetentionInDays"),
    ),
    "microsoft.insights/diagnosticsettings": ("properties.logs[].retentionPolicy*", "properties.metrics[].*Policy*"),
    # https://learn.microsoft.com/rest/api/keyvault/keyvault/keys/get
    "microsoft.keyvault/vaults/keys": ("properties.*",),
    "microsoft.keyvault/vaults": ("properties.vaultUri", "properties.hsmPoolResourceId"),
    # https://learn.microsoft.com/rest/api/azureml/workspaces/get. Outbound rules are resources of their own.
    "microsoft.machinelearningservices/workspaces": (
        *(
            "properties.discoveryUrl",
            "properties.mlFlowTrackingUri",
            "properties.workspaceId",
            "properties.storageHns*",
        ),
        *("properties.notebookInfo*", "properties.serviceProvisionedResourceGroup", "properties.privateLinkCount"),
        *("properties.managedNetwork.outboundRules*", "properties.managedNetwork.status*", "properties.tenantId"),
        *("properties.managedNetwork.networkId", "properties.managedNetwork.changeableIsolationModes"),
        *("properties.managedNetwork.firewallSku", "properties.provisionNetworkNow", "properties.agentsEndpointUri"),
        *("properties.serviceManagedResourcesSettings*", "properties.workspaceHubConfig*", "sku.*"),
        *("properties.associatedWorkspaces*", "properties.containerRegistries*", "properties.keyVaults*"),
        *("properties.storageAccounts*", "properties.existingWorkspaces*", "properties.enableServiceSideCMKEncryption"),
    ),
    "microsoft.machinelearningservices/workspaces/computes": (
        *("properties.provisioning*", "properties.modifiedOn", "properties.isAttachedCompute", "properties.resourceId"),
        *("properties.properties.allocationState*", "properties.properties.currentNodeCount", "properties.*Errors"),
        *(
            "properties.properties.targetNodeCount",
            "properties.properties.nodeStateCounts*",
            "properties.properties.errors",
        ),
        *("properties.properties.vmPriority", "properties.properties.isolatedNetwork", "properties.computeLocation"),
        *(
            "properties.properties.connectivityEndpoints*",
            "properties.properties.state",
            "properties.properties.createdBy*",
        ),
        *(
            "properties.properties.applications*",
            "properties.properties.lastOperation*",
            "properties.properties.versions*",
        ),
    ),
    "microsoft.machinelearningservices/workspaces/datastores": (
        *("properties.endpoint", "properties.protocol", "properties.resourceGroup", "properties.subscriptionId"),
    ),
    "microsoft.machinelearningservices/workspaces/outboundrules": (
        *(
            "properties.status",
            "properties.category",
            "properties.destination.sparkStatus",
            "properties.parentRuleNames",
        ),
    ),
    "microsoft.machinelearningservices/workspaces/environments": ("properties.latestVersion", "properties.nextVersion"),
    "microsoft.machinelearningservices/workspaces/environments/versions": (
        *("properties.environmentType", "properties.osType", "properties.stage", "properties.autoRebuild"),
    ),
    "microsoft.managedidentity/userassignedidentities": (
        *("properties.tenantId", "properties.principalId", "properties.clientId", "properties.isolationScope"),
    ),
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials": (),
    # https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules
    "microsoft.network/networksecuritygroups": (
        *("properties.defaultSecurityRules*", "properties.subnets*", "properties.networkInterfaces*"),
        *("properties.securityRules[].id", "properties.securityRules[].type"),
    ),
    "microsoft.network/natgateways": ("properties.subnets*", "properties.publicIpAddresses[].*"),
    "microsoft.network/publicipaddresses": (
        "properties.idleTimeoutInMinutes",
        "properties.ipAddress",
        "properties.ipConfiguration*",
        "properties.natGateway*",
    ),
    "microsoft.network/routetables": (
        *(
            "properties.subnets*",
            "properties.routes[].id",
            "properties.routes[].type",
            "properties.routes[].*hasBgpOverride",
        ),
    ),
    "microsoft.network/privatednszones": ("properties.maxNumberOf*", "properties.numberOf*", "properties.internalId"),
    "microsoft.network/privatednszones/virtualnetworklinks": (
        *("properties.virtualNetworkLinkState", "properties.resolutionPolicy"),
    ),
    "microsoft.network/privateendpoints": (
        *("properties.customDnsConfigs*", "properties.networkInterfaces*"),
        *("properties.privateLinkServiceConnections[].id", "properties.privateLinkServiceConnections[].type"),
        "properties.privateLinkServiceConnections[].properties.privateLinkServiceConnectionState*",
        *("properties.subnet.*", "properties.ipVersionType"),
    ),
    "microsoft.network/privateendpoints/privatednszonegroups": (
        *("properties.privateDnsZoneConfigs[].id", "properties.privateDnsZoneConfigs[].type"),
        "properties.privateDnsZoneConfigs[].properties.recordSets*",
    ),
    "microsoft.network/virtualnetworks": (
        *("properties.subnets[].id", "properties.subnets[].type", "properties.subnets[].properties.ipConfigurations*"),
        *("properties.subnets[].properties.privateEndpoints*", "properties.subnets[].properties.purpose"),
        *(
            "properties.subnets[].properties.serviceAssociationLinks*",
            "properties.subnets[].properties.resourceNavigationLinks*",
        ),
        *("properties.subnets[].properties.delegations[].id", "properties.subnets[].properties.delegations[].type"),
        *("properties.subnets[].properties.delegations[].properties.actions", "properties.privateEndpointVNetPolicies"),
        *(
            "properties.subnets[].properties.serviceEndpoints[].locations*",
            "properties.subnets[].properties.*Configurations*",
        ),
        *("properties.subnets[].properties.networkSecurityGroup.*", "properties.flowTimeoutInMinutes"),
    ),
    "microsoft.network/networksecurityperimeters": ("properties.perimeterGuid",),
    "microsoft.network/networksecurityperimeters/profiles": (
        "properties.accessRulesVersion",
        "properties.diagnosticSettingsVersion",
    ),
    "microsoft.network/networksecurityperimeters/resourceassociations": ("properties.hasProvisioningIssues",),
    # https://learn.microsoft.com/rest/api/loganalytics/workspaces/get
    "microsoft.operationalinsights/workspaces": (
        *("properties.customerId", "properties.features.*Version", "properties.features.legacy"),
        *("properties.workspaceCapping.dataIngestionStatus", "properties.workspaceCapping.quotaNextResetTime"),
        *("properties.sku.lastSkuUpdate", "properties.defaultDataCollectionRuleResourceId"),
    ),
    "microsoft.resources/resourcegroups": (),
    # https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties
    "microsoft.storage/storageaccounts": (
        *("properties.dnsEndpointType", "properties.encryption.services.*", "properties.keyCreationTime*"),
        *(
            "properties.primary*",
            "properties.secondary*",
            "properties.statusOf*",
            "properties.storageAccountSkuConversion*",
        ),
        *("properties.networkAcls.virtualNetworkRules[].state", "properties.accountMigrationInProgress"),
        "properties.encryption.keyVaultProperties.current*",
        "properties.encryption.keyVaultProperties.last*",
    ),
    # https://learn.microsoft.com/rest/api/storagerp/blob-containers/get
    "microsoft.storage/storageaccounts/blobservices/containers": (
        *(
            "properties.defaultEncryptionScope",
            "properties.lease*",
            "properties.version",
            "properties.remainingRetentionDays",
        ),
    ),
    # https://learn.microsoft.com/rest/api/storagerp/file-services/get-service-properties
    "microsoft.storage/storageaccounts/fileservices": (
        "properties.protocolSettings.smb.multichannel*",
        "properties.shareDelete*",
    ),
    "microsoft.storage/storageaccounts/managementpolicies": (),
    "microsoft.web/serverfarms": ("properties.*",),
    # https://learn.microsoft.com/rest/api/appservice/web-apps/get
    "microsoft.web/sites": (
        *("properties.defaultHostName", "properties.enabledHostNames", "properties.hostNames", "properties.state"),
        *(
            "properties.enabled",
            "properties.hostNameSslStates*",
            "properties.outboundIp*",
            "properties.possibleOutbound*",
        ),
        *("properties.usageState", "properties.availabilityState", "properties.webSpace", "properties.selfLink"),
        *("properties.repositorySiteName", "properties.owner", "properties.storageAccountRequired", "properties.sku"),
        *(
            "properties.ftp*",
            "properties.homeStamp",
            "properties.inboundIp*",
            "properties.deploymentId",
            "properties.kind",
        ),
        *(
            "properties.adminEnabled",
            "properties.siteProperties*",
            "properties.resourceGroup",
            "properties.customDomainVerificationId",
        ),
        *(
            "properties.eligibleLogCategories",
            "properties.containerSize",
            "properties.reserved",
        ),
        *(
            "properties.siteConfig*",
            "properties.redundancyMode",
            "properties.computeMode",
            "properties.contentAvailabilityState",
        ),
        *("properties.runtimeAvailabilityState", "properties.lastModifiedTimeUtc", "properties.hostNamesDisabled"),
    ),
}

# What a PUT takes and a GET does not answer, or answers in another shape; the app's settings are read on their own.
UNREADABLE: dict[str, tuple[str, ...]] = {
    "microsoft.web/sites": ("properties.siteConfig", "properties.siteConfig.*"),
    "microsoft.machinelearningservices/workspaces": ("properties.provisionNetworkNow",),
    "microsoft.keyvault/vaults/keys": ("properties.attributes.*", "properties.rotationPolicy.*"),
}

# What must be so although the configuration leaves it to Azure, because somebody can turn it off.
PINNED: dict[str, dict[str, Any]] = {
    "microsoft.web/sites": {"properties.enabled": True, "properties.state": "Running"},
    "microsoft.insights/metricalerts": {"properties.enabled": True},
    # 100 takes in everything: https://learn.microsoft.com/azure/azure-monitor/app/sampling-classic-api
    "microsoft.insights/components": {"properties.SamplingPercentage": 100},
    # https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm,
    # …/container-registry-soft-delete-policy, …/container-registry-content-trust
    "microsoft.containerregistry/registries": {
        "properties.policies.azureADAuthenticationAsArmPolicy.status": "enabled",
        "properties.policies.softDeletePolicy.status": "disabled",
        "properties.policies.trustPolicy.status": "disabled",
    },
}

# Settings of which a service answers more than anybody says: only these count, and this is what each may be.
# https://learn.microsoft.com/rest/api/appservice/web-apps/get-configuration
DOORS: dict[str, dict[str, tuple[Any, ...]]] = {
    "microsoft.web/sites/config": {
        "properties.ftpsState": ("Disabled", "FtpsOnly"),
        "properties.remoteDebuggingEnabled": (False,),
        "properties.minTlsVersion": ("1.2", "1.3"),
        "properties.scmMinTlsVersion": ("1.2", "1.3"),
        "properties.cors.allowedOrigins": ([], ["https://portal.azure.com"]),
        "properties.ipSecurityRestrictionsDefaultAction": ("Deny", "Allow"),
        "properties.publicNetworkAccess": ("Disabled",),
        "properties.appCommandLine": ("",),
        "properties.httpLoggingEnabled": (True, False),
    }
}
