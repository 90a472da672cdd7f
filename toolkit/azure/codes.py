"""The error codes of Azure that a platform's life meets: meaning, way out, and how long waiting can help.

The one home of codes and of seconds: `toolkit.azure.denial` (exceptions of the SDKs) and
`toolkit.terraform.diagnostics` (what Terraform says) take theirs from here, and docs/errors.md is written from it
(`python -m docs.generate errors`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Literal

# https://learn.microsoft.com/azure/role-based-access-control/troubleshooting: "up to 10 minutes".
ROLE_SECONDS = 600.0
# No official figure; reports and scripts in public repositories wait up to a minute or two (inferred).
FIREWALL_SECONDS = 180.0
# Federated credentials and new principals, replicated inside Entra: "can take time to propagate" (inferred figure):
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#general-federated-identity-credential-considerations
ENTRA_SECONDS = 300.0
# Records of private endpoints have a time to live of 10 s; a negative answer is kept longer (inferred).
DNS_SECONDS = 60.0
# The rest are inferred: how long an operation of the same resource may run, an outage last, a link stay behind.
OPERATION_SECONDS = 900.0
THROTTLE_SECONDS = 600.0
SERVICE_SECONDS = 300.0


DenialKind = Literal[
    "storage-firewall",
    "private-dns",
    "storage-role",
    "shared-key",
    "anonymous",
    "plain-http",
    "vault-firewall",
    "vault-connection",
    "vault-role",
    "endpoint-not-approved",
    "endpoint-missing",
    "service-firewall",
    "registry-token",
    "admin-user-off",
    "batch-role",
    "workspace-role",
    "arm-role",
    "token",
    "federation",
    "sign-in",
    "throttled",
    "not-found",
    "condition",
    "bad-request",
    "name-resolution",
    "proxy-refused",
    "unreachable",
    "unavailable",
    "other",
]


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row. ``when`` is a pattern that the text must have as well; rows with one stand before those without.

    ``hint`` and ``otherwise`` may use the names of :func:`filled`; ``otherwise`` is the hint when one of them is not
    known. ``kind`` is what checks expect a refusal to be.
    """

    code: str
    meaning: str
    hint: str
    source: str
    seconds: float = 0.0
    when: str | None = None
    kind: DenialKind = "other"
    otherwise: str = ""
    by_text: bool = False  # no service states a code: ``when`` tells, and ``code`` is a name of ours
    state: bool = False  # only when it is the storage of Terraform's state that answers
    once: bool = False  # one cause for all resources: shown without them

    @property
    def retried(self) -> bool:
        return self.seconds > 0

    def fits(self, text: str) -> bool:
        return self.when is None or re.search(self.when, text, re.IGNORECASE | re.DOTALL) is not None


def filled(row: ErrorCode, values: Mapping[str, str]) -> str:
    """The hint of a row with ``values`` (env, id, name, existing, namespace, lock_id, account, container, key)."""
    for text in (row.hint, row.otherwise):
        if text and all(name in values for _, name, _, _ in Formatter().parse(text) if name):
            return text.format(**values)
    return ""


_DEPLOY = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors"
_STORAGE = "https://learn.microsoft.com/rest/api/storagerp/srp_error_codes_common"
_RBAC = "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting"
_THROTTLING = "https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"
_LOCKS = "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources"
_BUSY = "https://github.com/hashicorp/terraform-provider-azurerm/issues/28715"
_VAULT = "https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery"
_LINK = "https://github.com/hashicorp/terraform-provider-azurerm/issues/28979"
_ENDPOINT = "https://github.com/hashicorp/terraform-provider-azurerm/pull/14398"
_BLOB = "https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes"
_BLOBS = "https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes"
_VAULT_CODES = "https://learn.microsoft.com/azure/key-vault/general/rest-error-codes"
_ENTRA = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_MANAGED = "https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint"
_LEASE = "https://learn.microsoft.com/rest/api/storageservices/lease-blob"
_CMK_POLICY = "https://github.com/Azure/azure-cli/issues/12346"
_CMK_STORAGE = "https://github.com/MicrosoftDocs/azure-docs/issues/84096"
_REGISTRY_TOKENS = "https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md"
_INFERRED = "inferred"

