"""Encryption with customer-managed keys: what each resource says that it encrypts with now, and the key itself.

The vault's address of a key is compared without its version: services take new ones by themselves, but the workspace,
which the next apply moves on. https://learn.microsoft.com/azure/security/fundamentals/encryption-customer-managed-keys-support
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.control_plane import fail_if, lookup, read, same
from toolkit.smoke.context import Context

_DAY = 24 * 3600
# In this time the workspace has to be applied to a new version, and everybody else to have taken it.
_LEFT = 28 * _DAY
Encryption = Mapping[str, Any]


def _storage(encryption: Encryption) -> str:
    key = encryption.get("keyvaultproperties") or {}
    on = same(encryption.get("keySource"), "Microsoft.Keyvault")
    return f"{str(key.get('keyvaulturi')).rstrip('/')}/keys/{key.get('keyname')}" if on else ""


def _registry(encryption: Encryption) -> str:
    return (
        str(lookup(encryption, "keyVaultProperties.keyIdentifier")) if same(encryption.get("status"), "enabled") else ""
    )


def _factory(encryption: Encryption) -> str:
    return f"{str(encryption.get('vaultBaseUrl')).rstrip('/')}/keys/{encryption.get('keyName')}" if encryption else ""


def _workspace(encryption: Encryption) -> str:
    return _registry(encryption)  # the same words


def _batch(encryption: Encryption) -> str:
    on = same(encryption.get("keySource"), "Microsoft.KeyVault")
    return str(lookup(encryption, "keyVaultProperties.keyIdentifier")) if on else ""


# How each service says which key it uses; "" for one of Microsoft's.
_KEY_OF: dict[str, Callable[[Encryption], str]] = {
    "storage": _storage,
    "container_registry": _registry,
    "data_factory": _factory,
    "machine_learning_workspace": _workspace,
    "batch": _batch,
}


def keys_are_used(context: Context) -> Facts:
    problems, facts = [], {}
    for service, meant in context.output("customer_managed_keys").items():
        for resource_id in meant["resource_ids"]:
            name = resource_id.rsplit("/", 1)[-1]
            used = _KEY_OF[service](lookup(read(context, resource_id), "properties.encryption") or {})
            facts[name] = used or "a key of Microsoft's"
            if not same(_without_version(used), meant["key_uri"]):
                problems.append(f"{name} is encrypted with {facts[name]}, not with {meant['key_uri']}")
    fail_if(problems, hint="toolkit plan shows it, where a key can be set on what stands (docs/platform.md)")
    return facts


def keys_are_valid(context: Context) -> Facts:
    problems, facts, now = [], {}, time.time()
    for service, meant in context.output("customer_managed_keys").items():
        properties = read(context, meant["key_id"])["properties"]
        attributes = properties.get("attributes") or {}
        expires, rotation = attributes.get("exp"), _rotation(properties)
        facts[service] = {"enabled": attributes.get("enabled"), "expires": expires, "rotates_after": rotation}
        if not attributes.get("enabled"):
            problems.append(f"the key of {service} is disabled")
        if attributes.get("nbf", 0) > now:
            problems.append(f"the key of {service} is not valid yet")
        if expires is not None and expires - now < _LEFT:
            left = int((expires - now) // _DAY)
            problems.append(f"the key of {service} " + (f"expires in {left} days" if left >= 0 else "has expired"))
        if not same(rotation, meant["rotate_after"]):
            problems.append(f"the key of {service} rotates after {rotation or 'no time'}, not {meant['rotate_after']}")
    fail_if(
        problems,
        hint="Terraform does not change a key that is there. From inside the network: az keyvault key set-attributes, "
        "rotate, rotation-policy update",
    )
    return facts


def _without_version(uri: str) -> str:
    return "/".join(uri.rstrip("/").split("/")[:5])


def _rotation(properties: Mapping[str, Any]) -> str | None:
    for action in lookup(properties, "rotationPolicy.lifetimeActions") or []:
        if same(lookup(action, "action.type"), "rotate"):
            found: str | None = lookup(action, "trigger.timeAfterCreate")
            return found
    return None


# By category, where the registry has them.
OF_THE_VAULT: tuple[Check[Context], ...] = (
    Check(
        id="keyvault-keys-valid",
        category="keyvault",
        title="The customer-managed keys are enabled, do not expire soon, and rotate",
        function=keys_are_valid,
        outputs=("customer_managed_keys",),
        feature="encryption",
        controls=("DP-6", "SC-12"),
    ),
)
OF_THE_SERVICES: tuple[Check[Context], ...] = (
    Check(
        id="posture-customer-managed-keys",
        category="posture",
        title="Everything that should is encrypted with its customer-managed key",
        function=keys_are_used,
        outputs=("customer_managed_keys",),
        feature="encryption",
        controls=("DP-5", "SC-28"),
    ),
)
