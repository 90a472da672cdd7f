"""``--adopt``: what the plan would create and what stands in Azure already, taken into the state by the plan itself.

An apply also takes in what it meets on its way (recovery/existing_resource.py), once Azure has refused to make it
again. Asked for beforehand it is part of the plan: whoever confirms sees what it changes of what was there.

A resource is the same one by its id, of which Azure has only one; a role assignment by its scope, role and principal,
of which Azure allows only one, whatever its name
(https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---unable-to-create-a-role-assignment-with-the-same-scope-role-and-principal).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from toolkit.azure.arm import arm_client
from toolkit.errors import ToolkitError, UsageError, nearest
from toolkit.terraform.plan import azure_body, azure_type
from toolkit.terraform.planning import SavedPlan, plan_with_imports
from toolkit.terraform.reads import Read, pages, reader
from toolkit.terraform.session import Session

ALL = "all"
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_AT_ONCE = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource that a plan creates. ``id`` is None while what it stands in is only planned itself; ``settled`` is
    False while something of its body is known after the apply only.

    Terraform refuses to finish the import of such a one ("Provider produced inconsistent final plan", seen with a
    budget whose action group is imported, too): the apply takes it in on its way, when all is known.
    """

    address: str
    type: str
    api_version: str
    id: str | None
    body: Mapping[str, Any]
    parent_id: str | None
    settled: bool = True

    @property
    def shown(self) -> str:
        return self.id or self.address


def adopt(session: Session, plan: SavedPlan, asked: Collection[str], *, locked: bool = True) -> SavedPlan:
    """The plan, which takes in the resources with the addresses ``asked`` (``all``: whatever is there already) instead
    of creating them. Raises UsageError, before anything is changed, for an address that the plan does not create or
    that is nowhere in Azure; ToolkitError when Azure cannot be asked.
    """
    everything = ALL in asked
    refuse_unknown(plan, [one for one in asked if one != ALL], session.environment.name)
    imports: dict[str, str] = dict(plan.imports)
    looked: set[str] = set()
    with arm_client(session.connection) as client:
        read = reader(client, "what is there already")
        while True:
            # What stands in something that is taken in has a known id only then: one more round.
            todo = [one for one in created(plan.document) if one.id and one.settled and one.address not in looked]
            todo = [one for one in todo if everything or one.address in asked]
            if not todo:
                break
            looked |= {one.address for one in todo}
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                found = list(pool.map(lambda one: find(read, one), todo))
            new = {one.address: id_ for one, id_ in zip(todo, found, strict=True) if id_ is not None}
            if not new:
                break
            imports |= new
            plan = plan_with_imports(session, plan, imports, locked=locked)
            if late := _unsettled(plan.document):
                # What they need is imported and changed by the same plan now, so that it is not known any more.
                imports = {address: id_ for address, id_ in imports.items() if address not in late}
                plan = plan_with_imports(session, plan, imports, locked=locked)
    missing = [one for one in asked if one != ALL and one not in imports]
    if missing:
        raise UsageError(
            "\n".join(_why(plan, address) for address in missing),
            hint=f"toolkit plan {session.environment.name} --adopt all takes in whatever is there",
        )
    taken = len(imports)
    what = "nothing that the plan creates is there already" if not taken else f"{taken} taken into the state"
    session.observer.note(f"--adopt: {what}{_list(sorted(imports))}")
    return plan


def refuse_unknown(plan: SavedPlan, asked: Collection[str], environment: str) -> None:
    """Raises UsageError for addresses that the plan does not create."""
    known = {item["address"]: item["change"]["actions"] for item in plan.document.get("resource_changes", [])}
    problems = []
    for address in asked:
        if address not in known:
            close = nearest(address, known)
            problems.append(f"{address}: no such address in the plan{f'; did you mean {close}?' if close else ''}")
        elif "create" not in known[address]:
            problems.append(f"{address}: it is in the state already, there is nothing to adopt")
    if problems:
        raise UsageError("\n".join(problems), hint=f"toolkit plan {environment} lists what would be created")