_WAIT = "wait until it is over, then run again"
_QUOTA = "ask for more quota (portal: Quotas), or choose a smaller or another size in envs/{env}/env.toml"
_NAME = "choose another name with name_overrides in envs/{env}/env.toml"
_REGISTER = "az provider register --wait --namespace {namespace}, then run again"
_REGISTER_NAMED = "register the resource provider that the message names (az provider register), then run again"
_VALUE = "the message names the value: correct it in envs/{env}/env.toml"
_REGION = "choose a region or size that offers it in envs/{env}/env.toml (az vm list-skus shows what each one offers)"
_NETWORK = "correct the address ranges of the network in envs/{env}/env.toml"
_GONE = "toolkit plan {env} shows what is missing"
_AUDIENCE = "ask Entra ID for a token of this service (its own scope), not one of Azure Resource Manager or another's"
_EXPIRED = "sign in again; when that does not help, set the machine's clock (it may be late or early)"
_OWNER = "have the owner of the subscription look at its state and billing"
_ROLE = "have the operator run `toolkit bootstrap {env}`, which assigns the roles"
_KEY_ROLE = (
    "see that the key is enabled and not expired, that the vault lets trusted services in, and that the identity has "
    "Key Vault Crypto Service Encryption User on the key (toolkit apply {env} assigns it)"
)
_KEY_BACK = (
    "from inside the network: az keyvault key recover --vault-name VAULT --name KEY, or az keyvault key set-attributes "
    "--enabled true; then toolkit apply {env}"
)

