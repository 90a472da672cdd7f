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
    pointer_storage_account    = "stcp${local.compact}"
    function_storage_account   = "stfn${local.compact}"
    key_vault                  = "kv-${var.workload}${var.environment}-${local.suffix}"
    container_registry         = "cr${local.compact}"
    log_analytics_workspace    = "log-${local.dashed}"
    application_insights       = "appi-${local.dashed}"
    action_group               = "ag-${local.dashed}"
    alert                      = local.dashed
    machine_learning_workspace = "mlw-${local.dashed}"
    data_factory               = "adf-${local.dashed}"
    batch_account              = "ba${local.compact}"
    function_app               = "func-${local.dashed}"
    app_service_plan           = "asp-${local.dashed}"
    virtual_network            = "vnet-${local.dashed}"
    network_security_group     = "nsg-${local.dashed}"
    network_security_perimeter = "nsp-${local.dashed}"
    route_table                = "rt-${local.dashed}"
    nat_gateway                = "ng-${local.dashed}"
    public_ip                  = "pip-${local.dashed}"
    private_endpoint           = "pep-${local.dashed}"
    identity                   = "id-${local.dashed}"
  }

  names = merge(local.computed, var.overrides)

  # Length and characters of what Azure checks: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
  # Of a stem (several resources), the length leaves room for what is added to it.
  network_name = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_])?$"
  rules = {
    resource_group             = { pattern = "^[A-Za-z0-9._()-]*[A-Za-z0-9_()-]$", shortest = 1, longest = 90 }
    state_resource_group       = { pattern = "^[A-Za-z0-9._()-]*[A-Za-z0-9_()-]$", shortest = 1, longest = 90 }
    state_storage_account      = { pattern = "^[a-z0-9]*$", shortest = 3, longest = 24 }
    storage_account            = { pattern = "^[a-z0-9]*$", shortest = 3, longest = 24 }
    lake_storage_account       = { pattern = "^[a-z0-9]*$", shortest = 3, longest = 24 }
    pointer_storage_account    = { pattern = "^[a-z0-9]*$", shortest = 3, longest = 24 }
    function_storage_account   = { pattern = "^[a-z0-9]*$", shortest = 3, longest = 24 }
    key_vault                  = { pattern = "^[A-Za-z](-?[A-Za-z0-9])*$", shortest = 3, longest = 24 }
    container_registry         = { pattern = "^[A-Za-z0-9]*$", shortest = 5, longest = 50 }
    log_analytics_workspace    = { pattern = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", shortest = 4, longest = 63 }
    application_insights       = { pattern = "^[^%&?/\\\\]*[^%&?/\\\\. ]$", shortest = 1, longest = 260 }
    action_group               = { pattern = "^[^:<>+/&%\\\\?|]*[^:<>+/&%\\\\?|. ]$", shortest = 1, longest = 260 }
    alert                      = { pattern = "^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$", shortest = 1, longest = 200 }
    machine_learning_workspace = { pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$", shortest = 3, longest = 33 }
    data_factory               = { pattern = "^[A-Za-z0-9](-?[A-Za-z0-9])*$", shortest = 3, longest = 63 }
    batch_account              = { pattern = "^[a-z0-9]*$", shortest = 3, longest = 24 }
    function_app               = { pattern = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", shortest = 2, longest = 60 }
    app_service_plan           = { pattern = "^[A-Za-z0-9-]*$", shortest = 1, longest = 60 }
    virtual_network            = { pattern = local.network_name, shortest = 2, longest = 64 }
    network_security_group     = { pattern = local.network_name, shortest = 1, longest = 60 }
    network_security_perimeter = { pattern = local.network_name, shortest = 1, longest = 80 }
    route_table                = { pattern = local.network_name, shortest = 1, longest = 80 }
    nat_gateway                = { pattern = local.network_name, shortest = 1, longest = 80 }
    public_ip                  = { pattern = local.network_name, shortest = 1, longest = 80 }
    private_endpoint           = { pattern = local.network_name, shortest = 2, longest = 40 }
    identity                   = { pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$", shortest = 3, longest = 100 }
  }

  unknown_overrides = setsubtract(keys(var.overrides), keys(local.computed))
  invalid_names = [
    for key, rule in local.rules :
    "${key} = \"${local.names[key]}\" (${rule.shortest} to ${rule.longest} characters, ${rule.pattern})"
    if try(
      !can(regex(rule.pattern, local.names[key])) || length(local.names[key]) < rule.shortest || length(local.names[key]) > rule.longest,
      false
    )
  ]

  tags = merge(var.tags, {
    environment  = var.environment
    workload     = var.workload
    "managed-by" = "terraform"
  })
}
