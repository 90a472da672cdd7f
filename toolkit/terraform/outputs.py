"""The platform's outputs, as people and later pipelines want them: one literal table of formats."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from toolkit.environment import Connection, Environment
from toolkit.errors import ToolkitError, UsageError
from toolkit.files import disk_errors
from toolkit.records import Json, as_text, read_record, write_record
from toolkit.terraform.events import Observer
from toolkit.terraform.initialising import prepare
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session, open_session
from toolkit.terraform.workspace import RootName

Outputs = Mapping[str, Any]


def outputs_path(environment: Environment) -> Path:
    return environment.state_dir / "outputs.json"


def save_outputs(environment: Environment, outputs: Outputs) -> None:
    with disk_errors("the outputs"):
        write_record(outputs_path(environment), outputs, 0o644, sort_keys=True)


def state_outputs(session: Session, root: RootName = "platform") -> Json:
    """The outputs in the state, without the sensitive ones."""
    result = session.run(root, "output", json=FLAG, private=True, no_color=FLAG)
    values = json.loads(result.stdout or "{}")
    return {name: item["value"] for name, item in values.items() if not item.get("sensitive")}


def saved_outputs(environment: Environment) -> Json | None:
    """What the last apply on this machine left; None when there was none."""
    return read_record(outputs_path(environment)) or None


def read_outputs(environment: Environment, observer: Observer) -> Json:
    """The outputs from the state itself, kept for the next time. Raises ToolkitError when there are none."""
    with open_session(environment, f"toolkit outputs {environment.name}", observer) as session:
        prepare(session)
        outputs = state_outputs(session)
        if not outputs:
            raise ToolkitError(
                f"{environment.name} has no outputs: nothing is applied there", hint=f"toolkit apply {environment.name}"
            )
        save_outputs(environment, outputs)
        return outputs


def read_outputs_of(connection: Connection, observer: Observer) -> Json:
    """As :func:`read_outputs`, for somebody who is connected."""
    return read_outputs(connection.environment, observer)


def single_values(outputs: Outputs, *, everything: bool = False) -> dict[str, str]:
    """What is one value, as text; with ``everything`` also what is in maps and lists, under dotted names."""
    found: dict[str, str] = {}
    for name, value in outputs.items():
        if isinstance(value, Mapping | list):
            if everything:
                items = value.items() if isinstance(value, Mapping) else enumerate(value)
                found |= single_values({f"{name}.{key}": item for key, item in items}, everything=True)
        else:
            found[name] = _text(value)
    return found


def as_dotenv(outputs: Outputs, prefix: str = "PLATFORM_", *, export: bool = True) -> str:
    """``export PREFIX_NAME='value'`` lines that a shell can evaluate; objects and lists as JSON.

    Raises UsageError for a prefix that makes no name of a variable. Names like LOCATION or ENVIRONMENT, and those that
    SDKs read, stay the shell's own: hence the prefix.
    """
    if prefix and not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", prefix):
        raise UsageError(f"--prefix {prefix}: a variable's name has letters, digits and _, and begins with no digit")
    word = "export " if export else ""
    return "".join(f"{word}{prefix}{name.upper()}={shlex.quote(_text(value))}\n" for name, value in outputs.items())


def as_github(outputs: Outputs) -> str:
    """Lines for the file ``$GITHUB_OUTPUT`` (https://docs.github.com/actions/reference/workflow-commands-for-github-actions)."""
    return "".join(f"{name}={_one_line(name, value)}\n" for name, value in outputs.items())


def as_azure_devops(outputs: Outputs) -> str:
    """Logging commands (https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#setvariable-initialize-or-modify-the-value-of-a-variable)."""
    return "".join(
        f"##vso[task.setvariable variable={name};isOutput=true]{_one_line(name, value)}\n"
        for name, value in outputs.items()
    )


def as_tfvars(outputs: Outputs) -> str:
    """A .tfvars.json document: Terraform reads JSON variables without any escaping rules of its own."""
    return as_text(dict(outputs))


FORMATS: dict[str, Callable[[Outputs], str]] = {
    "json": as_tfvars,
    "dotenv": as_dotenv,
    "github": as_github,
    "azure-devops": as_azure_devops,
    "tfvars": as_tfvars,
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _one_line(name: str, value: Any) -> str:
    text = _text(value)
    if "\n" in text or "\r" in text:
        raise ToolkitError(f"the output {name} has more than one line, which this format cannot carry")
    return text
