"""Which variables of a root decide an expression somewhere below it, and where an environment's files set them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from toolkit.environment import Environment
from toolkit.environment.variables import variable_files
from toolkit.terraform.offline import BLOCK, VALUE

_ATTRIBUTE = re.compile(rf"^  (\w+)\b({VALUE})", re.MULTILINE)
_REFERENCE = re.compile(r"\b(var|local)\.(\w+(?:\.\w+)*)")


@dataclass(frozen=True, slots=True)
class _Call:
    folder: Path
    name: str
    arguments: dict[str, str]


@dataclass(frozen=True)
class Origins:
    """A root with the modules that it calls, as :func:`toolkit.terraform.offline.write_offline` wrote them."""

    root: Path
    _locals: dict[Path, dict[str, str]] = field(default_factory=dict, repr=False)

    def of(self, file: Path, lines: tuple[int, int], address: str) -> list[str]:
        """The root's variables (``network.subnets``) that the text on these lines reads, the nearest first.

        ``address``: of the resource that it is about, or empty; it tells apart the calls of one module.
        """
        text = "\n".join(file.read_text(encoding="utf-8").splitlines()[lines[0] - 1 : lines[1]])
        calls = re.findall(r"\bmodule\.(\w+)(?:\[[^\]]*\])?\.", address)
        return list(dict.fromkeys(self._read(file.parent, text, calls, frozenset())))

    def _read(self, folder: Path, text: str, calls: Sequence[str], seen: frozenset[str]) -> Iterator[str]:
        for kind, path in _REFERENCE.findall(text):
            name = path.split(".")[0]
            if kind == "local":
                value = self._named(folder).get(name)
                if value is not None and name not in seen:
                    yield from self._read(folder, value, calls, seen | {name})
            elif folder == self.root:
                yield path
            else:
                for call in self._calls.get(folder, []):
                    if name in call.arguments and (not calls or call.name == calls[-1]):
                        yield from self._read(call.folder, call.arguments[name], calls[:-1], frozenset())

    def _named(self, folder: Path) -> dict[str, str]:
        if folder not in self._locals:
            self._locals[folder] = {
                name: value
                for labels, body in self._blocks(folder, "locals")
                for name, value in _ATTRIBUTE.findall(body)
                if not labels
            }
        return self._locals[folder]

    @cached_property
    def _calls(self) -> dict[Path, list[_Call]]:
        """The calls of each module, by its folder."""
        found: dict[Path, list[_Call]] = {}
        for folder in {file.parent for file in self.root.parent.rglob("*.tf")}:
            for labels, body in self._blocks(folder, "module"):
                arguments = dict(_ATTRIBUTE.findall(body))
                source = Path(os.path.normpath(folder / arguments["source"].strip(' ="\n')))
                found.setdefault(source, []).append(_Call(folder, labels.strip(' "'), arguments))
        return found

    def _blocks(self, folder: Path, kind: str) -> Iterator[tuple[str, str]]:
        for file in sorted(folder.glob("*.tf")):
            for found in BLOCK.finditer(file.read_text(encoding="utf-8")):
                if found[1] == kind:
                    yield found[2], found[3]


def set_in(environment: Environment) -> Callable[[str], str | None]:
    """Where an environment's variable files set an input (``storage.sku``), the one that counts; None: nowhere."""

    def place(path: str) -> str | None:
        for file in reversed(variable_files(environment)):
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            number = line_of_variable(text, path)
            if number is not None and path.rsplit(".", 1)[-1] in text.splitlines()[number - 1]:
                return f"{file.relative_to(environment.project.root)}:{number}"
        return None

    return place


def line_of_variable(text: str, path: str) -> int | None:
    """Where a variable file sets ``storage.sku``: the line of the key, or that of the variable."""
    name, *keys = path.split(".")
    start = re.search(rf"^{name}[ \t]*=", text, re.MULTILINE)
    if start is None:
        return None
    following = re.search(r"^\w", text[start.end() :], re.MULTILINE)
    end = start.end() + following.start() if following else len(text)
    at = start.start()
    for key in keys:
        inner = re.search(rf"[\s{{,]({re.escape(key)})[ \t]*=", text[at:end])
        if inner is None:
            break
        at += inner.start(1)
    return text.count("\n", 0, at) + 1
