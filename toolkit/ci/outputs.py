"""Outputs and summaries in the words of Azure Pipelines and of GitHub Actions, escaped as each one reads them.

* https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands; the agent's table:
  https://github.com/microsoft/azure-pipelines-agent/blob/master/src/Microsoft.VisualStudio.Services.Agent/CommandStringConvertor.cs
* https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-output-parameter
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from toolkit.errors import UsageError

CiName = Literal["azure-devops", "github"]

# "%" becomes %AZP25: an agent decodes that always, and %25 only where a knob says so. It goes first.
_DATA = (("%", "%AZP25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, ("]", "%5D"), (";", "%3B"))
# https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
_GITHUB_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_GITHUB_PROPERTY = (*_GITHUB_DATA, (":", "%3A"), (",", "%2C"))
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_OUTPUT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def azure_devops_command(command: str, properties: Mapping[str, str], data: str) -> str:
    """One logging command, as one line without its end."""
    told = ";".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"##vso[{command}{' ' + told if told else ''}]{_escaped(data, _DATA)}"


def azure_devops_output(name: str, value: str) -> str:
    """An output variable: other jobs read it as ``dependencies.JOB.outputs['STEP.NAME']``."""
    if not _VARIABLE.fullmatch(name):
        raise UsageError(f"Azure Pipelines has no variables like {name!r}")
    return azure_devops_command("task.setvariable", {"variable": name, "isOutput": "true"}, value)


def azure_devops_summary(path: Path) -> str:
    """Shows a Markdown file on the run's page."""
    return azure_devops_command("task.uploadsummary", {}, str(path))


def github_command(command: str, properties: Mapping[str, str], data: str) -> str:
    """One workflow command, as one line without its end."""
    told = ",".join(f"{name}={_escaped(value, _GITHUB_PROPERTY)}" for name, value in properties.items())
    return f"::{command}{' ' + told if told else ''}::{_escaped(data, _GITHUB_DATA)}"


def github_output(name: str, value: str) -> str:
    """Lines for the file that ``GITHUB_OUTPUT`` names; each value is delimited, so that nothing in it ends it early."""
    if not _OUTPUT.fullmatch(name):
        raise UsageError(f"GitHub Actions has no outputs like {name!r}")
    delimiter = f"toolkit_{uuid.uuid4().hex}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def append_to_file_of(variable: str, environ: Mapping[str, str], text: str) -> None:
    """Append to the file that GitHub names in a variable. Raises UsageError outside a job."""
    path = environ.get(variable)
    if not path:
        raise UsageError(
            f"{variable} is not set: this is no job of GitHub Actions", hint="leave out --ci, or use it in a job"
        )
    try:
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}, which {variable} names: {error.strerror}") from error


def variable_of(asset: str, suffix: str) -> str:
    """The variable of an asset: ``training-code`` and ``Version`` give ``trainingCodeVersion``."""
    first, *others = [part for part in re.split(r"[^A-Za-z0-9]+", asset) if part]
    name = first[0].lower() + first[1:] + "".join(part[0].upper() + part[1:] for part in others) + suffix
    return name if name[0].isalpha() else f"asset{name}"


def _escaped(text: str, table: tuple[tuple[str, str], ...]) -> str:
    for plain, escaped in table:
        text = text.replace(plain, escaped)
    return text
