"""Collection functions: of arrays, strings and objects."""

from __future__ import annotations

from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions.signature import integer, invalid, text, wanted
from toolkit.pipelines.expressions.values import as_text, from_units, same, type_name, units


def contains(collection: Any, value: Any) -> bool:
    """Case-sensitive: text in text, a value in an array, a key in an object."""
    match collection:
        case str():
            return text("contains", 1, 2, value) in collection
        case list():
            return any(same(item, value) for item in collection)
        case dict():
            return text("contains", 1, 2, value) in collection
        case _:
            raise wanted("contains", 0, 2, "an object, an array or a string", collection)


def empty(collection: Any) -> bool:
    if collection is None:  # as in the Workflow Definition Language (inferred)
        return True
    if not isinstance(collection, str | list | dict):
        raise wanted("empty", 0, 1, "an object, an array or a string", collection)
    return not collection


def first(collection: Any) -> Any:
    return _end("first", collection, 0)


def last(collection: Any) -> Any:
    return _end("last", collection, -1)


def _end(function: str, collection: Any, at: int) -> Any:
    """Nothing of nothing: an empty text, and null of an empty array (inferred)."""
    match collection:
        case str():
            return units(collection)[at] if len(units(collection)) else ""
        case list():
            return collection[at] if collection else None
        case _:
            raise wanted(function, 0, 1, "an array or a string", collection)


def intersection(*collections: Any) -> Any:
    kind = _same_kind("intersection", collections)
    if kind is dict:
        names = [name for name in collections[0] if all(name in other for other in collections[1:])]
        return {name: collections[-1][name] for name in names}
    common: list[Any] = []
    for item in collections[0]:
        if all(_has(other, item) for other in collections[1:]) and not _has(common, item):
            common.append(item)
    return common


def union(*collections: Any) -> Any:
    kind = _same_kind("union", collections)
    if kind is dict:
        merged: dict[str, Any] = {}
        for collection in collections:
            merged.update(collection)
        return merged
    items: list[Any] = []
    for collection in collections:
        items += [item for item in _distinct(collection) if not _has(items, item)]
    return items


def _same_kind(function: str, collections: tuple[Any, ...]) -> type:
    for position, collection in enumerate(collections):
        if not isinstance(collection, list | dict):
            raise EvaluationError(
                f"The function '{function}' expects either an array or an object as its parameters. The parameter at "
                f"position '{position + 1}' is of type '{type_name(collection)}'."
            )
    if len({type(collection) for collection in collections}) > 1:
        raise EvaluationError(f"The function '{function}' expects parameters of one type: all arrays, or all objects.")
    return type(collections[0])


def _has(items: list[Any], value: Any) -> bool:
    """Whether an array holds a value of the same type: 1 is no ``true`` here, where nothing is compared by people."""
    return any(type_name(item) == type_name(value) and same(item, value) for item in items)


def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not _has(found, item):
            found.append(item)
    return found


def join(collection: Any, delimiter: Any) -> str:
    if not isinstance(collection, list):
        raise wanted("join", 0, 2, "an array", collection)
    return text("join", 1, 2, delimiter).join(as_text(item) for item in collection)


def length(collection: Any) -> int:
    """The sentence of its error: https://github.com/MicrosoftDocs/azure-docs/issues/25107"""
    match collection:
        case str():
            return len(units(collection))
        case list():
            return len(collection)
        case _:
            raise wanted("length", 0, 1, "an array or a string", collection)


def skip(collection: Any, count: Any) -> list[Any]:
    if not isinstance(collection, list):
        raise wanted("skip", 0, 2, "an array", collection)
    return collection[_count("skip", count) :]


def take(collection: Any, count: Any) -> Any:
    match collection:
        case str():
            return from_units(units(collection)[: _count("take", count)])
        case list():
            return collection[: _count("take", count)]
        case _:
            raise wanted("take", 0, 2, "an array or a string", collection)


def _count(function: str, count: Any) -> int:
    """ "A positive integer", says the page; 0 takes nothing (inferred)."""
    number = integer(function, 1, 2, count)
    if number < 0:
        raise invalid(function, f"The count must not be negative, and is '{number}'.")
    return number
