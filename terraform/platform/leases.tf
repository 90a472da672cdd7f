# What a lease lets in is declared for as long as it is open: so it is no drift, and an apply in the middle leaves it there.
# Rules stand in the order of their text, as toolkit/firewall/kinds.py writes them: azapi compares lists item by item.
# Terraform declares no rules of the function app, which stand in a child of it.
locals {
  # By the resource's type and name, as the toolkit names it in toolkit_leases.
  rule_keys = merge(
    {
      storage            = lower("Microsoft.Storage/storageAccounts/${local.names.storage_account}")
      lake               = lower("Microsoft.Storage/storageAccounts/${local.names.lake_storage_account}")
      pointer_storage    = lower("Microsoft.Storage/storageAccounts/${local.names.pointer_storage_account}")
      key_vault          = lower("Microsoft.KeyVault/vaults/${local.names.key_vault}")
      container_registry = lower("Microsoft.ContainerRegistry/registries/${local.names.container_registry}")
      workspace          = lower("Microsoft.MachineLearningServices/workspaces/${local.names.machine_learning_workspace}")
    },
    local.with_batch ? { batch = lower("Microsoft.Batch/batchAccounts/${local.names.batch_account}") } : {},
    local.with_function_app ? {
      function_storage = lower("Microsoft.Storage/storageAccounts/${local.names.function_storage_account}")
      function         = lower("Microsoft.Web/sites/${local.names.function_app}")
    } : {},
  )

  # The environment's own.
  ip_rules = {
    storage            = var.storage.ip_rules
    lake               = var.storage.lake_ip_rules
    pointer_storage    = var.storage.pointer_ip_rules
    function_storage   = toset([])
    key_vault          = var.key_vault.ip_rules
    container_registry = toset([])
    workspace          = toset(var.machine_learning.ip_allowlist)
    batch              = toset(try(var.batch.ip_rules, []))
    function           = toset([])
  }

  # With what is open. Rules for a public endpoint that is off are refused; and a workspace without a list lets everybody in, so
  # that there is nothing that a lease could add to.
  open_ip_rules = {
    for name, key in local.rule_keys : name => setunion(
      local.ip_rules[name],
      (
        name == "batch" && try(var.batch.public_network_access, "Disabled") == "Disabled" ||
        name == "workspace" && length(local.ip_rules.workspace) == 0
      ) ? toset([]) : toset(lookup(var.toolkit_leases, key, []))
    )
  }
}
