"""What the page says of each check, in the order in which it says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.records import Json

# The state of a check or a route: its word for people, and the mark that stands beside the colour.
MARKS = {
    "pass": ("Passed", "✓"),
    "fail": ("Failed", "✕"),
    "refused": ("Not allowed to skip", "✕"),
    "warn": ("Warning", "!"),
    "skip": ("Skipped", "–"),
}
CATEGORIES = {
    "adf": "Data factory",
    "batch": "Batch",
    "dns": "Names",
    "function": "Function app",
    "governance": "Governance",
    "identity": "Identities",
    "keyvault": "Key vault",
    "monitoring": "Monitoring",
    "network": "Network",
    "pointer": "Code pointers",
    "posture": "Settings",
    "rbac": "Roles",
    "registry": "Container registry",
    "runtime": "Runtime",
    "state": "Terraform state",
    "storage": "Storage",
    "workspace": "Workspace",
}
PLACES = {
    "internet": ("The internet", "outside, with a public address"),
    "vnet": ("The virtual network", "inside, through private endpoints"),
    "adf-managed": ("The factory's managed network", "where its integration runtime works"),
    "adf-public": ("The factory's public runtime", "Auto-resolve, outside of every network"),
    "aml-managed": ("The workspace's managed network", "where its clusters work"),
}


@dataclass(frozen=True, slots=True)
class Headline:
    """``state``: pass, fail, or none where nothing was proven."""

    state: str
    word: str
    sentence: str
    time: str


@dataclass(frozen=True, slots=True)
class CheckView:
    id: str
    title: str
    state: str
    expectation: str
    place: str
    identity: str
    reason: str
    cause: str | None
    hint: str | None
    documentation: str
    requirement: str | None
    controls: Sequence[str]
    seconds: float
    attempts: int
    severity: str
    facts: Sequence[tuple[str, str]]
    chain: Sequence[Mapping[str, Any]]
    requests: Sequence[Mapping[str, Any]]

    @property
    def word(self) -> str:
        return MARKS[self.state][0]

    @property
    def mark(self) -> str:
        return MARKS[self.state][1]

    @property
    def open(self) -> bool:
        """Whether a reader should see it at once."""
        return self.state in ("fail", "warn", "refused")


@dataclass(frozen=True, slots=True)
class Group:
    """The checks of a category."""

    name: str
    title: str
    checks: Sequence[CheckView]

    def count(self, *states: str) -> int:
        return sum(one.state in states for one in self.checks)


def headline(report: Json) -> Headline:
    time = str(report.get("started_at") or report.get("time") or "at an unknown time")
    if not report.get("ran"):
        return Headline("none", "Nothing was proven", f"{report.get('reason', 'No smoke tests ran')}.", time)
    seconds = float(report.get("duration_seconds", 0))
    if report.get("verdict") == "interrupted":
        return Headline("fail", "Interrupted", f"Somebody ended the run after {seconds:.1f} s.", time)
    checks = report["checks"]
    red = sum(bool(one["red"]) for one in checks)
    if report["green"]:
        passed = sum(one["outcome"] == "PASS" for one in checks)
        denials = sum(one["outcome"] == "PASS" and is_denial(one) for one in checks)
        return Headline(
            "pass",
            "Green",
            f"{_count(passed, 'promise')} held when somebody tried, {denials} of them a refusal; in {seconds:.1f} s.",
            time,
        )
    if not red:
        return Headline("fail", "Red", "No check passed: nothing was proven.", time)
    return Headline("fail", "Red", f"{_count(red, 'check')} of {len(checks)} did not hold; in {seconds:.1f} s.", time)


def tally(report: Json) -> list[tuple[str, str, int]]:
    """How many checks ended how: state, words, number; those that there are."""
    states = [state_of(one) for one in report.get("checks", [])]
    return [(state, word, states.count(state)) for state, (word, _) in MARKS.items() if state in states]


def groups(report: Json) -> list[Group]:
    views = [(one["category"], view(one)) for one in report.get("checks", [])]
    return [
        Group(name, CATEGORIES.get(name, name.capitalize()), [one for category, one in views if category == name])
        for name in dict.fromkeys(category for category, _ in views)
    ]


def what_is_wrong(report: Json) -> list[CheckView]:
    """Failures first, then skips that nobody allowed, then warnings."""
    order = ("fail", "refused", "warn")
    found = [view(one) for one in report.get("checks", [])]
    return sorted((one for one in found if one.state in order), key=lambda one: order.index(one.state))


def view(one: Json) -> CheckView:
    evidence = one.get("evidence") or {}
    return CheckView(
        id=one["id"],
        title=one["title"],
        state=state_of(one),
        expectation="is refused" if is_denial(one) else "works",
        place=place_of(one),
        identity=one.get("identity") or "runner",
        reason=one["reason"],
        cause=one.get("cause"),
        hint=one.get("hint"),
        documentation=one["documentation"],
        requirement=one.get("requirement"),
        controls=one.get("controls") or [],
        seconds=float(one["duration_seconds"]),
        attempts=int(one["attempts"]),
        severity=one["severity"],
        facts=[(str(name), _words(value)) for name, value in evidence.items() if name != "chain"],
        chain=evidence.get("chain") or [],
        requests=one.get("requests") or [],
    )


def state_of(one: Json) -> str:
    if one["outcome"] == "PASS":
        return "pass"
    if one["outcome"] == "FAIL":
        return "fail" if one["red"] else "warn"
    return "refused" if one["red"] else "skip"


def is_denial(one: Json) -> bool:
    """Whether being refused is what makes it pass."""
    if "expectation" in one:
        return bool(one["expectation"] == "denial")
    return str(one["id"]).endswith("-denied") or "denial" in (one.get("evidence") or {})


def place_of(one: Json) -> str:
    place = one.get("vantage")
    if place is None:
        return "the runner's own place"
    title = PLACES[place][0] if place in PLACES else str(place)
    return title[0].lower() + title[1:]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _words(value: Any) -> str:
    """A fact for people: plain words where it is one, and lines of JSON where it is a structure."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, Mapping | list):
        return "\n".join(_lines(value)) or "none"
    return str(value)


def _lines(value: Any, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    pairs = value.items() if isinstance(value, Mapping) else ((None, one) for one in value)
    for name, inner in pairs:
        prefix = f"{indent}{name}: " if name is not None else f"{indent}- "
        if _nested(inner):
            yield prefix.rstrip()
            yield from _lines(inner, depth + 1)
        else:
            yield prefix + (", ".join(map(str, inner)) if isinstance(inner, list) else str(inner))


def _nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list) and any(isinstance(one, Mapping) for one in value)
