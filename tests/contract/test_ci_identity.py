"""What bootstrap's identities can do, and cannot: production's data in the sandbox, with GitHub's OIDC tokens.

The tests of the module share a project and run in the order in which they stand here.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

from tests.conftest import copy_project
from tests.contract.bootstrapped import bootstrap_outputs, bootstrapped
from tests.contract.escalations import DENIED, ESCALATIONS, UNTIL_SEALED, Place, assigned_key, output, stranger
from tests.e2e.requests import requests
from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.azure.credentials import runner_credential
from toolkit.azure.login import check_login
from toolkit.cli.main import main
from toolkit.environment import Environment, connect
from toolkit.errors import ToolkitError
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import KINDS, Target
from toolkit.firewall.model import Lease, Owner
from toolkit.firewall.targets import standing_targets
from toolkit.github import PULL_REQUEST
from toolkit.processes import ProcessId
from toolkit.records import Json
from toolkit.runs.bootstrap import bootstrap
from toolkit.runs.platform import apply_platform, plan_platform
from toolkit.sandbox import client
from toolkit.smoke.checks import exact
from toolkit.smoke.run import run
from toolkit.terraform.events import Silent
from toolkit.terraform.outputs import saved_outputs
from toolkit.terraform.planning import SavedPlan
from toolkit.terraform.recovery.dead_link import DeadLink, _addresses
from toolkit.terraform.recovery.deleted_vault import DeletedVault
from toolkit.terraform.recovery.looking import Looker, MayNotLookError
from toolkit.terraform.recovery.missing_group import MissingGroup
from toolkit.terraform.recovery.renewed_identity import RenewedIdentity
from toolkit.terraform.recovery.soft_deleted import SoftDeleted
from toolkit.terraform.session import Session, open_session
from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


# Of the subscription, not of the platform's group.
PREFLIGHT = re.compile(r"//management\.azure\.com/subscriptions/[^/]+/(locations|providers)\b")


class InPullRequest(Environment):
    """The environment as a job of a pull request sees it: GitHub's subject is another one."""

    @property
    def github_subject(self) -> str | None:
        return self.github_subject_of(PULL_REQUEST)


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """prod@sandbox, bootstrapped by the engineer."""
    with bootstrapped(copy_project(tmp_path_factory.mktemp("ci")), "prod@sandbox") as environment:
        yield environment


@pytest.fixture(scope="module")
def made(engineer: Environment) -> dict[str, Any]:
    """The bootstrap's outputs."""
    return bootstrap_outputs(engineer)


@pytest.fixture(scope="module")
def ci(engineer: Environment, made: dict[str, Any]) -> Environment:
    """The same environment, acting as CI does in a job of the GitHub environment ``prod``."""
    return replace(engineer, credential="github-oidc", client_id=made["ci_identity"]["client_id"])


@pytest.fixture(scope="module")
def pull_request(engineer: Environment, made: dict[str, Any]) -> Environment:
    values = {field.name: getattr(engineer, field.name) for field in fields(Environment)}
    values.update(credential="github-oidc", client_id=made["plan_identity"]["client_id"])
    return InPullRequest(**values)


@pytest.fixture(scope="module")
def roles(ci: Environment) -> Iterator[AuthorizationManagementClient]:
    connection = connect(ci)
    options = connection.runner.client_options
    with AuthorizationManagementClient(runner_credential(connection), ci.subscription_id, **options) as roles:
        yield roles


@pytest.fixture(scope="module")
def storage(ci: Environment) -> Iterator[StorageManagementClient]:
    connection = connect(ci)
    options = connection.runner.client_options
    with StorageManagementClient(runner_credential(connection), ci.subscription_id, **options) as storage:
        yield storage


def session_of(environment: Environment) -> Any:
    return open_session(environment, "test", Silent())


def planned(session: Session, **options: bool) -> SavedPlan:
    return plan_platform(session, **options)


