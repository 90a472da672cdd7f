"""What a command job says: the command with its placeholders, inputs and outputs, as Azure ML reads them.

https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-command
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.records import Json

_PLACEHOLDER = re.compile(r"\$\{\{\s*(inputs|outputs)\.([A-Za-z_][\w.]*)\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_DATASTORE = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/Microsoft\.MachineLearningServices/)?"
    r"workspaces/[^/]+/)?datastores/(?P<store>[^/]+)/(?:paths/)?(?P<path>.*)",
    re.IGNORECASE,
)
_BLOB = re.compile(
    r"https://(?P<account>[a-z0-9]+)\.blob\.core\.windows\.net(?::443)?/(?P<container>[^/]+)/?(?P<path>[^?]*)"
)
FOLDERS = ("uri_folder", "mltable", "mlflow_model")


class BadJob(Exception):
    """What Azure ML says when it cannot run a job; ``str()`` is the sentence."""


@dataclass(frozen=True, slots=True)
class Place:
    """Blobs: a container of an account, and a path in it."""

    account: str
    container: str
    path: str


def datastore_path(uri: str) -> tuple[str, str] | None:
    """The datastore and the path of an ``azureml://`` uri."""
    match = _DATASTORE.fullmatch(uri)
    return (match["store"], match["path"]) if match else None


def blob_place(uri: str) -> Place | None:
    match = _BLOB.fullmatch(uri)
    return Place(match["account"], match["container"], match["path"]) if match else None


def seconds_of(duration: str | None) -> float | None:
    """Seconds of an ISO 8601 duration such as PT30S."""
    match = _DURATION.fullmatch(duration or "")
    if not duration or match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def command_line(command: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """The command with its placeholders filled; ``$[[…]]`` is left out when an input in it is not given.

    Raises BadJob for a placeholder that nothing stands for.
    """
    values = {"inputs": inputs, "outputs": outputs}

    def optional(match: re.Match[str]) -> str:
        named = _PLACEHOLDER.findall(match[1])
        return match[1] if all(name in values[kind] for kind, name in named) else ""

    def filled(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if name not in values[kind]:
            raise BadJob(f"The command names ${{{{{kind}.{name}}}}}, and the job has no such {kind[:-1]}.")
        return values[kind][name]

    return _PLACEHOLDER.sub(filled, _OPTIONAL.sub(optional, command))


def literal(value: Json) -> str | None:
    """The text of a literal input; None for data. ARM sends jobInputType, nodes of pipelines job_input_type."""
    kind = value.get("jobInputType") or value.get("job_input_type")
    return str(value.get("value", "")) if kind == "literal" else None
