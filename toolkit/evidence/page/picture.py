"""The picture: for each place in the network who reached what, drawn from what the checks measured and nothing else.

A place is a panel of its own, so that a phone shows one below the other at a size that can be read. Left stands who
asked, right what was asked, between them the network's border. A line ends where the answer came from: at the border
when the service's network rules refused, at the service when it looked at the identity and refused, in the service when
it let somebody in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from toolkit.evidence.page.view import CATEGORIES, PLACES, is_denial, state_of
from toolkit.records import Json

# Words in a check's id -> what it asks. The first that fits counts, once the place's own name is taken out.
RESOURCES: tuple[tuple[str, str], ...] = (
    ("pointer", "Code pointers"),
    ("lake", "Data lake"),
    ("state", "Terraform state"),
    ("function-storage", "Function storage"),
    ("registry", "Container registry"),
    ("workspace", "Workspace"),
    ("function", "Function app"),
    ("batch", "Batch"),
    ("vault", "Key vault"),
    ("factory", "Data factory"),
    ("adf", "Data factory"),
    ("storage", "Storage account"),
    ("dns", "Names"),
)
# Kinds of refusals that a service's network rules say, before it looks at who asks (toolkit/azure/codes.py).
_AT_THE_BORDER = frozenset(
    {
        *("storage-firewall", "vault-firewall", "vault-connection", "service-firewall"),
        *("endpoint-not-approved", "endpoint-missing", "private-dns"),
    }
)
# Ends of host names that are one resource's, where no check of names says whose they are.
_HOSTS: tuple[tuple[str, str], ...] = (
    (".vault.azure.net", "Key vault"),
    (".azurecr.io", "Container registry"),
    (".api.azureml.ms", "Workspace"),
    (".batch.azure.com", "Batch"),
    (".azurewebsites.net", "Function app"),
    (".datafactory.azure.net", "Data factory"),
)
_WORDS = {
    "reached": "reached it",
    "border": "was refused by the network",
    "service": "was refused by the service",
    "let-in": "was let in, and must not be",
    "failed": "did not reach it, or not as it should",
    "warned": "reached it, with a warning",
    "unproven": "was not tried",
}
# The worst last: it is drawn over the others.
_ORDER = ("unproven", "reached", "service", "border", "warned", "failed", "let-in")

# A panel's measures, in the units of its own coordinates.
WIDTH, CHIP, BORDER, BOX = 360, 84, 178, 232
_ROW, _GAP, _TOP = 40, 12, 30


@dataclass(frozen=True, slots=True)
class Route:
    """What the checks from one place, as one identity, to one resource add up to."""

    identity: str
    resource: str
    state: str
    checks: tuple[str, ...]

    @property
    def words(self) -> str:
        return _WORDS[self.state]


@dataclass(frozen=True, slots=True)
class Box:
    name: str
    y: float
    note: str = ""
    broken: bool = False
    height: float = _ROW

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Line:
    route: Route
    y1: float
    y2: float

    @property
    def path(self) -> str:
        """To the border along a curve, then straight on as far as the answer came from."""
        bend = f"M{CHIP} {self.y1:.1f}C{CHIP + 42} {self.y1:.1f} {BORDER - 62} {self.y2:.1f} {BORDER - 8} {self.y2:.1f}"
        return bend if self.route.state == "border" else f"{bend}H{self.end}"

    @property
    def end(self) -> int:
        return {"border": BORDER - 8, "service": BOX - 7, "unproven": BOX - 4, "failed": BOX - 12}.get(
            self.route.state, BOX - 6
        )


@dataclass(frozen=True, slots=True)
class Panel:
    """``control_plane``: no border stands between; the runner asks Azure Resource Manager."""

    name: str
    title: str
    subtitle: str
    control_plane: bool
    identities: Sequence[Box]
    resources: Sequence[Box]
    lines: Sequence[Line]
    routes: Sequence[Route] = field(default=())

    @property
    def height(self) -> float:
        return max(box.y + box.height for box in (*self.identities, *self.resources)) + 8

    @property
    def broken(self) -> bool:
        return any(route.state in ("failed", "let-in") for route in self.routes) or any(
            box.broken for box in self.resources
        )


def panels(report: Json) -> list[Panel]:
    """One for each place that a check acts from, the outside first and the control plane last."""
    checks = report.get("checks", [])
    places = {one.get("vantage") for one in checks}
    order = [name for name in PLACES if name in places]
    order += sorted(name for name in places if name is not None and name not in PLACES)
    hosts = _resources_by_account(checks)
    found = [_panel(name, *PLACES.get(name, (name, "")), checks, hosts) for name in order]
    if None in places:
        found.append(_panel(None, "The control plane", "what Azure Resource Manager says of itself", checks, hosts))
    return found


def resource_of(one: Json) -> str:
    """What a check asks. The control plane is asked about a topic."""
    if one.get("vantage") is None:
        return CATEGORIES.get(one["category"], str(one["category"]).capitalize())
    name = str(one["id"])
    for place in PLACES:
        name = name.replace(place, "")
    for word, resource in RESOURCES:
        if word in name:
            return resource
    return CATEGORIES.get(one["category"], str(one["category"]).capitalize())


def route_state(one: Json) -> str:
    state = state_of(one)
    if state in ("skip", "refused"):
        return "unproven"
    if state == "pass":
        return _refused(one) if is_denial(one) else "reached"
    if state == "warn":
        return "warned"
    # A denial that failed without a refusal among its facts was let in.
    return "let-in" if is_denial(one) and not _refusals(one) else "failed"


def _refused(one: Json) -> str:
    """Where: at the border when every refusal was the network's."""
    return "border" if _refusals(one) and set(_refusals(one)) <= _AT_THE_BORDER else "service"


