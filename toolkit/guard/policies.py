"""Which policies there are: the toolkit's own, those of all environments, and those that one environment names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from toolkit.environment import Environment
from toolkit.errors import ToolkitError, UsageError
from toolkit.guard.rego import Module, Unreadable, evaluate, refuse_unknown_functions
from toolkit.project import Project

Severity = Literal["error", "warning"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

OWN = Path(__file__).with_name("policies")
MAIN = OWN / "main.rego"  # of other engines
SHARED_FOLDER = "policies"  # of envs/
PACKAGE = "guard."

_PACKAGE = re.compile(r"^package\s+(\S+)", re.MULTILINE)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEXTS = ("id", "title", "severity", "protects", "why", "fix", "source")


@dataclass(frozen=True, slots=True)
class Policy:
    """One file of Rego. ``psrule``: ids of rules of PSRule.Rules.Azure that it meets."""

    id: str
    title: str
    severity: Severity
    protects: str
    why: str
    fix: str
    source: str
    psrule: tuple[str, ...]
    module: Module
    own: bool

    @property
    def package(self) -> str:
        return self.module.package

    @property
    def examples_file(self) -> Path:
        return self.module.path.with_suffix(".examples.json")


def policy_folders(environment: Environment | None, project: Project) -> tuple[Path, ...]:
    """The toolkit's own first, then ``envs/policies`` where there is one, then the environment's own."""
    shared = project.envs_dir / SHARED_FOLDER
    named = environment.guard.policies if environment is not None else None
    folders = [OWN, *([shared] if shared.is_dir() else []), *([named] if named is not None else [])]
    return tuple(dict.fromkeys(folders))


def load_policies(folders: Sequence[Path], root: Path) -> tuple[Policy, ...]:
    """The policies of the folders, in the order of their ids within each.

    Raises UsageError for one that does not compile (with file and line), that has not what a policy needs, or whose id
    or package another one has.
    """
    modules = [_module(path, root) for folder in folders for path in sorted(folder.glob("*.rego")) if path != MAIN]
    if not modules:
        raise ToolkitError("there is no policy", hint=f"the toolkit's own are in {OWN}: install it again")
    _refuse_twins([(one.package, one.shown) for one in modules], "the package")
    refuse_unknown_functions([one for one in modules if one.path.parent != OWN])  # ours are tried by the tests
    answers = _metadata(modules)
    policies = [_policy(one, answers[one.package]) for one in modules]
    _refuse_twins([(one.id, one.module.shown) for one in policies], "the id")
    return tuple(policies)


def _module(path: Path, root: Path) -> Module:
    shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}: cannot be read: {error}") from None
    found = _PACKAGE.search(source)
    if found is None or not re.fullmatch(re.escape(PACKAGE) + r"[a-z_][a-z0-9_]*", found[1]):
        line = source[: found.start()].count("\n") + 1 if found else 1
        raise UsageError(
            f"{shown}:{line}: the package of a policy is {PACKAGE}NAME, with small letters, digits and _",
            hint=f"package {PACKAGE}{re.sub('[^a-z0-9_]', '_', path.stem.lower())}",
        )
    return Module(path, shown, found[1], source)


def _refuse_twins(named: Iterable[tuple[str, str]], what: str) -> None:
    seen: dict[str, str] = {}
    for name, shown in named:
        if name in seen:
            raise UsageError(
                f"{shown}: {what} {name} is that of {seen[name]}, too",
                hint="a policy of your own has a name of its own: it adds to the toolkit's, and replaces none",
            )
        seen[name] = shown


def _metadata(modules: Sequence[Module]) -> dict[str, Any]:
    try:
        answers = evaluate(modules, {one.package: ("metadata",) for one in modules}, None)
    except Unreadable:
        answers = {}
        for one in modules:  # whose it is
            try:
                answers.update(evaluate([one], {one.package: ("metadata",)}, None))
            except Unreadable:
                raise UsageError(
                    f"{one.shown}: has no metadata that can be read",
                    hint="docs/guard.md shows what a policy says of itself",
                ) from None
    return {package: answer[0] for package, answer in answers.items()}


def _policy(module: Module, said: Any) -> Policy:
    said = said if isinstance(said, dict) else {}
    hint = f"docs/guard.md shows a whole one; metadata has {', '.join(_TEXTS)} and psrule"
    for key in _TEXTS:
        if not (isinstance(said.get(key), str) and said[key].strip()):
            raise UsageError(f"{module.shown}:{_line(module, 'metadata')}: metadata has no {key}", hint=hint)
    if said["severity"] not in SEVERITIES:
        raise UsageError(
            f"{module.shown}:{_line(module, 'severity')}: severity {said['severity']!r} is none of "
            f"{', '.join(SEVERITIES)}",
            hint="an error refuses the plan, a warning is shown",
        )
    if not _ID.fullmatch(said["id"]):
        raise UsageError(
            f"{module.shown}:{_line(module, 'id')}: the id {said['id']!r} has other than small letters, digits and -",
            hint=hint,
        )
    for rule in ("looks_at", "pass"):
        if not re.search(rf"^{rule}\s+contains\b", module.source, re.MULTILINE):
            raise UsageError(
                f"{module.shown}: defines no `{rule} contains …`",
                hint="a policy says which resources it looks at, and which of them pass: docs/guard.md",
            )
    rules = said.get("psrule", [])
    texts = {key: " ".join(said[key].split()) for key in _TEXTS}
    severity: Severity = "error" if texts.pop("severity") == "error" else "warning"
    return Policy(
        **texts,
        severity=severity,
        psrule=tuple(str(one) for one in rules) if isinstance(rules, list) else (),
        module=module,
        own=module.path.parent == OWN,
    )


def _line(module: Module, word: str) -> int:
    found = re.search(rf'(?<![\w]){word}"?\s*:', module.source)
    return module.source[: found.start()].count("\n") + 1 if found else 1
