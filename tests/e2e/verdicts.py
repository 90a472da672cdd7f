"""Every input of an environment, changed once: what a plan of each root makes of it.

A row is one edit of the files of `local` as they are, with one more container in each account. The verdict of a root is

    nothing   the plan is empty
    changes   something is created, updated, or replaced that holds nothing
    refused   what holds state or data would be replaced or deleted, or Azure refuses the change of what stands
    invalid   an error before anything is planned, or the plan itself fails
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["nothing", "changes", "refused", "invalid"]

ENV, LOCAL, COMMON, BACKEND = "local/env.toml", "local/terraform.tfvars", "common.tfvars", "local/backend.hcl"
SUBNET = (
    "/subscriptions/10ca1000-0000-4000-8000-000000000002/resourceGroups/rg-agents/providers/Microsoft.Network"
    "/virtualNetworks/vnet-agents/subnets/snet-agents"
)
GROUP = "10ca1000-0000-4000-8000-0000000000ff"


@dataclass(frozen=True)
class Row:
    """``old`` occurs once in ``file`` and becomes ``new``; without ``old``, ``new`` is added at the end."""

    name: str
    file: str
    old: str
    new: str
    bootstrap: Verdict
    platform: Verdict


def access(service: str, before: str, after: str, bootstrap: Verdict, platform: Verdict) -> Row:
    line = f"\n{service:<26} = "  # as `local` sets it
    return Row(f"public_network_access.{service}", ENV, f'{line}"{before}"', f'{line}"{after}"', bootstrap, platform)


def added(name: str, value: str, bootstrap: Verdict, platform: Verdict) -> Row:
    return Row(name, LOCAL, "", f"\n{name} = {value}\n", bootstrap, platform)


def renamed(key: str, value: str, bootstrap: Verdict, platform: Verdict) -> Row:
    return Row(f"name_overrides.{key}", LOCAL, "", f'\nname_overrides = {{ {key} = "{value}" }}\n', bootstrap, platform)


ENVIRONMENT = (
    Row(
        "tenant",
        ENV,
        '"10ca1000-0000-4000-8000-000000000001"',
        '"10ca1000-0000-4000-8000-0000000000aa"',
        "invalid",
        "invalid",
    ),
    Row(
        "subscription",
        ENV,
        '"10ca1000-0000-4000-8000-000000000002"',
        '"10ca1000-0000-4000-8000-0000000000ab"',
        "invalid",
        "refused",
    ),
    Row("location", ENV, '"westeurope"', '"northeurope"', "nothing", "refused"),
    Row("credential", ENV, "protected ", 'credential = "managed-identity"\nprotected ', "nothing", "nothing"),
    Row("client_id", ENV, "protected ", f'client_id = "{GROUP}"\nprotected ', "nothing", "nothing"),
    Row(
        "operator",
        ENV,
        "protected ",
        f'operator = {{ object_id = "{GROUP}", type = "Group" }}\nprotected ',
        "nothing",
        "nothing",
    ),
    Row("github_repository", ENV, '"example-org/ml-platform"', '"example-org/other"', "changes", "nothing"),
    Row(
        "vantages",
        ENV,
        '["internet", "vnet", "adf-managed", "aml-managed"]',
        '["vnet", "internet", "adf-managed", "aml-managed"]',
        "nothing",
        "nothing",
    ),
    Row("preflight", ENV, "protected ", "preflight = false\nprotected ", "nothing", "nothing"),
    Row("protected", ENV, "= false", "= true", "nothing", "nothing"),
    Row("state_ip_rules", ENV, '["203.0.113.10", ', '["203.0.113.9", "203.0.113.10", ', "changes", "nothing"),
    Row(
        "smoke.allowed_extras",
        ENV,
        "",
        '\n[smoke]\nallowed_extras = { "*/subnets/old" = "until May" }\n',
        "nothing",
        "nothing",
    ),
    Row("guard.allowed_locations", ENV, "", '\n[guard]\nallowed_locations = ["northeurope"]\n', "nothing", "nothing"),
    Row(
        "drift.ignore",
        ENV,
        "",
        '\n[[drift.ignore]]\nwhat = "*/subnets/old"\nreason = "until May"\nexpires = 2099-05-31\n',
        "nothing",
        "nothing",
    ),
    Row("smoke.allowed_skips", ENV, "", '\n[smoke]\nallowed_skips = ["adf-triggers"]\n', "nothing", "nothing"),
    Row("smoke.allow_warnings", ENV, "", "\n[smoke]\nallow_warnings = true\n", "nothing", "nothing"),
    Row(
        "sandbox.core_quotas", ENV, "", "\n[sandbox]\ncore_quotas = { standardDSv3Family = 8 }\n", "nothing", "nothing"
    ),
    Row("sandbox.vantages", ENV, "", '\n[sandbox.vantages.adf-public]\nregion = "westeurope"\n', "nothing", "nothing"),
    access("storage", "Enabled", "Disabled", "nothing", "changes"),
    access("state", "Enabled", "Disabled", "invalid", "nothing"),
    access("key_vault", "Disabled", "Enabled", "nothing", "changes"),
    access("container_registry", "Disabled", "Enabled", "nothing", "changes"),
    access("data_factory", "Disabled", "Enabled", "nothing", "changes"),
    access("machine_learning_workspace", "Disabled", "Enabled", "nothing", "changes"),
)

VARIABLES = (
    Row("workload", COMMON, 'workload = "mlp"', 'workload = "mlq"', "invalid", "refused"),
    Row("tags", COMMON, '"ml-platform-team"', '"another-team"', "changes", "changes"),
    Row(
        "required_tags",
        COMMON,
        '["owner", "cost-center"]',
        '["owner", "cost-center", "nobody-has-it"]',
        "invalid",
        "invalid",
    ),
    added("state_account", "{ retention_days = 60 }", "changes", "nothing"),
    added("state_private_endpoint", f'{{ subnet_id = "{SUBNET}" }}', "changes", "nothing"),
    added("state_subnet_ids", f'["{SUBNET}"]', "changes", "nothing"),
    added(
        "azure_devops_federation",
        '{ issuer = "https://vstoken.dev.azure.com/x", subject = "sc://a/b/c" }',
        "changes",
        "nothing",
    ),
    added(
        "azure_devops_plan_federation",
        '{ issuer = "https://vstoken.dev.azure.com/x", subject = "sc://a/b/d" }',
        "changes",
        "nothing",
    ),
    added("github_branches", '["release"]', "changes", "nothing"),
    added("github_plan_branches", '["main", "next"]', "changes", "nothing"),
    added("further_delegated_roles", '["AcrPush"]', "changes", "nothing"),
    Row("storage.sku", LOCAL, '"Standard_LRS"', '"Standard_RAGRS"', "nothing", "changes"),
    Row(
        "storage.retention_days",
        LOCAL,
        "retention_days  = 7\n  containers",
        "retention_days  = 9\n  containers",
        "nothing",
        "changes",
    ),
    Row(
        "storage.containers",
        LOCAL,
        '["smoke", "adftrain", "archive"]',
        '["smoke", "adftrain"]',
        "nothing",
        "refused",
    ),
    Row("storage.lake_containers", LOCAL, '["raw", "curated", "extra"]', '["raw", "curated"]', "nothing", "refused"),
    Row(
        "key_vault",
        LOCAL,
        "  retention_days   = 7\n  purge_protection = false",
        "  retention_days   = 90\n  purge_protection = true",
        "changes",
        "refused",
    ),
    Row(
        "container_registry", LOCAL, "untagged_retention_days = 7", "untagged_retention_days = 9", "nothing", "changes"
    ),
    Row("monitoring", LOCAL, "retention_days = 30", "retention_days = 60", "nothing", "changes"),
    Row("machine_learning", LOCAL, "max_nodes = 2 }\n  }", "max_nodes = 3 }\n  }", "nothing", "changes"),
    Row("machine_learning_environments", COMMON, '"Training and scoring."', '"Training."', "nothing", "changes"),
    Row(
        "operator_group_ids",
        LOCAL,
        "operator_group_ids       = [",
        f'operator_group_ids = ["{GROUP}", ',
        "changes",
        "invalid",  # until the bootstrap knows the group
    ),
    Row(
        "data_scientist_group_ids",
        LOCAL,
        "data_scientist_group_ids = [",
        f'data_scientist_group_ids = ["{GROUP}", ',
        "changes",
        "invalid",  # until the bootstrap knows the group
    ),
    Row(
        "data_engineer_group_ids",
        LOCAL,
        "data_engineer_group_ids  = [",
        f'data_engineer_group_ids = ["{GROUP}", ',
        "changes",
        "invalid",  # until the bootstrap knows the group
    ),
    Row(
        "customer_managed_keys",
        LOCAL,
        "retention_days   = 7\n  purge_protection = false\n}\n",
        "retention_days = 90\n  purge_protection = true\n}\ncustomer_managed_keys = { enabled = true }\n",
        "nothing",
        "refused",
    ),
    Row("budget", LOCAL, "amount = 100", "amount = 200", "nothing", "changes"),
    Row("locks", LOCAL, "locks  = false", "locks  = true", "nothing", "changes"),
    added("further_locks", '{ storage = "CanNotDelete" }', "nothing", "changes"),
    added(
        "further_role_assignments",
        f'{{ audit = {{ resource = "storage", role = "Reader", principal_id = "{GROUP}", '
        'principal_type = "Group", why = "audits" } }',
        "changes",
        "invalid",
    ),
    Row("data_engineers_author", LOCAL, "data_engineers_author    = true", "", "changes", "changes"),
    added("service_principal_ids", f'["{GROUP}"]', "changes", "nothing"),
    added("timeouts", '{ machine_learning_workspace = "90m" }', "nothing", "changes"),
    Row("network.nat_zones", LOCAL, "network = {\n", 'network = {\n  nat_zones = ["1"]\n', "nothing", "nothing"),
    Row("network", LOCAL, '"10.40.0.0/20"', '"10.42.0.0/20"', "nothing", "refused"),
    added("network_security_perimeter", '{ inbound_address_prefixes = ["203.0.113.10/32"] }', "nothing", "changes"),
    added("private_dns", '{ records = "policy" }', "nothing", "changes"),
    added("development", "true", "nothing", "nothing"),
    Row("data_factory", COMMON, "time_to_live_minutes = 10", "time_to_live_minutes = 15", "nothing", "changes"),
    Row("pipelines", LOCAL, "hours = [2]", "hours = [5]", "nothing", "changes"),
    Row(
        "batch", LOCAL, '\nbatch = {\n  vm_size   = "Standard_D2s_v5"\n  max_nodes = 2\n}\n', "\n", "nothing", "invalid"
    ),
    Row("function_app", LOCAL, "\nfunction_app = {}\n", "\n", "nothing", "refused"),
)

NAMES = (
    renamed("resource_group", "rg-other", "refused", "nothing"),
    renamed("state_resource_group", "rg-other", "invalid", "nothing"),
    renamed("state_storage_account", "stother094da", "invalid", "nothing"),
    renamed("storage_account", "stother094da", "nothing", "refused"),
    renamed("lake_storage_account", "stother094da", "nothing", "refused"),
    renamed("pointer_storage_account", "stother094da", "nothing", "refused"),
    renamed("function_storage_account", "stother094da", "nothing", "refused"),
    renamed("key_vault", "kv-other-094da", "nothing", "refused"),
    renamed("container_registry", "crother094da", "nothing", "refused"),
    renamed("log_analytics_workspace", "log-other", "nothing", "refused"),
    renamed("application_insights", "appi-other", "nothing", "refused"),
    renamed("machine_learning_workspace", "mlw-other", "nothing", "refused"),
    renamed("data_factory", "adf-other-094da", "nothing", "refused"),
    renamed("identity", "id-other", "refused", "refused"),
    renamed("action_group", "ag-other", "nothing", "changes"),
    renamed("alert", "other", "nothing", "changes"),
    renamed("batch_account", "baother094da", "nothing", "changes"),
    renamed("function_app", "func-other-094da", "nothing", "changes"),
    renamed("app_service_plan", "asp-other", "nothing", "changes"),
    renamed("virtual_network", "vnet-other", "nothing", "refused"),
    renamed("network_security_group", "nsg-other", "nothing", "changes"),
    renamed("network_security_perimeter", "nsp-other", "nothing", "nothing"),
    renamed("route_table", "rt-other", "nothing", "nothing"),
    renamed("nat_gateway", "ng-other", "nothing", "nothing"),
    renamed("public_ip", "pip-other", "nothing", "nothing"),
    renamed("private_endpoint", "pep-other", "nothing", "changes"),
)

ROWS = (*ENVIRONMENT, *VARIABLES, *NAMES)

# What a plan cannot be asked about, and why.
NOT_PLANNED: Mapping[str, str] = {
    "target": "another cloud: nothing of the sandbox's is looked at",
    "provider_mirror": "another source of the same provider",
    "depends_on": "which environments come first: tests/unit/fleet/test_selection.py",
    "github_subject_template": "the form of the token's subject: tests/contract/test_ci_identity.py",
    "environment": "the folder's name: another environment",
    "location": "from env.toml",
    "tenant_id": "from env.toml: tenant",
    "subscription_id": "from env.toml: subscription",
    "operator_principal_id": "from env.toml: operator, which a sandbox replaces with its engineer",
    "operator_principal_type": "from env.toml: operator",
    "state": "from backend.hcl: the state account that bootstrap made",
    "alert_receiver_required": "from env.toml: target",
    "toolkit_leases": "what the toolkit itself holds open",
    "schema_validation": "the provider's version",
    "github_subject": "from env.toml: github_repository",
}
