"""The store's transactions: all or nothing, whatever ends them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from toolkit.sandbox.store import Resource, Store

TYPE = "Microsoft.Test/things"
ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Test/things/one"


def thing(value: int) -> Resource:
    return Resource(ID, TYPE, {"id": ID, "properties": {"value": value}})


def test_an_error_takes_back_what_the_transaction_wrote() -> None:
    store = Store(":memory:")
    store.put(thing(1))

    def write() -> None:
        with store.transaction(), store.transaction():
            store.put(thing(2))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    kept = store.get(ID)
    assert kept is not None
    assert kept.properties == {"value": 1}


def test_what_was_derived_inside_of_a_failed_transaction_is_out_of_date() -> None:
    store = Store(":memory:")
    seen = []

    def write() -> None:
        with store.transaction():
            store.put(thing(1))
            seen.append(store.revision(TYPE))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert store.revision(TYPE) != seen[0]


def test_a_commit_that_fails_leaves_a_store_that_works(tmp_path: Path) -> None:
    """A deferred constraint makes COMMIT itself fail, as a full disk does; the transaction stays open after it."""
    path = tmp_path / "state.sqlite3"
    store = Store(path)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        db.execute(
            "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
        )
        db.execute(
            "CREATE TRIGGER orphan AFTER INSERT ON documents WHEN new.kind = 'bad' "
            "BEGIN INSERT INTO child VALUES (1); END"
        )
    store._db.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError), store.transaction():
        store.put_document("bad", "key", {})
    assert store.document("bad", "key") is None
    with store.transaction():
        store.put_document("good", "key", {"value": 1})
    assert store.document("good", "key") == {"value": 1}


def test_a_full_disk_leaves_a_store_that_works(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite3")
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages + 2}")

    def write() -> None:
        with store.transaction():
            store.put_document("small", "key", {})
            store.put_document("large", "key", {"value": "x" * 100_000})

    with pytest.raises(sqlite3.OperationalError, match="full"):
        write()
    store._db.execute(f"PRAGMA max_page_count={pages + 1000}")
    assert store.document("small", "key") is None
    with store.transaction():
        store.put_document("large", "key", {"value": "x" * 100_000})
    assert store.document("large", "key") is not None
