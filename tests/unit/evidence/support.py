"""Folders of evidence as runs leave them, and keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from toolkit.evidence.seal import seal
from toolkit.evidence.signing import SigningKey
from toolkit.records import Json

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIGURATION: list[Json] = [{"name": "envs/dev/env.toml", "digest": {"sha256": "0" * 64}}]
PRIVATE_KEYS = {
    "EC P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EC P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


def check(name: str, outcome: str = "PASS", **changes: Any) -> Json:
    return {
        "id": name,
        "category": name.split("-")[0],
        "title": f"{name} holds",
        "severity": "fatal",
        "vantage": "vnet",
        "identity": "writer",
        "outcome": outcome,
        "red": outcome == "FAIL",
        "reason": f"{name} was seen",
        "hint": None,
        "documentation": f"docs/checks.md#{name}",
        "duration_seconds": 0.5,
        "attempts": 1,
        "evidence": {},
        "requests": [],
        **changes,
    }


def report(*checks: Json, **changes: Any) -> Json:
    """A ``smoke.json``; without checks, of one that passes."""
    ended = checks or (check("storage-vnet-write"),)
    count = {outcome: sum(one["outcome"] == outcome for one in ended) for outcome in ("PASS", "FAIL", "SKIP")}
    red = sum(bool(one["red"]) for one in ended)
    return {
        "environment": "dev",
        "commit": COMMIT,
        "subscription": "de000000-0000-4000-8000-000000000002 (azure)",
        "tenant": "de000000-0000-4000-8000-000000000001",
        "acted as": "application a-1 (object id o-1), signed in with azure-cli",
        "acted from": "vnet",
        "ran": True,
        "run_id": "20260101T000000Z-0011",
        "started_at": "2026-01-01T00:00:00+00:00",
        "duration_seconds": 2.5,
        "green": not red and count["PASS"] > 0,
        "summary": {"passed": count["PASS"], "failed": count["FAIL"], "skipped": count["SKIP"], "red": red},
        "versions": {"toolkit": "0.1.0", "python": "3.11.7"},
        "checks": list(ended),
        **changes,
    }


def write_run(
    root: Path, name: str, document: Mapping[str, Any], *, key: SigningKey | None = None, sealed: bool = True
) -> Path:
    """What ``toolkit apply`` leaves in a folder."""
    folder = root / name
    folder.mkdir(parents=True)
    files = {"smoke.json": document, "outputs.json": {"location": "x"}, "plan.json": {"plan_sha256": "a" * 64}}
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content, indent=2), encoding="utf-8")
    (folder / "smoke.md").write_text("# Smoke\n", encoding="utf-8")
    if sealed:
        seal(folder, CONFIGURATION, key)
    return folder


def write_keys(folder: Path, private: Any, passphrase: str | None = None) -> tuple[Path, Path]:
    """The files of a private key and of its public half."""
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    secret, public = folder / "sign.pem", folder / "sign.pub"
    secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public
