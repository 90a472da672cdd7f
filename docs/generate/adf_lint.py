"""docs/adf-lint.md: the rules of :mod:`toolkit.adf.lint.registry`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit.adf.lint.limits import LIMITS
from toolkit.adf.lint.model import Rule
from toolkit.adf.lint.nesting import MAY_HOLD, ROOT_ONLY
from toolkit.adf.lint.registry import FAMILIES, RULES
from toolkit.project import Project

PATH = Path("docs/adf-lint.md")

HEAD = """\
# What is checked in a factory's definitions

Written by `python -m docs.generate adf-lint` from `toolkit/adf/lint/`. {count} rules: {errors} are errors, {fixable}
can be mended without judgement, and {refused} find what Data Factory itself refuses.

```sh
toolkit adf lint adf/                              # a folder as Git mode keeps it, an adf_publish folder or template
toolkit adf lint --live local                      # what is published in an environment's factory
toolkit adf lint adf/ --fix                        # mends what needs no judgement; formatting and order stay
toolkit adf lint adf/ --published adf_publish/     # and what the repository and the published template disagree on
toolkit adf lint adf/ --format sarif > adf.sarif   # for code scanning; json and junit as well
toolkit adf validate adf/                          # only what Data Factory would refuse: "Validate all", offline
terraform show -json > platform.json && toolkit adf lint platform.json    # what Terraform deploys
```

Exit codes: 0 nothing found, 1 an error found (`--fail-on warning` for more), 3 no factory to look at. Notes are looked
for with `--level note`. `--rule ID` and `--ignore ID` choose; `--list` shows all.

A finding says the file, line and JSON path, what happens otherwise and what to do. Positions in a template are those of
the template; its functions `concat`, `parameters` and `variables` are resolved first. A live factory's "files" are
`FACTORY/KIND/NAME`.

What only a run knows (an expression in an address, a runtime's name in a parameter) is not guessed: no finding.
References are only held against a whole factory: not in a single file, and not in Terraform's JSON without the factory
in it.
"""
TABLE = """
| rule | severity | what holds | otherwise | fix | |
|---|---|---|---|---|---|
"""
TAIL = """
The last column: *refused* by Data Factory itself, *--fix* mends it, the name in public checks (Test-AdfArmTemplate and
Test-AdfCode of [azure.datafactory.tools](https://github.com/Azure-Player/azure.datafactory.tools)), the source.
"""


def adf_lint_document(project: Project) -> Mapping[Path, str]:
    errors = sum(rule.severity == "error" for rule in RULES)
    fixable, refused = sum(rule.fixable for rule in RULES), sum(rule.refused for rule in RULES)
    text = HEAD.format(count=len(RULES), errors=errors, fixable=fixable, refused=refused) + TAIL
    for family, rules in FAMILIES.items():
        text += f"\n## {family}\n{TABLE}" + "".join(_line(rule) for rule in rules)
    return {PATH: text + _limits() + _nesting()}


def _line(rule: Rule) -> str:
    more = [
        *(["refused"] if rule.refused else []),
        *(["--fix"] if rule.fixable else []),
        *([rule.known_as] if rule.known_as else []),
        *([f"[source]({rule.source})"] if rule.source.startswith("https://") else []),
    ]
    cells = (f"`{rule.id}`", rule.severity, rule.what, rule.consequence, rule.fix, ", ".join(more))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _limits() -> str:
    lines = "".join(
        f"| {name} | {_bound(limit.least)} | {_bound(limit.most)} | {_bound(limit.support)} | {limit.unit} "
        f"| [source]({limit.source}) |\n"
        for name, limit in LIMITS.items()
    )
    return f"\n## The limits\n\n| what | least | most | with support | unit | |\n|---|---|---|---|---|---|\n{lines}"


def _bound(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _nesting() -> str:
    lines = "".join(f"| {outer} | {', '.join(sorted(inner)) or 'none'} |\n" for outer, inner in MAY_HOLD.items())
    root = ", ".join(sorted(ROOT_ONLY))
    return (
        "\n## The nesting matrix\n\n| container | containers that may be in it |\n|---|---|\n"
        f"{lines}\nActivities that hold nothing may be anywhere; {root} only at the root.\n"
    )