def test_ci_plans_and_applies_the_whole_platform(ci: Environment) -> None:
    with session_of(ci) as session, requests(ci.project.root) as seen:
        plan = planned(session)
        assert {change.action for change in plan.summary.changes} == {"create"}
        apply_platform(session, plan)
        assert planned(session).summary.empty
    asked = {line["url"].partition("?")[0] for line in seen.lines if PREFLIGHT.search(line["url"])}
    assert len(asked) >= 5
    # What a check before the apply may not read, it leaves to the apply without a word; and a refusal that is expected
    # hides one that is not. So there is none, of any service.
    assert [f"{line['method']} {line['url']}" for line in seen.lines if line["status"] in (401, 403)] == []


def test_ci_reads_all_that_is_compared_and_nothing_is_other_than_meant(ci: Environment) -> None:
    """The closed world of an environment with locks, as CI alone may see it: no refusal, and no false alarm."""
    result = run(connect(ci), saved_outputs(ci) or {}, exact.CHECKS, patience=0)
    ended = {one.check.id: (one.outcome, one.reason) for one in result.results if one.outcome != "PASS"}
    assert {name: why for name, why in ended.items() if name != "network-perimeter"} == {}


def test_ci_signs_in_from_its_environment_only(pull_request: Environment, made: dict[str, Any]) -> None:
    impostor = replace(pull_request, client_id=made["ci_identity"]["client_id"])
    connection = connect(impostor)
    with pytest.raises(ClientAuthenticationError, match="AADSTS70021"):
        runner_credential(connection).get_token("https://management.azure.com/.default")


def test_a_token_that_no_credential_matches_is_shown_beside_them(ci: Environment) -> None:
    """The repository was renamed: its subjects have ids now, and the identities were made for the old form."""
    renamed = replace(ci, github_repository="example-org@55/ml-platform@821")
    with pytest.raises(ToolkitError, match="no federated credential of prod@sandbox matches the job's token") as caught:
        check_login(connect(renamed))
    token, *trusted = (line.strip() for line in caught.value.message.splitlines()[2:])
    assert token == "the token's subject:  repo:example-org@55/ml-platform@821:environment:prod"
    assert "the identities trust: repo:example-org/ml-platform:environment:prod (ci)" in trusted
    assert "the identities trust: repo:example-org/ml-platform:pull_request (plan)" in trusted
    assert "actions/oidc/customization/sub" in (caught.value.hint or "")


