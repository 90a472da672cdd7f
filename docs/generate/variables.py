"""docs/variables.md: what may stand in the variable files, from the blocks of terraform/*/variables*.tf."""

from __future__ import annotations

from pathlib import Path

from docs.generate.readmes import cell_default, cell_type, cell_words
from toolkit.environment import Operator, environment_names, load_environment
from toolkit.environment.types import Variable, declared
from toolkit.environment.variables import read_variables, variable_files
from toolkit.project import Project
from toolkit.terraform.state import read_backend
from toolkit.terraform.workspace import ROOTS, filled_variables

PATH = Path("docs/variables.md")

HEAD = """\
# Variables

Written by `python -m docs.generate variables` from `terraform/bootstrap` and `terraform/platform`: change the
descriptions there. `envs/common.tfvars` sets a variable for all environments, `envs/<env>/terraform.tfvars` for one, as
a whole. A key that is not here is refused, at every depth. What comes from `env.toml` is in
[environments.md](environments.md).
"""

TABLE = "| variable | type | default | set by | what it does |\n|---|---|---|---|---|\n"


def variables_document(project: Project) -> dict[Path, str]:
    """The page. Raises UsageError for a variable file that is no HCL."""
    setters = _setters(project)
    filled = _filled(project)
    text = HEAD
    for root in ROOTS:
        rows = [_row(v, setters.get(v.name, [])) for v in declared(project.terraform_dir, root) if v.name not in filled]
        text += (
            f"\n## terraform/{root}\n\n| variable | type | default | set by | what it does |\n|---|---|---|---|---|\n"
        )
        text += "".join(sorted(rows))
    return {PATH: text}


def _filled(project: Project) -> set[str]:
    """What comes from env.toml."""
    environment = load_environment(environment_names(project)[0], project)
    return set(filled_variables(environment, Operator("", "User"), read_backend(environment), schema_validation=True))


def _setters(project: Project) -> dict[str, list[str]]:
    """Variable -> the files that set it, as names of environments; ``all`` is envs/common.tfvars."""
    setters: dict[str, list[str]] = {}
    names = environment_names(project)
    files = [variable_files(load_environment(name, project)) for name in names]
    for who, path in [("all", files[0][0]), *((name, own) for name, (_, own) in zip(names, files, strict=True))]:
        for variable in read_variables(path, project.root):
            setters.setdefault(variable, []).append(who)
    return setters


def _row(variable: Variable, setters: list[str]) -> str:
    block = dict(variable.block)
    cells = [
        f"`{variable.name}`",
        cell_type(block.get("type", "any")),
        cell_default(block),
        ", ".join(setters),
        cell_words(block["description"]),
    ]
    return f"| {' | '.join(cells)} |\n"
