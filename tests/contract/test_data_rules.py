"""Each validation of both roots has a bad value here, and ``toolkit env validate`` refuses it with file and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from toolkit.environment import Operator, load_environment
from toolkit.environment.types import declared
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.terraform.data import check_data
from toolkit.terraform.rules import broken_rules
from toolkit.terraform.state import read_backend
from toolkit.terraform.workspace import ROOTS, RootName, filled_variables
from toolkit.toolchain.terraform import ensure_terraform

pytestmark = pytest.mark.contract

FOREIGN = 'subnet_ids = { private_endpoints = "" }'
NETWORK = f"/subscriptions/{'0' * 8}-0000-4000-8000-{'0' * 12}/resourceGroups/g/providers/Microsoft.Network"
DELEGATED = 'delegation = "Microsoft.App/environments"'
SUBNET = "private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }"
ISSUER = '{ issuer = "https://login.microsoftonline.com/t/v2.0", subject = "/eid1/c/pub/t/a" }'
FOREIGN_ISSUER = '{ issuer = "https://vstoken.dev.azure.com/o", subject = "/eid1/c/pub/t/a" }'
MANY = ", ".join(f'"b{number}"' for number in range(20))
ACCESS = dict.fromkeys(
    ["storage", "state", "key_vault", "container_registry", "data_factory", "machine_learning_workspace"], "Disabled"
)


def storage(containers: str = '"smoke", "adftrain"', lake: str = '"raw", "curated"', more: str = "") -> str:
    return (
        f'storage = {{ sku = "Standard_LRS", retention_days = 7, containers = [{containers}], '
        f"lake_containers = [{lake}] {more} }}"
    )


def network(more: str, subnets: str = SUBNET, space: str = 'address_space = "10.0.0.0/20"') -> str:
    return f"network = {{\n{space}\nsubnets = {{\n{subnets}\n}}\n{more}\n}}"


def event(container: str, account: str) -> str:
    return (
        f'pipelines = {{ environment = "train", blob_events = {{ e = {{ pipeline = "p", container = "{container}", '
        f'account = "{account}" }} }} }}'
    )


def further(**changes: str) -> str:
    facts = {
        "resource": "lake",
        "role": "Reader",
        "principal_id": f"{'0' * 8}-0000-4000-8000-{'0' * 12}",
        "principal_type": "Group",
        "why": "they read it",
    }
    said = ", ".join(f'{key} = "{value}"' for key, value in (facts | changes).items())
    return f"further_role_assignments = {{ readers = {{ {said} }} }}"


# (root, variable) -> for each of its validations, in order: what stands in terraform.tfvars, or what env.toml fills in.
BAD: dict[tuple[RootName, str], list[str | dict[str, Any]]] = {
    ("bootstrap", "operator_principal_id"): [{"operator_principal_id": "me"}],
    ("bootstrap", "state_ip_rules"): [{"state_ip_rules": []}],
    ("bootstrap", "public_network_access"): [{"public_network_access": ACCESS}],
    ("bootstrap", "state_subnet_ids"): ['state_subnet_ids = ["runners"]'],
    ("bootstrap", "github_repository"): [{"github_repository": "https://github.com/a/b"}],
    ("bootstrap", "github_subject"): [{"github_subject": "repo:a/b"}],
    ("bootstrap", "github_branches"): [
        'github_branches = ["refs/heads/main"]',
        'github_branches = ["a/b", "a.b"]',
        f"github_branches = [{MANY}]",
    ],
    ("bootstrap", "github_plan_branches"): [
        'github_plan_branches = ["*"]',
        'github_plan_branches = ["a/b", "a.b"]',
        f"github_plan_branches = [{MANY}]",
    ],
    ("bootstrap", "azure_devops_federation"): [f"azure_devops_federation = {FOREIGN_ISSUER}"],
    ("bootstrap", "azure_devops_plan_federation"): [
        f"azure_devops_plan_federation = {FOREIGN_ISSUER}",
        f"azure_devops_federation = {ISSUER}\nazure_devops_plan_federation = {ISSUER}"
    ],
    ("bootstrap", "further_delegated_roles"): ['further_delegated_roles = ["Owner"]'],
    ("bootstrap", "operator_group_ids"): ['operator_group_ids = ["team"]'],
    ("bootstrap", "data_scientist_group_ids"): ['data_scientist_group_ids = ["team"]'],
    ("bootstrap", "data_engineer_group_ids"): ['data_engineer_group_ids = ["team"]'],
    ("bootstrap", "service_principal_ids"): ['service_principal_ids = ["ci"]'],
    ("platform", "location"): [{"location": "West Europe"}],
    ("platform", "public_network_access"): [{"public_network_access": {**ACCESS, "storage": "Maybe"}}],
    ("platform", "storage"): [
        storage(containers='"smoke"'),
        storage(lake='"raw"'),
        {"public_network_access": ACCESS, "": storage(more=', lake_ip_rules = ["203.0.113.7"]')},
    ],
    ("platform", "key_vault"): ["key_vault = { retention_days = 7, purge_protection = true }"],
    ("platform", "monitoring"): [
        {"alert_receiver_required": True, "": "monitoring = { retention_days = 30 }"},
        'monitoring = { retention_days = 30, action_group_ids = ["oncall"] }',
    ],
    ("platform", "customer_managed_keys"): [
        'customer_managed_keys = { services = ["function_app"] }',
        "customer_managed_keys = { enabled = true, services = [] }",
        "customer_managed_keys = { enabled = true }",
        "customer_managed_keys = { key_size = 1024 }",
        'customer_managed_keys = { rotate_after = "90d" }',
        'customer_managed_keys = { rotate_after = "P6D" }',
        'customer_managed_keys = { rotate_after = "P90D", expire_after = "P91D" }',
    ],
    ("platform", "further_locks"): [
        'further_locks = { lake = "None" }',
        'further_locks = { machine_learning_workspace = "ReadOnly" }',
    ],
    ("platform", "further_role_assignments"): [
        further(principal_id="team"),
        further(principal_type="User"),
        further(resource="workspace"),
    ],
    ("platform", "timeouts"): ['timeouts = { function_app = "1 hour" }'],
    ("platform", "machine_learning"): ["machine_learning = { computes = {} }"],
    ("platform", "operator_group_ids"): ['operator_group_ids = ["team"]'],
    ("platform", "data_scientist_group_ids"): ['data_scientist_group_ids = ["team"]'],
    ("platform", "data_engineer_group_ids"): ['data_engineer_group_ids = ["team"]'],
    ("platform", "network"): [
        network("", space=""),
        network("", space='address_space = "172.16.0.0/12"'),
        network("", subnets="batch = { newbits = 4, netnum = 0 }"),
        f'network = {{ existing = {{ virtual_network_id = "{NETWORK}/x", {FOREIGN} }} }}',
        network("", subnets=SUBNET.replace("true", 'true, service_endpoints = ["Microsoft.Storage"]')),
    ],
    ("platform", "network_security_perimeter"): [
        'network_security_perimeter = { members = { container_registry = "Learning" } }',
        'network_security_perimeter = { members = { lake = "Audit" } }',
        'network_security_perimeter = { inbound_address_prefixes = ["203.0.113.7/24"] }',
        'network_security_perimeter = { inbound_subscription_ids = ["ours"] }',
        'customer_managed_keys = { enabled = true }\nkey_vault = { retention_days = 90, purge_protection = true }\n'
        'network_security_perimeter = { members = { key_vault = "Enforced" } }',
        'key_vault = { retention_days = 7, purge_protection = false, ip_rules = ["203.0.113.7"] }\n'
        'network_security_perimeter = { members = { key_vault = "Enforced" } }',
    ],
    ("platform", "private_dns"): [
        'private_dns = { records = "mine" }',
        f'private_dns = {{ zone_ids = ["{NETWORK}/privateDnsZones/z"] }}',
        'private_dns = { records = "existing" }',
        f'private_dns = {{ records = "existing", zone_ids = ["{NETWORK}/privateDnsZones/z", "/subscriptions/o/z"] }}',
    ],
    ("platform", "data_factory"): [
        'data_factory = { git_configuration = { account_name = "a", repository_name = "r" } }'
    ],
    ("platform", "pipelines"): [
        'pipelines = { environment = "train", compute = "none" }',
        'pipelines = { environment = "none" }',
        event("adftrain", "disk"),
        event("none", "storage"),
    ],
    ("platform", "batch"): [
        network(""),
        network("", subnets=f'{SUBNET}\nbatch = {{ newbits = 4, netnum = 1, {DELEGATED} }}'),
    ],
    ("platform", "function_app"): [
        network(""),
        network("", subnets=f"{SUBNET}\nfunctions = {{ newbits = 4, netnum = 1 }}"),
        "function_app = { zone_redundant = true }",
    ],
}  # fmt: skip

RULES = {(v.root, v.name): v.block["validation"] for r in ROOTS for v in declared(ROOT / "terraform", r)
         if v.block.get("validation")}  # fmt: skip
CASES = [(root, name, number) for (root, name), values in BAD.items() for number in range(len(values))]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The data of local in common.tfvars, so that a case replaces whole variables of it."""
    folder = tmp_path_factory.mktemp("rules")
    shutil.copytree(ROOT / "envs", folder / "envs")
    (folder / "terraform").symlink_to(ROOT / "terraform")
    common, local = folder / "envs" / "common.tfvars", folder / "envs" / "local" / "terraform.tfvars"
    common.write_text(common.read_text(encoding="utf-8") + local.read_text(encoding="utf-8"), encoding="utf-8")
    return Project(folder)