class TestCiStaysWhereItBelongs:
    @staticmethod
    def assignment(ci: Environment, role: str, principal_id: str) -> RoleAssignmentCreateParameters:
        definitions = f"/subscriptions/{ci.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        return RoleAssignmentCreateParameters(
            role_definition_id=f"{definitions}/{role}", principal_id=principal_id, principal_type="ServicePrincipal"
        )

    @pytest.mark.parametrize("role", [OWNER, RBAC_ADMINISTRATOR])
    def test_it_makes_nobody_owner(
        self, ci: Environment, made: dict[str, Any], roles: AuthorizationManagementClient, role: str
    ) -> None:
        sent = self.assignment(ci, role, made["ci_identity"]["principal_id"])
        with pytest.raises(HttpResponseError, match="ABAC condition that is not fulfilled") as caught:
            roles.role_assignments.create(made["platform_resource_group_id"], str(uuid.uuid4()), sent)
        assert caught.value.status_code == 403

    def test_it_assigns_what_the_platform_needs(
        self, ci: Environment, made: dict[str, Any], roles: AuthorizationManagementClient
    ) -> None:
        sent = self.assignment(ci, READER, made["probe_identities"]["nobody"]["principal_id"])
        scope, name = made["platform_resource_group_id"], str(uuid.uuid4())
        assert roles.role_assignments.create(scope, name, sent).name == name
        roles.role_assignments.delete(scope, name)

    def test_it_assigns_nothing_elsewhere(
        self, ci: Environment, made: dict[str, Any], roles: AuthorizationManagementClient
    ) -> None:
        sent = self.assignment(ci, READER, made["probe_identities"]["nobody"]["principal_id"])
        with pytest.raises(HttpResponseError, match="does not have authorization") as caught:
            roles.role_assignments.create(f"/subscriptions/{ci.subscription_id}", str(uuid.uuid4()), sent)
        assert caught.value.status_code == 403

    def test_it_makes_nothing_beside_the_platforms_resource_group(
        self, ci: Environment, made: dict[str, Any], storage: StorageManagementClient
    ) -> None:
        account = {"location": ci.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        group = made["state"]["resource_group_name"]
        with pytest.raises(HttpResponseError, match="does not have authorization") as caught:
            storage.storage_accounts.begin_create(group, "stsomethingelse", account)  # type: ignore[arg-type]
        assert caught.value.status_code == 403

    def test_it_changes_the_state_accounts_rules_and_gets_no_keys(
        self, made: dict[str, Any], storage: StorageManagementClient
    ) -> None:
        group, name = made["state"]["resource_group_name"], made["state"]["storage_account_name"]
        network = storage.storage_accounts.get_properties(group, name).network_rule_set
        assert network is not None
        changed = storage.storage_accounts.update(group, name, {"properties": {"networkAcls": network.as_dict()}})
        assert changed.network_rule_set is not None
        with pytest.raises(HttpResponseError, match="listKeys") as caught:
            storage.storage_accounts.list_keys(group, name)
        assert caught.value.status_code == 403


@pytest.fixture(scope="module")
def place(ci: Environment, made: dict[str, Any]) -> Place:
    platform = saved_outputs(ci)
    assert platform is not None
    return Place(f"/subscriptions/{ci.subscription_id}", made, dict(platform))


@pytest.mark.parametrize("name", ESCALATIONS)
def test_ci_gets_no_further(ci: Environment, place: Place, name: str) -> None:
    attempt, expected = ESCALATIONS[name]
    method, path, version, body = attempt(place)
    with arm_client(connect(ci)) as client:
        answer = client.send_request(HttpRequest(method, f"{ARM}{path}?api-version={version}", json=body))
    assert (answer.status_code, answer.json()["error"]["code"]) == expected, answer.text()


class TestDataOfCi:
    """By its role of the bootstrap, whose condition names the accounts; at the vantage that their firewalls let in."""

    @pytest.mark.parametrize(
        ("account", "container", "refused"),
        [
            ("pointer_storage_account_name", "ml-globals", None),
            ("storage_account_name", "adftrain", None),
            ("lake_storage_account_name", "raw", "AuthorizationPermissionMismatch"),
        ],
    )
    def test_it_writes_its_two_accounts(
        self, ci: Environment, place: Place, account: str, container: str, refused: str | None
    ) -> None:
        connection = connect(ci)
        url, options = (
            f"https://{place.platform[account]}.blob.core.windows.net",
            connection.vantages["vnet"].client_options,
        )
        with BlobServiceClient(url, runner_credential(connection), **options) as service:
            blob = service.get_blob_client(container, "of-ci")
            if refused is None:
                blob.upload_blob(b"x")
                assert blob.download_blob().readall() == b"x"
                blob.delete_blob()
                return
            with pytest.raises(HttpResponseError) as caught:
                blob.upload_blob(b"x")
            assert (caught.value.status_code, caught.value.error_code) == (403, refused)  # type: ignore[attr-defined]


# What a closed resource of these types is set to, so that rules for addresses decide on its doors. The rights on other
# kinds are tried by TestRulesOfEveryKind: production's registry, for one, opens only with its export policy.
BY_RULES: dict[str, Json] = {
    "Microsoft.Storage/storageAccounts": {"publicNetworkAccess": "Enabled"},
    "Microsoft.KeyVault/vaults": {"publicNetworkAccess": "Enabled"},
}


@pytest.fixture(scope="class")
def doors(engineer: Environment, place: Place) -> Iterator[list[Target]]:
    """Production lets nobody in from the internet. While leases are tried, rules for addresses decide on these."""
    standing = standing_targets(engineer, place.platform).values()
    targets = [target for target in standing if target.kind.type in BY_RULES]
    assert len(targets) >= 6
    with arm_client(connect(engineer)) as client:

        def write(target: Target, properties: Json) -> Json:
            """What these properties were before."""
            url = f"{ARM}{target.id}?api-version={target.api_version}"
            before = client.get(url)["properties"]
            client.send_request(HttpRequest("PATCH", url, json={"properties": properties})).raise_for_status()
            return {key: before[key] for key in properties}

        closed = [(target, write(target, BY_RULES[target.kind.type])) for target in targets]
        yield targets
        for target, properties in closed:
            write(target, properties)


class TestLeases:
    @staticmethod
    def toolkit(environment: Environment, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        """A command of ``toolkit firewall``, as whom the environment says, from the internet."""
        monkeypatch.setattr("toolkit.cli.firewall.load_environment", lambda _: environment)
        name, *others = arguments
        return main(["firewall", name, "prod@sandbox", "--vantage", "internet", *others])

    @staticmethod
    def upload(environment: Environment, account: str, container: str) -> str | None:
        """What Azure says to a blob from the internet; None where it takes it."""
        connection = connect(environment)
        options = connection.vantages["internet"].client_options
        with BlobServiceClient(
            f"https://{account}.blob.core.windows.net", runner_credential(connection), **options
        ) as service:
            try:
                service.get_blob_client(container, "of-a-lease").upload_blob(b"x", overwrite=True)
            except HttpResponseError as error:
                return error.error_code  # type: ignore[attr-defined, no-any-return]
        return None

    def test_ci_opens_uploads_closes_and_sweeps_without_a_refusal(
        self,
        ci: Environment,
        place: Place,
        doors: list[Target],
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        account = place.platform["storage_account_name"]
        assert self.upload(ci, account, "adftrain") == "AuthorizationFailure"
        named = [part for t in doors for part in ("--target", f"{t.id}#{t.kind.door}" if t.kind.door else t.id)]
        with requests(ci.project.root) as seen:
            assert self.toolkit(ci, monkeypatch, "open", *named, "--json") == 0
            lease = json.loads(capfd.readouterr().out)
            assert set(lease["holds"]) == {target.key for target in doors}
            assert self.upload(ci, account, "adftrain") is None
            assert self.toolkit(ci, monkeypatch, "close", lease["id"]) == 0
            assert self.toolkit(ci, monkeypatch, "sweep") == 0
            assert capfd.readouterr().out == "nothing to close\n"
        answers = [line for line in seen.lines if "//management." in line["url"]]
        assert [line for line in answers if line["status"] in (401, 403)] == []
        assert self.upload(ci, account, "adftrain") == "AuthorizationFailure"

    def test_ci_writes_leases_down_beside_the_states_account(self, ci: Environment, made: dict[str, Any]) -> None:
        """An operation that Azure takes seconds for is followed to its end, too."""
        lease = Lease.new(Owner("the tests", "here", ProcessId(0, "")), timedelta(minutes=5), datetime.now(UTC))
        lease = lease.holding(made["state_storage_account_id"], "203.0.113.10", ours=True)
        sandbox = client.ensure_running(ci.project.root)
        sandbox.set_profile("realistic", 0.2)
        try:
            with arm_client(connect(ci)) as arm, requests(ci.project.root) as seen:
                journal = Journal(arm, made["state_resource_group_id"])
                journal.write(lease)
                assert [one.id for one in journal.read()] == [lease.id]
                journal.forget(lease)
                assert journal.read() == []
        finally:
            sandbox.set_profile("instant", 1.0)
        asked = " ".join(f"{line['status']} {line['url']}" for line in seen.lines)
        assert "/operationStatuses/" in asked
        assert "/operationResults/" in asked
        assert "403" not in asked

    @pytest.mark.parametrize("name", ["open", "run"])
    def test_who_plans_takes_none_and_is_told_the_action(
        self,
        pull_request: Environment,
        place: Place,
        doors: list[Target],
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        name: str,
    ) -> None:
        assert self.toolkit(pull_request, monkeypatch, name, *(["--", "true"] if name == "run" else [])) == 4
        said = capfd.readouterr().err
        (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert "this identity lacks Microsoft.Storage/storageAccounts/write" in error
        assert place.group.rsplit("/", 1)[-1] in error
        assert not list((pull_request.state_dir / "leases").glob("*.json"))  # nobody's later sweep has to undo it
        assert self.toolkit(pull_request, monkeypatch, "status", "--target", "storage", "--json") == 0
        status = json.loads(capfd.readouterr().out)
        assert status["leases"] == []
        assert "203.0.113.10" not in json.dumps(status["rules"])


A_WAIT = {"properties": {"activities": [{"name": "W", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}]}}
BETWEEN = {"lastUpdatedAfter": "2020-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
A_SERVICE = {
    "properties": {"type": "AzureBlobStorage", "typeProperties": {"serviceEndpoint": "https://mine.example.org"}}
}

# What a data engineer in production sends to the factory, and what Azure answers.
ENGINEERS: dict[str, tuple[str, str, Json | None, int]] = {
    "reads a pipeline": ("GET", "/pipelines/network-probe", None, 200),
    "lists triggers": ("GET", "/triggers", None, 200),
    "runs a pipeline": ("POST", "/pipelines/network-probe/createRun", {"blob": "nowhere.json"}, 200),
    "lists runs": ("POST", "/queryPipelineRuns", BETWEEN, 200),
    "lists runs of triggers": ("POST", "/queryTriggerRuns", BETWEEN, 200),
    "writes a pipeline": ("PUT", "/pipelines/mine", A_WAIT, 403),
    "changes a pipeline": ("PUT", "/pipelines/network-probe", A_WAIT, 403),
    "deletes a pipeline": ("DELETE", "/pipelines/network-probe", None, 403),
    "writes a linked service": ("PUT", "/linkedservices/mine", A_SERVICE, 403),
    "starts a trigger": ("POST", "/triggers/daily/start", None, 403),
    "changes the factory": ("PATCH", "", {"tags": {"mine": "yes"}}, 403),
}
Send = Callable[[str, str, Json | None], Any]
SECRET = "nobody-who-runs-pipelines-sees-this"


@pytest.fixture(scope="module")
def operating(engineer: Environment, place: Place) -> Iterator[Send]:
    """A probe that was given the role of terraform/bootstrap/roles.tf on the factory, as data engineers are."""
    _, path, version, body = assigned_key("data_factory_operator", stranger, output("data_factory_id"))(place)
    url = f"{ARM}{path}?api-version={version}"
    acting = replace(
        engineer, credential="github-oidc", client_id=place.made["probe_identities"]["nobody"]["client_id"]
    )
    with arm_client(connect(engineer)) as owner, arm_client(connect(acting)) as client:
        owner.send_request(HttpRequest("PUT", url, json=body)).raise_for_status()
        factory = place.platform["data_factory_id"]
        yield lambda method, path, body: client.send_request(
            HttpRequest(method, f"{ARM}{factory}{path}?api-version=2018-06-01", json=body)
        )
        owner.send_request(HttpRequest("DELETE", url)).raise_for_status()


@pytest.fixture(scope="module")
def secret(engineer: Environment, place: Place) -> str:
    """Of the platform's vault, which the factory may read: its address without the scheme."""
    vault = place.platform["key_vault_id"]
    url = f"{ARM}{vault}/secrets/of-somebody?api-version={API_VERSIONS['microsoft.keyvault/vaults']}"
    with arm_client(connect(engineer)) as client:
        client.send_request(HttpRequest("PUT", url, json={"properties": {"value": SECRET}})).raise_for_status()
    return f"{vault.rsplit('/', 1)[-1]}.vault.azure.net/secrets/of-somebody?api-version=7.4"


class TestDataEngineerInProduction:
    @pytest.mark.parametrize("name", ENGINEERS)
    def test_runs_pipelines_and_changes_none(self, operating: Send, name: str) -> None:
        method, path, body, status = ENGINEERS[name]
        assert operating(method, path, body).status_code == status

    def test_the_factory_reads_no_secret_for_whoever_runs_pipelines(
        self, engineer: Environment, operating: Send, secret: str
    ) -> None:
        """Pipelines that take a name from a run: none asks the vault, and nothing of an answer leaves."""
        attempts = (
            ("network-probe", {"blob": "x", "url": f"https://{secret}", "resource": "https://vault.azure.net"}),
            ("network-probe", {"blob": "x", "container": f"https://{secret}"}),
            ("network-probe", {"blob": f"@{secret}"}),
            ("network-probe", {"blob": f"/../../{secret}"}),
            ("read-code-pointer", {"code_asset": f"../../{secret}"}),
        )
        shown = []
        with requests(engineer.project.root) as seen:
            for pipeline, parameters in attempts:
                started = operating("POST", f"/pipelines/{pipeline}/createRun", parameters)
                if started.status_code == 200:
                    shown.append(self.ended(operating, started.json()["runId"]))
        assert len(shown) >= 4
        assert SECRET not in json.dumps(shown)
        asked = [line["url"] for line in seen.lines if line["vantage"] == "adf-managed"]
        assert asked
        assert not [url for url in asked if "vault.azure.net" in url.split("/")[2]]

    @staticmethod
    def ended(operating: Send, run_id: str) -> list[Any]:
        """A run that has ended, and its activities."""

        def run() -> Any:
            found = operating("GET", f"/pipelineruns/{run_id}", None).json()
            return found if found["status"] in ("Succeeded", "Failed") else None

        return [wait_until(run, 60), operating("POST", f"/pipelineruns/{run_id}/queryActivityruns", BETWEEN).json()]


class TestSealed:
    """The platform's identities are named: what is left to somebody with CI before, and is not any more."""

    @pytest.mark.parametrize("name", UNTIL_SEALED)
    def test_before(self, ci: Environment, place: Place, name: str) -> None:
        method, path, version, body = UNTIL_SEALED[name](place)
        with arm_client(connect(ci)) as client:
            answer = client.send_request(HttpRequest(method, f"{ARM}{path}?api-version={version}", json=body))
        assert answer.status_code == 201, answer.text()

    def test_after(self, engineer: Environment, ci: Environment, place: Place) -> None:
        ids = {one["principal_id"] for name, one in place.platform["identities"].items() if name != "ci"}
        ids.add(place.platform["data_factory_principal_id"])
        with (engineer.folder / "terraform.tfvars").open("a") as file:
            file.write(f"\nservice_principal_ids = {json.dumps(sorted(ids))}\n")
        with session_of(engineer) as session:
            bootstrap(session)
        with session_of(ci) as session:
            assert planned(session).summary.empty
        for attempt in UNTIL_SEALED.values():
            method, path, version, body = attempt(place)
            with arm_client(connect(ci)) as client:
                answer = client.send_request(HttpRequest(method, f"{ARM}{path}?api-version={version}", json=body))
            assert (answer.status_code, answer.json()["error"]["code"]) == DENIED, answer.text()


class TestRulesOfEveryKind:
    """What a lease sends to each kind of resource, as who may and as who may not; it changes nothing."""

    @staticmethod
    def answers(environment: Environment, place: Place) -> dict[str, tuple[int, str]]:
        found = {}
        with arm_client(connect(environment)) as client:
            for target in standing_targets(environment, place.platform).values():
                url = f"{ARM}{target.id}{target.kind.at}?api-version={target.api_version}"
                body = target.kind.changed(client.get(url), set(), set())
                answer = client.send_request(HttpRequest("PATCH", url, json=body))
                found[target.kind.name] = answer.status_code, answer.text()
        assert set(found) == {kind.name for kind in KINDS}
        return found

    def test_ci_may_write_them_all(self, ci: Environment, place: Place) -> None:
        refused = {kind: text for kind, (status, text) in self.answers(ci, place).items() if status in (401, 403)}
        assert refused == {}

    def test_who_plans_may_write_none_of_the_platforms(self, pull_request: Environment, place: Place) -> None:
        for kind in KINDS:
            targets = standing_targets(pull_request, place.platform)
            target = next(one for one in targets.values() if one.kind.name == kind.name)
            with arm_client(connect(pull_request)) as client:
                url = f"{ARM}{target.id}{kind.at}?api-version={target.api_version}"
                answer = client.send_request(HttpRequest("PATCH", url, json={"properties": {}}))
            assert answer.status_code == 403, kind.name
            assert f"'{kind.type}{'/config' if kind.at else ''}/write'" in answer.text()


GROUP, ACCOUNT = "/resourceGroups/rg", "/providers/Microsoft.Storage/storageAccounts/stone"
SERVICE = f"{ACCOUNT}/blobServices/default"


def made_by_a_plan(type_: str, parent: str, name: str) -> Callable[[str], Json]:
    """A plan's document, of a subscription: it creates one resource."""

    def document(subscription: str) -> Json:
        after = {"type": f"{type_}@x", "name": name, "parent_id": subscription + parent, "location": "westeurope"}
        change = {"actions": ["create"], "before": None, "after": after}
        return {"resource_changes": [{"address": "a.x", "type": "azapi_resource", "change": change}]}

    return document


def held_by_the_state(type_: str, id_: str, **values: Any) -> Callable[[str], Json]:
    """A plan's document, of a subscription: it leaves one resource alone."""

    def document(subscription: str) -> Json:
        more = {key: [{"identity_ids": [subscription + id_]}] if key == "identity" else x for key, x in values.items()}
        item = {"address": "a.x", "mode": "managed", "values": {"type": f"{type_}@2018-06-01", **more}}
        item["values"]["id"] = subscription + id_
        return {"prior_state": {"values": {"root_module": {"resources": [item]}}}, "resource_changes": []}

    return document


def restorable(session: Session, document: Json) -> object:
    return SoftDeleted("bootstrap").to_hold(session, document)


# Each look of a recovery, the plan that makes it look, and the right that it takes.
LOOKS: dict[str, tuple[Callable[[Session, Json], object], Callable[[str], Json], str]] = {
    "deleted storage accounts": (
        restorable,
        made_by_a_plan("Microsoft.Storage/storageAccounts", GROUP, "stone"),
        "Microsoft.Storage/deletedAccounts/read",
    ),
    "deleted containers": (
        restorable,
        made_by_a_plan("Microsoft.Storage/storageAccounts/blobServices/containers", GROUP + SERVICE, "raw"),
        "Microsoft.Storage/storageAccounts/blobServices/containers/read",
    ),
    "deleted vaults": (
        DeletedVault().before_apply,
        made_by_a_plan("Microsoft.KeyVault/vaults", GROUP, "kv-one"),
        "Microsoft.KeyVault/deletedVaults/read",
    ),
    "the resource group": (
        MissingGroup().before_apply,
        made_by_a_plan("Microsoft.KeyVault/vaults", GROUP, "kv-one"),
        "Microsoft.Resources/subscriptions/resourceGroups/read",
    ),
    "private endpoints": (
        DeadLink().to_replace,
        held_by_the_state(
            "Microsoft.Network/privateEndpoints", f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe"
        ),
        "Microsoft.Network/privateEndpoints/read",
    ),
    "zone groups": (
        DeadLink().to_replace,
        held_by_the_state(
            "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
            f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe/privateDnsZoneGroups/default",
        ),
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups/read",
    ),
    "identities": (
        RenewedIdentity().announcements,
        held_by_the_state(
            "Microsoft.DataFactory/factories",
            f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id",
            identity=True,
        ),
        "Microsoft.ManagedIdentity/userAssignedIdentities/read",
    ),
}


class TestRefusedLooks:
    """Probe ``nobody`` has no role: what a recovery asks for is refused, and never read as "there is none"."""

    @pytest.fixture
    def nobody(self, engineer: Environment, made: dict[str, Any]) -> Iterator[Session]:
        client_id = made["probe_identities"]["nobody"]["client_id"]
        with session_of(replace(engineer, credential="github-oidc", client_id=client_id)) as session:
            yield session

    @pytest.mark.parametrize("name", LOOKS)
    def test_it_says_which_right_is_missing_and_what_gives_it(self, nobody: Session, name: str) -> None:
        look, document, right = LOOKS[name]
        with pytest.raises(MayNotLookError, match=rf"cannot see .* no role lets this identity do {right} ") as caught:
            look(nobody, document(f"/subscriptions/{nobody.environment.subscription_id}"))
        assert "`toolkit bootstrap prod@sandbox`" in (caught.value.hint or "")

    def test_where_no_platform_stands_the_plan_says_that_nobody_looked(self, nobody: Session) -> None:
        _, document, right = LOOKS["deleted storage accounts"]
        (said,) = SoftDeleted("platform").announcements(nobody, document(f"/subscriptions/{uuid.uuid4()}"))
        assert said.startswith("make all of it without a look at what was deleted: ")
        assert right in said

    def test_zones_of_others_may_be_hidden(self, nobody: Session) -> None:
        """A zone of the hub's, where the platform may write records and not read them."""
        zone = (
            f"/subscriptions/{nobody.environment.subscription_id}{GROUP}/providers/Microsoft.Network/privateDnsZones/z"
        )
        with arm_client(nobody.connection) as client:
            assert _addresses(Looker(client, "prod"), zone, ()) is None
            with pytest.raises(MayNotLookError, match="privateDnsZones/A/read"):
                _addresses(Looker(client, "prod"), zone, {zone.lower()})


class TestPullRequest:
    def test_it_plans_without_a_lock(self, pull_request: Environment) -> None:
        with session_of(pull_request) as session, requests(pull_request.project.root) as seen:
            assert planned(session, locked=False).summary.empty
        assert [f"{line['method']} {line['url']}" for line in seen.lines if line["status"] in (401, 403)] == []

    def test_with_a_lock_it_is_told_why_not(self, pull_request: Environment) -> None:
        with session_of(pull_request) as session, pytest.raises(ToolkitError, match="may not lock the state") as caught:
            planned(session)
        assert "--no-lock" in (caught.value.hint or "")

    def test_it_changes_nothing(self, pull_request: Environment, made: dict[str, Any]) -> None:
        connection = connect(pull_request)
        storage = StorageManagementClient(
            runner_credential(connection), pull_request.subscription_id, **connection.runner.client_options
        )
        group = made["platform_resource_group_name"]
        with storage:
            account = next(iter(storage.storage_accounts.list_by_resource_group(group)))
            with pytest.raises(HttpResponseError, match="storageAccounts/write") as caught:
                storage.storage_accounts.update(group, str(account.name), {"tags": {"changed": "yes"}})
        assert caught.value.status_code == 403


def test_no_secret_is_in_the_states(engineer: Environment) -> None:
    """Neither key of any account that the sandbox holds, nor a token request, is in what Terraform keeps."""
    from toolkit.terraform.state import BOOTSTRAP_KEY, StateStore, read_backend

    connection, backend = connect(engineer), read_backend(engineer)
    text = "".join(StateStore(connection, b).download().decode() for b in (backend, backend.with_key(BOOTSTRAP_KEY)))
    storage = StorageManagementClient(
        runner_credential(connection), engineer.subscription_id, **connection.runner.client_options
    )
    with storage:
        groups = [str(account.id).split("/")[4] for account in storage.storage_accounts.list()]
        names = [str(account.name) for account in storage.storage_accounts.list()]
        keys = [
            key.value
            for group, name in zip(groups, names, strict=True)
            for key in storage.storage_accounts.list_keys(group, name).keys_property or []
        ]
    assert len(keys) >= 4
    assert not [key for key in keys if key and key in text]
    assert connection.credential_settings["AZURE_CLIENT_SECRET"] not in text
