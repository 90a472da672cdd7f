"""User-assigned identities that were deleted and made again under their name: what they were given to has the old ones.

A resource keeps the principal of the identity that it was given, and the new identity is another principal under the
same id: the plan finds nothing to change, and no token is had any more. Given again, it is taken anew.
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq (an identity is
not restored by making one of its name); that a write of the same id takes the new principal is (inferred).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.errors import ToolkitError
from toolkit.records import Json
from toolkit.terraform.plan import azure_type, made_or_deleted, prior_resources
from toolkit.terraform.recovery.looking import Looker
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.session import Session

_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
# Their PATCH knows no identity: https://learn.microsoft.com/rest/api/azureml/compute/update,
# https://learn.microsoft.com/rest/api/batchmanagement/pool/update (of the pool's identity, "cannot be changed")
_MADE_AGAIN = ("Microsoft.MachineLearningServices/workspaces/computes", "Microsoft.Batch/batchAccounts/pools")
_API = API_VERSIONS[_IDENTITIES.lower()]
_READS_AT_ONCE = 8
_WHAT = "whether identities are the ones that were given"


@dataclass(frozen=True, slots=True)
class _Holder:
    """A resource of the state that was given identities (lower-cased ids)."""

    address: str
    id: str
    type: str
    api_version: str
    identities: frozenset[str]

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]


class RenewedIdentity(Past):
    def to_replace(self, session: Session, document: Json) -> Mapping[str, str]:
        return {
            holder.address: f"{holder.name} has the identity {name} that was deleted: it is made again with the new one"
            for holder, name in _stale(session, document)
            if holder.type in _MADE_AGAIN
        }

    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        return [
            f"give {holder.name} the identity {name} again: it has the deleted one of that name"
            for holder, name in _stale(session, document)
            if holder.type not in _MADE_AGAIN
        ]

    def after_apply(self, session: Session, document: dict[str, Any]) -> None:
        holders = _holders(document)
        if not holders:
            return
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        try:
            with arm_client(session.connection) as client:
                for holder, body in _given(Looker(client, session.environment.name), holders):
                    if holder.type in _MADE_AGAIN:
                        continue
                    session.observer.step(f"giving {holder.name} its identities again")
                    url = f"{ARM}{holder.id}?api-version={holder.api_version}"
                    until_done(client, HttpRequest("PATCH", url, json={"identity": body}), f"the update of {holder.id}")
        except AzureError as error:
            raise ToolkitError(f"a renewed identity cannot be given again: {error.message}") from error


def _stale(session: Session, document: Json) -> list[tuple[_Holder, str]]:
    """Who holds a deleted identity now, or will when the plan has made one of the name again: one look for a plan."""
    looked_at, found = session.stale_identities
    if looked_at is not document:
        found = _looked(session, document)
        session.stale_identities = document, found
    return found


def _looked(session: Session, document: Json) -> list[tuple[_Holder, str]]:
    holders = _holders(document)
    if not holders:
        return []
    renewed = {
        f"{after['parent_id']}/providers/{_IDENTITIES}/{after['name']}".lower()
        for item in document.get("resource_changes", [])
        if (after := item["change"].get("after") or {}).get("parent_id")
        and item["change"]["actions"] == ["create"]
        and azure_type(after) == _IDENTITIES
    }
    found = {
        holder.address: (holder, id_.rsplit("/", 1)[-1]) for holder in holders for id_ in holder.identities & renewed
    }
    with arm_client(session.connection) as client:
        for holder, body in _given(Looker(client, session.environment.name), holders):
            names = sorted(id_.rsplit("/", 1)[-1] for id_ in body["userAssignedIdentities"])
            found.setdefault(holder.address, (holder, ", ".join(names)))
    return list(found.values())


def _holders(document: Json) -> list[_Holder]:
    changed = made_or_deleted(document)
    found = []
    for item in prior_resources(document):
        values = item["values"]
        ids = [id_ for block in values.get("identity") or [] for id_ in block.get("identity_ids") or []]
        if ids and item["address"] not in changed:
            type_, _, version = str(values["type"]).partition("@")
            given = frozenset(id_.lower() for id_ in ids)
            found.append(_Holder(item["address"], str(values["id"]), type_, version, given))
    return found


def _given(looker: Looker, holders: Sequence[_Holder]) -> Iterator[tuple[_Holder, Json]]:
    """Those whose principal is not that of the identity, each with the identity block that gives it again."""
    ids = sorted({id_ for holder in holders for id_ in holder.identities})
    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        principals = dict(zip(ids, pool.map(lambda id_: _principal(looker, id_), ids), strict=True))
        blocks = list(pool.map(lambda holder: _block(looker, holder), holders))
    for holder, block in zip(holders, blocks, strict=True):
        assigned = block.get("userAssignedIdentities") or {}
        if any(
            (principals.get(id_.lower()) or value.get("principalId")) != value.get("principalId")
            for id_, value in ((id_, value or {}) for id_, value in assigned.items())
        ):
            yield holder, {"type": block["type"], "userAssignedIdentities": {id_: {} for id_ in assigned}}


def _principal(looker: Looker, identity: str) -> str | None:
    """None for one that is not there. By its id: CI's role is on each identity of the bootstrap, not on their group."""
    body = looker.one(f"{identity}?api-version={_API}", _WHAT, f"{_IDENTITIES}/read")
    return str(body["properties"]["principalId"]) if body else None


def _block(looker: Looker, holder: _Holder) -> Json:
    body = looker.one(f"{holder.id}?api-version={holder.api_version}", _WHAT, f"{holder.type}/read") or {}
    block: Json = body.get("identity") or {}
    return block
