"""A lease on each kind of resource that has rules for addresses: what it writes, what it refuses, what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.conftest import SandboxForTests
from tests.contract.leases import HERE, TTL, Place, a_lessee, a_place, here, left_as_it_was, me
from tests.contract.test_blob_keyvault_dns import LOCATION
from toolkit.errors import RefusedError
from toolkit.firewall.kinds import KINDS, Kind, Target, target_of
from toolkit.firewall.leases import Leases

pytestmark = pytest.mark.contract

PERSONS = "198.51.100.77"
ANOTHER = "198.51.100.64/26"
OPEN_RULE = {"ipAddress": f"{PERSONS}/32", "action": "Allow", "priority": 200, "name": "office"}


class Everything:
    """One of each kind, closed but for an address and a range of a person's: those of a place, and the others here."""

    def __init__(self, place: Place) -> None:
        self.place = place
        platform = place.platform
        for namespace in ("ContainerRegistry", "MachineLearningServices", "Batch", "Web", "App"):
            path = f"/subscriptions/{place.sandbox.subscription_id}/providers/Microsoft.{namespace}/register"
            platform.send("POST", path, "2021-04-01")
        providers = f"{platform.group}/providers"
        self.registry = f"{providers}/Microsoft.ContainerRegistry/registries/acr{platform.suffix}"
        self.batch = f"{providers}/Microsoft.Batch/batchAccounts/ba{platform.suffix}"
        self.workspace = f"{providers}/Microsoft.MachineLearningServices/workspaces/mlw-{platform.suffix}"
        self.site = f"{providers}/Microsoft.Web/sites/func-{platform.suffix}"
        rules = [{"action": "Allow", "value": PERSONS}, {"action": "Allow", "value": ANOTHER}]
        closed = {"defaultAction": "Deny", "ipRules": rules}
        others = {"nodeManagementAccess": {"defaultAction": "Deny", "ipRules": []}}
        self.bodies: dict[str, dict[str, Any]] = {
            self.registry: {"sku": {"name": "Premium"}, "properties": {"networkRuleSet": closed}},
            self.batch: {"properties": {"networkProfile": {"accountAccess": closed, **others}}},
            self.workspace: {
                "identity": {"type": "SystemAssigned"},
                "properties": {
                    "storageAccount": place.account,
                    "keyVault": place.vault,
                    "publicNetworkAccess": "Enabled",
                    "ipAllowlist": [PERSONS, ANOTHER],
                },
            },
            self.site: {
                "kind": "functionapp,linux",
                "properties": {
                    "siteConfig": {
                        "ipSecurityRestrictions": [OPEN_RULE],
                        "scmIpSecurityRestrictions": [OPEN_RULE],
                        "scmIpSecurityRestrictionsDefaultAction": "Deny",
                    }
                },
            },
        }
        for id_ in self.bodies:
            self.write(id_)

    def write(self, id_: str, **properties: Any) -> None:
        body = self.bodies[id_]
        body = {"location": LOCATION, **body, "properties": {**body["properties"], **properties}}
        self.place.platform.put(id_, target_of(id_).api_version, body)

    @property
    def ids(self) -> dict[str, str]:
        """By the name of their kind."""
        of_place = [self.place.account, self.place.vault]
        doors = [*of_place, self.registry, self.workspace, self.batch, self.site, f"{self.site}#scm"]
        return {target_of(id_).kind.name: id_ for id_ in doors}

    def target(self, kind: str) -> Target:
        return target_of(self.ids[kind])

    def leases(self, *kinds: str) -> Leases:
        return a_lessee(self.place.arm, [self.target(kind) for kind in kinds], self.place.leases().probe, self.folder)

    @property
    def folder(self) -> Any:
        return self.place.folder

    def settings(self, kind: str) -> dict[str, Any]:
        """All of what has the rules, but for what every write changes."""
        leases = self.leases(kind)
        found = leases._rules(self.target(kind)).read()
        return {name: value for name, value in found.items() if name not in ("etag", "systemData")}

    def refusal(self, kind: str) -> Any:
        leases = self.leases(kind)
        return leases.probe.refusal(leases._reached(self.target(kind)))


