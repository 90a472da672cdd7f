"""A task's files: https://learn.microsoft.com/rest/api/batchservice/file"""

from __future__ import annotations

import mimetypes
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from toolkit.records import Json
from toolkit.sandbox.batch.errors import BatchError

_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_OWN: Final = "home"  # the sandbox's own folder beside the task's


def require_folder(folder: Path | None) -> Path:
    if folder is None or not folder.is_dir():
        raise BatchError(409, "OperationInvalidForCurrentState", "The task has no files: it ran on no node yet.")
    return folder


def list_files(folder: Path, url: str, recursive: bool) -> list[Json]:
    found = sorted(folder.rglob("*") if recursive else folder.iterdir())
    shown = [path for path in found if path.relative_to(folder).parts[0] != _OWN]
    return [_shown(path, folder, url) for path in shown]


def download(folder: Path, path: str, url: str, asked_range: str | None, *, head: bool) -> Response:
    file = _inside(folder, path)
    about = file.stat()
    headers = {
        "content-type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "last-modified": _http_date(about.st_mtime),
        "ocp-creation-time": _http_date(about.st_ctime),
        "ocp-batch-file-isdirectory": str(file.is_dir()).lower(),
        "ocp-batch-file-url": f"{url}/files/{quote(path, safe='')}",
        "ocp-batch-file-mode": f"0o{about.st_mode:o}",
    }
    if file.is_dir():
        if not head:
            raise BatchError(400, "InvalidOperation", "The specified file is a directory.")
        return Response(headers=headers)
    content = file.read_bytes()
    match = _RANGE.fullmatch(asked_range or "")
    if match:
        content = content[int(match[1]) : int(match[2]) + 1 if match[2] else None]
    response = Response(b"" if head else content, headers=headers)
    if head:
        response.headers["content-length"] = str(len(content))
    return response


def delete_file(folder: Path, path: str) -> None:
    file = _inside(folder, path)
    if file.is_dir():
        raise BatchError(400, "InvalidOperation", "The specified file is a directory.")
    file.unlink()


def _inside(folder: Path, path: str) -> Path:
    file = (folder / path).resolve()
    inside = file.is_relative_to(folder.resolve()) and file.exists()
    if not inside or file.relative_to(folder.resolve()).parts[:1] == (_OWN,):
        raise BatchError(404, "FileNotFound", "The specified file does not exist.")
    return file


def _shown(path: Path, folder: Path, url: str) -> Json:
    name = path.relative_to(folder).as_posix()
    about = path.stat()
    shown: Json = {"name": name, "url": f"{url}/files/{quote(name, safe='')}", "isDirectory": path.is_dir()}
    if not path.is_dir():
        shown["properties"] = {
            "creationTime": _moment(about.st_ctime),
            "lastModified": _moment(about.st_mtime),
            "contentLength": str(about.st_size),
            "contentType": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            "fileMode": f"0o{about.st_mode:o}",
        }
    return shown


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _http_date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
