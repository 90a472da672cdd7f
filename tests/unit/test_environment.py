"""envs/<env>/env.toml: what is accepted, and how each mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolkit.environment import Connection, Operator, Vantage, connect, load_environment, shell
from toolkit.errors import ExitCode, UsageError
from toolkit.project import Project, find_project
from toolkit.sandbox.model import VANTAGES

GOOD = """\
# a comment
target       = "azure"
tenant       = "11111111-1111-4111-8111-111111111111"
subscription = "22222222-2222-4222-8222-222222222222"
location     = "westeurope"
operator     = { object_id = "33333333-3333-4333-8333-333333333333", type = "Group" }
vantages     = ["vnet"]
github_repository = "org/repo"

[public_network_access]
storage = "Enabled"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "terraform").mkdir()
    for name in ("dev", "prod"):
        (tmp_path / "envs" / name).mkdir(parents=True)
        (tmp_path / "envs" / name / "env.toml").write_text(GOOD)
    return Project(tmp_path)


def write(project: Project, text: str) -> None:
    (project.envs_dir / "dev" / "env.toml").write_text(text)


def problem(project: Project, name: str = "dev") -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_environment(name, project)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


def test_reads_what_the_file_says_and_defaults_the_rest(project: Project) -> None:
    dev = load_environment("dev", project)
    assert (dev.name, dev.target, dev.vantages) == ("dev", "azure", ("vnet",))
    assert dev.operator == Operator("33333333-3333-4333-8333-333333333333", "Group")
    assert dev.protected, "an environment is protected unless its data says otherwise"
    assert dev.credential == "azure-cli"
    assert dev.public_network_access.storage == "Enabled"
    assert dev.public_network_access.key_vault == "Disabled"
    assert dev.github_subject == "repo:org/repo:environment:dev"
    assert dev.state_dir == project.root / ".toolkit" / "dev"
    assert dev.needs_confirmation
    assert not dev.provider_may_be_built


def test_a_rehearsal_takes_the_same_data_to_the_sandbox_with_its_own_state(project: Project) -> None:
    rehearsal = load_environment("prod@sandbox", project)
    assert (rehearsal.target, rehearsal.data_name) == ("sandbox", "prod")
    assert rehearsal.state_dir != load_environment("prod", project).state_dir
    assert rehearsal.folder == load_environment("prod", project).folder
    assert rehearsal.vantages[0] == "vnet", "it starts where the environment's data says"
    assert set(rehearsal.vantages) == {v.name for v in VANTAGES}
    assert rehearsal.lock_file_dir == rehearsal.state_dir, "a sandbox's provider lock is never committed"
    assert rehearsal.bootstraps_itself
    assert rehearsal.state_ip_rules == load_environment("prod", project).state_ip_rules, "nothing is opened for it"


def test_preflight_is_asked_for(project: Project) -> None:
    path = project.envs_dir / "dev" / "env.toml"
    path.write_text("preflight = true\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    settings = connect(load_environment("dev", project)).process_environment()
    assert settings["ARM_ENABLE_PREFLIGHT"] == "true"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("dve", "did you mean dev?"),
        ("prd@sandbox", "did you mean prod@sandbox?"),
        ("zzz", "known environments: dev, prod"),
    ],
)
def test_unknown_name(project: Project, typed: str, hint: str) -> None:
    error = problem(project, typed)
    assert error.message == f"unknown environment {typed!r}"
    assert error.hint is not None
    assert hint in error.hint


def test_unknown_suffix(project: Project) -> None:
    assert "only @sandbox may follow" in problem(project, "dev@azure").message


def test_a_folder_without_the_file(project: Project) -> None:
    (project.envs_dir / "dev" / "env.toml").unlink()
    assert problem(project).message == "envs/dev/env.toml is missing"


