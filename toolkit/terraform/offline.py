"""A root of terraform/ without providers: what Terraform can evaluate from the data alone, with nothing asked of Azure.

Variables with their validations, locals, module calls, outputs and preconditions stay, on the lines on which they
stand in terraform/; what a resource or a data source would give is unknown. Rows are found as `terraform fmt` leaves
them: a block begins and ends in the first column, what is in it is indented by two.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from subprocess import CompletedProcess

from toolkit.environment import Environment
from toolkit.environment.shell import inherited
from toolkit.errors import ToolkitError
from toolkit.terraform.workspace import RootName

BLOCK = re.compile(r'^(\w+)((?: "[^"\n]*")*) \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_KEPT = ("locals", "module", "output", "variable")
_UNKNOWN = "local.unknown_until_apply"
# Another resource or data source: none is there.
_REFERENCE = re.compile(r"(?<![\w.])(?:data\.\w+|azapi_\w+|terraform_data)\.\w+")
_UNKNOWN_FILE = (
    'resource "terraform_data" "unknown" {}\n'
    "locals {\n  unknown_until_apply = jsondecode(terraform_data.unknown.id)\n}\n"
)
VALUE = r"[ ]*=[^\n]*\n(?:(?:    [^\n]*)?\n)*(?:  [)}\]][^\n]*\n)?"
_REPETITION = re.compile(rf"^  (?:count|for_each)\b{VALUE}", re.MULTILINE)
_ARGUMENT = re.compile(
    rf"^  (?:type|name|parent_id|resource_id|location|tags|body|action|method|when)\b{VALUE}", re.MULTILINE
)
_ORDER = re.compile(rf"^  (?:providers|depends_on)\b{VALUE}", re.MULTILINE)
_LIFECYCLE = re.compile(r"^  lifecycle \{\n(.*?)^  \}\n", re.MULTILINE | re.DOTALL)
_CONDITION = re.compile(r"^    precondition \{\n.*?^    \}\n", re.MULTILINE | re.DOTALL)


def write_offline(terraform_dir: Path, root: RootName, target: Path, *, with_resources: bool = False) -> Path:
    """Write the root and all modules below ``target``. Answers the root's folder.

    ``with_resources``: each resource stays, too, as a terraform_data whose input its arguments are (declared.py); rows
    are not where they were then.
    """
    for name in (root, "modules"):
        shutil.copytree(
            terraform_dir / name,
            target / name,
            ignore=shutil.ignore_patterns("tests", "examples", ".terraform*", "*.tfstate*", "*.auto.tfvars*", "*.md"),
        )
    for folder in {file.parent for file in target.rglob("*.tf")}:
        for file in folder.glob("*.tf"):
            file.write_text(offline(file.read_text(encoding="utf-8"), with_resources=with_resources), encoding="utf-8")
        (folder / "unknown_until_apply.tf").write_text(_UNKNOWN_FILE, encoding="utf-8")
    return target / root


def run_offline(program: Path, folder: Path, environment: Environment, *arguments: str) -> CompletedProcess[str]:
    """Terraform in a folder of ours that needs no provider and no backend, with what the shell may hand over.

    Raises ToolkitError when it does not start; what its exit code means is the caller's to say.
    """
    settings = {**inherited(environment), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    try:
        return subprocess.run(
            [str(program), *arguments],
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ToolkitError(f"Terraform ({program}) does not start: {error.strerror}") from error


def offline(text: str, *, with_resources: bool = False) -> str:
    """One file of a configuration, each row where it was unless its resources stay."""
    return BLOCK.sub(lambda found: _block(found, with_resources), text)


def _block(found: re.Match[str], with_resources: bool) -> str:
    kind, labels, body = found[1], found[2], found[3]
    if kind == "resource":
        return _arguments(labels, body) if with_resources else _resource(found[0], labels, body)
    if kind not in _KEPT:
        return _blank(found[0])
    kept = _ORDER.sub(lambda part: _blank(part[0]), body)
    return f"{kind}{labels} {{\n{_REFERENCE.sub(_UNKNOWN, kept)}}}"


def _resource(whole: str, labels: str, body: str) -> str:
    """Of a resource its repetition and its preconditions stay."""
    cycle = _LIFECYCLE.search(body)
    conditions = [found.span() for found in _CONDITION.finditer(cycle[1])] if cycle is not None else []
    if cycle is None or not conditions:
        return _blank(whole)
    inside, end = cycle.span(1)
    parts = [found.span() for found in _REPETITION.finditer(body)]
    parts += [
        (cycle.start(), inside),
        *((inside + start, inside + stop) for start, stop in conditions),
        (end, cycle.end()),
    ]
    kept = [character if character == "\n" else " " for character in body]
    for start, stop in parts:
        kept[start:stop] = body[start:stop]
    name = "_".join(re.findall(r'"([^"]*)"', labels))
    return f'resource "terraform_data" "{name}" {{\n{_REFERENCE.sub(_UNKNOWN, "".join(kept))}}}'


def _arguments(labels: str, body: str) -> str:
    """A resource as a terraform_data that repeats as it does and keeps its arguments."""
    kept = "".join(found[0] for found in _REPETITION.finditer(body))
    said = "".join(f"  {found[0]}" for found in _ARGUMENT.finditer(body))
    name = "_".join(re.findall(r'"([^"]*)"', labels))
    text = f"{kept}  input = {{\n{said}  }}\n"
    return f'resource "terraform_data" "{name}" {{\n{_REFERENCE.sub(_UNKNOWN, text)}}}'


def _blank(text: str) -> str:
    return "\n" * text.count("\n")
