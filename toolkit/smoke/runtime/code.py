"""The code of a proof: an asset of its own, registered twice, pointed at, and taken away again.

Its name and its content exist once, so that neither another proof nor a version that somebody wrote into a pipeline can
pass for it, and no consumer reads its pointer.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest

from toolkit.assets.registration import MARKER, code_id
from toolkit.assets.workspace import Access
from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import ARM
from toolkit.azure.clients import Actor
from toolkit.records import Json
from toolkit.smoke.runtime import prove

PREFIX = "smoke-code-"
_NAME = re.compile(rf"{PREFIX}(?P<time>\d{{8}}t\d{{6}})-[0-9a-f]{{8}}")
_TIME = "%Y%m%dt%H%M%S"
# Of a proof that was killed; a job that waits for a node may still need younger ones.
_LEFT_AFTER = timedelta(days=1)


def new_name() -> str:
    return f"{PREFIX}{datetime.now(UTC).strftime(_TIME)}-{uuid.uuid4().hex[:8]}"


def write_code(folder: Path, label: str) -> str:
    """The proof's code in ``folder``, with a marker that makes its content its own; its digest."""
    shutil.copy2(Path(prove.__file__), folder / "prove.py")
    (folder / MARKER).write_text(f"{label}\n{datetime.now(UTC).isoformat()}\n{uuid.uuid4()}\n", encoding="utf-8")
    return prove.digest(folder)


def content_hash(folder: Path) -> str:
    """As azure-ai-ml hashes what it uploads; Azure ML keeps it with the version."""
    from azure.ai.ml._utils._asset_utils import get_content_hash, get_ignore_file

    return str(get_content_hash(folder, get_ignore_file(folder)))


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="toolkit-proof-"))


def remove_code(access: Access, name: str) -> None:
    """The pointer with its history, what was uploaded, then the asset itself. What is not there is no error."""
    _remove_pointer(access, name)
    for version in _listed(access, f"{access.workspace_id}/codes/{name}/versions"):
        _remove_upload(access, str(version["properties"].get("codeUri") or ""))
        _delete(access, code_id(access, name, str(version["name"])))
    _delete(access, f"{access.workspace_id}/codes/{name}")


def sweep(access: Access) -> list[str]:
    """Take away what proofs that were killed have left; the names."""
    path = f"{access.workspace_id}/codes"
    old = [name for one in _listed(access, path) if _age(name := str(one["name"])) > _LEFT_AFTER]
    for name in old:
        remove_code(access, name)
    return old


def _age(name: str) -> timedelta:
    match = _NAME.fullmatch(name)
    if match is None:
        return timedelta(0)
    return datetime.now(UTC) - datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)


def _remove_pointer(access: Access, name: str) -> None:
    folder = f"code-assets/{name}/"
    actor = Actor(access.who, access.vantage, access.credential, access.subscription_id)
    with actor.blobs(str(access.output("pointer_storage_blob_endpoint"))) as service:
        container = service.get_container_client(str(access.output("pointer_container_name")))
        for blob in list(container.list_blobs(name_starts_with=folder)):
            container.delete_blob(blob.name)


def _listed(access: Access, path: str) -> list[Json]:
    """Nothing where what it is of is not there."""
    with access.arm() as client:
        try:
            return list(client.list(path, {"api-version": api_version(path)}))
        except HttpResponseError as error:
            if error.status_code == 404:
                return []
            raise


def _remove_upload(access: Access, uri: str) -> None:
    """The blobs of one upload; their container, too, where Azure ML made it for them alone."""
    place = urlsplit(uri)
    container_name, _, prefix = unquote(place.path).lstrip("/").partition("/")
    if not place.hostname or not prefix:
        return
    actor = Actor(access.who, access.vantage, access.credential, access.subscription_id)
    with actor.blobs(f"https://{place.hostname}") as service:
        container = service.get_container_client(container_name)
        try:
            for blob in list(container.list_blobs(name_starts_with=f"{prefix.rstrip('/')}/")):
                container.delete_blob(blob.name)
            if not container_name.startswith("azureml") and next(iter(container.list_blobs()), None) is None:
                container.delete_container()
        except ResourceNotFoundError:
            return


def _delete(access: Access, resource_id: str) -> None:
    url = f"{ARM}{resource_id}?api-version={api_version(resource_id)}"
    with access.arm() as client:
        answer = client.send_request(HttpRequest("DELETE", url))
        if answer.status_code != 404:
            answer.raise_for_status()