@pytest.mark.parametrize("name", ["", "../dev", "dev/../dev"])
def test_names_that_are_no_names(project: Project, name: str) -> None:
    assert "unknown environment" in problem(project, name).message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [  # what is expected follows ""
        ('target       = "azure"', 'target = "cloud"', "2: target 'cloud' is not allowed: one of sandbox, azure"),
        ('"11111111-1111-4111-8111-111111111111"', '"acme"', "3: tenant 'acme' is not allowed: a lower-case GUID"),
        ('vantages     = ["vnet"]', 'vantages = ["vnet", "moon"]', "7: vantages.1 'moon' is not allowed"),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[sandbox]\ncore_quotas = { standardDSv5 = 8 }',
            "13: sandbox.core_quotas {'standardDSv5': 8} is not allowed: cores (-1: no limit) by TotalDedicatedCores, ",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[sandbox]\ncore_quotas = { standardDSv5Family = -2 }',
            "13: sandbox.core_quotas.standardDSv5Family -2 is not allowed: cores (-1: no limit) by",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[sandbox.vantages.vnet]\naddresses = ["2001:db8::1"]',
            "13: sandbox.vantages.vnet.addresses.0 '2001:db8::1' is not allowed: tables by vantage with addresses",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[sandbox.vantages.vnet]\nregion = "moon"',
            "13: sandbox.vantages.vnet.region 'moon' is not allowed: tables by vantage with addresses",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[guard]\nallowed_locations = ["moon"]',
            "13: guard.allowed_locations.0 'moon' is not allowed: a list of regions of Azure",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[guard.allowed_skus]\nvirtualMachines = []',
            "13: guard.allowed_skus.virtualMachines [] is not allowed: lists of names",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[[guard.waivers]]\npolicy = "tls"\nresource = "*"\nowner = "team"\n'
            'reason = "until May"\nexpires = "soon"',
            "17: guard.waivers.0.expires 'soon' is not allowed: policy, resource (an address; * matches)",
        ),
        (
            'storage = "Enabled"',
            'storage = "Enabled"\n[guard]\npolicies = "nowhere"',
            "13: guard.policies 'nowhere' is no folder of the project",
        ),
        ('vantages     = ["vnet"]', "vantages = []", "7: vantages [] is not allowed"),
        ('storage = "Enabled"', 'storage = "Maybe"', "11: public_network_access.storage 'Maybe' is not allowed"),
        ('type = "Group"', 'type = "Robot"', "6: operator.type 'Robot' is not allowed"),
        ('storage = "Enabled"', 'storge = "Enabled"', "11: public_network_access.storge is not a known key"),
        ('location ', 'locaton ', "5: locaton is not a known key: did you mean location?"),
        ('"westeurope"', '"westeuropa"', "5: location 'westeuropa' is no region of Azure: did you mean westeurope?"),
        ('"westeurope"', '"West Europe"', "5: location 'West Europe' is no region of Azure: did you mean westeurope?"),
        ('"westeurope"', '"global"', "5: location 'global' is no place where resources can be made"),
        ('location     = "westeurope"\n', "", "1: location is missing"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_file_line_key_and_what_is_allowed(
    project: Project, old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    write(project, GOOD.replace(old, new))
    assert f"envs/dev/env.toml:{expected}" in problem(project).message


def test_every_problem_is_told_at_once(project: Project) -> None:
    write(project, GOOD.replace('"azure"', '"cloud"').replace('"westeurope"', '"West Europe"'))
    assert len(problem(project).message.splitlines()) == 2


def test_broken_toml_names_the_line(project: Project) -> None:
    write(project, GOOD + "\nbroken = @\n")
    message = problem(project).message
    assert message.startswith("envs/dev/env.toml: not valid TOML")
    assert "line" in message


def test_a_shell_that_is_pointed_at_the_sandbox_is_refused_for_azure(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/home/x/project/.toolkit/sandbox/ca.pem")
    with pytest.raises(UsageError, match="SSL_CERT_FILE names the sandbox's certificate authority"):
        connect(load_environment("dev", project))


def test_azure_keeps_the_callers_process_environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://corporate.example:3128")
    settings = connect(load_environment("dev", project)).process_environment()
    assert settings["HTTPS_PROXY"] == "http://corporate.example:3128"
    assert settings["ARM_SUBSCRIPTION_ID"] == "22222222-2222-4222-8222-222222222222"
    assert (settings["ARM_USE_CLI"], settings["ARM_USE_MSI"]) == ("true", "false")
    # Else azapi 2.x plans nothing for a rule that left the data.
    assert settings["ARM_IGNORE_NO_OP_CHANGES"] == "false"
    assert settings["ARM_ENABLE_PREFLIGHT"] == "false", "it fails with managed identities and roles that may not write"


@pytest.mark.parametrize(
    ("in_file", "in_shell", "acts_as"),
    [
        ("", {"AZURE_CLIENT_ID": "of-the-job"}, "of-the-job"),
        ("", {"AZURE_CLIENT_ID": "of-the-job", "ARM_CLIENT_ID": "for-terraform"}, "for-terraform"),
        ('client_id = "44444444-4444-4444-8444-444444444444"', {}, "44444444-4444-4444-8444-444444444444"),
        ("", {}, None),
    ],
)
def test_a_job_says_whom_it_acts_as_where_the_file_does_not(
    project: Project, monkeypatch: pytest.MonkeyPatch, in_file: str, in_shell: dict[str, str], acts_as: str | None
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AZURE_CLIENT_ID", "ARM_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in in_shell.items():
        monkeypatch.setenv(name, value)
    write(project, GOOD.replace("operator ", f'credential = "github-oidc"\n{in_file}\noperator ', 1))
    settings = connect(load_environment("dev", project)).process_environment()
    assert settings.get("ARM_CLIENT_ID") == acts_as


def test_a_callers_own_credentials_do_not_reach_the_sandbox(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by the variables that Terraform reads, which a shell of an earlier sandbox may still have."""
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "ARM_OIDC_TOKEN"):
        monkeypatch.setenv(name, "the caller's")
    engineer = {"AZURE_CLIENT_ID": "engineer", "AZURE_CLIENT_SECRET": "secret"}
    vantages = {"vnet": Vantage("vnet", {"HTTPS_PROXY": "http://127.0.0.1:1"})}
    settings = Connection(load_environment("prod@sandbox", project), vantages, None, engineer).process_environment()
    assert "the caller's" not in settings.values()
    assert (settings["ARM_CLIENT_ID"], settings["ARM_CLIENT_SECRET"]) == ("engineer", "secret")
    assert settings["HTTPS_PROXY"] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("choice", "variable", "value"),
    [
        ("azure-cli", "ARM_TENANT_ID", "acme"),
        ("azure-cli", "AZURE_TENANT_ID", "acme"),
        ("azure-cli", "ARM_SUBSCRIPTION_ID", "acme"),
        ("azure-cli", "AZURE_SUBSCRIPTION_ID", "acme"),
        ("azure-cli", "ARM_CLIENT_SECRET", "s3cret"),
        ("github-oidc", "ARM_CLIENT_SECRET", "s3cret"),
        ("managed-identity", "AZURE_CLIENT_SECRET", "s3cret"),
        ("azure-cli", "ARM_CLIENT_CERTIFICATE_PATH", "/c.pfx"),
        ("azure-cli", "ARM_OIDC_TOKEN", "s3cret"),
        ("client-secret", "ARM_USE_CLI", "true"),
        ("azure-cli", "ARM_USE_MSI", "true"),
        ("azure-cli", "ARM_USE_OIDC", "1"),
        ("github-oidc", "ARM_USE_AKS_WORKLOAD_IDENTITY", "true"),
        ("client-secret", "ARM_ACCESS_KEY", "s3cret"),
        ("client-secret", "ARM_SAS_TOKEN", "s3cret"),
        ("azure-cli", "ARM_ENVIRONMENT", "usgovernment"),
        ("azure-cli", "AZURE_AUTHORITY_HOST", "https://login.chinacloudapi.cn"),
        ('managed-identity"\nclient_id = "44444444-4444-4444-8444-444444444444', "AZURE_CLIENT_ID", "another"),
    ],
)
def test_a_shell_that_contradicts_the_data_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, choice: str, variable: str, value: str
) -> None:
    for name in list(os.environ):
        if name.startswith(("ARM_", "AZURE_", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")):
            monkeypatch.delenv(name)
    write(project, GOOD.replace("operator ", f'credential = "{choice}"\noperator ', 1))
    connect(load_environment("dev", project))
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as caught:
        connect(load_environment("dev", project))
    assert caught.value.message.startswith(f"{variable} is set in this shell: ")
    assert f"unset {variable}" in str(caught.value.hint)
    assert "s3cret" not in caught.value.message


def test_a_shell_that_agrees_with_the_data_is_no_conflict(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    agreeing = {
        "ARM_TENANT_ID": "11111111-1111-4111-8111-111111111111",
        "AZURE_SUBSCRIPTION_ID": "22222222-2222-4222-8222-222222222222",
        "ARM_USE_CLI": "true",
        "ARM_USE_MSI": "false",
        "ARM_ENVIRONMENT": "public",
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    }
    for name, value in agreeing.items():
        monkeypatch.setenv(name, value)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    connect(load_environment("dev", project))


def test_terraforms_variables_of_the_shell(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_LOG", "DEBUG")
    monkeypatch.setenv("TF_CLI_ARGS_plan", "-refresh=false")
    monkeypatch.setenv("TF_VAR_workload", "x")
    inherited = shell.inherited(load_environment("dev", project))
    assert {name for name in inherited if name.startswith("TF_")} - {"TF_CLI_CONFIG_FILE"} == {"TF_LOG"}
    assert "TF_CLI_ARGS_plan" in shell.left_out()
    with pytest.raises(UsageError, match="TF_VAR_workload would set variables"):
        shell.refuse_variables(load_environment("dev", project), {"workload"})
    shell.refuse_variables(load_environment("dev", project), {"location"})


def test_find_project_outside_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOOLKIT_PROJECT", raising=False)
    with pytest.raises(UsageError, match="is not inside a toolkit project"):
        find_project(tmp_path)


def test_find_project_from_below(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOOLKIT_PROJECT", raising=False)
    assert find_project(project.envs_dir / "dev").root == project.root


@pytest.mark.parametrize(
    ("lines", "subject"),
    [
        ('github_repository = "org@55/repo@821"', "repo:org@55/repo@821:environment:dev"),
        (
            'github_repository = "org/repo"\ngithub_subject = "repository_id:821:{context}"',
            "repository_id:821:environment:dev",
        ),
    ],
)
def test_a_repository_with_ids_and_a_customised_subject(project: Project, lines: str, subject: str) -> None:
    write(project, GOOD.replace('github_repository = "org/repo"', lines))
    assert load_environment("dev", project).github_subject == subject


@pytest.mark.parametrize(
    "line",
    [
        'github_repository = "org@55/repo"',
        'github_repository = "https://github.com/org/repo"',
        'github_repository = "org/repo"\ngithub_subject = "repository_id:821"',
        'github_repository = "org/repo"\ngithub_subject = "{context}:{context}"',
        'github_subject = "repository_id:821:{context}"',
    ],
)
def test_a_subject_that_would_not_do(project: Project, line: str) -> None:
    write(project, GOOD.replace('github_repository = "org/repo"', line))
    with pytest.raises(UsageError, match="github_"):
        load_environment("dev", project)
