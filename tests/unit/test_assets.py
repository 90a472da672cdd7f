"""Code assets without a workspace: what would be uploaded, pointers and their schema, conflicts of packages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import toolkit.assets
from toolkit.assets.contents import contents_of
from toolkit.assets.pointer import (
    Contract,
    InvalidPointer,
    NewerPointer,
    Pointer,
    Provenance,
    parse_pointer,
    registered_after,
)
from toolkit.assets.registration import require_name, require_version
from toolkit.azure.conflicts import CONFLICTS, explained
from toolkit.errors import UsageError

SCHEMA = json.loads((Path(toolkit.assets.__file__).parent / "pointer.schema.json").read_text(encoding="utf-8"))
GOOD: dict[str, Any] = {
    "schemaVersion": 1,
    "assetName": "training-code",
    "version": "12",
    "workspaceName": "mlw",
    "resourceGroup": "rg",
    "subscriptionId": "10ca1000-0000-4000-8000-000000000002",
    "buildId": "7",
    "sourceBranch": "refs/heads/main",
    "sourceVersion": None,
    "registeredAtUtc": "2026-11-26T12:00:00Z",
}

BAD: dict[str, dict[str, Any]] = {
    **{f"without {name}": {name: ...} for name in Contract.model_fields},
    **{f"{name} is a number": {name: 7} for name in GOOD if name != "schemaVersion"},
    "an empty version": {"version": ""},
    "no name": {"assetName": "-"},
    "no subscription": {"subscriptionId": "mine"},
    "an unknown field": {"extra": "1"},
    "schema as text": {"schemaVersion": "1"},
}


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}


def test_the_schema_and_the_model_are_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(GOOD)
    assert parse_pointer(json.dumps(GOOD).encode(), "here") == Pointer(**GOOD)
    assert set(SCHEMA["$defs"]["contract"]["properties"]) == set(Contract.model_fields)
    assert set(SCHEMA["$defs"]["contract"]["required"]) == set(Contract.model_fields)
    assert set(SCHEMA["$defs"]["provenance"]["properties"]) == set(Provenance.model_fields)


def test_the_fields_are_those_of_the_contract() -> None:
    """Requirement A4, and the number of the schema."""
    assert set(GOOD) == {*Contract.model_fields, *Provenance.model_fields}


@pytest.mark.parametrize("case", BAD)
def test_both_refuse(case: str) -> None:
    document = changed(BAD[case])
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    with pytest.raises(InvalidPointer, match="ml-globals/x is no pointer"):
        parse_pointer(json.dumps(document).encode(), "ml-globals/x")


def test_provenance_may_be_missing() -> None:
    document = changed(dict.fromkeys(Provenance.model_fields, ...))
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    assert parse_pointer(json.dumps(document).encode(), "here").buildId is None


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"\xff\xfe", InvalidPointer, "is not JSON"),
        (b"{", InvalidPointer, "is not JSON"),
        (b"[]", InvalidPointer, "is not a JSON object"),
        (json.dumps({**GOOD, "schemaVersion": 2}).encode(), NewerPointer, "is of schema 2, and this toolkit knows 1"),
    ],
)
def test_a_blob_that_is_no_pointer(content: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_pointer(content, "ml-globals/x")


def test_clocks_that_disagree() -> None:
    pointer = Pointer(**GOOD)
    assert not registered_after(pointer, datetime(2026, 11, 26, 11, 56, tzinfo=UTC))
    assert registered_after(pointer, datetime(2026, 11, 26, 11, 54, tzinfo=UTC))
    assert registered_after(pointer.model_copy(update={"registeredAtUtc": "yesterday"}), datetime.now(UTC))


@pytest.mark.parametrize("name", ["", "-a", "a.b", "ä", "a b", "x" * 256])
def test_names_that_azure_refuses(name: str) -> None:
    with pytest.raises(UsageError, match="takes no code asset"):
        require_name(name)


@pytest.mark.parametrize(
    "version", ["$(trainingCodeVersion)", "${{ steps.x.outputs.y }}", "$[ dependencies.a ]", " ", "1\n"]
)
def test_a_variable_that_nobody_set_is_no_version(version: str) -> None:
    with pytest.raises(UsageError, match=r"never set|takes no version"):
        require_version(version)


def folder(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "src"


def test_ignore_files_are_honoured_as_azure_ai_ml_does(tmp_path: Path) -> None:
    path = folder(tmp_path, {"train.py": "a", "sub/x.log": "b", "sub/keep.py": "cc", ".gitignore": "*.py\n"})
    found = contents_of(path)
    assert ([name for name, _ in found.files], found.ignore_file) == ([".gitignore", "sub/x.log"], ".gitignore")
    (path / ".amlignore").write_text("*.log\n.*\n")
    found = contents_of(path)
    assert ([name for name, _ in found.files], found.ignore_file) == (["sub/keep.py", "train.py"], ".amlignore")
    assert found.size == 3


def test_nothing_to_register(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    file = tmp_path / "train.py"
    file.write_text("x")
    ignored = folder(tmp_path, {".amlignore": "*\n", "a": "b"})
    cases = (
        (tmp_path / "no", "there is no directory"),
        (empty, "it is empty"),
        (file, "is a file"),
        (ignored, r"\.amlignore leaves"),
    )
    for path, words in cases:
        with pytest.raises(UsageError, match=words):
            contents_of(path)
    link = empty / "broken"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="cannot be read"):
        contents_of(empty)


SECRETS = {
    ".env": "X=1",
    "conf/.env.prod": "X=1",
    "server.pem": "x",
    "id_rsa": "x",
    "terraform.tfstate": "{}",
    "key.txt": "-----BEGIN RSA PRIVATE KEY-----\n",
    "connection.txt": f"AccountName=a;AccountKey={'A' * 86}==;",
    "link.txt": f"https://a.blob.core.windows.net/c?sv=1&sig={'a' * 43}%3D",
    "aws.txt": "AKIAABCDEFGHIJKLMNOP",
    "github.txt": f"ghp_{'a' * 36}",
    "login.py": "client_secret = 'abcdefghijklmnopqrstuvwx'",
}


@pytest.mark.parametrize("name", SECRETS)
def test_what_looks_like_a_secret_is_warned_about_and_never_shown(tmp_path: Path, name: str) -> None:
    found = contents_of(folder(tmp_path, {name: SECRETS[name], "train.py": "print('sig=')"}))
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(f"{name} looks like a secret")
    assert SECRETS[name] not in found.warnings[0] or len(SECRETS[name]) < 4


def test_ordinary_files_are_no_secrets(tmp_path: Path) -> None:
    files = {".env.example": "X=1", "keys.py": "x", "train.py": "client_secret = os.environ['X']", "README.md": "a"}
    assert contents_of(folder(tmp_path, files)).warnings == ()


def test_large_files_and_strays_are_warned_about(tmp_path: Path) -> None:
    path = folder(tmp_path, {".git/config": "x", "deep/__pycache__/a.pyc": "x", "model.bin": ""})
    with (path / "model.bin").open("wb") as file:
        file.truncate(100_000_001)
    warnings = contents_of(path).warnings
    assert [warning.split(" ")[0] for warning in warnings] == [".git/", "__pycache__/", "model.bin"]


@pytest.mark.parametrize(
    ("module", "text", "words"),
    [
        ("azure.ai.ml", "No module named 'azure.ai'", "not installed"),
        (
            "azure.ai.ml",
            "cannot import name 'FieldInstanceResolutionError' from 'marshmallow.utils' (/x)",
            "marshmallow 4",
        ),
        ("azure.ai.ml", "No module named 'six'", "six"),
        ("azure.mgmt.datafactory", "version 10.0.0", "WebActivity"),
        ("anything", "boom", "cannot be imported: boom"),
    ],
)
def test_known_conflicts_are_explained(module: str, text: str, words: str) -> None:
    error = explained(module, ImportError(text))
    assert words in error.message
    assert error.hint


def test_every_conflict_has_its_case_above() -> None:
    assert len(CONFLICTS) == 4
