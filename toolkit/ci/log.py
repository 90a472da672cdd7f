"""How a CI system wants its log: parts that fold, and errors that stand at the line of a file.

* https://docs.github.com/actions/reference/workflow-commands-for-github-actions#grouping-log-lines and its neighbours
* https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands
"""

from __future__ import annotations

from toolkit.ci.outputs import CiName, azure_devops_command, github_command


def group(name: CiName, title: str) -> str:
    """The line that begins a part that folds. Neither system knows one part in another."""
    title = " ".join(title.split())
    return github_command("group", {}, title) if name == "github" else f"##[group]{title}"


def end_of_group(name: CiName) -> str:
    return github_command("endgroup", {}, "") if name == "github" else "##[endgroup]"


def error_at(name: CiName, text: str, file: str = "", line: int = 0) -> str:
    """An error on the run's page, at a line of a file of the repository where one is named."""
    place = {"file": file, "line": str(line or 1)} if file else {}
    if name == "github":
        return github_command("error", {**place, "title": "toolkit"}, text)
    azure = {"type": "error", **({"sourcepath": file, "linenumber": str(line or 1)} if file else {})}
    return azure_devops_command("task.logissue", azure, text)
