"""What is meant: every resource of both roots as Terraform's state has it, which is what the last apply wrote.

The state is the one place that knows what was made and how: a configuration alone does not know names, ids and what a
service made of a reference. Kept beside the outputs after each apply, and read from the states' account by a machine
that has not applied. Secrets are kept as a digest, if there is any.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.environment import Connection, Environment
from toolkit.environment.variables import variable_files
from toolkit.errors import ToolkitError
from toolkit.files import disk_errors
from toolkit.firewall.kinds import KINDS, canonical
from toolkit.records import Json, read_record, write_record
from toolkit.terraform.state import BOOTSTRAP_KEY, StateStore, read_backend
from toolkit.terraform.workspace import ROOTS, RootName

MASK = "sha256:"
# Names under which a secret's value stands in a body; …Name, …Id and …Uri say where it is kept.
_SECRET = re.compile(
    r"(password|secret|accountkey|accesskey|connection_?string|sastoken|sasuri|_key|functionkey)$", re.I
)


@dataclass(frozen=True, slots=True)
class Meant:
    """One resource. ``whole``: Terraform made it, and writes all of it; otherwise it sets some properties of one that
    comes with another (``blobServices/default``). ``tags`` and ``identities`` are None where nothing is said of them.
    """

    root: RootName
    address: str
    id: str
    type: str
    api_version: str
    body: Json
    whole: bool = True
    tags: Mapping[str, str] | None = None
    identities: Sequence[str] | None = None
    system_identity: bool = False

    @property
    def key(self) -> str:
        return self.id.casefold()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is meant by each root whose state could be read; ``missing`` says why one could not.

    ``above`` are the role assignments (lower-cased ids) that stood above the platform when it was last applied from
    here; None where that is not known.
    """

    resources: tuple[Meant, ...]
    missing: Mapping[str, str] = field(default_factory=dict)
    above: tuple[str, ...] | None = None

    def of(self, *types: str) -> list[Meant]:
        wanted = {name.casefold() for name in types}
        return [one for one in self.resources if one.type.casefold() in wanted]


def manifest_path(environment: Environment) -> Path:
    return environment.state_dir / "meant.json"


def forget_manifest(environment: Environment) -> None:
    """Before an apply: one that ends half-way leaves nothing that is out of date."""
    manifest_path(environment).unlink(missing_ok=True)


def save_manifest(connection: Connection) -> Manifest:
    """Read both states and keep what they mean, for the next time; a root whose state is refused is left out."""
    manifest = replace(read_manifest(connection), above=_above(connection))
    with disk_errors("what is meant"):
        write_record(manifest_path(connection.environment), asdict(manifest))
    return manifest


def _above(connection: Connection) -> tuple[str, ...] | None:
    """The role assignments of the whole subscription and above it; None for who may not look."""
    from azure.core.exceptions import AzureError

    from toolkit.azure.api_versions import API_VERSIONS
    from toolkit.azure.arm import arm_client

    path = f"/subscriptions/{connection.environment.subscription_id}/providers/Microsoft.Authorization/roleAssignments"
    query = {"api-version": API_VERSIONS["microsoft.authorization/roleassignments"], "$filter": "atScope()"}
    try:
        with arm_client(connection) as client:
            return tuple(str(one["id"]).casefold() for one in client.list(path, query))
    except AzureError:
        return None


def load_manifest(connection: Connection) -> Manifest:
    """What this machine's last apply left; from the states where there was none, or where it could not read one."""
    record = read_record(manifest_path(connection.environment))
    if not record or record["missing"]:
        return read_manifest(connection)
    above = record.get("above")
    return Manifest(tuple(Meant(**one) for one in record["resources"]), above=None if above is None else tuple(above))


def read_manifest(connection: Connection) -> Manifest:
    """Both states. Never raises for one that this identity may not read from here: ``missing`` says it."""
    backend = read_backend(connection.environment)
    declared = _declared_addresses(connection.environment)
    resources: list[Meant] = []
    missing: dict[str, str] = {}
    for root in ROOTS:
        store = StateStore(connection, backend.with_key(BOOTSTRAP_KEY) if root == "bootstrap" else backend)
        try:
            found = resources_of(root, json.loads(store.download()))
            resources += [without_leases(one, declared) for one in found]
        except (ToolkitError, ValueError) as error:
            missing[root] = getattr(error, "message", str(error))
    return Manifest(tuple(resources), missing)


