"""The sandbox's memory: one SQLite file with Azure resources and the services' own documents.

Resources are looked up by lower-cased id and keep the case they were written with, as Azure Resource Manager does
(https://learn.microsoft.com/azure/azure-resource-manager/management/overview#terminology: names are case-insensitive).
Writes are committed before the call returns, so a killed process loses nothing that a client was told.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.records import Json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL,
    body TEXT NOT NULL, internal TEXT NOT NULL, etag TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type);
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


def new_etag() -> str:
    """A fresh entity tag, quoted as HTTP wants it."""
    return f'"{uuid.uuid4()}"'


@dataclass(slots=True)
class Resource:
    """One Azure resource.

    ``body`` is what a GET answers (id, name, type, location, tags, properties, …). ``internal`` is what the service
    knows and never shows: keys, write-only properties, the state of a long-running operation.
    """

    id: str
    type: str
    body: Json
    internal: Json = field(default_factory=dict)
    etag: str = field(default_factory=new_etag)

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def properties(self) -> Json:
        properties: Json = self.body.setdefault("properties", {})
        return properties


class Store:
    """Resources by id and documents by (kind, key). Safe to call from one event loop; answers are copies."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._depth = 0
        self._revisions: dict[str, int] = {}
        with self._lock:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested (the outermost one commits, and an error must leave it too)."""
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._depth = 0

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors, a full disk among them:
        # https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        # What was derived inside the transaction must not outlive it.
        for type_ in self._revisions:
            self._count(type_)

    # -- resources -----------------------------------------------------------------------------------------------------

    def get(self, resource_id: str) -> Resource | None:
        with self._lock:
            row = self._db.execute(
                "SELECT id, type, body, internal, etag FROM resources WHERE key = ?", (_key(resource_id),)
            ).fetchone()
        return _resource(row) if row else None

    def put(self, resource: Resource) -> None:
        with self._lock:
            self._count(resource.type)
            self._db.execute(
                "INSERT OR REPLACE INTO resources (key, id, type, body, internal, etag) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    _key(resource.id),
                    resource.id,
                    resource.type.lower(),
                    json.dumps({"type": resource.type, "body": resource.body}),
                    json.dumps(resource.internal),
                    resource.etag,
                ),
            )

    def delete(self, resource_id: str) -> bool:
        """Remove one resource (not its children); False when it was not there."""
        with self._lock:
            rows = self._db.execute(
                "DELETE FROM resources WHERE key = ? RETURNING type", (_key(resource_id),)
            ).fetchall()
            for (type_,) in rows:
                self._count(type_)
        return bool(rows)

    def revision(self, type: str) -> int:
        """Grows with every write of a resource of this type: what was derived from them holds until then."""
        return self._revisions.get(type.lower(), 0)

    def _count(self, type: str) -> None:
        self._revisions[type.lower()] = self.revision(type) + 1

    def under(self, scope: str, type: str | None = None) -> list[Resource]:
        """Every resource below ``scope`` at any depth (not scope itself), ordered by id; only ``type`` when given."""
        prefix = _key(scope) + "/"
        query = "SELECT id, type, body, internal, etag FROM resources WHERE key >= ? AND key < ?"
        values: list[str] = [prefix, prefix[:-1] + "0"]  # "0" is the character after "/"
        if type is not None:
            query += " AND type = ?"
            values.append(type.lower())
        with self._lock:
            rows = self._db.execute(query + " ORDER BY key", values).fetchall()
        return [_resource(row) for row in rows]

    def of_type(self, type: str) -> list[Resource]:
        """Every resource of one type in every subscription, ordered by id."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, type, body, internal, etag FROM resources WHERE type = ? ORDER BY key", (type.lower(),)
            ).fetchall()
        return [_resource(row) for row in rows]

    def counts(self) -> dict[str, dict[str, int]]:
        """How many resources of which type each subscription has, by their names as ARM spells them."""
        with self._lock:
            rows = self._db.execute(
                "SELECT substr(key, 16, 36), min(type), count(*) FROM resources WHERE key LIKE '/subscriptions/%' "
                "GROUP BY 1, type ORDER BY 1, 2"
            ).fetchall()
        found: dict[str, dict[str, int]] = {}
        for subscription, kind, number in rows:
            found.setdefault(subscription, {})[kind] = number
        return found

    # -- documents -----------------------------------------------------------------------------------------------------

    def document(self, kind: str, key: str) -> Json | None:
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key.lower())
            ).fetchone()
        return json.loads(row[0]) if row else None

    def put_document(self, kind: str, key: str, body: Json) -> None:
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO documents (kind, key, body) VALUES (?, ?, ?)",
                (kind, key.lower(), json.dumps(body)),
            )

    def delete_document(self, kind: str, key: str) -> bool:
        with self._lock:
            return (
                self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key.lower())).rowcount > 0
            )

    def documents(self, kind: str, prefix: str = "") -> list[tuple[str, Json]]:
        """(key, body) of every document of a kind whose key starts with ``prefix``, ordered by key."""
        with self._lock:
            rows = self._db.execute(
                "SELECT key, body FROM documents WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY key",
                (kind, len(prefix), prefix.lower()),
            ).fetchall()
        return [(key, json.loads(body)) for key, body in rows]


def _key(resource_id: str) -> str:
    return "/" + resource_id.strip("/").lower()


def _resource(row: tuple[str, str, str, str, str]) -> Resource:
    id_, _, body, internal, etag = row
    stored = json.loads(body)
    return Resource(id=id_, type=stored["type"], body=stored["body"], internal=json.loads(internal), etag=etag)
