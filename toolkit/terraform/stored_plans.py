"""Plans that are kept in the account of the states, so that no artifact of a CI system holds one.

``plan --store`` writes the bundle (:mod:`toolkit.terraform.bundle`) as one blob into the container ``plans``, which the
bootstrap makes and only CI's identity reads. ``apply --plan stored:ID`` takes it: the ID holds the beginning of its
SHA-256, and in it stand the environment, the commit and the time until which it counts. Who takes it leaves a mark
beside it first, which exists once; then the blob is deleted.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import uuid
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from toolkit.environment import Connection, Environment
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.files import disk_errors, write_atomically
from toolkit.records import Json
from toolkit.terraform.bundle import BUNDLE_FILES
from toolkit.terraform.state import Backend

PREFIX = "stored:"
CONTAINER = "plans"
TTL = timedelta(hours=24)

_ID = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{16})")
_STORED = "stored.json"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What :meth:`PlanStore.put` answers: what ``apply --plan`` is given, and until when."""

    reference: str
    expires: datetime


def parse_reference(text: str) -> str | None:
    """The ID of ``stored:ID``; None for what is no such reference. Raises UsageError for a malformed one."""
    if not text.startswith(PREFIX):
        return None
    if not _ID.fullmatch(text.removeprefix(PREFIX)):
        raise UsageError(
            f"--plan {text}: no id of a stored plan",
            hint="toolkit plan ENV --store prints it: stored:20270131T120000Z-0123456789abcdef",
        )
    return text.removeprefix(PREFIX)


