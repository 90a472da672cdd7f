"""Microsoft.KeyVault: secrets and keys through ARM, which writes them into the vault's own documents.

Secrets: https://learn.microsoft.com/rest/api/keyvault/keyvault/secrets. Keys: a PUT makes the first version of a key
that is not there and changes nothing of one that is, and there is no DELETE
(https://learn.microsoft.com/rest/api/keyvault/keyvault/keys/create-if-not-exist).
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError
from toolkit.sandbox.arm.resource_type import Call, ResourceType
from toolkit.sandbox.perimeter import decides
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import SecretRefused

_VAULTS = "Microsoft.KeyVault/vaults"
_SECRETS = f"{_VAULTS}/secrets"
_KEYS = f"{_VAULTS}/keys"
_VERSIONS = f"{_KEYS}/versions"


def _secret_found(call: Call) -> Resource | None:
    """A secret exists in ARM as long as it does in the vault, where it can be deleted without ARM."""
    vault = call.resources.store.get(call.id.parent_id)
    known = vault is not None and call.id.name.lower() in call.resources.world.secrets.names(vault)
    return call.resources.store.get(call.id.id) if known else None


def _list_secrets(call: Call) -> list[Json]:
    vault = call.resources.store.get(call.id.parent_id)
    assert vault is not None
    known = call.resources.world.secrets.names(vault)
    return [s.body for s in call.resources.store.under(vault.id, _SECRETS) if s.name.lower() in known]


def _perimeter_passed(call: Call, vault: Resource) -> None:
    """Azure Resource Manager writes what is in a vault as a trusted service (KeyVault/ManagementPlane), which no
    perimeter lets in: a public Bicep sample quotes the refusal of a deployment. Whether it may read is not known.
    """
    if decides(call.resources.store, vault):
        raise ArmError(
            403, "ForbiddenByNsp", "The request was forbidden by NSP policy. Caller: name=KeyVault/ManagementPlane"
        )


def _secret(call: Call, resource: Resource) -> None:
    """The value goes to the vault's own documents and nowhere else."""
    vault = call.resources.store.get(call.id.parent_id)
    assert vault is not None
    _perimeter_passed(call, vault)
    value = resource.internal.pop("value", None)
    given = {**resource.properties, "value": value, "tags": resource.body.get("tags")}
    try:
        bundle = call.resources.world.secrets.write(vault, call.id.name, given)
    except SecretRefused as error:
        raise ArmError(error.status, error.code, error.message) from error
    versioned, attributes = bundle["id"], bundle["attributes"]
    resource.properties.update(
        secretUri=versioned.rsplit("/", 1)[0],
        secretUriWithVersion=versioned,
        attributes={
            key: attributes[key] for key in ("enabled", "created", "updated", "nbf", "exp") if key in attributes
        },
    )


# -- keys --------------------------------------------------------------------------------------------------------------


def _resource(vault: Resource, type_: str, path: str, version: Json) -> Resource:
    """A version of a key as ARM answers it."""
    properties = dict(version)
    tags = properties.pop("tags", None)
    body: Json = {"id": f"{vault.id}/{path}", "name": path.rsplit("/", 1)[-1], "type": type_}
    body |= {"location": vault.body.get("location", ""), **({"tags": tags} if tags else {}), "properties": properties}
    return Resource(body["id"], type_, body, {})


def _key_found(call: Call) -> Resource | None:
    vault = call.resources.store.get(call.id.parent_id)
    versions = call.resources.world.keys.versions(vault, call.id.name) if vault is not None else []
    return _resource(vault, _KEYS, f"keys/{call.id.name}", versions[-1]) if vault is not None and versions else None


def _list_keys(call: Call) -> list[Json]:
    vault, keys = call.resources.store.get(call.id.parent_id), call.resources.world.keys
    assert vault is not None
    return [_resource(vault, _KEYS, f"keys/{name}", keys.versions(vault, name)[-1]).body for name in keys.names(vault)]


def _key(call: Call, resource: Resource) -> None:
    vault, keys = call.resources.store.get(call.id.parent_id), call.resources.world.keys
    assert vault is not None
    if call.existing is None:
        _perimeter_passed(call, vault)
        try:
            keys.create(vault, call.id.name, resource.properties, resource.body.get("tags"))
        except SecretRefused as error:
            raise ArmError(error.status, error.code, error.message) from error
    made = _resource(vault, _KEYS, f"keys/{call.id.name}", keys.versions(vault, call.id.name)[-1])
    resource.body = made.body


def _versions(call: Call) -> list[Resource]:
    key_id = call.id.parent_id
    vault = call.resources.store.get(key_id.rsplit("/", 2)[0])
    if vault is None:
        return []
    name = key_id.rsplit("/", 1)[-1]
    return [
        _resource(vault, _VERSIONS, f"keys/{name}/versions/{version['keyUriWithVersion'].rsplit('/', 1)[-1]}", version)
        for version in call.resources.world.keys.versions(vault, name)
    ]


def _version_found(call: Call) -> Resource | None:
    return next((version for version in _versions(call) if version.name == call.id.name.lower()), None)


KEYVAULT_KEYS: tuple[ResourceType, ...] = (
    ResourceType(
        _SECRETS,
        first_api_version="2016-10-01",
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        methods=frozenset({"GET", "PUT", "PATCH"}),
        write_only=("value",),
        find=_secret_found,
        on_put=_secret,
        list=_list_secrets,
    ),
    ResourceType(
        _KEYS,
        first_api_version="2019-09-01",
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        methods=frozenset({"GET", "PUT"}),
        find=_key_found,
        on_put=_key,
        list=_list_keys,
    ),
    ResourceType(
        _VERSIONS,
        first_api_version="2019-09-01",
        place="child",
        parent="virtual",
        location="none",
        methods=frozenset({"GET"}),
        find=_version_found,
        list=lambda call: [version.body for version in _versions(call)],
    ),
)
