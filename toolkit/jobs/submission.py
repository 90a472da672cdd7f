"""A job's YAML (Azure ML v2) becomes a job. https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-command"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError

from toolkit.assets.workspace import Access
from toolkit.errors import ToolkitError, UsageError, nearest

_LONGEST = 600
_CORRECT = "correct the file, or register what it names"
_SCHEMA = "https://aka.ms/ml-cli-v2-job-command-yaml-reference says what a job has"


def parse_inputs(given: Sequence[str]) -> dict[str, str]:
    """``name=value`` pairs. Raises UsageError."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"-i {text}: not name=value", hint="-i rate=0.1")
        if name in found:
            raise UsageError(f"-i {name} is given twice")
        found[name] = value
    return found


def submit(access: Access, file: Path, inputs: Mapping[str, str]) -> str:
    """Submit the job of a file with some of its inputs changed; its name.

    Raises UsageError for a file that azure-ai-ml refuses or an input that the job does not have, ToolkitError when
    Azure refuses. Code that the YAML names as a folder is uploaded, as azure-ai-ml does.
    """
    from toolkit.azure.ml_sdk import ml_client, require_ml

    if not file.is_file():
        raise UsageError(f"there is no file {file}", hint="FILE is the YAML of a job")
    require_ml()
    with ml_client(access.workspace_id, access.vantage, access.credential) as client:
        job = _loaded(file)
        if changes := _overrides(job, inputs, file):
            job = _loaded(file, changes)
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                return str(client.jobs.create_or_update(job).name)
        except AzureError as error:
            text, status = _words(error), getattr(error, "status_code", None)
            if status is None:  # azure-ai-ml's own: the file is wrong, or names what is not there
                raise UsageError(f"{file} was not submitted: {text}", hint=_CORRECT) from error
            if status in (400, 404):
                access.require_workspace()
                said = getattr(getattr(error, "error", None), "message", None) or text
                raise ToolkitError(f"{file} was not submitted: {said} ({status})", hint=_CORRECT) from error
            raise access.refused(error, f"{file} was not submitted") from error


def _loaded(file: Path, changes: Sequence[Mapping[str, str]] = ()) -> Any:
    from azure.ai.ml import load_job
    from azure.ai.ml.exceptions import MlException

    try:
        return load_job(file, params_override=[dict(change) for change in changes])
    except (MlException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is no job: {_schema_words(error)}", hint=_SCHEMA) from error
    except Exception as error:  # marshmallow's and the YAML parser's own classes
        if type(error).__module__.split(".")[0] not in ("marshmallow", "strictyaml", "yaml"):
            raise
        raise UsageError(f"{file} is no job: {_schema_words(error)}", hint=_SCHEMA) from error


def _overrides(job: Any, inputs: Mapping[str, str], file: Path) -> list[dict[str, str]]:
    """What azure-ai-ml is to read instead of what the file says: a literal, or the path of data."""
    from azure.ai.ml import Input

    found: list[dict[str, str]] = []
    for name, value in inputs.items():
        if name not in job.inputs:
            close = nearest(name, job.inputs)
            raise UsageError(
                f"{file} has no input {name!r}: it has {', '.join(job.inputs) or 'none'}",
                hint=f"did you mean {close!r}?" if close else "inputs: in the file",
            )
        standing = job.inputs[name]
        inner = getattr(standing, "_data", standing)  # wrapped once it is loaded
        found.append({f"inputs.{name}.path" if isinstance(inner, Input) and inner.path else f"inputs.{name}": value})
    return found


def _words(error: BaseException) -> str:
    """The sentences of azure-ai-ml's colourful texts, in one line."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    kept = [line.strip() for line in plain.splitlines() if line.strip()]
    return " ".join(kept)[:_LONGEST] or type(error).__name__


def _schema_words(error: BaseException) -> str:
    """``key: what is wrong with it``, of the JSON in which azure-ai-ml wraps marshmallow's findings; else its words."""
    found = list(dict.fromkeys(_findings(str(error))))
    return "; ".join(found)[:_LONGEST] or _words(error)


def _findings(text: str) -> Iterator[str]:
    start = text.find("{")
    if start < 0:
        return
    try:
        document, _ = json.JSONDecoder().raw_decode(text[start:])
    except ValueError:
        return
    errors = document.get("errors") if isinstance(document, dict) else None
    if isinstance(errors, list):  # of a union of schemas: each has a text with JSON of its own
        for one in errors:
            yield from _findings(str(one.get("message", "")) if isinstance(one, dict) else "")
        return
    yield from _leaves(document, ())


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[str]:
    """Of a key that nothing fits, the first of what each way of reading it says."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, path if key == "_schema" else (*path, str(key)))
    elif isinstance(value, list):
        yield from itertools.islice(itertools.chain.from_iterable(_leaves(one, path) for one in value), 1)
    else:
        yield f"{'.'.join(path)}: {value}" if path else str(value)


def require_job_name(name: str) -> str:
    if not name or "/" in name or "?" in name:
        raise ToolkitError(f"{name!r} is no job's name", hint="toolkit jobs submit prints it")
    return name
