"""A second opinion: Microsoft's own adaptive-expressions (npm, 4.23.3) has 76 of the 84 functions by the same name.

It is another implementation for another product (bots), in JavaScript. So it settles nothing; but each case in which it
gives something else than we do has its reason in DIFFERENCES, or this test fails.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.pipelines.expressions.scope import SCOPE
from tests.unit.pipelines.expressions.tables import TABLES
from toolkit.pipelines.expressions import ExpressionError, ParseError, evaluate
from toolkit.pipelines.expressions.functions.registry import FUNCTIONS, function_named
from toolkit.pipelines.expressions.parser import parse
from toolkit.pipelines.expressions.syntax import Call, Constant, Expression, Node

pytestmark = pytest.mark.slow  # npm installs a package

HERE = Path(__file__).parent / "adaptive"

# By another case of letters, or another name.
RENAMED = {"guid": "newGuid", "convertFromUtc": "convertFromUTC", "convertToUtc": "convertToUTC", "xpath": "xPath"}
# Not there at all; "array" is no function but a type there.
MISSING = {
    *("array", "convertTimeZone", "decodeBase64", "decodeDataUri", "decodeUriComponent", "encodeUriComponent"),
    "uriComponentToBinary",
}
CLOCK = {"utcNow", "getFutureTime", "getPastTime"}  # theirs cannot be set


@dataclass(frozen=True)
class Difference:
    """``ours`` and ``theirs`` are value or error; ``functions`` are those in whose cases it
    shows, and ``pattern`` is in their text."""

    reason: str
    functions: frozenset[str]
    ours: str
    theirs: str
    pattern: str = ""

    def explains(self, text: str, functions: set[str], ours: str, theirs: str) -> bool:
        return (
            (self.ours, self.theirs) == (ours, theirs)
            and bool(self.functions & functions)
            and re.search(self.pattern, text) is not None
        )


def _row(reason: str, functions: str, ours: str, theirs: str, pattern: str = "") -> Difference:
    return Difference(reason, frozenset(functions.split()), ours, theirs, pattern)


DIFFERENCES = (
    _row("JavaScript's truth: there any value is a condition", "and or not if bool", "error", "value"),
    _row("there any number of conditions, also one", "and or", "error", "value"),
    _row("booleans and their text in lower case; Azure writes True (seen on Azure)", "string concat join", "value", "value"),
    _row("letter case counts there; Data Factory's page says that it does not", "startsWith endsWith indexOf lastIndexOf", "value", "value"),
    _row("no formats of GUIDs there", "guid", "value", "error"),
    _row("keys of objects without case there; the page says case-sensitive", "contains", "value", "value"),
    _row("a wrong type finds nothing there; Azure names the type", "contains empty first last greater lessOrEquals base64 take skip float int", "error", "value"),
    _row("nothing of an empty text: null there, empty text here (inferred)", "first last", "value", "value"),
    _row("an empty delimiter cuts every letter there; .NET does not cut", "split", "value", "value"),
    _row("optional there: the length, the delimiter, the second collection", "substring split union intersection", "error", "value"),
    _row("JavaScript's case mapping makes one letter two; .NET's does not", "toLower toUpper", "value", "value"),
    _row("arrays only there; the page has objects, too", "union intersection", "value", "error"),
    _row("by identity there, by value here: arrays and objects inside of arrays", "union intersection", "value", "value"),
    _row("texts only there, where the argument is a call; the page has arrays, too", "length", "value", "error"),
    _row("true is not 1 there; the page's example says that it is", "equals", "value", "value"),
    _row("bytes there; here the service's object with $content, and no selection from bytes", "base64ToBinary binary dataUriToBinary", "value", "value"),
    _row("bytes have no data URI there", "dataUri binary", "value", "error"),
    _row("base64 is not checked there", "base64ToBinary base64ToString dataUriToBinary dataUriToString", "error", "value"),
    _row("base64 is read as Latin-1 there; as UTF-8 here", "base64ToString dataUriToString dataUri", "value", "value"),
    _row("JavaScript's encodeURIComponent leaves !*'(); .NET's EscapeDataString does not", "uriComponent", "value", "value"),
    _row("a lone percent sign is an error there", "uriComponentToString", "value", "error"),
    _row("JavaScript's parseFloat and parseInt take what a number begins with", "float int", "value", "value"),
    _row("JavaScript's parseFloat and parseInt take what a number begins with", "int", "error", "value"),
    _row("JavaScript's numbers are doubles: 64-bit integers lose digits, and nothing overflows", "int add sub mul", "value", "value"),
    _row("JavaScript's numbers are doubles: 64-bit integers lose digits, and nothing overflows", "add sub mul", "error", "value"),
    _row("1.0 is 1 in JavaScript", "div", "value", "value"),
    _row("null is no JSON text there; the page says an empty object", "json", "value", "error"),
    _row("XML only from JSON there, and JSON only from JSON text; Azure converts both ways", "xml json xpath", "value", "error"),
    _row("XML with a declaration and indents there, and names that XML does not have", "xml", "value", "value"),
    _row("XML of several roots, of numbers and of arrays there", "xml", "error", "value"),
    _row("XPath over text there; Azure wants an XML object", "xpath", "error", "value"),
    _row("exponents and numbers like .5 are no syntax there", "string sub", "value", "error"),
    _row("an empty array there; the page wants items", "createArray concat", "error", "value"),
    _row("a negative count is 0 there; the page wants a positive one", "skip take", "error", "value"),
    _row("the remainder of integers only there; the page has floats, too", "mod", "value", "error"),
    _row("no empty range there", "range", "value", "error"),
    _row("the remainder and ranges take any number there", "mod range rand max min", "error", "value"),
    _row("an empty array has no greatest number, which is a value there", "max min", "error", "value"),
    _row("one format of timestamps there, with milliseconds; Azure reads what .NET reads", "addDays addHours addMinutes addSeconds addToTime subtractFromTime startOfDay startOfHour startOfMonth dayOfMonth dayOfWeek dayOfYear ticks convertFromUtc div", "value", "error"),
    _row("day.js's formats there, not .NET's: no standard ones, no quotes, other letters", "formatDateTime addDays addHours addMinutes addSeconds addToTime subtractFromTime startOfDay startOfHour startOfMonth convertFromUtc convertToUtc", "value", "value", r"'(\w|\w*yyyyy|.*([fFKgt]|zzz|[\"\\]|'').*)'\)$|'\)$|\d\)$|(null|'')\)$"),
    _row("day.js takes any format and moves what does not exist", "formatDateTime convertToUtc addDays startOfDay addToTime", "error", "value"),
    _row("ticks are a double there", "ticks", "value", "value"),
)  # fmt: skip


def rendered(node: Node) -> str:
    """In the other syntax: double quotes and backslashes, and timestamps with milliseconds."""
    if isinstance(node, Constant):
        if isinstance(node.value, str):
            return json.dumps(
                re.sub(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z$", r"\1.000Z", node.value), ensure_ascii=False
            )
        return json.dumps(node.value)
    if isinstance(node, Call):
        function = function_named(node.name)
        assert function is not None
        name = RENAMED.get(function.name, function.name)
        return f"{name}({', '.join(rendered(argument) for argument in node.arguments)})"
    selected = f"['{node.name}']" if hasattr(node, "name") else f"[{rendered(node.index)}]"  # type: ignore[union-attr]
    return rendered(node.target) + selected


def functions_of(node: Node) -> set[str]:
    if isinstance(node, Constant):
        return set()
    if isinstance(node, Call):
        function = function_named(node.name)
        inner = set().union(*(functions_of(argument) for argument in node.arguments))
        return inner | {function.name if function is not None else "?"}
    index = functions_of(node.index) if hasattr(node, "index") else set()
    return functions_of(node.target) | index


def comparable() -> list[tuple[str, Node]]:
    cases: list[tuple[str, Node]] = []
    for family, rows in TABLES.items():
        for text, _, _ in rows if family != "syntax" else ():
            try:
                parsed = parse(text)
            except ParseError:
                continue
            if isinstance(parsed, Expression):
                named = functions_of(parsed.node)
                if not named & (MISSING | CLOCK | {"?", "rand"}) and "pipeline" not in text:
                    cases.append((text, parsed.node))
    return cases


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Node, dict[str, Any]]]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not on PATH (docs/toolchain.md)")
    folder = tmp_path_factory.mktemp("adaptive")
    for file in HERE.iterdir():
        shutil.copy(file, folder)
    installed = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True)
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install adaptive-expressions: {installed.stderr.strip().splitlines()[-1:]}")
    cases = comparable()
    done = subprocess.run(
        [node, "evaluate.cjs"],
        cwd=folder,
        input=json.dumps([rendered(parsed) for _, parsed in cases]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(text, parsed, given) for (text, parsed), given in zip(cases, json.loads(done.stdout), strict=True)]


def ours(text: str) -> tuple[str, Any]:
    try:
        return "value", evaluate(text, SCOPE)
    except ExpressionError as error:
        return "error", str(error)


def alike(value: Any) -> Any:
    """Without what only the notation of timestamps makes: seven digits here, three there."""
    if isinstance(value, str):
        return re.sub(r"(\d\d:\d\d:\d\d\.\d{3})0000(Z?)$", r"\1\2", value)
    return value


def test_every_difference_has_its_reason(answers: list[tuple[str, Node, dict[str, Any]]]) -> None:
    unexplained, used, agreed = [], set(), 0
    for text, parsed, theirs in answers:
        kind, value = ours(text)
        their_kind = "error" if "error" in theirs else "value"
        if kind == their_kind and (kind == "error" or alike(value) == alike(theirs["value"])):
            agreed += 1
            continue
        named = functions_of(parsed)
        rows = [row for row in DIFFERENCES if row.explains(text, named, kind, their_kind)]
        used.update(row.reason for row in rows)
        if not rows:
            unexplained.append(f"{text}: {kind} {value!r} here, {theirs} there")
    assert unexplained == []
    assert agreed >= 400, f"only {agreed} of {len(answers)} cases agree"
    unused = {row.reason for row in DIFFERENCES} - used
    assert unused == set(), "reasons for differences that there are none of"


def test_76_functions_have_the_same_name() -> None:
    assert len(FUNCTIONS) - len(MISSING) - 1 == 76  # guid has another name