@dataclass(frozen=True, slots=True)
class PlanStore:
    """The container ``plans``, as the runner's identity sees it from where it stands."""

    connection: Connection
    backend: Backend

    def put(self, folder: Path, commit: str, ttl: timedelta, now: datetime | None = None) -> StoredPlan:
        """Keep the bundle in ``folder``. Raises ToolkitError when the account refuses."""
        from azure.core.exceptions import AzureError

        now = (now or datetime.now(UTC)).replace(microsecond=0)
        stored = {
            "environment": self._environment.name,
            "commit": commit,
            "stored": now.isoformat(),
            "expires": (now + ttl).isoformat(),
            "nonce": uuid.uuid4().hex,  # the same plan, stored twice in a second, is two
        }
        content = _pack(folder, stored)
        name = f"{now:%Y%m%dT%H%M%SZ}-{hashlib.sha256(content).hexdigest()[:16]}"
        try:
            with self._container() as container:
                self._sweep(container, now)
                container.upload_blob(_plan(name), content, overwrite=False, metadata={"expires": stored["expires"]})
        except AzureError as error:
            raise self._refused(error) from error
        return StoredPlan(PREFIX + name, now + ttl)

    def take(self, name: str, commit: str, folder: Path, by: str, now: datetime | None = None) -> Path:
        """The bundle of ``name``, unpacked into ``folder``; nobody gets it a second time.

        Raises RefusedError for a plan that was used, has expired, was edited, or is of another environment or commit:
        nothing is used up by that. Raises ToolkitError when the account refuses.
        """
        from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

        now = now or datetime.now(UTC)
        try:
            with self._container() as container:
                try:
                    content = container.download_blob(_plan(name)).readall()
                except ResourceNotFoundError as error:
                    if getattr(error, "error_code", "") == "ContainerNotFound":
                        raise
                    raise self._gone(container, name) from None
                self._check(name, content, commit, now)
                mark = json.dumps({"by": by, "at": now.isoformat(timespec="seconds")})
                try:
                    container.upload_blob(_mark(name), mark.encode(), overwrite=False)
                except ResourceExistsError:
                    raise self._gone(container, name) from None
                container.delete_blob(_plan(name))
        except AzureError as error:
            raise self._refused(error) from error
        _unpack(content, folder)
        return folder

    @property
    def _environment(self) -> Environment:
        return self.connection.environment

    @property
    def _again(self) -> str:
        return f"toolkit plan {self._environment.name} --store"

    def _check(self, name: str, content: bytes, commit: str, now: datetime) -> None:
        what = f"the plan {PREFIX}{name}"
        if not name.endswith(f"-{hashlib.sha256(content).hexdigest()[:16]}"):
            raise RefusedError(f"{what} was edited: its hash is not the one in its id", hint=self._again)
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                stored: Json = json.loads(archive.read(_STORED))
            expires = datetime.fromisoformat(stored["expires"])
            environment, planned = str(stored["environment"]), str(stored["commit"])
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise RefusedError(f"{what} cannot be read: {error}", hint=self._again) from None
        if environment != self._environment.name:
            raise RefusedError(
                f"{what} was made for the environment {environment}, not {self._environment.name}",
                hint=f"toolkit apply {environment} --plan {PREFIX}{name}",
            )
        if now >= expires:
            raise RefusedError(f"{what} has expired: it counted until {expires:%Y-%m-%d %H:%M} UTC", hint=self._again)
        if planned != commit:
            raise RefusedError(
                f"{what} was made at commit {planned[:12] or 'unknown'}, this is {commit[:12] or 'unknown'}",
                hint=f"apply from the commit that was planned, or plan again: {self._again}",
            )

    def _gone(self, container: Any, name: str) -> RefusedError:
        """Why a plan is not there: somebody took it, or it never was."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            mark = json.loads(container.download_blob(_mark(name)).readall())
        except (ResourceNotFoundError, ValueError):
            return RefusedError(
                f"there is no plan {PREFIX}{name} in {self._where}: it expired and was swept, or is in another account",
                hint=self._again,
            )
        return RefusedError(
            f"the plan {PREFIX}{name} was already used: {mark.get('at', '')} by {mark.get('by', 'somebody')}",
            hint=f"a plan is applied once; {self._again}",
        )

    def _sweep(self, container: Any, now: datetime) -> None:
        """What has expired is deleted; marks stay, since somebody may ask, until the account's own rule ends them."""
        for blob in container.list_blobs(include=["metadata"]):
            expires = (blob.metadata or {}).get("expires")
            if expires and datetime.fromisoformat(expires) <= now:
                container.delete_blob(blob.name)

    @property
    def _where(self) -> str:
        return f"{self.backend.storage_account_name}/{CONTAINER}"

    def _container(self) -> Any:
        from toolkit.azure.clients import Actor
        from toolkit.azure.credentials import runner_credential

        vantage = self.connection.runner
        actor = Actor("runner", vantage, runner_credential(self.connection, vantage), self.backend.subscription_id)
        return actor.blobs(self.backend.account_url).get_container_client(CONTAINER)

    def _refused(self, error: Exception) -> ToolkitError:
        from toolkit.azure.denial import classify

        denial, env = classify(error), self._environment.name
        code = f" ({denial.status} {denial.code})" if denial.code else ""
        hints = {
            "storage-role": "only CI's identity reads and writes stored plans; by hand, a plan goes on as a folder: "
            "--out DIR",
            "storage-firewall": f"toolkit firewall run {env} --target state -- …, or --firewall-lease",
            "not-found": f"toolkit bootstrap {env} makes the container {CONTAINER}: run it again",
        }
        return ToolkitError(
            f"{self._where} cannot be reached from {self.connection.runner.name}: {denial.cause}{code}",
            hint=hints.get(denial.kind) or denial.hint,
        )


def _plan(name: str) -> str:
    return f"{name}.zip"


def _mark(name: str) -> str:
    return f"{name}.used"


def _pack(folder: Path, stored: Json) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in BUNDLE_FILES:
            archive.write(folder / file, file)
        archive.writestr(_STORED, json.dumps(stored))
    return buffer.getvalue()


def _unpack(content: bytes, folder: Path) -> None:
    with disk_errors("the stored plan"), zipfile.ZipFile(io.BytesIO(content)) as archive:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        for file in BUNDLE_FILES:
            write_atomically(folder / file, archive.read(file))