def _refusals(one: Json) -> list[str]:
    """The kinds of refusals among a check's facts: of one request, or of several by what was tried."""
    evidence = one.get("evidence") or {}
    several = evidence.get("refused")
    found = [evidence, *(several.values() if isinstance(several, Mapping) else ())]
    return [str(each["denial"]) for each in found if isinstance(each, Mapping) and "denial" in each]


def _resources_by_account(checks: Sequence[Json]) -> Mapping[str, str]:
    """The first part of a host's name -> what it is, as the checks of names know."""
    return {
        str(host).partition(".")[0]: resource_of(one)
        for one in checks
        if one["category"] == "dns" and str(one["id"]).endswith("-private")
        for host in (one.get("evidence") or {}).get("addresses") or {}
    }


def _asked(one: Json, hosts: Mapping[str, str]) -> Mapping[str, str]:
    """Whom a check asked really, by the hosts of its requests, and how each answered; else whom it is about.

    Of a check that failed, those are to blame whose host its reason names, else those that answered as they must not;
    where neither tells, all of them.
    """
    state, asked = route_state(one), _answers(one, hosts)
    if one.get("vantage") is None or state == "unproven" or not asked:
        return {resource_of(one): state}
    if state not in ("failed", "let-in"):
        return dict.fromkeys(asked, state)
    reason, denial = str(one["reason"]), is_denial(one)
    named = [name for name, answers in asked.items() if any(host in reason for host, _ in answers)]
    wrong = [name for name, answers in asked.items() if any((status < 400) is denial for _, status in answers)]
    blamed = named or wrong or list(asked)
    well = _refused(one) if denial else "reached"
    return {name: state if name in blamed else well for name in asked}


