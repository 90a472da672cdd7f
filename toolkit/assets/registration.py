"""Registering a directory as code in Azure ML. What the SDK returns is the result."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError

from toolkit.assets.contents import Contents, contents_of
from toolkit.assets.workspace import Access
from toolkit.errors import ToolkitError, UsageError

MARKER = ".aml-code-asset-version"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
_VERSION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_.]{0,254}")
_UNSET = re.compile(r"\$[({]|##vso|\s")


@dataclass(frozen=True, slots=True)
class Registration:
    """``name`` and ``version`` are what Azure ML returned; ``deduplicated``: it had the content already."""

    requested_version: str
    name: str
    version: str
    id: str
    deduplicated: bool
    files: int
    bytes: int
    ignore_file: str | None
    unique: bool
    registered_at: str | None

    @property
    def sentence(self) -> str:
        size = f"{self.files} files, {self.bytes / 1e6:.1f} MB"
        if not self.deduplicated:
            return f"registered {self.name}:{self.version} ({size})"
        return (
            f"requested {self.name}:{self.requested_version}, registered {self.name}:{self.version}, deduplicated: "
            f"Azure ML has the same content ({size}) already"
        )


def require_name(name: str) -> str:
    """A name that Azure takes. https://learn.microsoft.com/rest/api/azureml/registry-code-containers/create-or-update"""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"Azure ML takes no code asset called {name!r}",
            hint="letters, digits, hyphens and underscores, 255 at most, beginning with a letter or digit",
        )
    return name


def require_version(version: str) -> str:
    """A version, and no variable of CI that nobody has set."""
    if _UNSET.search(version):
        raise UsageError(
            f"the version is {version!r}: a variable that was never set",
            hint="check the step's name and the job it is read from: docs/runtime-contract.md",
        )
    if not _VERSION.fullmatch(version):
        raise UsageError(
            f"Azure ML takes no version {version!r}", hint="letters, digits, '-', '_' and '.', such as 12 or 1.0.3"
        )
    return version