CODES: tuple[ErrorCode, ...] = (
    # Roles and principals
    ErrorCode("PrincipalNotFound", "a new identity has not reached the directory yet", _ROLE, _RBAC, ENTRA_SECONDS),
    ErrorCode("AuthorizationFailed", "this identity may assign some roles to some principals, and not this one",
              "add the role or the principal in terraform/bootstrap/delegation.tf, and have the operator run "
              "`toolkit bootstrap {env}`; people get roles through groups", _RBAC, ROLE_SECONDS,
              when=r"ABAC condition that is not fulfilled", kind="arm-role"),
    ErrorCode("AuthorizationFailed", "this identity has no role that allows this, or it has not arrived yet", _ROLE,
              _RBAC, ROLE_SECONDS, kind="arm-role"),
    ErrorCode("LinkedAuthorizationFailed", "this identity may not put anything into a subnet of the existing network",
              "have the network's owner assign a role with Microsoft.Network/virtualNetworks/subnets/join/action on "
              "the subnet", _RBAC, when=r"subnets/join/action", kind="arm-role"),
    ErrorCode("LinkedAuthorizationFailed", "a role assignment on a linked resource has not arrived yet", _ROLE, _DEPLOY,
              ROLE_SECONDS, kind="arm-role"),
    ErrorCode("RoleAssignmentExists", "the same assignment exists under another name",
              "az role assignment delete --ids {existing}, then run again", _RBAC,
              otherwise="delete the assignment that exists (az role assignment list), then run again"),
    ErrorCode("RoleAssignmentUpdateNotPermitted", "an assignment of this name is for another principal, role or scope",
              "az role assignment delete --ids {id}, then run again", _RBAC,
              otherwise="delete the assignment that exists (az role assignment list), then run again"),
    ErrorCode("RoleAssignmentLimitExceeded", "the subscription holds as many role assignments as it may",
              "delete unused ones (az role assignment list --all)", _RBAC),
    ErrorCode("RoleDefinitionLimitExceeded", "the directory holds as many custom roles as it may",
              "delete unused ones (az role definition list --custom-role-only true)", _RBAC),
    ErrorCode("RoleDefinitionHasAssignments", "a custom role is still assigned, so it cannot be deleted",
              "delete its assignments first (az role assignment list --all), then run again", _RBAC),
    ErrorCode("RoleDefinitionWithSameNameExists", "a custom role of this name exists in the directory",
              "delete it, or rename it, when nobody uses it (az role definition list --custom-role-only true)", _RBAC),
    ErrorCode("RoleDefinitionDoesNotExist", "a new custom role has not reached every replica yet", _ROLE, _INFERRED,
              ROLE_SECONDS),
    ErrorCode("InvalidAuthenticationTokenTenant", "the token is for another tenant than the subscription's",
              "sign in to the tenant of envs/{env}/env.toml (az login --tenant)", _DEPLOY, kind="token"),
    ErrorCode("AuthenticationFailed", "the service takes no keys, only tokens of Entra ID", "send a Microsoft Entra "
              "token", "https://github.com/Azure/BatchExplorer/issues/239", when=r"type of authentication \w+ is not "
              r"allowed", kind="shared-key"),
    # Tokens and Entra ID
    ErrorCode("InvalidAuthenticationTokenAudience", "the token is meant for another service", _AUDIENCE,
              "https://github.com/hashicorp/go-azure-helpers/issues/51", kind="token"),
    *(ErrorCode(code, "the token is meant for another service", _AUDIENCE, source, when=r"audience", kind="token")
      for code, source in (
          ("Unauthorized", "https://github.com/MicrosoftDocs/azure-docs/issues/109562"),
          ("InvalidAuthenticationInfo", _INFERRED),
          ("InvalidAuthenticationToken", _INFERRED),
          ("AuthenticationFailed", _INFERRED),
      )),
    ErrorCode("ExpiredAuthenticationToken", "the token has expired", _EXPIRED, _INFERRED, kind="token"),
    *(ErrorCode(code, "the token has expired", _EXPIRED, _INFERRED, kind="token",
                when=r"\bexpired\b|lifetime validation failed|token expiry")
      for code in ("InvalidAuthenticationInfo", "AuthenticationFailed", "InvalidAuthenticationToken", "Unauthorized")),
    *(ErrorCode(code, "the token was expired, malformed, or meant for another tenant or service",
                "sign in again; check the machine's clock and the tenant in envs/{env}/env.toml", source, kind="token")
      for code, source in (
          ("InvalidAuthenticationInfo", _BLOB),
          ("AuthenticationFailed", _BLOB),
          ("InvalidAuthenticationToken", _INFERRED),
          ("AuthenticationFailedInvalidHeader", _BLOB),
          ("Unauthorized", _VAULT_CODES),
          ("401", _BLOB),
      )),
    ErrorCode("AADSTS700213", "Entra ID does not know the identity, or no federated credential of it matches the "
              "job's OIDC token, whose subject the message shows (or it has not arrived yet)",
              "compare it with what `toolkit bootstrap {env}` made (the error of `toolkit plan {env}` shows both): "
              "github_repository and github_subject in envs/{env}/env.toml, and the environment or branch of the job",
              _ENTRA, ENTRA_SECONDS, when=r"AADSTS7002\d+|AADSTS700016", kind="federation", by_text=True),
    ErrorCode("AADSTS", "Entra ID refuses the credentials",
              "check the credential choice in envs/{env}/env.toml and what it reads: az login, or ARM_CLIENT_ID "
              "with its secret or OIDC token", _ENTRA, when=r"AADSTS(?!7002\d|700016)\d+", kind="sign-in",
              by_text=True),
    # Concurrency, throttling, outages
    *(ErrorCode(code, "another operation on the same or a related resource is in progress", _WAIT, source,
                OPERATION_SECONDS)
      for code, source in (
          ("AnotherOperationInProgress", _DEPLOY),
          ("RetryableErrorDueToAnotherOperation", _THROTTLING),
          ("ConflictingConcurrentWriteNotAllowed", _BUSY),
          ("StorageAccountOperationInProgress", _STORAGE),
          ("StorageAccountBeingCreated", _STORAGE),
          ("StorageAccountIsNotProvisioned", _STORAGE),
          ("ReferencedResourceNotProvisioned", _INFERRED),
      )),
    ErrorCode("OperationQueued", "another operation on the same private DNS zone is in progress", _WAIT, _INFERRED,
              OPERATION_SECONDS, when=r"already has \d+ operations like .* queued", by_text=True),
    ErrorCode("EndpointNotApproved", "the factory does not see the approval of its managed private endpoint yet",
              "approve it on its target (portal: Networking, Private endpoint connections), then run again", _MANAGED,
              SERVICE_SECONDS, when=r"managed private endpoint \S+ is not approved", by_text=True),
    ErrorCode("EndpointNotConnected", "the connection of a managed private endpoint has not reached its target yet",
              "run again; when that does not help, delete the endpoint in the factory first", _MANAGED,
              SERVICE_SECONDS, when=r"no live connection from the managed private endpoint", by_text=True),
    ErrorCode("InvalidPrivateLinkServiceId", "the target of a private endpoint is not ready yet", _WAIT, _ENDPOINT,
              SERVICE_SECONDS),
    *(ErrorCode(code, "Azure throttles", _WAIT + ", with fewer operations at once", source, THROTTLE_SECONDS,
                kind="throttled")
      for code, source in (
          ("TooManyRequests", _THROTTLING),
          ("SubscriptionRequestsThrottled", _THROTTLING),
          ("ResourceCollectionRequestsThrottled", _THROTTLING),
          ("ServerBusy", _BLOB),
          ("429", _THROTTLING),
      )),
    ErrorCode("RetryableError", "Azure asks to try again", _WAIT, _INFERRED, THROTTLE_SECONDS),
    *(ErrorCode(code, "the service is unavailable for the moment", _WAIT + "; https://azure.status.microsoft", source,
                SERVICE_SECONDS, kind="unavailable")
      for code, source in (
          ("InternalServerError", _DEPLOY),
          ("InternalError", _BLOB),
          ("ServiceUnavailable", _INFERRED),
          ("GatewayTimeout", _INFERRED),
          ("500", _DEPLOY),
          ("502", _INFERRED),
          ("503", _BLOB),
          ("504", _INFERRED),
      )),
    ErrorCode("DeploymentActiveAndUneditable", "a deployment to the same group is running", _WAIT, _DEPLOY),
    ErrorCode("ResourceGroupBeingDeleted", "the resource group is being deleted", _WAIT, _DEPLOY),
    # Quota, size and region
    *(ErrorCode(code, "the quota does not cover what was asked for", _QUOTA, source)
      for code, source in (
          ("QuotaExceeded", _INFERRED),
          ("ClusterMinNodesExceedCoreQuota", "https://github.com/ansible-collections/azure/pull/2209"),
          ("ResourceQuotaExceeded", _DEPLOY),
          ("PublicIPCountLimitReached", _DEPLOY),
      )),
    ErrorCode("OperationNotAllowed", "the quota does not cover what was asked for", _QUOTA, _DEPLOY, when=r"\bquota\b"),
    ErrorCode("OperationNotAllowed", "the resource's size or state does not allow this",
              "the message names the condition", _DEPLOY),
    *(ErrorCode(code, "the region does not offer this, or not to this subscription", _REGION, _DEPLOY)
      for code in ("SkuNotAvailable", "AllocationFailed", "RegionDoesNotAllowProvisioning")),
    ErrorCode("LocationRequired", "a resource has no region", _VALUE, _DEPLOY),
    ErrorCode("InvalidResourceLocation", "the resource exists in another region", _NAME, _DEPLOY),
    # Policies and locks
    ErrorCode("RequestDisallowedByPolicy", "a policy of the subscription refuses this",
              "the message names the policy: fulfil it, or ask its owner for an exemption", _DEPLOY),
    ErrorCode("ScopeLocked", "a management lock protects the resource",
              "remove the lock (az lock list), then run again", _LOCKS),
    # Providers and subscriptions
    *(ErrorCode(code, "a resource provider is not registered in the subscription", _REGISTER, _DEPLOY,
                otherwise=_REGISTER_NAMED)
      for code in ("MissingSubscriptionRegistration", "InvalidSubscriptionRegistrationState")),
    *(ErrorCode(code, "the resource provider does not offer this type or version in the region", _REGION, _DEPLOY)
      for code in ("MissingRegistrationForLocation", "NoRegisteredProviderFound", "InvalidResourceType",
                   "InvalidResourceNamespace")),
    ErrorCode("SubscriptionNotFound", "the subscription does not exist for this identity",
              "check subscription and tenant in envs/{env}/env.toml, and the account you are signed in with "
              "(az account show)", _DEPLOY),
    *(ErrorCode(code, "the subscription is disabled or not ready", _OWNER, _STORAGE)
      for code in ("SubscriptionDisabled", "SubscriptionStateForbidden")),
    # Names
    *(ErrorCode(code, "somebody in Azure has this storage account name already", _NAME, _DEPLOY)
      for code in ("StorageAccountAlreadyTaken", "StorageAccountAlreadyExists",
                   "StorageAccountInAnotherResourceGroup")),
    *(ErrorCode(code, "the name does not follow the service's rules", _NAME, source)
      for code, source in (("AccountNameInvalid", _DEPLOY), ("StorageAccountNameNotValid", _STORAGE),
                           ("ReservedResourceName", _DEPLOY))),
    ErrorCode("VaultAlreadyExists", "somebody in Azure has this vault name already", _NAME, _INFERRED),
    ErrorCode("ConflictError", "a soft-deleted key vault keeps this name",
              "purge it (az keyvault purge --name {name}), or " + _NAME, _VAULT, when=r"deleted state",
              otherwise="purge it (az keyvault list-deleted shows it), or " + _NAME),
    ErrorCode("WorkspaceSoftDeleted", "a soft-deleted machine learning workspace keeps this name",
              'delete it for good: az rest --method delete --url "https://management.azure.com{id}'
              '?api-version=2024-04-01&forceToPurge=true", or ' + _NAME,
              "https://learn.microsoft.com/azure/machine-learning/concept-soft-delete",
              when=r"Soft-deleted workspace exists", by_text=True,
              otherwise="delete it for good (portal: Azure Machine Learning, Recently deleted), or " + _NAME),
    ErrorCode("DnsRecordInUse", "the DNS name is taken", _NAME, _DEPLOY),
    # Networks
    ErrorCode("InUseSubnetCannotBeDeleted", "the function app's link to its subnet is still being removed", _WAIT,
              _LINK, OPERATION_SECONDS, when=r"serviceAssociationLinks?|legionservicelink"),
    ErrorCode("InUseSubnetCannotBeDeleted", "something still uses the subnet",
              "the message names what: delete it first, then run again", _DEPLOY),
    ErrorCode("SubnetIsFull", "the subnet has no address left", _NETWORK, _DEPLOY),
    *(ErrorCode(code, "an address is not one that the subnet can give", _NETWORK, _DEPLOY)
      for code in ("PrivateIPAddressInReservedRange", "PrivateIPAddressNotInSubnet", "SubnetsNotInSameVnet")),
    # Requests
    ErrorCode("InvalidResourceReference", "a resource that the request refers to does not exist", _GONE, _DEPLOY),
    ErrorCode("LinkedInvalidPropertyId", "an id in the request is not complete", _VALUE, _DEPLOY),
    *(ErrorCode(code, "the resource does not exist", _GONE, source, kind="not-found")
      for code, source in (
          ("ParentResourceNotFound", _DEPLOY),
          ("ResourceGroupNotFound", _DEPLOY),
          ("ResourceNotFound", _DEPLOY),
          ("StorageAccountNotFound", _DEPLOY),
          ("ContainerNotFound", _BLOBS),
          ("ContainerBeingDeleted", _BLOBS),
          ("BlobNotFound", _BLOBS),
          ("FilesystemNotFound", _BLOB),
          ("SecretNotFound", _VAULT_CODES),
          ("404", _DEPLOY),
      )),
    *(ErrorCode(code, "Azure does not accept a value", _VALUE, _DEPLOY)
      for code in ("InvalidParameter", "InvalidRequestContent", "InvalidRequestFormat", "AccountPropertyCannotBeSet",
                   "PropertyChangeNotAllowed")),
    # Data planes
    ErrorCode("AuthorizationFailure", "the storage account's network rules refuse this address",
              "act from inside the network, or allow the address in ipRules while publicNetworkAccess is Enabled; such "
              "a rule has no effect from the account's own region, where a subnet or a private endpoint lets in",
              _BLOB, FIREWALL_SECONDS, kind="storage-firewall"),
    ErrorCode("AuthorizationPermissionMismatch", "the identity has no data role that allows this (or it has not "
              "arrived yet)", "assign Storage Blob Data Reader or Contributor on the container; Owner and Contributor "
              "carry no data access", _BLOB, ROLE_SECONDS, kind="storage-role"),
    ErrorCode("KeyBasedAuthenticationNotPermitted", "the storage account refuses shared keys, and SAS made from them",
              "sign in with Microsoft Entra (a credential of azure-identity), not with an account key or its SAS",
              _BLOB, kind="shared-key"),
    *(ErrorCode(code, "the request was anonymous, and this account has no anonymous access",
                "send a Microsoft Entra token", _BLOB, kind="anonymous")
      for code in ("NoAuthenticationInformation", "PublicAccessNotPermitted")),
    ErrorCode("ConditionNotMet", "this identity may do it, and a condition of the request held it back",
              "ask again without the condition (If-Unmodified-Since and the like), or change what it is about",
              _BLOB, kind="condition"),
    ErrorCode("AccountRequiresHttps", "the storage account answers https only", "use the https:// address", _BLOB,
              kind="plain-http"),
    ErrorCode("BadParameter", "the key vault accepts no such request", "the message names what is wrong with it",
              _VAULT_CODES, kind="bad-request"),
    ErrorCode("ForbiddenByFirewall", "the key vault's network rules refuse this address",
              "act from inside the network, or allow the address in networkAcls.ipRules", _VAULT_CODES,
              FIREWALL_SECONDS, kind="vault-firewall"),
    ErrorCode("ForbiddenByNsp", "the key vault's network security perimeter lets this address in by no access rule",
              "act from inside the network, or add the address to network_security_perimeter.inbound_address_prefixes",
              _INFERRED, FIREWALL_SECONDS, kind="vault-firewall"),
    ErrorCode("ForbiddenByConnection", "the key vault has public network access disabled, and the request did not "
              "arrive through a private endpoint", "act from inside the network; inside, check that the vault's name "
              "resolves to the private endpoint", _VAULT_CODES, FIREWALL_SECONDS, kind="vault-connection"),
    ErrorCode("DENIED", "the container registry's network rules refuse this address",
              "act from inside the network, or allow the address in networkRuleSet.ipRules",
              "https://aka.ms/acr/firewall", FIREWALL_SECONDS, kind="service-firewall", by_text=True,
              when=r"client with IP \S+ is not allowed access"),
    ErrorCode("IpForbidden", "the app's access restrictions refuse this address",
              "act from inside the network, or allow the address in ipSecurityRestrictions",
              "https://learn.microsoft.com/azure/app-service/overview-access-restrictions", FIREWALL_SECONDS,
              kind="service-firewall", by_text=True, when=r"Ip Forbidden|has blocked your access"),
    ErrorCode("WorkspacePrivateLink", "the workspace answers neither this address nor this network",
              "act from inside the network, or allow the address in ipAllowlist",
              "https://learn.microsoft.com/azure/machine-learning/how-to-configure-private-link", FIREWALL_SECONDS,
              kind="service-firewall", by_text=True,
              when=r"outside of the designated private link|workspace private link configuration"),
    *(ErrorCode(code, "the identity has no role on the key vault's data plane that allows this (or it has not arrived "
                "yet)", "assign Key Vault Secrets User (values) or Key Vault Reader (metadata) on the vault",
                _VAULT_CODES, ROLE_SECONDS, kind="vault-role")
      for code in ("ForbiddenByRbac", "ForbiddenByPolicy")),
    ErrorCode("UNAUTHORIZED", "the container registry gives this caller no token: it is nobody, or has no role there",
              "sign in, and assign AcrPull on the registry", _REGISTRY_TOKENS, ROLE_SECONDS, kind="registry-token"),
    ErrorCode("UnAuthorizedForCredentialOperations", "the container registry's admin user is off, so it has no "
              "password", "sign in with Microsoft Entra (az acr login)",
              "https://github.com/hashicorp/terraform-provider-azurerm/issues/21440", kind="admin-user-off"),
    ErrorCode("PermissionDenied", "the identity has no role on the Batch account that allows this (or it has not "
              "arrived yet)", "assign Azure Batch Data Contributor on the account",
              "https://learn.microsoft.com/azure/batch/batch-role-based-access-control", ROLE_SECONDS,
              kind="batch-role"),
    ErrorCode("PERMISSION_DENIED", "the identity has no role on the workspace that allows this (or it has not arrived "
              "yet)", "assign AzureML Data Scientist on the workspace",
              "https://learn.microsoft.com/azure/machine-learning/how-to-assign-roles", ROLE_SECONDS,
              kind="workspace-role"),
    # Customer-managed keys. Services but storage and the registry have no code in public: what they say of wrapping.
    ErrorCode("KeyVaultPolicyError", "the key vault of a customer-managed key has no purge protection",
              "set key_vault.purge_protection = true in envs/{env}/terraform.tfvars, and apply", _CMK_POLICY),
    ErrorCode("KeyVaultAuthenticationFailure", "the storage account's identity cannot use its customer-managed key (or "
              "its role has not arrived yet)", _KEY_ROLE, _CMK_STORAGE, ROLE_SECONDS),
    ErrorCode("KeyVaultEncryptionKeyNotFound", "the customer-managed key was disabled or deleted, or nobody may use it "
              "any more, and nobody reads what is encrypted with it", _KEY_BACK, _BLOB),
    ErrorCode("KeyVaultVaultNotFound", "the key vault of a customer-managed key was deleted, or cannot be reached",
              "recover it (az keyvault recover --name NAME), and let trusted services in", _BLOB),
    ErrorCode("KeyVaultAccessTokenCannotBeAcquired", "the identity that uses the customer-managed key is gone",
              "toolkit apply {env} assigns it again", _BLOB),
    ErrorCode("AddCMKToExistingFactoriesWithEntities", "a factory takes a customer-managed key only while it is empty",
              "leave data_factory out of customer_managed_keys.services in envs/{env}/terraform.tfvars, or make the "
              "environment anew", "https://github.com/Azure/Azure-DataFactory/issues/251"),
    ErrorCode("CustomerManagedKeyMissing", "a customer-managed key is not in its key vault any more", _KEY_BACK,
              _INFERRED, when=r"resource .{1,20}ResourceId .{1,300}/vaults/[^/]+/keys/[^/]+/ Api.*not found",
              by_text=True),
    ErrorCode("CustomerManagedKeyUnusable", "a service cannot use its customer-managed key (or the role has not "
              "arrived yet)", _KEY_ROLE, "https://github.com/MicrosoftDocs/azure-docs/issues/61015", ROLE_SECONDS,
              when=r"Failed to access KeyId|cannot use (its|the) customer-managed key", by_text=True),
    # The storage of Terraform's state
    ErrorCode("AuthorizationPermissionMismatch",
              "this identity may not lock the state of {env}: it can at most read it",
              "toolkit plan {env} --no-lock for the read-only identity of pull requests; anybody else needs Storage "
              "Blob Data Contributor on the state, which `toolkit bootstrap {env}` assigns to CI and to the operator",
              _BLOB, when=r"acquiring the state lock", state=True),
    ErrorCode("AuthorizationPermissionMismatch", "the state account let this machine in, but this identity has no data "
              "role on the state", "an operator runs `toolkit bootstrap {env}` (it assigns Storage Blob Data "
              "Contributor; up to 10 minutes to arrive), with operator in envs/{env}/env.toml naming this identity or "
              "a group of it", _BLOB, state=True),
    ErrorCode("StateLocked", "the state of {env} is locked",
              "another run may be at work: wait for it. When you are sure that nobody is: toolkit apply {env} "
              "--force-unlock {lock_id}", "https://developer.hashicorp.com/terraform/language/state/locking",
              when=r"acquiring the state lock.*\bLock Info:\s+ID:\s+\S", by_text=True, state=True),
    ErrorCode("StateLeased", "somebody who is no Terraform holds a lease on the blob of the state of {env}",
              "find out who, and wait for it. When you are sure that nobody is at work: az storage blob lease break "
              "--account-name {account} --container-name {container} --blob-name {key} --auth-mode login", _LEASE,
              when=r"(state blob is already locked|LeaseAlreadyPresent|LeaseId(Missing|Mismatch))(?!.*\bLock Info:)",
              by_text=True, state=True,
              otherwise="break the lease of the state's blob (az storage blob lease break) when nobody is at work"),
    ErrorCode("KeyBasedAuthenticationNotPermitted", "the state account refuses shared keys, and Terraform tried one",
              "unset ARM_ACCESS_KEY and ARM_SAS_TOKEN: the state is reached with Entra ID only", _BLOB, state=True),
    ErrorCode("AuthorizationFailure", "the firewall of the state account refuses this machine's address",
              "run from inside the network, let this machine in for as long as the command runs (--firewall-lease), or "
              "add its public address to state_ip_rules in envs/{env}/env.toml and have `toolkit bootstrap {env}` run "
              "from a place that is let in; rules for addresses have no effect from the account's own region: machines "
              "of Azure there are let in by state_subnet_ids or state_private_endpoint in terraform.tfvars",
              _BLOB, state=True),
    *(ErrorCode(code, "the state account or its container is not there", "toolkit bootstrap {env}", source,
                kind="not-found", state=True)
      for code, source in (
          ("ContainerNotFound", _BLOBS),
          ("ResourceGroupNotFound", _DEPLOY),
          ("ResourceNotFound", _DEPLOY),
          ("ParentResourceNotFound", _DEPLOY),
      )),
    ErrorCode("NoSuchHost", "the state account or its container is not there", "toolkit bootstrap {env}", _INFERRED,
              when=r"no such host", kind="not-found", by_text=True, state=True),
)  # fmt: skip