def resources_of(root: RootName, state: Json) -> Iterator[Meant]:
    """What a state (format 4) says that Terraform made with azapi, and what it says inside of another resource.

    Outbound rules are written as properties of their workspace and live as resources of their own:
    https://learn.microsoft.com/rest/api/azureml/managed-network-settings-rule

    https://github.com/hashicorp/terraform/blob/main/internal/states/statefile/version4.go; attributes of azapi:
    https://registry.terraform.io/providers/Azure/azapi/latest/docs/resources/resource
    """
    for resource in state.get("resources") or []:
        if resource.get("mode") != "managed" or resource["type"] not in _KINDS:
            continue
        for instance in resource["instances"]:
            if "deposed" in instance:  # the old one of a replacement that was interrupted
                continue
            attributes = instance["attributes"]
            if resource["type"] == "azapi_resource_action" and not _writes(attributes):
                continue
            type_, _, version = attributes["type"].partition("@")
            identity = (attributes.get("identity") or [None])[0]
            body = masked(_value(attributes.get("body")))
            network = (body.get("properties") or {}).get("managedNetwork") or {}
            address, resource_id = _address(resource, instance), attributes.get("resource_id") or attributes["id"]
            for name, rule in (network.pop("outboundRules", None) or {}).items():
                yield Meant(
                    root,
                    address,
                    f"{resource_id}/outboundRules/{name}",
                    f"{type_}/outboundRules",
                    version,
                    {"properties": rule},
                )
            yield Meant(
                root=root,
                address=address,
                id=resource_id,
                type=type_,
                api_version=version,
                body=_with_exported(type_, body, attributes),
                whole=resource["type"] != "azapi_update_resource",
                tags=attributes.get("tags"),
                identities=identity and [str(one) for one in identity.get("identity_ids") or []],
                system_identity=bool(identity) and "SystemAssigned" in str(identity.get("type")),
            )


# What Azure made of a resource and others rely on: an identity that was made again has roles no more.
_EXPORTED = {"Microsoft.ManagedIdentity/userAssignedIdentities": ("principalId", "clientId")}


def _with_exported(type_: str, body: Json, attributes: Json) -> Json:
    exported = (_value(attributes.get("output")).get("properties") or {}) if type_ in _EXPORTED else {}
    kept = {name: exported[name] for name in _EXPORTED.get(type_, ()) if name in exported}
    return {**body, "properties": {**(body.get("properties") or {}), **kept}} if kept else body


_KINDS = ("azapi_resource", "azapi_update_resource", "azapi_resource_action")


def _writes(attributes: Json) -> bool:
    """Whether an action is a resource's PUT, as it stands for resources that azapi cannot delete or read back."""
    return attributes.get("method") == "PUT" and not attributes.get("action")


def _declared_addresses(environment: Environment) -> frozenset[str]:
    """What the environment's own data says of addresses; an apply also writes those of leases that are open then."""
    texts = [path.read_text(encoding="utf-8") for path in variable_files(environment) if path.is_file()]
    found = {one for text in texts for one in re.findall(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?", text)}
    return frozenset(address for text in (*found, *environment.state_ip_rules) if (address := canonical(text)))


def without_leases(one: Meant, declared: frozenset[str]) -> Meant:
    """Without the rules for addresses that only a lease let in: they are meant for as long as it is open."""
    for kind in KINDS:
        rules: Any = one.body.get("properties")
        for step in kind.rules if kind.type.casefold() == one.type.casefold() and not kind.at else ():
            rules = rules.get(step) if isinstance(rules, dict) else None
        if isinstance(rules, list):
            rules[:] = [rule for rule in rules if (kind.form.address(rule) or "") in declared]
    return one


def _address(resource: Json, instance: Json) -> str:
    prefix = f"{resource['module']}." if resource.get("module") else ""
    index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
    return f"{prefix}{resource['type']}.{resource['name']}{index}"


def _value(body: Any) -> Json:
    """A dynamic attribute is kept with its type; azapi 1.x took JSON text, too."""
    if isinstance(body, dict) and set(body) == {"value", "type"}:
        body = body["value"]
    if isinstance(body, str):
        body = json.loads(body)
    return body if isinstance(body, dict) else {}


def masked(value: Any, name: str = "") -> Any:
    """The same without any secret: each is replaced by its digest, by which a change still shows."""
    if isinstance(value, dict):
        named = value.get("name") if isinstance(value.get("name"), str) else None
        return {key: masked(inner, named if named and key == "value" else key) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, name) for inner in value]
    return digest(value) if isinstance(value, str) and value and _SECRET.search(name) else value


def digest(secret: str) -> str:
    return f"{MASK}{hashlib.sha256(secret.encode()).hexdigest()[:16]}"
