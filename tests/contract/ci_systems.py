"""Jobs of GitHub Actions and Azure Pipelines, from the files as they stand: each step's script is a process of its own.

What the systems do to a script is done here: expressions and parameters, environments, files for outputs and logging
commands, conditions. Steps of the marketplace, and those that prepare a machine, are passed over by name: what they
make (a checkout, Python, the toolkit on PATH, a sign-in) is there.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax and .../metadata-syntax (composite
actions); https://learn.microsoft.com/azure/devops/pipelines/process/template-parameters, .../process/variables (macros
that name nothing stay as they are), .../process/conditions
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.unit.test_ci_outputs import read_by_the_agent

PREPARED = ("actions/checkout@", "actions/setup-python@", "Install the toolkit", "UsePythonVersion@0")
_GITHUB_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_MACRO = re.compile(r"\$\(([\w.]+)\)")


def load(path: Path) -> Any:
    # GitHub's key `on` is a boolean of YAML 1.1.
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@dataclass
class Ran:
    """One step's script, once it has ended."""

    name: str
    code: int
    output: str


def looked_up(values: Mapping[str, Any], expression: str) -> str:
    """``a.b.c`` of nested values; what is not there is empty."""
    found: Any = values
    for part in expression.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return str(found)


@dataclass
class GitHubJob:
    """``contexts`` are inputs, needs, matrix, vars and github; ``environ`` is the machine's."""

    folder: Path
    environ: Mapping[str, str]
    contexts: dict[str, Any] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)
    failed: bool = False
    while_running: Callable[[subprocess.Popen[str]], None] | None = None

    def run(self, job: Mapping[str, Any]) -> dict[str, str]:
        """The job's outputs."""
        told = {name: self._filled(text, self.contexts) for name, text in job.get("env", {}).items()}
        self.environ = {**self.environ, **told}
        self.failed = self._steps(job["steps"], self.contexts)
        return {name: self._filled(text, self.contexts) for name, text in job.get("outputs", {}).items()}

    def uses(self, action: str, **inputs: str) -> dict[str, str]:
        """A job of one local action: the action's outputs."""
        step = {"id": "only", "uses": f"./ci/github/{action}", "with": inputs}
        self.failed = self._steps([step], self.contexts)
        found: dict[str, str] = self.contexts.get("steps", {}).get("only", {}).get("outputs", {})
        return found

    def _steps(self, steps: list[Any], contexts: dict[str, Any]) -> bool:
        """Whether one of them failed. An action's own steps ask for those of the action only: docs/adrs/1144 of
        https://github.com/actions/runner.
        """
        failed = False
        for step in steps:
            condition = step.get("if", "success()")
            assert condition in ("success()", "always()"), condition
            if condition == "success()" and failed:
                continue
            if str(step.get("uses", "")).startswith(PREPARED) or step.get("name") in PREPARED:
                continue
            outputs, wrong = self._action(step, contexts) if "uses" in step else self._script(step, contexts)
            failed = failed or wrong
            if "id" in step:
                contexts.setdefault("steps", {})[step["id"]] = {"outputs": outputs}
        return failed

    def _action(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
        assert step["uses"].startswith("./"), f"{step['uses']} is not here"
        action = load(self.folder / step["uses"] / "action.yml")
        given = {name: self._filled(text, contexts) for name, text in step.get("with", {}).items()}
        assert set(given) <= set(action["inputs"]), given
        missing = {name for name, one in action["inputs"].items() if one.get("required") and name not in given}
        assert not missing, missing
        defaults = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        inner = {**self.contexts, "inputs": {**defaults, **given}, "steps": {}}
        failed = self._steps(action["runs"]["steps"], inner)
        return {name: self._filled(one["value"], inner) for name, one in action.get("outputs", {}).items()}, failed

    def _script(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
        assert "${{" not in step["run"], "an expression in a script is code of whoever fills it"
        told = {name: self._filled(text, contexts) for name, text in step.get("env", {}).items()}
        with tempfile.TemporaryDirectory() as temporary:
            output, script = Path(temporary) / "output", Path(temporary) / "script.sh"
            output.touch()
            script.write_text(step["run"], encoding="utf-8")
            environ = {**self.environ, **told, "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)}
            ran = execute(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                self.folder, environ, step.get("name", step["run"]), self.while_running,
            )  # fmt: skip
            self.ran.append(ran)
            return dict(
                re.findall(r"([\w-]+)<<(?:\S+)\n(.*)\n\S+\n", output.read_text(encoding="utf-8"))
            ), ran.code != 0

    @staticmethod
    def _filled(text: Any, contexts: Mapping[str, Any]) -> str:
        return _GITHUB_EXPRESSION.sub(lambda match: looked_up(contexts, match[1]), str(text))


@dataclass
class AzureJob:
    """``variables`` are the job's, by their names: ``System.AccessToken``, and what steps set."""

    folder: Path
    environ: Mapping[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)
    issues: list[tuple[str, str]] = field(default_factory=list)
    failed: bool = False

    def run(self, steps: list[Any]) -> None:
        for step in steps:
            condition = step.get("condition", "succeeded()")
            assert condition in ("succeeded()", "always()"), condition
            if condition == "succeeded()" and self.failed:
                continue
            if step.get("task") in PREPARED or step.get("displayName") in PREPARED or "checkout" in step:
                continue
            script = step["inputs"]["inlineScript"] if step.get("task") == "AzureCLI@2" else step["bash"]
            assert not _MACRO.search(script), "a macro in a script is code of whoever fills it"
            told = {name: self._macros(text) for name, text in step.get("env", {}).items()}
            environ = {**self.environ, **told, "TF_BUILD": "True"}
            ran = execute(["bash", "-c", script], self.folder, environ, step.get("displayName", script))
            self.ran.append(ran)
            self.failed = self.failed or ran.code != 0
            self._heard(step.get("name", ""), ran.output)

    def _heard(self, step: str, output: str) -> None:
        for line in output.splitlines():
            if not line.startswith("##vso["):
                continue
            command, properties, data = read_by_the_agent(line)
            if command == "task.setvariable":
                assert properties["isOutput"] == "true"
                self.variables[f"{step}.{properties['variable']}"] = data
            elif command == "task.logissue":
                self.issues.append((properties["type"], data))

    def _macros(self, text: Any) -> str:
        return _MACRO.sub(lambda match: self.variables.get(match[1], match[0]), str(text))


def expanded(node: Any, parameters: Mapping[str, Any]) -> Any:
    """A template with its parameters filled in; lists of steps are put where they are named, and ``each`` repeats."""
    if isinstance(node, dict):
        return {expanded(key, parameters): expanded(value, parameters) for key, value in node.items()}
    if isinstance(node, list):
        return [item for each in node for item in _items(each, parameters)]
    if isinstance(node, str):
        if (whole := _GITHUB_EXPRESSION.fullmatch(node)) and whole[1].startswith("parameters."):
            return parameters[whole[1].removeprefix("parameters.")]
        return _GITHUB_EXPRESSION.sub(lambda match: looked_up({"parameters": parameters, **parameters}, match[1]), node)
    return node


def _items(node: Any, parameters: Mapping[str, Any]) -> Iterator[Any]:
    if isinstance(node, dict) and len(node) == 1:
        ((key, body),) = node.items()
        if loop := re.fullmatch(r"\$\{\{ each (\w+) in parameters\.(\w+) \}\}", str(key)):
            for one in parameters[loop[2]]:
                yield from expanded(body, {**parameters, loop[1]: one})
            return
    found = expanded(node, parameters)
    if isinstance(node, str) and isinstance(found, list):
        yield from found
    else:
        yield found


def template(path: Path, **given: Any) -> Any:
    """A template's document, with these parameters and its defaults."""
    document = load(path)
    declared = {one["name"]: one for one in document.pop("parameters", [])}
    assert set(given) <= set(declared), given
    missing = {name for name, one in declared.items() if "default" not in one and name not in given}
    assert not missing, missing
    return expanded(document, {**{name: one.get("default") for name, one in declared.items()}, **given})


def execute(
    command: list[str], folder: Path, environ: Mapping[str, str], name: str,
    while_running: Callable[[subprocess.Popen[str]], None] | None = None,
) -> Ran:  # fmt: skip
    with a_process(command, folder, environ) as process:
        if while_running is not None:
            while_running(process)
        output, _ = process.communicate(timeout=300)
        return Ran(name, process.returncode, output)


@contextmanager
def a_process(command: list[str], folder: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """In a group of its own, as a runner has it, so that it can be killed with what it started."""
    with subprocess.Popen(
        command, cwd=folder, env=dict(environ), text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        yield process


def machine(*, without: tuple[str, ...] = ("GITHUB_", "SYSTEM_", "BUILD_", "TF_BUILD", "CI")) -> dict[str, str]:
    """A runner's environment: the toolkit of this checkout is on PATH, and no other CI system's variables are there."""
    import sys

    scripts = str(Path(sys.executable).parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    return {**kept, "PATH": f"{scripts}{os.pathsep}{kept['PATH']}"}