def problems(project: Project, root: RootName, bad: str | dict[str, Any]) -> list[str]:
    text = bad if isinstance(bad, str) else bad.get("", "")
    (project.envs_dir / "local" / "terraform.tfvars").write_text(text + "\n", encoding="utf-8")
    environment = load_environment("local", project)
    operator = Operator("00000000-0000-4000-8000-000000000001", "User")
    values = filled_variables(environment, operator, read_backend(environment), schema_validation=True)
    if isinstance(bad, dict):
        values = {**values, **{name: value for name, value in bad.items() if name}}
    return broken_rules(environment, root, values, ensure_terraform().path)


def test_every_validation_of_both_roots_has_a_bad_value() -> None:
    assert {key: len(values) for key, values in BAD.items()} == {key: len(rules) for key, rules in RULES.items()}
    assert len(CASES) >= 35


@pytest.mark.parametrize(("root", "name", "number"), CASES, ids=[f"{r}-{n}-{i}" for r, n, i in CASES])
def test_a_bad_value_of_each_validation_is_refused(project: Project, root: RootName, name: str, number: int) -> None:
    message = " ".join(RULES[root, name][number]["error_message"].split()).replace('\\"', '"')
    found = re.match(r'(?:\$\{join\(" ", \[")?([^"$]{12,})', message)  # what stands before the first value in it
    assert found, message
    head = found[1].strip()
    told = problems(project, root, BAD[root, name][number])
    assert [line for line in told if head in line], told
    assert all(
        re.match(
            r"envs/(local/env\.toml:\d+: [a-z_.]+|local/backend\.hcl|local/terraform\.tfvars:\d+|common\.tfvars:\d+): ",
            line,
        )
        for line in told
    )


