"""What leases can be taken on: how each type writes its rules for addresses, how many it takes, and how it is asked.

One row per type and door; its api-version is Terraform's (azure/api_versions.py). None of these types documents an
entity tag for the write (https://learn.microsoft.com/rest/api/, of each): rules.py reads again instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any, Literal
from urllib.parse import urlsplit

from toolkit.azure.api_versions import WORKSPACE_ALLOWLIST_API_VERSION, api_version
from toolkit.errors import UsageError
from toolkit.records import Json

_ANY = "Any"  # App Service shows its default action as a last rule


@dataclass(frozen=True, slots=True)
class Form:
    """How a rule is written: the address in ``member`` ("" where it is all of the rule), among ``others``; ``suffix``
    stands behind a single address.
    """

    member: str
    suffix: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)

    def rule(self, address: str) -> Any:
        value = address if "/" in address else f"{address}{self.suffix}"
        return {**self.others, self.member: value} if self.member else value

    def address(self, rule: Any) -> str | None:
        """What a rule lets in: an address, or a range; None for a rule that denies, or names something else."""
        if not isinstance(rule, dict):
            return canonical(str(rule))
        denies = str(rule.get("action", "Allow")).lower() != "allow"
        return None if denies else canonical(str(rule.get(self.member, "")))


@dataclass(frozen=True, slots=True)
class Kind:
    """``rules`` is where under ``properties`` the list of rules stands, and ``default`` where the action for everybody
    else; ``at`` is the child of the resource that has them, where it is not the resource itself.

    Where no action stands at ``default``, ``alone`` says what rules do: "nothing", or "shut" out everybody else.
    ``host`` makes the data plane's host name of a resource's name; ``endpoint`` is the property that says it, where it
    is not made of the name. ``probe`` is a GET there that needs no right, and ``scope`` the token's ("" for none).
    ``shared`` is a property that makes another door's rules count instead.
    """

    type: str
    name: str
    form: Form
    rules: tuple[str, ...]
    default: tuple[str, ...]
    alone: Literal["nothing", "shut"]
    limit: int
    host: str
    probe: str
    scope: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    door: str = ""  # the second of a resource: its id is followed by #door
    endpoint: str = ""
    version: str = ""  # where the type's own does not have the rules
    shared: str = ""

    def addresses(self, resource: Json) -> list[str]:
        """What the rules let in: single addresses bare, ranges as CIDR."""
        return [address for rule in self._all(resource) if (address := self.form.address(rule)) is not None]

    def count(self, resource: Json) -> int:
        """How many rules count towards the limit."""
        return sum(not isinstance(rule, dict) or rule.get(self.form.member) != _ANY for rule in self._all(resource))

    def lets_everybody_in(self, resource: Json) -> bool:
        """Whether the public endpoint needs no rule, as its settings stand."""
        action: Any = _under(resource, self.default)
        if action:
            return str(action).lower() != "deny"
        return self.alone == "nothing" or self.count(resource) == 0

    def changed(self, resource: Json, add: set[str], remove: set[str]) -> Json:
        """The body of a PATCH that changes these addresses, and nothing else of the settings."""
        kept = [rule for rule in self._all(resource) if self.form.address(rule) not in remove]
        for address in sorted(add - set(filter(None, map(self.form.address, kept)))):
            # Where Terraform, which sorts, would have it (terraform/platform/leases.tf); the others keep their places.
            after = (n for n, rule in enumerate(kept) if (self.form.address(rule) or "") > address)
            kept.insert(next(after, len(kept)), self.form.rule(address))
        # What a PATCH does with a part of an object is documented of none of them: the whole of it is sent.
        outer, *inner = self.rules
        whole: Any = deepcopy(_under(resource, (outer,)) or {}) if inner else kept
        at = whole
        for step in inner[:-1]:
            at = at.setdefault(step, {})
        if inner:
            at[inner[-1]] = kept
        return {"properties": {outer: whole}}

    def _all(self, resource: Json) -> list[Any]:
        return list(_under(resource, self.rules) or [])


KINDS: tuple[Kind, ...] = (
    Kind(
        "Microsoft.Storage/storageAccounts",
        "storage account",
        # A bare address: https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
        Form("value", "", {"action": "Allow"}),
        rules=("networkAcls", "ipRules"),
        default=("networkAcls", "defaultAction"),
        alone="nothing",
        limit=400,
        host="{name}.blob.core.windows.net",
        probe="/?comp=list&maxresults=1",
        scope="https://storage.azure.com/.default",
        headers={"x-ms-version": "2023-11-03"},
    ),
    Kind(
        "Microsoft.KeyVault/vaults",
        "key vault",
        Form("value", "/32"),  # https://learn.microsoft.com/azure/key-vault/general/network-security
        rules=("networkAcls", "ipRules"),
        default=("networkAcls", "defaultAction"),
        alone="nothing",
        limit=1000,
        host="{name}.vault.azure.net",
        probe="/secrets?api-version=7.4&maxresults=1",
        scope="https://vault.azure.net/.default",
    ),
    Kind(
        "Microsoft.ContainerRegistry/registries",
        "container registry",
        # https://learn.microsoft.com/azure/container-registry/container-registry-access-selected-networks
        Form("value", "", {"action": "Allow"}),
        rules=("networkRuleSet", "ipRules"),
        default=("networkRuleSet", "defaultAction"),
        alone="nothing",
        limit=200,
        host="{name}.azurecr.io",
        probe="/v2/",  # 401 with where to get a token: https://distribution.github.io/distribution/spec/auth/token
    ),
    Kind(
        "Microsoft.MachineLearningServices/workspaces",
        "workspace",
        # https://learn.microsoft.com/azure/machine-learning/how-to-configure-private-link, "IP ranges": at most 200
        Form(""),
        rules=("ipAllowlist",),
        default=(),
        alone="shut",
        limit=200,
        host="",
        probe="/history/v1.0{id}/runs/toolkit-lease/details",
        scope="https://ml.azure.com/.default",
        endpoint="discoveryUrl",
        version=WORKSPACE_ALLOWLIST_API_VERSION,
    ),
    Kind(
        "Microsoft.Batch/batchAccounts",
        "Batch account",
        # https://learn.microsoft.com/azure/batch/public-network-access
        Form("value", "", {"action": "Allow"}),
        rules=("networkProfile", "accountAccess", "ipRules"),
        default=("networkProfile", "accountAccess", "defaultAction"),
        alone="nothing",
        limit=200,
        host="",
        probe="/jobs?api-version=2024-07-01.20.0&maxresults=1",
        scope="https://batch.core.windows.net/.default",
        endpoint="accountEndpoint",
    ),
    # https://learn.microsoft.com/azure/app-service/overview-access-restrictions: the first rule that fits decides, the
    # lowest priority first; without a default action the first rule shuts out everybody else; at most 512 of a site.
    Kind(
        "Microsoft.Web/sites",
        "function app",
        Form("ipAddress", "/32", {"action": "Allow", "priority": 100, "name": "toolkit-lease", "tag": "Default"}),
        rules=("ipSecurityRestrictions",),
        default=("ipSecurityRestrictionsDefaultAction",),
        alone="shut",
        limit=512,
        host="",
        probe="/",
        at="/config/web",
        endpoint="defaultHostName",
    ),
    Kind(
        "Microsoft.Web/sites",
        "SCM site of function app",
        Form("ipAddress", "/32", {"action": "Allow", "priority": 100, "name": "toolkit-lease", "tag": "Default"}),
        rules=("scmIpSecurityRestrictions",),
        default=("scmIpSecurityRestrictionsDefaultAction",),
        alone="shut",
        limit=512,
        host="",
        probe="/api/settings",
        at="/config/web",
        door="scm",
        endpoint="enabledHostNames",
        shared="scmIpSecurityRestrictionsUseMain",
    ),
)


# A profile of a network security perimeter, for a member that obeys it (perimeters.py): no target that anybody names.
# At most 200 elements: https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts, limitations.
PERIMETER = Kind(
    "Microsoft.Network/networkSecurityPerimeters",
    "perimeter",
    Form(""),
    rules=("addressPrefixes",),
    default=("defaultAction",),
    alone="nothing",
    limit=200,
    host="",
    probe="",
)


@dataclass(frozen=True, slots=True)
class Target:
    """A resource whose rules a lease changes; a door of it, where it has two.

    ``endpoint`` is the data plane's host, once the resource was asked (``reached``) or where it is made of the name.
    ``member`` is what a perimeter's profile decides about.
    """

    id: str
    kind: Kind
    endpoint: str = ""
    member: Target | None = None

    @property
    def asked(self) -> Target:
        """Whose data plane says whether it is open."""
        return self.member or self

    @property
    def key(self) -> str:
        """What it is called in a lease: its lower-cased id, with the door, or with the member's."""
        if self.member is not None:
            return f"{self.id.lower()}#{self.member.key}"
        return f"{self.id.lower()}#{self.kind.door}" if self.kind.door else self.id.lower()

    def held(self, holds: Mapping[str, Mapping[str, bool]]) -> set[str]:
        """The addresses that a lease with these ``holds`` lets in here: a profile's rules are for all its members."""
        keys = [key for key in holds if key == self.key or (self.member and key.startswith(f"{self.id.lower()}#"))]
        return {address for key in keys for address in holds[key]}

    @property
    def name(self) -> str:
        if self.member is not None:
            return self.member.name
        name = self.id.rsplit("/", 1)[-1]
        return f"{name}#{self.kind.door}" if self.kind.door else name

    @property
    def api_version(self) -> str:
        return self.kind.version or api_version(self.id)

    @property
    def host(self) -> str:
        return self.endpoint or self.kind.host.format(name=self.name)

    @property
    def probe(self) -> str:
        return self.kind.probe.format(id=self.id)

    def reached(self, resource: Json) -> Target:
        """With the host that the resource itself says."""
        said: Any = _under(resource, (self.kind.endpoint,))
        if isinstance(said, list):
            said = next((name for name in said if f".{self.kind.door}." in name), "")
        host = urlsplit(said if "//" in str(said) else f"//{said}").hostname
        return Target(self.id, self.kind, host or "")

    def __str__(self) -> str:
        if self.member is not None:
            return f"the perimeter {self.id.split('/')[8]} of {self.member}"
        return f"{self.kind.name} {self.id.rsplit('/', 1)[-1]}"


def target_of(resource_id: str) -> Target:
    """Of an id, or of one with ``#door``; of a perimeter's profile with its member, as a lease calls it.

    Raises UsageError for a type that takes no leases.
    """
    id_, _, door = resource_id.partition("#")
    if door.startswith("/"):
        return Target(id_, PERIMETER, member=target_of(door))
    type_ = "/".join(id_.rsplit("/providers/", 1)[-1].split("/")[:2])
    for kind in KINDS:
        if (kind.type.lower(), kind.door) == (type_.lower(), door):
            return Target(id_, kind)
    doors = ", ".join(f"{kind.type}{f'#{kind.door}' if kind.door else ''}" for kind in KINDS)
    raise UsageError(
        f"no lease can be taken on {type_}{f'#{door}' if door else ''} {id_.rsplit('/', 1)[-1]}",
        hint=f"these have rules for addresses that a lease can change: {doors}",
    )


def canonical(text: str) -> str | None:
    """An address bare, a range as CIDR from its first address; None for what is neither."""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        return None
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _under(resource: Json, path: tuple[str, ...]) -> Any:
    found: Any = resource.get("properties") or {}
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if path else None
