"""Where a request goes, as far as a definition says it; and what Azure's hosts want."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from toolkit.adf.lint.model import content
from toolkit.pipelines.expressions import ParseError, parse
from toolkit.pipelines.expressions.syntax import Call, Constant, Expression, Interpolation, Node

ANY = "*"
_AUTHORITY = re.compile(r"^(https?)://([^/?#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Service:
    """Hosts that end with ``suffix``: audiences of tokens for them, and their private endpoints' sub-resource."""

    suffix: str
    audiences: tuple[str, ...]
    group: str = ""
    storage: bool = False


# Audiences: https://learn.microsoft.com/azure/data-factory/control-flow-web-activity#authentication and each service's
# own page; sub-resources: https://learn.microsoft.com/azure/private-link/private-endpoint-overview#private-link-resource
_STORAGE = ("https://storage.azure.com",)
SERVICES: tuple[Service, ...] = (
    Service(".blob.core.windows.net", _STORAGE, "blob", storage=True),
    Service(".dfs.core.windows.net", _STORAGE, "dfs", storage=True),
    Service(".queue.core.windows.net", _STORAGE, "queue", storage=True),
    Service(".table.core.windows.net", _STORAGE, "table", storage=True),
    Service(".file.core.windows.net", _STORAGE, "file", storage=True),
    Service(".vault.azure.net", ("https://vault.azure.net",), "vault"),
    Service(".batch.azure.com", ("https://batch.core.windows.net",), "batchAccount"),
    Service(".database.windows.net", ("https://database.windows.net",), "sqlServer"),
    Service(".documents.azure.com", ("https://cosmos.azure.com", "https://*.documents.azure.com"), "Sql"),
    Service(".servicebus.windows.net", ("https://servicebus.azure.net", "https://eventhubs.azure.net"), "namespace"),
    Service(".api.azureml.ms", ("https://ml.azure.com",), "amlworkspace"),
    Service(".inference.ml.azure.com", ("https://ml.azure.com",), "amlworkspace"),
    Service(
        "management.azure.com",
        ("https://management.azure.com", "https://management.core.windows.net"),
    ),
    Service("graph.microsoft.com", ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """``text`` is the address with ``*`` for what only a run knows."""

    text: str
    scheme: str
    host: str

    @property
    def service(self) -> Service | None:
        return next((one for one in SERVICES if self.host.endswith(one.suffix)), None)

    @property
    def known(self) -> bool:
        """No part of the host is left to the run."""
        return bool(self.host) and ANY not in self.host

    @property
    def name(self) -> str:
        """What a resource behind the host is called: the host's first label."""
        return self.host.split(".")[0]

    @property
    def path(self) -> str:
        return _AUTHORITY.sub("", self.text)


def pattern(value: Any) -> str:
    """A definition's text with ``*`` for each part that only a run knows."""
    text = content(value)
    if not isinstance(text, str):
        return ANY
    if "@" not in text:
        return text
    try:
        parsed = parse(text)
    except ParseError:
        return ANY
    match parsed:
        case Expression(node=node):
            return _of(node)
        case Interpolation(parts=parts):
            return "".join(part if isinstance(part, str) else _of(part.node) for part in parts)
        case _:
            return parsed.value


def target(value: Any) -> Target:
    text = pattern(value)
    match = _AUTHORITY.match(text)
    if match is None:
        return Target(text, "", "")
    return Target(text, match[1].lower(), match[2].split("@")[-1].split(":")[0].lower())


def same_audience(one: str, other: str) -> bool:
    """A slash at the end makes no difference; letter case neither."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def fits(resource: str, aimed: Target) -> bool:
    """A token for ``resource`` is taken by the host. An account of storage also takes its own address as audience."""
    service = aimed.service
    if service is None:
        return True
    given = resource.rstrip("/").lower()
    if any(
        same_audience(given, known) or ("*" in known and given.endswith(known.split("*")[1]))
        for known in service.audiences
    ):
        return True
    return service.storage and given.startswith("https://") and given.endswith(service.suffix)


def _of(node: Node) -> str:
    match node:
        case Constant(value=value) if isinstance(value, str | int | float):
            return str(value)
        case Call(name=name, arguments=arguments) if name.lower() == "concat":
            return "".join(_of(argument) for argument in arguments)
        case _:
            return ANY
