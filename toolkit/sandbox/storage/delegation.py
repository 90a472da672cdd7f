"""User delegation keys, and the shared access signatures made with them.

A signature is worth what its letters say and what its delegator may do, whichever is less, at the time of each request:
https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key

A key is made out of who asked and for how long, and of a secret of the sandbox, so that none has to be kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree

from toolkit.sandbox.model import Principal
from toolkit.sandbox.storage.errors import StorageError
from toolkit.sandbox.storage.signing import sign
from toolkit.sandbox.store import Resource, Store

_SEED: Final = "user-delegation-seed"
_FIELDS: Final = ("skoid", "sktid", "skt", "ske", "sks", "skv")
# Azure's limit, and the version of the signatures that the sandbox itself makes.
_LONGEST: Final = timedelta(days=7)
_VERSION: Final = "2023-11-03"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class DelegationKey:
    """What a signature says of the key that made it; ``value`` follows from it."""

    fields: Mapping[str, str]
    value: str


def key_of(store: Store, account: str, parameters: Mapping[str, str]) -> DelegationKey:
    """The key that ``parameters`` (skoid, sktid, skt, ske, sks, skv) name."""
    fields = {name: parameters.get(name, "") for name in _FIELDS}
    text = "\n".join((account.lower(), *fields.values()))
    digest = hmac.new(_seed(store), text.encode(), hashlib.sha256).digest()
    return DelegationKey(fields, base64.b64encode(digest).decode())


def _seed(store: Store) -> bytes:
    known = store.document(_SEED, "")
    if known is None:
        known = {"seed": secrets.token_hex(32)}
        store.put_document(_SEED, "", known)
    return bytes.fromhex(str(known["seed"]))


def issue(store: Store, account: Resource, caller: Principal, start: datetime, end: datetime, version: str) -> str:
    """The answer to Get User Delegation Key, as XML."""
    if end <= start or end <= datetime.now(UTC) or end - datetime.now(UTC) > _LONGEST + timedelta(minutes=5):
        raise StorageError(
            400, "InvalidXmlNodeValue", "The value for one of the XML nodes is not in the correct format."
        )
    key = key_of(store, account.name, _described(caller, start, end, version))
    root = ElementTree.Element("UserDelegationKey")
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
    for name, value in zip(names, key.fields.values(), strict=True):
        ElementTree.SubElement(root, name).text = value
    ElementTree.SubElement(root, "Value").text = key.value
    return '<?xml version="1.0" encoding="utf-8"?>' + ElementTree.tostring(root, encoding="unicode")


def times_of(content: bytes) -> tuple[datetime, datetime]:
    """``KeyInfo``'s Start and Expiry."""
    malformed = StorageError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - a body of the client's own, without entities
        start, end = (datetime.fromisoformat(root.findtext(name, "")) for name in ("Start", "Expiry"))
    except (ElementTree.ParseError, ValueError) as error:
        raise malformed from error
    return tuple(time if time.tzinfo else time.replace(tzinfo=UTC) for time in (start, end))  # type: ignore[return-value]


def container_signature(store: Store, account: str, container: str, letters: str, delegator: Principal) -> str:
    """A query that opens a container as ``delegator`` for eight hours: what a service hands to its clients."""
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=10), now + timedelta(hours=8)
    key = key_of(store, account, _described(delegator, start, now + timedelta(days=1), _VERSION))
    parameters = {
        **key.fields,
        "sv": _VERSION,
        "st": start.strftime(_TIME),
        "se": end.strftime(_TIME),
        "sr": "c",
        "sp": letters,
    }
    text = text_to_sign(account, parameters, f"/{container}")
    return urlencode({**parameters, "sig": sign(text, key.value)})


def text_to_sign(account: str, parameters: Mapping[str, str], path: str) -> str:
    """The string to sign; versions since 2025-07-05 have two more fields, those since 2026-04-06 two more again."""
    version = parameters.get("sv", "")
    said = parameters.get
    delegated = ("skdutid", "sduoid") if version >= "2025-07-05" else ()
    dynamic = ["", ""] if version >= "2026-04-06" else []  # headers and query: a signature with them is refused
    return "\n".join(
        [
            *(said(name, "") for name in ("sp", "st", "se")),
            f"/blob/{account}{path}",
            *(said(name, "") for name in (*_FIELDS, "saoid", "suoid", "scid", *delegated)),
            *(said(name, "") for name in ("sip", "spr", "sv", "sr")),
            "",  # the snapshot's time
            said("ses", ""),
            *dynamic,
            *(said(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")),
        ]
    )


def _described(caller: Principal, start: datetime, end: datetime, version: str) -> dict[str, str]:
    times = (start.astimezone(UTC).strftime(_TIME), end.astimezone(UTC).strftime(_TIME))
    return dict(zip(_FIELDS, (caller.object_id, caller.tenant_id, *times, "b", version), strict=True))
