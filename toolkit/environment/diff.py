"""How two environments differ: every key of env.toml and of the variables that Terraform reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from toolkit.environment.file import FILE_NAME
from toolkit.environment.model import Environment
from toolkit.environment.types import Type, declared
from toolkit.environment.variables import read_variables, variable_files

TFVARS_NAME = "terraform.tfvars"
_ROOTS = ("bootstrap", "platform")

# What the two are called, and what follows from other keys, is no difference of their data.
_NOT_DATA = ("project", "name", "data_name", "alert_receiver_required")
# Fields of Environment that env.toml calls otherwise.
_FILE_KEYS = {
    "tenant_id": "tenant",
    "subscription_id": "subscription",
    "github_subject_template": "github_subject",
    "allow_warnings": "smoke.allow_warnings",
    "allowed_smoke_skips": "smoke.allowed_skips",
    "allowed_extras": "smoke.allowed_extras",
    "ignored_drift": "drift.ignore",
    "sandbox_core_quotas": "sandbox.core_quotas",
    "sandbox_standings": "sandbox.vantages",
}


class NotSet:
    """The value of a variable that an environment does not give: :func:`unset` says what holds instead."""

    def __repr__(self) -> str:
        return "NOT_SET"


NOT_SET: Final = NotSet()


@dataclass(frozen=True, slots=True)
class Row:
    """One key of one file, with its value in each of the two environments (``NOT_SET`` where it is not given)."""

    file: str
    key: str
    a: Any
    b: Any

    @property
    def differs(self) -> bool:
        return self.a is NOT_SET or self.b is NOT_SET or bool(self.a != self.b)


def compare(a: Environment, b: Environment) -> list[Row]:
    """Every key of either environment: env.toml in the order of its documentation, then the variables by name.

    Raises UsageError for a variable file that is no HCL.
    """
    return [
        *_rows(FILE_NAME, environment_keys(a), environment_keys(b)),
        *sorted(_rows(TFVARS_NAME, variable_keys(a), variable_keys(b)), key=lambda row: row.key),
    ]


OFF, MISSING, BELOW = "off", "not set", "as below"


def unset(environment: Environment) -> Callable[[str], str]:
    """What holds for a variable's dotted key that ``environment`` does not give: ``off`` where a feature's object is
    null, ``default (…)`` with the default that terraform/ declares, else ``not set``. A map of which it gives keys has
    those in rows of their own.
    """
    given, ours = variable_keys(environment), environment_keys(environment)
    declarations = {
        variable.name: variable for root in _ROOTS for variable in declared(environment.project.terraform_dir, root)
    }

    def words(key: str) -> str:
        if _begun(key, given) or _begun(key, ours):
            return BELOW
        name, *path = key.split(".")
        above = [".".join([name, *path[:depth]]) for depth in range(len(path))]
        if any(given.get(one, NOT_SET) is None for one in above):
            return OFF
        variable = declarations.get(name)
        if variable is None:
            return MISSING
        if name not in given and not _begun(name, given) and "default" in variable.block:
            value = variable.block["default"]
            for part in path:
                if value is None:
                    return OFF
                value = value.get(part, NOT_SET) if isinstance(value, dict) else NOT_SET
            if value is not NOT_SET:
                return OFF if value is None else f"default ({json.dumps(value, ensure_ascii=False)})"
        kind: Type | None = variable.type
        for depth, part in enumerate(path, 1):
            element = kind.element if kind is not None else None
            if element is not None and not _begun(".".join([name, *path[:depth]]), given):
                return MISSING  # a default of what is in an element that is not there
            kind = element or (kind.attributes.get(part) if kind is not None else None)
        return f"default ({kind.default})" if kind is not None and kind.default is not None and path else MISSING

    return words


def _begun(key: str, given: Mapping[str, Any]) -> bool:
    return any(one.startswith(f"{key}.") for one in given)


def environment_keys(environment: Environment) -> dict[str, Any]:
    """env.toml's dotted keys with the values in force: defaults included, and what a rehearsal replaces."""
    keys: dict[str, Any] = {}
    for field in dataclasses.fields(environment):
        if field.name in _NOT_DATA:
            continue
        value = getattr(environment, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = dataclasses.asdict(value)
        keys.update(_flatten(_FILE_KEYS.get(field.name, field.name), _plain(value)))
    return keys


def variable_keys(environment: Environment) -> dict[str, Any]:
    """The dotted keys of envs/common.tfvars overlaid by the environment's terraform.tfvars.

    A variable of the second file replaces the first one's as a whole, as Terraform does
    (https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence).
    """
    variables: dict[str, Any] = {}
    for path in variable_files(environment):
        variables.update(read_variables(path, environment.project.root))
    keys: dict[str, Any] = {}
    for name, value in variables.items():
        keys.update(_flatten(name, value))
    return keys


def _rows(file: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Row]:
    for key in {**a, **b}:
        yield Row(file, key, a.get(key, NOT_SET), b.get(key, NOT_SET))


def _flatten(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flatten(f"{key}.{name}", item)
    else:
        yield key, value


def _plain(value: Any) -> Any:
    """As JSON would have it: a tuple is a list, a path its text."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
