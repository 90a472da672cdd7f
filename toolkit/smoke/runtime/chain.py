"""What was asked for, what Azure ML returned, and what each link after it says: the chain that the proof shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from toolkit.records import Json


@dataclass(frozen=True, slots=True)
class Link:
    """``value`` is what was read, ``expected`` what it has to be, ``source`` where it was read."""

    name: str
    value: str | None
    expected: str | None
    source: str
    stage: str | None = None

    @property
    def holds(self) -> bool:
        return self.expected is None or self.value == self.expected

    @property
    def label(self) -> str:
        return f"{self.stage} {self.name}" if self.stage else self.name


@dataclass(slots=True)
class Chain:
    links: list[Link] = field(default_factory=list)

    def add(self, name: str, value: str | None, expected: str | None, source: str, stage: str | None = None) -> Link:
        link = Link(name, value, expected, source, stage)
        self.links.append(link)
        return link

    @property
    def broken(self) -> Link | None:
        """The first link that differs: what comes after it only hands it on."""
        return next((link for link in self.links if not link.holds), None)

    def facts(self) -> list[Json]:
        return [
            {
                "link": link.name,
                "stage": link.stage,
                "value": link.value,
                "expected": link.expected,
                "holds": link.holds,
                "read_from": link.source,
            }
            for link in self.links
        ]