def register(
    access: Access,
    name: str,
    directory: Path,
    *,
    version: str | None = None,
    unique: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Registration:
    """Register ``directory``; without ``version`` under the next number. Nothing in the directory is changed.

    Raises UsageError for what is wrong with name, version or directory, ToolkitError when Azure refuses.
    """
    from toolkit.azure.ml_sdk import ml_client, require_ml

    require_name(name)
    if version is not None:
        require_version(version)
    require_ml()
    contents = contents_of(directory)
    for warning in contents.warnings:
        warn(warning)
    asked = version or _next_version(access, name)
    with _staged(directory, contents, f"{name}:{asked}") if unique else contextlib.nullcontext(directory) as source:
        standing = _standing(access, name, asked)
        _require_same_content(standing, name, asked, source)
        progress(f"registering {len(contents.files)} files, {contents.size / 1e6:.1f} MB, as {name}:{asked}")
        with _sdk_errors(access, name), ml_client(access.workspace_id, access.vantage, access.credential) as client:
            returned = _create(client, name, asked, source, progress)
    if returned.name != name:
        raise ToolkitError(
            f"Azure ML has this content as {returned.name}:{returned.version}, and returned that: there is no {name}",
            hint="register it with --unique, which gives it a content of its own",
        )
    created = getattr(returned.creation_context, "created_at", None)
    return Registration(
        requested_version=asked,
        name=str(returned.name),
        version=str(returned.version),
        id=str(returned.id),
        deduplicated=standing is not None or str(returned.version) != asked,
        files=len(contents.files) + unique,
        bytes=contents.size,
        ignore_file=contents.ignore_file,
        unique=unique,
        registered_at=created.astimezone(UTC).isoformat(timespec="seconds") if isinstance(created, datetime) else None,
    )


def code_id(access: Access, name: str, version: str) -> str:
    return f"{access.workspace_id}/codes/{name}/versions/{version}"


def _next_version(access: Access, name: str) -> str:
    found = access.resource(f"{access.workspace_id}/codes/{name}", f"the versions of {name} cannot be read")
    return str(((found or {}).get("properties") or {}).get("nextVersion") or "1")


def _standing(access: Access, name: str, version: str) -> dict[str, Any] | None:
    return access.resource(code_id(access, name, version), f"{name}:{version} cannot be read")


def _require_same_content(standing: dict[str, Any] | None, name: str, version: str, source: Path) -> None:
    """Said before anything is uploaded: the content of a version never changes."""
    if standing is None:
        return
    from azure.ai.ml._utils._asset_utils import get_content_hash, get_ignore_file

    known = (standing["properties"].get("properties") or {}).get("hash_sha256")
    if known != get_content_hash(source, get_ignore_file(source)):
        raise ToolkitError(
            f"{name}:{version} is registered with other content, which never changes",
            hint="name another --version, or leave it out for the next number",
        )


def _create(client: Any, name: str, version: str, source: Path, progress: Callable[[str], None]) -> Any:
    """With its bar, which goes to ``progress``: without one azure-ai-ml waits for ever after a failed upload."""
    from azure.ai.ml.entities._assets import Code

    with contextlib.redirect_stderr(_Bar(progress)):
        return client._code.create_or_update(Code(name=name, version=version, path=str(source)))


class _Bar(io.TextIOBase):
    """What tqdm draws, as a line for each tenth."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._tenth = 0

    def write(self, text: str) -> int:
        for percent in re.findall(r"(\d+)%\|", text):
            if int(percent) // 10 > self._tenth:
                self._tenth = int(percent) // 10
                self._progress(f"uploaded {percent} %")
        return len(text)


@contextmanager
def _sdk_errors(access: Access, name: str) -> Iterator[None]:
    """azure-ai-ml's exceptions as the one error that a person can act on."""
    from azure.ai.ml.exceptions import MlException

    what = f"{name} was not registered"
    try:
        yield
    except AzureError as error:
        if getattr(error, "status_code", None) == 404:
            access.require_workspace()
        if not isinstance(error, MlException):
            raise access.refused(error, what) from error
        raise _of_sdk(access, what, error) from error
    except Exception as error:
        if known := _known(access, what, str(error)):
            raise known from error
        raise


def _of_sdk(access: Access, what: str, error: Exception) -> ToolkitError:
    return _known(access, what, str(error)) or ToolkitError(f"{what}: {' '.join(str(error).split())}")


def _known(access: Access, what: str, text: str) -> ToolkitError | None:
    account = access.outputs.get("storage_account_name", "the workspace's default account")
    if "permission to alter this storage account" in text:
        return ToolkitError(
            f"{what}: no data role on {account}, the workspace's default account (AuthorizationPermissionMismatch)",
            hint="Storage Blob Data Contributor on the account; CI's identity has it (--as ci), and data scientists",
        )
    if "KeyBasedAuthenticationNotPermitted" in text:
        return ToolkitError(
            f"{what}: the workspace uploads with the key of {account}, which takes no keys",
            hint=f"toolkit apply {access.env} sets systemDatastoresAuthMode to Identity again",
        )
    if "Asset paths cannot be updated" in text or "already linked to an asset" in text:
        return ToolkitError(
            f"{what}: somebody registered the same version with other content meanwhile", hint="run it again"
        )
    return None


@contextmanager
def _staged(directory: Path, contents: Contents, asked: str) -> Iterator[Path]:
    """A copy of what would be uploaded, with the marker that makes its content its own."""
    with tempfile.TemporaryDirectory(prefix="toolkit-code-") as folder:
        staged = Path(folder) / (directory.resolve().name or "code")
        for name, _ in contents.files:
            target = staged / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(directory / name, target)
        (staged / MARKER).write_text(f"{asked}\n{datetime.now(UTC).isoformat()}\n{uuid.uuid4()}\n", encoding="utf-8")
        if MARKER not in [name for name, _ in contents_of(staged).files]:
            raise UsageError(
                f"{contents.ignore_file} leaves out {MARKER}, which makes the content unique",
                hint=f"add the line !{MARKER} to it",
            )
        yield staged
