"""What a colleague needs of a run that failed, in one file: results, requests, plan, versions and resources.

Every text in it is masked: what looks like a secret, what stands under a secret's name, and what this process was
given.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from toolkit.environment import Environment
from toolkit.evidence.origin import package_versions
from toolkit.files import disk_errors, write_atomically
from toolkit.masking import masked, masked_document, secrets_of
from toolkit.records import Json, as_text, read_record

COLLECTED = "collected.tar.gz"
# Files of the folder that are JSON are masked by name, too; the page and the Markdown are made from them.
_OF_THE_FOLDER = ("smoke.json", "plan.json", "outputs.json", "versions.json")
_DATA = (".toml", ".tfvars", ".hcl", ".json")


def collect(
    folder: Path, environment: Environment, bodies: Mapping[str, Any], given: Mapping[str, str] | None = None
) -> Path:
    """Write ``collected.tar.gz`` into the run's folder.

    ``given`` are variables whose secrets are known, beside those of this process. Raises ToolkitError when the disk
    refuses.
    """
    known = (*secrets_of(os.environ), *secrets_of(given or {}))
    with disk_errors("the bundle"):
        files = {**_reports(folder, known), **_data(environment, known)}
        files["resources.json"] = as_text(masked_document(bodies, known), sort_keys=True)
        files["machine.json"] = as_text(package_versions({}))
        path = folder / COLLECTED
        # 0600: of the platform's shape nothing is secret, but it is nobody's business either.
        write_atomically(path, _packed(folder.name, files), 0o600)
    return path


def _reports(folder: Path, known: Iterable[str]) -> dict[str, str]:
    documents = {name: read_record(folder / name) for name in _OF_THE_FOLDER if (folder / name).is_file()}
    files = {name: as_text(masked_document(document, known)) for name, document in documents.items()}
    if report := documents.get("smoke.json"):
        files["requests.txt"] = masked("\n".join(_requests(report)) + "\n", known)
        files["failed.txt"] = masked("\n".join(_failed(report)) + "\n", known)
    return files


def _requests(report: Json) -> Iterable[str]:
    """One a line, as a log has them: check, from where as whom, what, what came back."""
    for one in report.get("checks", []):
        who = f"{one['id']} ({one.get('identity')} at {one.get('vantage') or 'the runner'})"
        for sent in one.get("requests", []):
            answer = " ".join(str(part) for part in (sent["status"], sent["code"]) if part) or "nothing"
            times = f" x{sent['times']}" if sent.get("times", 1) > 1 else ""
            yield f"{who}: {sent['method']} {sent['url']} -> {answer}{times}"


def _failed(report: Json) -> Iterable[str]:
    """What a person reads first."""
    yield f"{report['environment']}: {report.get('verdict', 'red')}, {json.dumps(report.get('summary'))}"
    for one in report.get("checks", []):
        if one["outcome"] == "FAIL" or one["red"]:
            yield f"\n{one['id']} {one['outcome']}: {one['reason']}\n  hint: {one['hint'] or 'none'}"


def _data(environment: Environment, known: Iterable[str]) -> dict[str, str]:
    """The environment's own files."""
    return {
        f"environment/{path.name}": masked(path.read_text(encoding="utf-8", errors="replace"), known)
        for path in sorted(environment.folder.glob("*"))
        if path.suffix in _DATA and path.is_file()
    }


def _packed(name: str, files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            data = text.encode("utf-8", errors="replace")
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
