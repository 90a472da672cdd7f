"""String functions. Positions count UTF-16 units and case is invariant and letter by letter, as in .NET."""

from __future__ import annotations

import uuid
from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions.signature import integer, invalid, text
from toolkit.pipelines.expressions.values import as_text, from_units, units

# Char.IsWhiteSpace: https://learn.microsoft.com/dotnet/api/system.char.iswhitespace
_WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000"
)


def concat(*values: Any) -> str:
    return "".join(as_text(value) for value in values)


def ends_with(value: Any, search: Any) -> bool:
    return _folded(text("endsWith", 0, 2, value)).endswith(_folded(text("endsWith", 1, 2, search)))


def starts_with(value: Any, search: Any) -> bool:
    return _folded(text("startsWith", 0, 2, value)).startswith(_folded(text("startsWith", 1, 2, search)))


def guid(form: Any = "D") -> str:
    """https://learn.microsoft.com/dotnet/api/system.guid.tostring"""
    made = uuid.uuid4()
    match text("guid", 0, 1, form).upper():
        case "" | "D":
            return str(made)
        case "N":
            return made.hex
        case "B":
            return f"{{{made}}}"
        case "P":
            return f"({made})"
        case "X":
            first, second, third = made.fields[0], made.fields[1], made.fields[2]
            rest = ",".join(f"0x{byte:02x}" for byte in made.bytes[8:])
            return f"{{0x{first:08x},0x{second:04x},0x{third:04x},{{{rest}}}}}"
        case _:
            raise invalid("guid", f"The format '{form}' is not one of 'N', 'D', 'B', 'P', 'X'.")


def index_of(value: Any, search: Any) -> int:
    return units(_folded(text("indexOf", 0, 2, value))).find(units(_folded(text("indexOf", 1, 2, search))))


def last_index_of(value: Any, search: Any) -> int:
    return units(_folded(text("lastIndexOf", 0, 2, value))).rfind(units(_folded(text("lastIndexOf", 1, 2, search))))


def replace(value: Any, old: Any, new: Any) -> str:
    old_text = text("replace", 1, 3, old)
    if not old_text:
        raise invalid("replace", "String cannot be of zero length. Parameter name: oldValue")
    return text("replace", 0, 3, value).replace(old_text, text("replace", 2, 3, new))


def split(value: Any, delimiter: Any) -> list[str]:
    whole, at = text("split", 0, 2, value), text("split", 1, 2, delimiter)
    return whole.split(at) if at else [whole]


def substring(value: Any, start: Any, length: Any) -> str:
    """The sentence as people report it: https://github.com/Azure/Microsoft-Defender-for-Cloud/issues/180"""
    whole = units(text("substring", 0, 3, value))
    begin, count = integer("substring", 1, 3, start), integer("substring", 2, 3, length)
    if begin < 0 or count < 0 or begin + count > len(whole):
        raise EvaluationError(
            "The function 'substring' parameters are out of range: 'start index' and 'length' must be non-negative "
            "integers and their sum must be no larger than the length of the string."
        )
    return from_units(whole[begin : begin + count])


def to_lower(value: Any) -> str:
    return _cased(text("toLower", 0, 1, value), str.lower)


def to_upper(value: Any) -> str:
    return _cased(text("toUpper", 0, 1, value), str.upper)


def trim(value: Any) -> str:
    return text("trim", 0, 1, value).strip(_WHITE_SPACE)


def _cased(value: str, change: Any) -> str:
    """A letter whose other case is more than one letter stays: .NET keeps the length ("ß")."""
    if value.isascii():
        changed: str = change(value)
        return changed
    return "".join(other if len(other := change(character)) == 1 else character for character in value)


def _folded(value: str) -> str:
    """For comparing without case (OrdinalIgnoreCase compares the upper case of each letter)."""
    return _cased(value, str.upper)