def _answers(one: Json, hosts: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
    """By resource: the hosts that were asked, and their statuses."""
    found: dict[str, list[tuple[str, int]]] = {}
    for sent in one.get("requests") or []:
        host = urlsplit(str(sent["url"])).hostname or ""
        name = hosts.get(host.partition(".")[0]) or next((name for end, name in _HOSTS if host.endswith(end)), None)
        if name is not None and sent["status"] is not None:
            found.setdefault(name, []).append((host, int(sent["status"])))
    return found


def _panel(place: str | None, title: str, subtitle: str, checks: Sequence[Json], hosts: Mapping[str, str]) -> Panel:
    here = [one for one in checks if one.get("vantage") == place]
    names = [one for one in here if one["category"] == "dns" and place is not None]
    routes = _routes([one for one in here if one not in names], hosts)
    resources = list(dict.fromkeys([*(route.resource for route in routes), *map(resource_of, names)]))
    identities = list(dict.fromkeys(route.identity for route in routes)) or ["anybody"]
    boxes = _column([_box(name, names, sum(r.resource == name for r in routes)) for name in resources])
    chips = _column([Box(name, 0, height=_tall(sum(r.identity == name for r in routes))) for name in identities])
    low = max(_bottom(boxes), _bottom(chips))
    boxes, chips = _lowered(boxes, (low - _bottom(boxes)) / 2), _lowered(chips, (low - _bottom(chips)) / 2)
    lines = _lines(routes, chips, boxes)
    return Panel(place or "control-plane", title, subtitle, place is None, chips, boxes, lines, routes)


def _routes(checks: Sequence[Json], hosts: Mapping[str, str]) -> list[Route]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in checks:
        for resource, state in _asked(one, hosts).items():
            found.setdefault((one.get("identity") or "runner", resource, state), []).append(one["id"])
    return [Route(*key, tuple(ids)) for key, ids in found.items()]


def _box(name: str, names: Sequence[Json], arriving: int) -> Box:
    """With the addresses that the name was seen to have from there."""
    mine = [one for one in names if resource_of(one) == name]
    found = [
        str(address)
        for one in mine
        for addresses in ((one.get("evidence") or {}).get("addresses") or {}).values()
        for address in addresses
    ]
    addresses = list(dict.fromkeys(found))
    more = f" +{len(addresses) - 1}" if len(addresses) > 1 else ""
    broken = any(state_of(one) == "fail" for one in mine)
    note = f"{addresses[0]}{more}" if addresses else "wrong address" if broken else ""
    return Box(name, 0, note, broken, _tall(arriving))


def _tall(lines: int) -> float:
    """Each line that ends there has room."""
    return max(_ROW, 8 * (lines + 1))


def _column(boxes: Sequence[Box]) -> list[Box]:
    """One below the other."""
    y, placed = float(_TOP), []
    for box in boxes:
        placed.append(replace(box, y=y))
        y += box.height + _GAP
    return placed


def _bottom(boxes: Sequence[Box]) -> float:
    return boxes[-1].y + boxes[-1].height if boxes else _TOP


def _lowered(boxes: Sequence[Box], by: float) -> list[Box]:
    """The shorter column stands in the middle of the longer one."""
    return [replace(box, y=box.y + by) for box in boxes]


def _lines(routes: Sequence[Route], chips: Sequence[Box], boxes: Sequence[Box]) -> list[Line]:
    """Each line has a place of its own at both ends, in the order of the other end, so that few cross."""
    left, right = {chip.name: chip for chip in chips}, {box.name: box for box in boxes}
    leaving = {
        name: sorted((r for r in routes if r.identity == name), key=lambda r: right[r.resource].y) for name in left
    }
    arriving = {
        name: sorted((r for r in routes if r.resource == name), key=lambda r: left[r.identity].y) for name in right
    }
    lines = [
        Line(
            route,
            _beside(left[route.identity], leaving[route.identity].index(route), len(leaving[route.identity])),
            _port(right[route.resource], arriving[route.resource].index(route), len(arriving[route.resource])),
        )
        for route in routes
    ]
    return sorted(lines, key=lambda line: _ORDER.index(line.route.state))


def _port(box: Box, index: int, count: int) -> float:
    return box.y + box.height * (index + 1) / (count + 1)


def _beside(chip: Box, index: int, count: int) -> float:
    """A chip is as tall as its word, however many lines leave it."""
    return chip.middle - 10 + 20 * (index + 1) / (count + 1)
