"""The one importer of regopy, Microsoft's rego-cpp for Python: evaluates strictly; silence is never a yes.

What it does of itself (1.5.2, tried): a built-in that fails gives no value unless ``strict_built_in_errors`` is set,
and then an answer that says only "<error>"; a function that there is not gives an answer that is no JSON; a name that
there is not is undefined, without a word. So that an answer counts only when it is whole, and only what a policy says
passes does (:mod:`toolkit.guard.engine`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.records import Json

_ERROR = re.compile(r"\(error (\d+):")
_MESSAGE = re.compile(r"\(errormsg \d+:([^\n]*?)\)\n")
_CALL = re.compile(r"(?<![\w.])([a-z_][\w.]*)\(")
_WORDS = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')  # texts and comments
_ANSWER = "toolkit_guard_answer"


@dataclass(frozen=True, slots=True)
class Module:
    """One file of Rego: where it is, what it is called in messages, its package and its text."""

    path: Path
    shown: str
    package: str
    source: str


class Unreadable(Exception):
    """The answer is an error, undefined or no JSON: nothing of it counts."""


def evaluate(
    modules: Sequence[Module], wanted: Mapping[str, Sequence[str]], given: Json | None
) -> dict[str, list[Any]]:
    """The values of the ``wanted`` rules of each package, in their order.

    Raises UsageError for a module that does not compile, and Unreadable when anything of the answer is undefined.
    """
    # 50 ms that only a guard pays.
    from regopy import Interpreter, LogLevel
    from regopy.rego_shared import RegoError

    engine = Interpreter()
    engine.strict_built_in_errors = True
    engine.log_level = LogLevel.NONE  # errors are said by us, once
    for module in modules:
        try:
            engine.add_module(module.shown, module.source)
        except RegoError as error:
            raise _syntax(module, str(error)) from None
    rows = ", ".join(
        f'"{package}": [{", ".join(f"data.{package}.{rule}" for rule in rules)}]' for package, rules in wanted.items()
    )
    engine.add_module(_ANSWER, f"package {_ANSWER}\n\nanswer := {{{rows}}}\n")
    try:
        if given is not None:
            engine.set_input_term(json.dumps(given))
        text = _ask(engine)
    except RegoError as error:
        raise Unreadable(str(error)) from None
    try:
        answer = json.loads(text)["expressions"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        raise Unreadable(text[:200]) from None
    if not isinstance(answer, dict) or set(answer) != set(wanted):
        raise Unreadable(text[:200])
    return answer


def _ask(engine: Any) -> str:
    # Not through `query`, which takes every answer for JSON and hides what an error says.
    from regopy.rego_shared import rego_free_output, rego_output_string, rego_query

    output = rego_query(engine._impl, f"data.{_ANSWER}.answer")
    try:
        return str(rego_output_string(output))
    finally:
        rego_free_output(output)


def _syntax(module: Module, text: str) -> UsageError:
    """``(error 15:policies/p.rego|27|2 (errormsg 17:Invalid rule head) …``: an offset in bytes, and a length."""
    place = re.search(rf"{re.escape(module.shown)}\|(\d+)\|", text)
    line = module.source.encode()[: int(place[1])].count(b"\n") + 1 if place else 1
    message = _MESSAGE.search(text)
    return UsageError(
        f"{module.shown}:{line}: does not compile: {message[1] if message else 'no reason was given'}",
        hint="https://www.openpolicyagent.org/docs/latest/policy-language/; `toolkit guard test` tries it",
    )


def refuse_unknown_functions(modules: Sequence[Module]) -> None:
    """Raises UsageError for a call of what there is not: the engine says so only when it comes to the call."""
    from regopy import Interpreter

    engine = Interpreter()
    for module in modules:
        text = _WORDS.sub(lambda found: "\n" * found[0].count("\n"), module.source)
        own = set(re.findall(r"^(?:default\s+)?(\w+)\(", text, re.MULTILINE))
        for found in _CALL.finditer(text):
            name = found[1]
            if name not in own and not name.startswith("data.") and not engine.is_builtin(name):
                raise _no_function(module, name, text[: found.start()].count("\n") + 1)


def _no_function(module: Module, name: str, line: int) -> UsageError:
    return UsageError(
        f"{module.shown}:{line}: does not compile: there is no function {name}",
        hint="what rego-cpp has: https://microsoft.github.io/rego-cpp/",
    )
