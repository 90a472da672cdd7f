"""azure-ai-ml, unmodified, against a workspace of the sandbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.workspace import BLOB_CONTRIBUTOR, DATA_SCIENTIST, READER, Workspace, workspace

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential

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
        client.data.archive("iris", version="1")
        assert [each.version for each in client.data.list("iris")] == ["2"]
        assert [each.version for each in client.data.list("iris", list_view_type="ArchivedOnly")] == ["1"]
        client.data.restore("iris", version="1")
        client.data.archive("iris")
        assert "iris" not in [each.name for each in client.data.list()]
        client.data.restore("iris")
        assert "iris" in [each.name for each in client.data.list()]
    assert (made.version, latest.version, model.version, shown.version) == ("1", "2", "1", "1")
    assert made.path.startswith(f"azureml://subscriptions/{ml.sandbox.subscription_id}/resourcegroups/{ml.group}/")


def test_mlflow_tracks_experiments_and_runs(ml: Workspace) -> None:
    import math

    from mlflow.entities import Metric, Param, RunTag

    name = f"mlflow-{uuid.uuid4().hex[:6]}"
    with ml.mlflow(ml.person("scientist", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR)) as client:
        assert client.get_experiment_by_name(name) is None
        experiment = client.create_experiment(name, tags={"team": "ml"})
        with pytest.raises(Exception, match="already exists"):
            client.create_experiment(name)
        assert client.get_experiment(experiment).tags == {"team": "ml"}
        assert name in [each.name for each in client.search_experiments()]
        good, bad = (client.create_run(experiment, run_name=each).info.run_id for each in ("good", "bad"))
        for step, loss in enumerate((0.9, 0.5, 0.1)):
            client.log_metric(good, "Loss", loss, step=step)
        client.log_batch(good, [Metric("loss", 7, 1, 0)], [Param("rate", "0.5")], [RunTag("kind", "tree")])
        client.log_param(good, "rate", "0.5")
        with pytest.raises(Exception, match="Changing param values"):
            client.log_param(good, "rate", "0.6")
        client.log_metric(bad, "Loss", math.nan)
        client.set_terminated(good)
        client.set_terminated(bad, "FAILED")
        run = client.get_run(good)
        history = [metric.value for metric in client.get_metric_history(good, "Loss")]
        found = {
            text: [each.info.run_name for each in client.search_runs([experiment], text, order_by=["start_time DESC"])]
            for text in (
                "metrics.Loss < 0.2",
                "params.rate = '0.5' and tags.kind LIKE 'tr%'",
                "attributes.status = 'FAILED'",
                "metrics.none > 0",
            )
        }
        with pytest.raises(Exception, match="Invalid filter string"):
            client.search_runs([experiment], "metrics.Loss < 1 OR params.rate = '1'")
        client.delete_run(bad)
        left = [each.info.run_id for each in client.search_runs([experiment])]
    assert (run.data.metrics, run.data.params) == ({"Loss": 0.1, "loss": 7}, {"rate": "0.5"})
    assert (run.info.status, run.data.tags["kind"], history) == ("FINISHED", "tree", [0.9, 0.5, 0.1])
    assert list(found.values()) == [["good"], ["good"], ["bad"], []]
    assert left == [good]


@pytest.mark.filterwarnings("ignore:.*transition_model_version_stage:FutureWarning")
def test_mlflow_and_azure_ai_ml_see_the_same_models(ml: Workspace, folder: Path) -> None:
    from azure.ai.ml.entities import Model

    scientist = ml.person("scientist", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR)
    with ml.mlflow(scientist) as client, ml.client(scientist) as azure:
        run = client.create_run("0").info
        client.create_registered_model("churn", description="who leaves")
        first = client.create_model_version("churn", f"{run.artifact_uri}/model", run.run_id)
        client.set_model_version_tag("churn", first.version, "checked", "yes")
        shown = azure.models.get("churn", label="latest")
        azure.models.create_or_update(Model(name="churn", path=str(folder), type="custom_model"))
        second = client.get_model_version("churn", "2")
        client.transition_model_version_stage("churn", "1", "Production")
        client.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
        stages = {each.version: each.current_stage for each in client.search_model_versions("name = 'churn'")}
        uris = [client.get_model_version_download_uri("churn", version) for version in ("1", "2")]
        for refused, words in (
            (lambda: client.rename_registered_model("churn", "other"), "does not rename"),
            (lambda: client.delete_registered_model("churn"), "as a whole"),
            (lambda: client.set_registered_model_alias("churn", "best", "1"), "no aliases"),
            (lambda: client.create_model_version("churn", "s3://elsewhere/model"), "Models come from"),
        ):
            with pytest.raises(Exception, match=words):
                refused()
        client.delete_model_version("churn", "1")
        assert [each.version for each in azure.models.list(name="churn")] == ["2"]
    assert (shown.version, shown.type, shown.tags, shown.job_name) == (
        "1",
        "mlflow_model",
        {"checked": "yes"},
        run.run_id,
    )
    assert shown.path.endswith(f"/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{run.run_id}/model")
    assert (second.version, stages) == ("2", {"2": "Production", "1": "Archived"})
    assert uris[0].endswith(f"/runs/{run.run_id}/artifacts/model")
    assert uris[1].startswith("azureml://artifacts/LocalUpload/")


def test_mlflow_asks_for_a_role_a_token_and_a_way_in(ml: Workspace) -> None:
    stranger = ml.person("stranger", account=BLOB_CONTRIBUTOR)
    with ml.mlflow(stranger) as client, pytest.raises(Exception, match=r"PERMISSION_DENIED.*experiments/read"):
        client.search_experiments()
    reader = ml.person("only-reads", workspace=READER)
    with ml.mlflow(reader) as client:
        assert client.search_experiments() is not None
        with pytest.raises(Exception, match=r"PERMISSION_DENIED.*experiments/runs/write"):
            client.create_run("0")
    engineer = ml.sandbox.credential("vnet")
    with ml.mlflow(engineer) as client, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", engineer.get_token("https://storage.azure.com/.default").token)
        with pytest.raises(Exception, match=r"UNAUTHENTICATED.*audience"):
            client.search_experiments()
    try:
        assert ml.rest("PATCH", ml.id, "2026-05-01", {"properties": {"publicNetworkAccess": "Disabled"}}).is_success
        with ml.mlflow(engineer) as client, pytest.raises(Exception, match="designated private link"):
            client.search_experiments()
    finally:
        assert ml.rest("PATCH", ml.id, "2026-05-01", {"properties": {"publicNetworkAccess": "Enabled"}}).is_success


def test_artifacts_go_to_the_account_under_a_signature_of_the_caller(ml: Workspace) -> None:
    """The calls of azureml-mlflow's run artifacts client (_client/artifact/run_artifact_client.py)."""
    import ssl

    import httpx

    scientist = ml.person("scientist", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR)
    newcomer = ml.person("newcomer", workspace=DATA_SCIENTIST)
    with ml.mlflow(scientist) as client:
        run = client.create_run("0").info.run_id
        host = "https://westeurope.api.azureml.ms"
        url = f"{host}/history/v1.0{ml.id}/experiments/Default/runs/{run}/artifacts"

        def call(who: TokenCredential, method: str, path: str, **more: Any) -> httpx.Response:
            token = who.get_token("https://management.azure.com/.default").token
            return web.request(method, url + path, headers={"authorization": f"Bearer {token}"}, **more)

        with httpx.Client(verify=ssl.create_default_context(cafile=ml.sandbox.ca)) as web:
            paths = {"paths": [{"path": "model/a.txt"}]}
            made = call(scientist, "POST", "/batch/metadata", json=paths).json()
            place = made["artifactContentInformation"]["model/a.txt"]["contentUri"]
            assert web.put(place, content=b"x", headers={"x-ms-blob-type": "BlockBlob"}).status_code == 201
            again = call(scientist, "POST", "/batch/metadata", json=paths).json()
            read = call(scientist, "GET", "/contentinfo", params={"path": "model/a.txt"}).json()["contentUri"]
            assert (web.get(read).text, "already exists" in str(again["errors"])) == ("x", True)
            assert web.put(read, content=b"y", headers={"x-ms-blob-type": "BlockBlob"}).status_code == 403
            unsigned = call(newcomer, "GET", "/contentinfo", params={"path": "model/a.txt"}).json()["contentUri"]
            assert web.get(unsigned).status_code == 403
            assert call(scientist, "GET", "/contentinfo", params={"path": "none"}).status_code == 404
            assert call(scientist, "POST", "/batch/metadata", json={"paths": [{"path": "../a"}]}).status_code == 400
            listed = [each["path"] for each in call(scientist, "GET", "").json()["value"]]
    assert listed == ["model/a.txt"]
