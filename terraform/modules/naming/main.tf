locals {
  suffix  = substr(sha256(lower("${var.subscription_id}|${var.workload}|${var.environment}")), 0, 5)
  dashed  = "${var.workload}-${var.environment}-${local.suffix}"
  compact = "${var.workload}${var.environment}${local.suffix}"

  # Abbreviations: https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/resource-abbreviations
  computed = {
    resource_group             = "rg-${local.dashed}"
    state_resource_group       = "rg-${var.workload}-state-${var.environment}-${local.suffix}"
    state_storage_account      = "sttf${local.compact}"
    storage_account            = "st${local.compact}"
    lake_storage_account       = "dls${local.compact}"
    key_vault                  = "kv-${var.workload}${var.environment}-${local.suffix}"
    container_registry         = "cr${local.compact}"
    log_analytics_workspace    = "log-${local.dashed}"
    application_insights       = "appi-${local.dashed}"
    action_group               = "ag-${local.dashed}"
    machine_learning_workspace = "mlw-${local.dashed}"
    data_factory               = "adf-${local.dashed}"
    virtual_network            = "vnet-${local.dashed}"
    network_security_group     = "nsg-${local.dashed}"
    nat_gateway                = "ng-${local.dashed}"
    public_ip                  = "pip-${local.dashed}"
    private_endpoint           = "pep-${local.dashed}"
    identity                   = "id-${local.dashed}"
  }

  names = merge(local.computed, var.overrides)

  # Length and characters: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
  rules = {
    state_storage_account      = "^[a-z0-9]{3,24}$"
    storage_account            = "^[a-z0-9]{3,24}$"
    lake_storage_account       = "^[a-z0-9]{3,24}$"
    key_vault                  = "^[a-zA-Z](-?[a-zA-Z0-9]){2,23}$"
    container_registry         = "^[a-zA-Z0-9]{5,50}$"
    machine_learning_workspace = "^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$"
    data_factory               = "^[A-Za-z0-9](-?[A-Za-z0-9]){2,62}$"
  }

  unknown_overrides = setsubtract(keys(var.overrides), keys(local.computed))
  invalid_names = [
    for key, rule in local.rules : "${key} = \"${local.names[key]}\" (${rule})" if !can(regex(rule, local.names[key]))
  ]
}
