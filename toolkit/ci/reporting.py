"""What a command says to the CI system whose job it runs in: outputs for later steps, warnings and errors of the run.

Workflow commands and logging commands go to standard error: both systems read them there, too (actions/runner's
ScriptHandler; azure-pipelines-tasks' Bash and CmdLine send standard error the way of the output), and
``lease=$(toolkit firewall open …)`` gets the lease and nothing else.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions and
https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TextIO

from toolkit.ci.outputs import (
    CiName,
    append_to_file_of,
    azure_devops_command,
    azure_devops_output,
    github_command,
    github_output,
)
from toolkit.ci.provenance import ci_of

Choice = Literal["azure-devops", "github", "none"]
CHOICES: tuple[Choice, ...] = ("azure-devops", "github", "none")


class Reporter(Protocol):
    """Values are for later steps of the job, and of jobs that name this step; texts for people."""

    def outputs(self, values: Mapping[str, str]) -> None: ...

    def warning(self, text: str) -> None: ...

    def error(self, text: str) -> None: ...


class NoReporter:
    """Outside of a job."""

    def outputs(self, values: Mapping[str, str]) -> None: ...

    def warning(self, text: str) -> None: ...

    def error(self, text: str) -> None: ...


class GitHub:
    """``GITHUB_STATE`` is there in the steps of an action that has a step of its own at the job's end (post)."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        append_to_file_of("GITHUB_OUTPUT", environ, "")  # raises UsageError, before anything is done
        self._environ = environ
        self._stream = stream

    def outputs(self, values: Mapping[str, str]) -> None:
        text = "".join(github_output(*item) for item in values.items())
        for variable in ("GITHUB_OUTPUT", "GITHUB_STATE"):
            if self._environ.get(variable):
                append_to_file_of(variable, self._environ, text)

    def warning(self, text: str) -> None:
        self._say("warning", text)

    def error(self, text: str) -> None:
        self._say("error", text)

    def _say(self, command: str, text: str) -> None:
        print(github_command(command, {"title": "toolkit"}, text), file=self._stream, flush=True)


class AzureDevOps:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def outputs(self, values: Mapping[str, str]) -> None:
        for item in values.items():
            self._print(azure_devops_output(*item))

    def warning(self, text: str) -> None:
        self._print(azure_devops_command("task.logissue", {"type": "warning"}, text))

    def error(self, text: str) -> None:
        self._print(azure_devops_command("task.logissue", {"type": "error"}, text))

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def reporter(choice: Choice | None, environ: Mapping[str, str], stream: TextIO) -> Reporter:
    """For the system that was chosen, else for the one whose job this is.

    Raises UsageError where GitHub was chosen and this is none of its jobs.
    """
    name: CiName | None = ci_of(environ) if choice is None else None if choice == "none" else choice
    if name == "azure-devops":
        return AzureDevOps(stream)
    # A container that was given some of the job's variables only: nobody asked for outputs.
    if name == "github" and (choice == "github" or environ.get("GITHUB_OUTPUT")):
        return GitHub(environ, stream)
    return NoReporter()