@pytest.fixture(scope="module")
def everything(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield Everything(place)


@pytest.fixture(autouse=True)
def unchanged(everything: Everything) -> Iterator[None]:
    before = {kind: everything.settings(kind) for kind in everything.ids}
    with left_as_it_was(everything.place):
        yield
    assert {kind: everything.settings(kind) for kind in everything.ids} == before


def each_kind(sample: str = "") -> Any:
    """Every row of the table; only the ``sample`` in the normal run, where one is named."""
    return pytest.mark.parametrize(
        "kind",
        [
            pytest.param(row, id=row.name.replace(" ", "-"), marks=[pytest.mark.slow] if sample not in row.name else [])
            for row in KINDS
        ],
    )


def test_there_is_one_of_each(everything: Everything) -> None:
    assert list(everything.ids) == [kind.name for kind in KINDS]


@each_kind()
def test_a_lease_lets_in_leaves_a_person_s_rules_and_denies_again(everything: Everything, kind: Kind) -> None:
    before = everything.settings(kind.name)
    refusal = everything.refusal(kind.name)
    assert refusal is not None
    assert refusal.kind.endswith("firewall")
    lease = everything.leases(kind.name).open(me(), here, TTL)
    assert everything.refusal(kind.name) is None
    assert set(kind.addresses(everything.settings(kind.name))) == {*kind.addresses(before), HERE}
    assert kind.form.rule(HERE) in kind._all(everything.settings(kind.name))
    assert kind.changed(everything.settings(kind.name), set(), {HERE}) == kind.changed(before, set(), set())
    assert everything.leases(kind.name).close(lease).open_for == {}
    assert everything.refusal(kind.name) is not None


@each_kind(sample="workspace")
def test_two_leases_on_one_address_share_its_rule(everything: Everything, kind: Kind) -> None:
    first = everything.leases(kind.name).open(me(host="one"), here, TTL)
    second = everything.leases(kind.name).open(me(host="two"), here, TTL)
    closed = everything.leases(kind.name).close(first)
    assert closed.open_for == {everything.target(kind.name).name: f"lease {second.id} of the tests holds the address"}
    assert everything.refusal(kind.name) is None
    assert everything.leases(kind.name).close(second).open_for == {}


@each_kind(sample="workspace")
def test_a_range_is_a_rule_like_an_address(everything: Everything, kind: Kind) -> None:
    lease = everything.leases(kind.name).open(me(), lambda: frozenset({"203.0.113.0/28"}), TTL)
    assert everything.refusal(kind.name) is None
    assert everything.leases(kind.name).close(lease).open_for == {}


@each_kind(sample="workspace")
def test_an_address_that_a_person_let_in_stays(everything: Everything, kind: Kind) -> None:
    lease = everything.leases(kind.name).open(me(), lambda: frozenset({PERSONS, HERE}), TTL)
    assert lease.holds[everything.target(kind.name).key] == {PERSONS: False, HERE: True}
    everything.leases(kind.name).close(lease)


@each_kind(sample="workspace")
def test_the_limit_is_azure_s(everything: Everything, kind: Kind) -> None:
    """What the toolkit takes for the limit, the service takes, and not one rule more."""
    rules = everything.leases(kind.name)._rules(everything.target(kind.name))
    settings = rules.read()
    many = {f"203.1.{n // 250}.{n % 250}" for n in range(kind.limit)}
    with pytest.raises(RefusedError, match=f"has {kind.count(settings)} rules for addresses of at most {kind.limit}"):
        everything.leases(kind.name).open(me(), lambda: frozenset(many), TTL)
    fitting = set(sorted(many)[: kind.limit - kind.count(settings)])
    write(everything, kind, kind.changed(settings, fitting, set()))
    with pytest.raises(HttpResponseError, match=r"rules|addresses and ranges"):
        write(everything, kind, kind.changed(rules.read(), {HERE}, set()))
    write(everything, kind, kind.changed(rules.read(), set(), fitting))


def write(everything: Everything, kind: Kind, body: dict[str, Any]) -> None:
    target = everything.target(kind.name)
    everything.place.platform.send("PATCH", f"{target.id}{kind.at}", target.api_version, body)


@contextmanager
def without_public_access(everything: Everything, id_: str) -> Iterator[None]:
    def access(value: str) -> None:
        body = {"properties": {"publicNetworkAccess": value}}
        everything.place.platform.send("PATCH", id_, target_of(id_).api_version, body)

    access("Disabled")
    try:
        yield
    finally:
        access("Enabled")


@pytest.mark.parametrize("kind", ["container registry", "workspace", "Batch account", "function app"])
def test_all_or_nothing_over_several_kinds(everything: Everything, kind: str) -> None:
    """The others stay as they were, and nothing is written down, when one of them cannot be opened."""
    before = {one: everything.settings(one) for one in everything.ids}
    id_ = everything.ids[kind]
    with without_public_access(everything, id_):
        others = [one for one in everything.ids if everything.ids[one].partition("#")[0] != id_]
        with pytest.raises(RefusedError, match=r"no rule opens .*: its public network access is disabled"):
            everything.leases(*others, kind).open(me(), here, TTL)
        assert {one: everything.settings(one) for one in others} == {one: before[one] for one in others}
        assert everything.leases(kind).journal.read() == []


def test_a_lease_over_all_kinds_at_once(everything: Everything) -> None:
    names = [*everything.ids]
    lease = everything.leases(*names).open(me(), here, TTL)
    assert set(lease.holds) == {everything.target(name).key for name in names}
    assert [everything.refusal(name) for name in names] == [None] * len(names)
    assert everything.leases(*names).close(lease).open_for == {}


@pytest.mark.parametrize("door", ["", "#scm"])
def test_a_site_that_lets_everybody_in_gets_no_first_rule(everything: Everything, door: str) -> None:
    """It would shut out everybody else."""
    target = target_of(f"{everything.site}{door}")
    default = f"{target.kind.rules[0]}DefaultAction"
    standing = everything.settings(target.kind.name)["properties"]
    open_ = {target.kind.rules[0]: [], default: None}
    write(everything, target.kind, {"properties": open_})
    try:
        assert everything.refusal(target.kind.name) is None
        with pytest.raises(RefusedError, match="lets everybody in, and its first rule would shut out everybody else"):
            everything.leases(target.kind.name).open(me(), here, TTL)
    finally:
        write(everything, target.kind, {"properties": {name: standing.get(name) for name in open_}})


def test_a_workspace_that_lets_everybody_in_gets_no_first_rule(everything: Everything) -> None:
    kind = everything.target("workspace").kind
    write(everything, kind, {"properties": {"ipAllowlist": []}})
    try:
        assert everything.refusal("workspace") is None
        with pytest.raises(RefusedError, match="lets everybody in"):
            everything.leases("workspace").open(me(), here, TTL)
    finally:
        write(everything, kind, {"properties": {"ipAllowlist": [PERSONS, ANOTHER]}})


def test_an_scm_site_that_goes_by_the_app_s_rules_is_named(everything: Everything) -> None:
    kind = everything.target("SCM site of function app").kind
    write(everything, kind, {"properties": {kind.shared: True}})
    try:
        with pytest.raises(RefusedError, match="goes by the rules of the app") as caught:
            everything.leases(kind.name).open(me(), here, TTL)
        assert caught.value.hint == "take the lease on the function app itself"
        lease = everything.leases("function app").open(me(), here, TTL)
        assert everything.refusal(kind.name) is None
        everything.leases("function app").close(lease)
    finally:
        write(everything, kind, {"properties": {kind.shared: False}})