@pytest.mark.parametrize(
    "space", ["127.1.0.0/20", "168.63.128.0/20", "169.254.0.0/20", "224.0.0.0/20", "255.255.240.0/20", "172.17.16.0/20"]
)
def test_a_range_that_azure_keeps_is_refused(project: Project, space: str) -> None:
    told = problems(project, "platform", network("", space=f'address_space = "{space}"'))
    assert [line for line in told if "network.address_space overlaps a range" in line], told


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ('{ owner = "a", cost-center = "0", Owner = "b" }', "names differ in case only"),
        ('{ owner = "a", cost-center = "0", azure-team = "b" }', "reserved for Azure"),
        ('{ owner = "a", cost-center = "0", environment = "b" }', "are the platform's own and would replace yours"),
        ('{ owner = "a" }', "Every resource needs the tags"),
    ],
)
def test_tags_that_azure_or_the_naming_refuse(project: Project, tags: str, words: str) -> None:
    for root in ROOTS:
        told = problems(project, root, f"tags = {tags}")
        assert [line for line in told if words in line], told


@pytest.mark.parametrize("root", ROOTS)
def test_good_data_breaks_no_rule(project: Project, root: RootName) -> None:
    assert problems(project, root, "") == []


@pytest.mark.parametrize("name", ["QA.1", "quality9", "1qa"])
def test_a_name_that_plan_refuses_is_not_called_valid(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / "terraform").symlink_to(ROOT / "terraform")
    (tmp_path / "envs" / "dev").rename(tmp_path / "envs" / name)
    with pytest.raises(UsageError, match="environment must be 2 to 7 lower-case letters and digits"):
        check_data(load_environment(name, Project(tmp_path)))


