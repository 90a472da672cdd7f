"""What of a directory would be uploaded, as azure-ai-ml itself sees it, and what in it should make somebody think."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from toolkit.errors import UsageError

_LARGE = 100_000_000  # azure-ai-ml warns from here on, too (_artifacts/_constants.py, FILE_SIZE_WARNING)
_LOOKED_AT = 65_536

# Names that hold secrets by custom, and texts that are secrets by their form. Files are named, never what is in them.
_SECRET_NAMES = (
    ".env", ".env.*", "*.pem", "*.key", "*.pfx", "*.p12", "*.jks", "*.kdbx", "id_rsa", "id_ecdsa", "id_ed25519",
    ".netrc", ".pypirc", ".npmrc", ".git-credentials", "credentials", "credentials.json", "secrets.*", "*.secret",
    "*.publishsettings", "azureProfile.json", "msal_token_cache*", "*.tfstate", "*.tfstate.backup",
)  # fmt: skip
_SECRET_TEXTS = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
        (rb"AccountKey=[A-Za-z0-9+/]{86}==", "a storage account key"),
        (rb"SharedAccessKey=[A-Za-z0-9+/]{43}=", "a shared access key"),
        (rb"[?&]sig=[A-Za-z0-9%]{43,}", "a shared access signature"),
        (rb"\bAKIA[0-9A-Z]{16}\b", "an AWS access key"),
        (rb"\bgh[pousr]_[A-Za-z0-9]{36,}", "a GitHub token"),
        (rb"(?i)\bclient_?secret[\"']?\s*[:=]\s*[\"'][^\"'\s]{20,}[\"']", "a client secret"),
    )
)
_STRAY = (".git", ".venv", "venv", "node_modules", "__pycache__", ".ipynb_checkpoints", ".terraform")


@dataclass(frozen=True, slots=True)
class Contents:
    """``files``: relative name and size, in order. ``ignore_file``: which one decided, None without any."""

    files: tuple[tuple[str, int], ...]
    ignore_file: str | None
    warnings: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.files)


def contents_of(directory: Path) -> Contents:
    """Raises UsageError when there is nothing to register: no directory, an empty one, or all of it is ignored."""
    from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder

    if not directory.exists():
        raise UsageError(f"there is no directory {directory}", hint="--path names the folder with the code")
    if not directory.is_dir():
        raise UsageError(f"{directory} is a file: a code asset is a directory", hint=f"--path {directory.parent}")
    ignore = get_ignore_file(directory)
    try:
        pairs: list[tuple[str, str]] = list(get_upload_files_from_folder(directory, ignore_file=ignore))  # type: ignore[arg-type]
        found = sorted((name.removeprefix("./"), path) for path, name in pairs)
        files = tuple((name, Path(path).stat().st_size) for name, path in found)
    except OSError as error:
        raise UsageError(
            f"{error.filename or directory} cannot be read: {error.strerror}",
            hint="a broken link, or a file of somebody else",
        ) from error
    used = Path(ignore.path).name if ignore.exists() else None
    if not files:
        why = f"{used} leaves nothing of it" if used else "it is empty"
        raise UsageError(
            f"{directory} has no files to register: {why}", hint="check --path" + (f" and {used}" if used else "")
        )
    return Contents(files, used, tuple(_warnings(directory, found, files)))


def _warnings(directory: Path, found: list[tuple[str, str]], files: tuple[tuple[str, int], ...]) -> Iterator[str]:
    strays = {part for name, _ in files for part in Path(name).parts[:-1] if part in _STRAY}
    for part in sorted(strays):
        yield f"{part}/ is uploaded, too: name it in {directory / '.amlignore'}"
    for name, size in files:
        if size > _LARGE:
            yield f"{name} has {size / 1e6:.0f} MB: large files belong into a data asset"
    for name, path in found:
        if what := _secret_in(name, Path(path)):
            yield f"{name} looks like a secret ({what}): everybody who reads the workspace's code reads it"


def _secret_in(name: str, path: Path) -> str | None:
    file = Path(name).name
    if any(fnmatch(file, pattern) for pattern in _SECRET_NAMES) and not file.endswith(
        (".example", ".sample", ".template")
    ):
        return "by its name"
    try:
        with path.open("rb") as opened:
            head = opened.read(_LOOKED_AT)
    except OSError:
        return None
    return next((what for pattern, what in _SECRET_TEXTS if pattern.search(head)), None)
