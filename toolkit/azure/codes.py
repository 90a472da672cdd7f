"""The error codes of Azure that a platform's life meets: meaning, way out, and how long waiting can help.

The one home of codes and of seconds: `toolkit.azure.denial` (data planes, smoke) and `toolkit.terraform.diagnostics`
take theirs from here, and docs/errors.md is written from it (`python -m docs.generate errors`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# https://learn.microsoft.com/azure/role-based-access-control/troubleshooting: "up to 10 minutes".
ROLE_SECONDS = 600.0
# No official figure; reports and scripts in public repositories wait up to a minute or two (inferred).
FIREWALL_SECONDS = 180.0
# Federated credentials and new principals, replicated inside Entra: "can take time to propagate" (inferred figure):
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#general-federated-identity-credential-considerations
ENTRA_SECONDS = 300.0
# Records of private endpoints have a time to live of 10 s; a negative answer is kept longer (inferred).
DNS_SECONDS = 60.0
OUTAGE_SECONDS = 120.0
# The rest are inferred: how long an operation of the same resource may run, an outage last, a link stay behind.
OPERATION_SECONDS = 900.0
THROTTLE_SECONDS = 600.0
SERVICE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row. ``when`` is a pattern that the message must have as well; rows with one stand before those without.

    ``hint`` may use ``{env}`` and ``{id}``, the id of the resource that the request was about.
    """

    code: str
    meaning: str
    hint: str
    source: str
    seconds: float = 0.0
    when: str | None = None

    @property
    def retried(self) -> bool:
        return self.seconds > 0


_DEPLOY = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors"
_STORAGE = "https://learn.microsoft.com/rest/api/storagerp/srp_error_codes_common"
_RBAC = "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting"
_THROTTLING = "https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling"
_LOCKS = "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources"
_BUSY = "https://github.com/hashicorp/terraform-provider-azurerm/issues/28715"
_VAULT = "https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery"
_LINK = "https://github.com/hashicorp/terraform-provider-azurerm/issues/28979"
_ENDPOINT = "https://github.com/hashicorp/terraform-provider-azurerm/pull/14398"
_INFERRED = "inferred"

_WAIT = "wait until it is over, then run again"
_QUOTA = "ask for more quota (portal: Quotas), or choose a smaller or another size in envs/<env>/env.toml"
_NAME = "choose another name with name_overrides in envs/<env>/env.toml"
_REGISTER = "az provider register --wait --namespace with the namespace that the message names, then run again"
_VALUE = "the message names the value: correct it in envs/<env>/env.toml"
_REGION = "choose a region or size that offers it in envs/<env>/env.toml (az vm list-skus shows what each one offers)"
_NETWORK = "correct the address ranges of the network in envs/<env>/env.toml"
_GONE = "toolkit plan {env} shows what is missing"
_OWNER = "have the owner of the subscription look at its state and billing"
_ROLE = "have the operator run `toolkit bootstrap {env}`, which assigns the roles"

CODES: tuple[ErrorCode, ...] = (
    # Roles and principals
    ErrorCode("PrincipalNotFound", "a new identity has not reached the directory yet", _ROLE, _RBAC, ENTRA_SECONDS),
    ErrorCode("AuthorizationFailed", "this identity has no role that allows this, or it has not arrived yet", _ROLE,
              _RBAC, ROLE_SECONDS),
    ErrorCode("LinkedAuthorizationFailed", "this identity may not put anything into a subnet of the existing network",
              "have the network's owner assign a role with Microsoft.Network/virtualNetworks/subnets/join/action on "
              "the subnet", _RBAC, when=r"subnets/join/action"),
    ErrorCode("LinkedAuthorizationFailed", "a role assignment on a linked resource has not arrived yet", _ROLE, _DEPLOY,
              ROLE_SECONDS),
    ErrorCode("RoleAssignmentExists", "the same assignment exists under another name",
              "az role assignment delete --ids {existing}, then run again", _RBAC),
    ErrorCode("RoleAssignmentUpdateNotPermitted", "an assignment of this name is for another principal, role or scope",
              "az role assignment delete --ids {id}, then run again", _RBAC),
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
              "az login --tenant with the tenant of envs/<env>/env.toml", _DEPLOY),
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
    ErrorCode("InvalidPrivateLinkServiceId", "the target of a private endpoint is not ready yet", _WAIT, _ENDPOINT,
              SERVICE_SECONDS),
    *(ErrorCode(code, "Azure throttles", _WAIT, _THROTTLING, THROTTLE_SECONDS)
      for code in ("TooManyRequests", "SubscriptionRequestsThrottled", "ResourceCollectionRequestsThrottled")),
    ErrorCode("RetryableError", "Azure asks to try again", _WAIT, _INFERRED, THROTTLE_SECONDS),
    ErrorCode("InternalServerError", "the service is unavailable for the moment", _WAIT, _DEPLOY, SERVICE_SECONDS),
    ErrorCode("InternalError", "the service is unavailable for the moment", _WAIT, _STORAGE, SERVICE_SECONDS),
    *(ErrorCode(code, "the service is unavailable for the moment", _WAIT, _INFERRED, SERVICE_SECONDS)
      for code in ("ServiceUnavailable", "GatewayTimeout")),
    ErrorCode("DeploymentActiveAndUneditable", "a deployment to the same group is running", _WAIT, _DEPLOY),
    ErrorCode("ResourceGroupBeingDeleted", "the resource group is being deleted", _WAIT, _DEPLOY),
    # Quota, size and region
    *(ErrorCode(code, "the quota does not cover what was asked for", _QUOTA, source)
      for code, source in (
          ("QuotaExceeded", _INFERRED),
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
    *(ErrorCode(code, "a resource provider is not registered in the subscription", _REGISTER, _DEPLOY)
      for code in ("MissingSubscriptionRegistration", "InvalidSubscriptionRegistrationState")),
    *(ErrorCode(code, "the resource provider does not offer this type or version in the region", _REGION, _DEPLOY)
      for code in ("MissingRegistrationForLocation", "NoRegisteredProviderFound", "InvalidResourceType",
                   "InvalidResourceNamespace")),
    ErrorCode("SubscriptionNotFound", "the subscription does not exist for this identity",
              "check subscription and tenant in envs/<env>/env.toml, and the account you are signed in with "
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
              "purge it (az keyvault purge --name {name}), or " + _NAME, _VAULT, when=r"deleted state"),
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
    *(ErrorCode(code, "the resource does not exist", _GONE, _DEPLOY)
      for code in ("ParentResourceNotFound", "ResourceGroupNotFound", "ResourceNotFound", "StorageAccountNotFound")),
    *(ErrorCode(code, "Azure does not accept a value", _VALUE, _DEPLOY)
      for code in ("InvalidParameter", "InvalidRequestContent", "InvalidRequestFormat", "AccountPropertyCannotBeSet",
                   "PropertyChangeNotAllowed")),
)  # fmt: skip

# Inner codes first: ARM wraps the telling one into envelopes (DeploymentFailed, BadRequest) that have no row.
_STRUCTURED = re.compile(r'ERROR CODE: (\w+)|"code":\s*"(\w+)"', re.IGNORECASE)


def find(text: str) -> ErrorCode | None:
    """The row of an error text of ARM: by the codes that it states, else by the first code among its words."""
    stated = [first or second for first, second in _STRUCTURED.findall(text)]
    words = re.findall(r"\b[A-Z]\w+[a-z]\b", text)
    for code in (*reversed(stated), *words):
        for row in CODES:
            if row.code == code and (row.when is None or re.search(row.when, text, re.IGNORECASE)):
                return row
    return None