LEASED = next(row for row in CODES if row.code == "StateLeased")

# How azcore's ResponseError, which azapi prints, states a code and a status; ARM nests further ones in "details" and
# "innererror", and some services a whole answer, escaped, in a message:
# https://github.com/Azure/azure-sdk-for-go/blob/main/sdk/azcore/internal/exported/response_error.go
_STATED = re.compile(r'ERROR CODE: (\w+)|\\*"code\\*":\s*\\*"(\w+)', re.IGNORECASE)
_STATUS = re.compile(r"\bRESPONSE ([45]\d\d)\b")
_WORD = re.compile(r"\b[A-Z]\w+[a-z]\b")


def find(text: str, *, state: bool = False) -> ErrorCode | None:
    """The row of an error text; ``state`` when it is the storage of Terraform's state that failed."""
    return by_text(text, state=state) or by_code(text, state=state)


def by_text(text: str, *, state: bool = False) -> ErrorCode | None:
    """The row whose words are in a text, for errors without a code of their own."""
    return next((row for row in _rows(state) if row.by_text and row.fits(text)), None)


def by_code(text: str, *, state: bool = False) -> ErrorCode | None:
    """The row of a code that a text states, the innermost first; else of one among its words; else of its status."""
    # Inner codes first: ARM wraps the telling one into envelopes (DeploymentFailed, BadRequest) that have no row.
    stated = [first or second for first, second in _STATED.findall(text)]
    for code in (*reversed(stated), *_WORD.findall(text), *_STATUS.findall(text)):
        if row := of_code(code, text, state=state):
            return row
    return None


def of_code(code: str, text: str = "", *, state: bool = False) -> ErrorCode | None:
    """The row of a code whose answer said ``text``."""
    return next((row for row in _rows(state) if row.code == code and not row.by_text and row.fits(text)), None)


def _rows(state: bool) -> Iterator[ErrorCode]:
    """What the state's storage answers has a meaning of its own, else the general one."""
    if state:
        yield from (row for row in CODES if row.state)
    yield from (row for row in CODES if not row.state)
