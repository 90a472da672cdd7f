# What a lease lets in is declared for as long as it is open: so it is no drift, and an apply in the middle leaves it there.
# Rules stand in the order of their text, as toolkit/firewall/kinds.py writes them: azapi compares lists item by item.
locals {
  storage_leases = {
    for name in ["storage_account", "lake_storage_account", "pointer_storage_account", "function_storage_account"] :
    name => lookup(var.toolkit_leases, lower("Microsoft.Storage/storageAccounts/${local.names[name]}"), [])
  }
  vault_leases = lookup(var.toolkit_leases, lower("Microsoft.KeyVault/vaults/${local.names.key_vault}"), [])
}