# What validations and preconditions of the modules refuse: edits of local's terraform.tfvars that are checked at once,
# and what is said to each. What reads a module that refuses something is not asked.
OF_MODULES: dict[str, list[tuple[str, str, str]]] = {
    "first": [
        ('sku             = "Standard_LRS"', 'sku             = "Standard_XRS"', "sku must be Standard_LRS, "),
        ("retention_days   = 7\n  purge", "retention_days   = 3\n  purge", "retention_days must be between 7 and 90"),
        ("batch             = { newbits = 4", "batch             = { newbits = 9", "lower its newbits"),
        ("    cpu-cluster = {", "    cpu-1 = {", "cpu-cluster, not cpu-1"),
        ("budget = { amount = 100 }", "budget = { amount = 0 }", "amount"),
    ],
    "second": [
        ("retention_days  = 7\n  containers", "retention_days  = 400\n  containers", "between 1 and 365"),
        ("newbits = 4, netnum = 2", "newbits = 4, netnum = 0", "Subnets overlap: batch and private_endpoints"),
        ("retention_days = 30", "retention_days = 5", "retention_days must be between 30 and 730"),
        ("untagged_retention_days = 7", "untagged_retention_days = 400", "untagged_retention_days must be between"),
        ("function_app = {}", "function_app = { memory_mb = 1000 }", "memory_mb"),
    ],
    "third": [
        ("  max_nodes = 2\n}", "  max_nodes = 0\n}", "pool.max_nodes is a whole number"),
        ('pipeline = "train-and-deploy", hours', 'pipeline = "train", hours', "schedule"),
    ],
}


@pytest.mark.parametrize("name", OF_MODULES)
def test_what_a_module_refuses_is_told_with_its_line(project: Project, name: str) -> None:
    local = (ROOT / "envs/local/terraform.tfvars").read_text(encoding="utf-8")
    wanted = []
    for old, new, words in OF_MODULES[name]:
        assert local.count(old) == 1, old
        local = local.replace(old, new)
        wanted.append((local.count("\n", 0, local.index(new)) + 1, words))
    common = project.envs_dir / "common.tfvars"
    kept = common.read_text(encoding="utf-8")
    common.write_text((ROOT / "envs/common.tfvars").read_text(encoding="utf-8"), encoding="utf-8")
    try:
        told = problems(project, "platform", local)
    finally:
        common.write_text(kept, encoding="utf-8")
    for line, words in wanted:
        # The line of the key, or that of an object around it.
        near = [one for one in told if words in one and re.match(r"envs/local/terraform\.tfvars:\d+: ", one)]
        assert near, (words, told)
        assert line - 2 <= int(near[0].split(":")[1]) <= line + 1, (line, near)
    assert len(told) == len(wanted), told