def created(document: Mapping[str, Any]) -> Iterator[Wanted]:
    """What a plan (its JSON document) creates with azapi, and does not take in."""
    for item in document.get("resource_changes", []):
        change = item["change"]
        if item["type"] != "azapi_resource" or change["actions"] != ["create"] or "importing" in change:
            continue
        after = change["after"] or {}
        type_, name, parent = azure_type(after), after.get("name"), after.get("parent_id")
        if type_ is None:
            continue
        known = isinstance(name, str) and isinstance(parent, str)
        yield Wanted(
            item["address"],
            type_,
            str(after["type"]).partition("@")[2],
            resource_id(type_, str(parent), str(name)) if known else None,
            azure_body(after),
            parent if isinstance(parent, str) else None,
            not _unknown((change.get("after_unknown") or {}).get("body")),
        )


def _unknown(marks: Any) -> bool:
    """Whether anything of a value is known after the apply only."""
    if isinstance(marks, dict | list):
        return any(map(_unknown, marks.values() if isinstance(marks, dict) else marks))
    return marks is True


def _unsettled(document: Mapping[str, Any]) -> frozenset[str]:
    """What a plan takes in although something of its body is known after the apply only."""
    return frozenset(
        item["address"]
        for item in document.get("resource_changes", [])
        if "importing" in item["change"] and _unknown((item["change"].get("after_unknown") or {}).get("body"))
    )


def resource_id(type_: str, parent_id: str, name: str) -> str:
    """Of a resource by its parent, as azapi has it: a group, a scope, or the resource that it is a child of."""
    namespace, *types = type_.split("/")
    parent = parent_id.rstrip("/")
    if type_.casefold() == "microsoft.resources/resourcegroups":
        return f"{parent}/resourceGroups/{name}"
    if len(types) > 1:
        return f"{parent}/{types[-1]}/{name}"
    return f"{parent}/providers/{namespace}/{types[0]}/{name}"


def find(read: Read, wanted: Wanted) -> str | None:
    """The id of what is there, else None; also for an identity that may not look."""
    if wanted.type.casefold() == _ASSIGNMENTS.casefold():
        return _assignment(read, wanted)
    answer = _get(read, f"{wanted.id}?api-version={wanted.api_version}")
    return str(wanted.id) if answer is not None else None


def _assignment(read: Read, wanted: Wanted) -> str | None:
    properties = wanted.body.get("properties") or {}
    principal, role = (str(properties.get(key) or "") for key in ("principalId", "roleDefinitionId"))
    if not principal or not role:
        return None  # known after the apply only, and so nothing that is there already
    scope = str(wanted.parent_id).rstrip("/")
    query = f"api-version={wanted.api_version}&$filter=principalId%20eq%20'{principal}'"
    for one in pages(read, f"{scope}/providers/{_ASSIGNMENTS}?{query}") or []:
        there = one["properties"]
        same_scope = str(there["scope"]).casefold().rstrip("/") == scope.casefold()
        if same_scope and _guid(there["roleDefinitionId"]) == _guid(role):
            return str(one["id"])
    return None


def _get(read: Read, path: str) -> dict[str, Any] | None:
    try:
        return read(path)
    except ToolkitError as error:
        cause: Any = error.__cause__
        # Data Factory answers 400 for a managed endpoint that is not there:
        # https://github.com/hashicorp/terraform-provider-azurerm/pull/12618
        if getattr(cause, "status_code", None) == 400 and "/managedprivateendpoints/" in path.casefold():
            return None
        raise


def _why(plan: SavedPlan, address: str) -> str:
    one = next((each for each in created(plan.document) if each.address == address), None)
    if one is not None and not one.settled:
        return f"{address}: it is known only while the plan is applied, which takes it in on its way"
    if one is not None and one.id is None:
        return f"{address}: what it stands in is not there yet, or not adopted: adopt that, too"
    return f"{address}: nothing is there to adopt ({one.shown if one else address})"


def _list(addresses: list[str], most: int = 8) -> str:
    if not addresses:
        return ""
    more = len(addresses) - most
    return ": " + ", ".join(addresses[:most]) + (f" and {more} more" if more > 0 else "")


def _guid(role_definition_id: str) -> str:
    return role_definition_id.rsplit("/", 1)[-1].casefold()
