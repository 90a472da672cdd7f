"""azure-ai-ml, unmodified, against a workspace of the sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.workspace import BLOB_CONTRIBUTOR, DATA_SCIENTIST, Workspace, workspace

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

    from tests.conftest import SandboxForTests

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def ml(sandbox: SandboxForTests) -> Iterator[Workspace]:
    with workspace(sandbox) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Code that nobody registered yet."""
    code = tmp_path / "src"
    (code / "nested").mkdir(parents=True)
    (code / "train.py").write_text(f"print('{uuid.uuid4()}')\n")
    (code / "nested" / "ä b.txt").write_text("data")
    (code / "ignored.log").write_text("log")
    (code / ".amlignore").write_text("*.log\n")
    return code


def register(client: MLClient, name: str, version: str, path: Path) -> Any:
    from azure.ai.ml.entities._assets import Code

    return client._code.create_or_update(Code(name=name, version=version, path=str(path)))


def blobs(ml: Workspace, uri: str) -> list[str]:
    from azure.storage.blob import BlobServiceClient

    host, _, path = uri.partition(":443/")
    container, _, prefix = path.partition("/")
    options = ml.sandbox.options("vnet")
    with BlobServiceClient(host, ml.person("reader", account=BLOB_CONTRIBUTOR), **options) as service:
        listed = service.get_container_client(container).list_blobs(name_starts_with=prefix)
        return [blob.name.removeprefix(f"{prefix}/") for blob in listed]


def test_code_is_uploaded_once_and_the_same_content_gives_the_older_version(ml: Workspace, folder: Path) -> None:
    scientist = ml.person("scientist", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR)
    with ml.client(scientist) as client:
        first = register(client, "training-code", "1", folder)
        again = register(client, "training-code", "2", folder)
        elsewhere = register(client, "scoring-code", "9", folder)
        (folder / "train.py").write_text("print('new')\n")
        changed = register(client, "training-code", "2", folder)
    found = [(code.name, code.version) for code in (first, again, elsewhere, changed)]
    assert found == [*[("training-code", "1")] * 3, ("training-code", "2")]
    stored = ml.get(f"{ml.id}/codes/training-code/versions/1")["properties"]
    assert sorted(blobs(ml, stored["codeUri"])) == [".amlignore", "nested/ä b.txt", "train.py"]
    assert stored["properties"]["hash_version"] == "202208"


def test_the_ml_role_alone_does_not_upload_in_identity_mode(ml: Workspace, folder: Path) -> None:
    from azure.core.exceptions import HttpResponseError

    newcomer = ml.person("newcomer", workspace=DATA_SCIENTIST)
    with (
        ml.client(newcomer) as client,
        pytest.raises(Exception, match="You don't have permission to alter"),
    ):
        register(client, "refused", "1", folder)
    stranger = ml.person("stranger", account=BLOB_CONTRIBUTOR)
    with ml.client(stranger) as client, pytest.raises(HttpResponseError) as forbidden:
        register(client, "refused", "1", folder)
    assert forbidden.value.status_code == 403
    assert ml.rest("GET", f"{ml.id}/codes/refused/versions/1", "2025-12-01").status_code == 404


def test_with_keys_the_role_is_enough_and_keys_that_are_off_refuse(ml: Workspace, folder: Path) -> None:
    newcomer = ml.person("newcomer", workspace=DATA_SCIENTIST)
    try:
        ml.mode("AccessKey", keys=True)
        with ml.client(newcomer) as client:
            assert register(client, "keyed", "1", folder).version == "1"
        (folder / "train.py").write_text("print('other')\n")
        ml.mode("AccessKey", keys=False)
        with ml.client(newcomer) as client, pytest.raises(Exception, match="KeyBasedAuthenticationNotPermitted"):
            register(client, "keyed", "2", folder)
    finally:
        ml.mode("Identity", keys=False)


def test_models_and_data_go_to_the_default_datastore(ml: Workspace, folder: Path) -> None:
    from azure.ai.ml.entities import Data, Environment, Model

    scientist = ml.person("scientist", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR)
    with ml.client(scientist) as client:
        store = client.datastores.get_default()
        assert (store.name, type(store.credentials).__name__) == ("workspaceblobstore", "NoneCredentialConfiguration")
        made = client.data.create_or_update(Data(name="iris", path=str(folder), type="uri_folder"))
        client.data.create_or_update(Data(name="iris", path=str(folder), type="uri_folder"))
        latest = client.data.get("iris", label="latest")
        model = client.models.create_or_update(Model(name="clf", path=str(folder), type="custom_model"))
        client.environments.create_or_update(Environment(name="env", image="mcr.microsoft.com/azureml/base:1"))
        shown = client.environments.get("env", label="latest")
    assert (made.version, latest.version, model.version, shown.version) == ("1", "2", "1", "1")
    assert made.path.startswith(f"azureml://subscriptions/{ml.sandbox.subscription_id}/resourcegroups/{ml.group}/")
