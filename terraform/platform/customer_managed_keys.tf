# Each service encrypts with a key of its own, which it uses as an identity that may use this key and no other: where a service has a
# user-assigned identity already, that one (Batch cannot say which of several it means), else one that is there for this alone, as which
# nobody's code runs. The right is on the key, the narrowest scope that there is:
# https://learn.microsoft.com/azure/key-vault/general/rbac-guide
locals {
  customer_managed_keys_on = var.customer_managed_keys.enabled

  # All of them, whichever services use theirs today: who stops using one still needs it while it does so.
  encryption_identities = local.customer_managed_keys_on ? merge(
    {
      storage                    = module.encryption_identity[0]
      container_registry         = module.encryption_identity[0]
      data_factory               = module.identity["factory"]
      machine_learning_workspace = local.service_identities.workspace
    },
    local.with_batch ? { batch = module.batch_identity["batch"] } : {},
  ) : {}

  encryption_access = {
    storage                    = { principal = "encryption", why = "storage accounts encrypt with this key of the platform's" }
    container_registry         = { principal = "encryption", why = "the registry encrypts with this key of the platform's" }
    data_factory               = { principal = "factory", why = "the factory encrypts with this key of the platform's" }
    machine_learning_workspace = { principal = "workspace", why = "the workspace encrypts with this key of the platform's" }
    batch                      = { principal = "batch", why = "the Batch account encrypts with this key of the platform's" }
  }

  encryption_keys = { for service in keys(local.encryption_identities) : service => replace(service, "_", "-") }

  # By service: what its module takes. Whoever gets it waits for the role.
  customer_managed_key = {
    for service, identity in local.encryption_identities : service => {
      key_name             = module.key_vault.keys[local.encryption_keys[service]].name
      key_uri              = module.key_vault.keys[local.encryption_keys[service]].uri
      key_uri_with_version = module.key_vault.keys[local.encryption_keys[service]].uri_with_version
      vault_id             = module.key_vault.keys[local.encryption_keys[service]].vault_id
      vault_uri            = module.key_vault.keys[local.encryption_keys[service]].vault_uri
      identity_id          = identity.id
      identity_client_id   = identity.client_id
      queues_and_tables    = var.customer_managed_keys.queues_and_tables
      role_assignment_ids  = [module.encryption_access.assignments["${local.encryption_access[service].principal}_on_key_${service}"].id]
    } if contains(var.customer_managed_keys.services, service)
  }
}

module "encryption_identity" {
  source = "../modules/user_assigned_identity"
  count  = local.customer_managed_keys_on ? 1 : 0

  name      = "${local.names.identity}-encryption"
  parent_id = local.resource_group_id
  location  = var.location
  tags      = local.tags
}

# Apart from the others, because what they encrypt waits for them.
module "encryption_access" {
  source = "../modules/role_assignments"

  subscription_id       = var.subscription_id
  assignable_role_ids   = local.bootstrap.delegated_role_ids
  assignable_principals = local.bootstrap.delegated_principals
  assignments = {
    for service, identity in local.encryption_identities :
    "${local.encryption_access[service].principal}_on_key_${service}" => {
      scope          = module.key_vault.keys[local.encryption_keys[service]].id
      role           = "Key Vault Crypto Service Encryption User"
      principal_id   = identity.principal_id
      principal_type = "ServicePrincipal"
      why            = local.encryption_access[service].why
    }
  }
}
