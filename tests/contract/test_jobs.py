"""Jobs of Azure ML over the sandbox: submitted with azure-ai-ml, run as processes, read back by the toolkit."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from ssl import create_default_context as ssl_context
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.contract.job_refusals import NEED_A_WORKSPACE, REFUSED, YAML
from tests.contract.workspace import BLOB_CONTRIBUTOR, DATA_SCIENTIST, READER, Workspace, commands, workspace
from toolkit.processes import start_time
from toolkit.project import Project
from toolkit.waiting import steadily, wait_until

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

    from tests.conftest import SandboxForTests

pytestmark = pytest.mark.contract

TRAIN = """
import json, os, pathlib, sys
data = pathlib.Path(sys.argv[1])
print("data", sorted(p.name for p in data.rglob("*")) if data.is_dir() else data.read_text())
print("secrets", sorted(n for n in os.environ if "CLIENT_SECRET" in n or n.startswith(("ARM_", "TOOLKIT_"))))
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.txt").write_text("model")
(pathlib.Path(sys.argv[2]) / "metrics.json").write_text(json.dumps({"rate": sys.argv[3]}))
"""


@pytest.fixture(scope="module")
def ml(sandbox: SandboxForTests) -> Iterator[Workspace]:
    with workspace(sandbox) as made:
        made.person("ci", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR, group=READER)
        made.trust_this_environment("ci")
        made.person("compute", account=BLOB_CONTRIBUTOR)
        made.compute("cpu", "compute", nodes=1)
        made.person("poor")
        made.compute("poor", "poor", nodes=1)
        made.put(
            f"{made.id}/environments/train/versions/1",
            "2024-04-01",
            {"properties": {"image": "mcr.microsoft.com/azureml/base:1"}},
        )
        yield made


@pytest.fixture(scope="module")
def client(ml: Workspace) -> Iterator[MLClient]:
    with ml.client(ml.person("ci")) as made:
        yield made


def submitted(client: MLClient, ml: Workspace, command: str, compute: str = "cpu", **more: Any) -> str:
    from azure.ai.ml import command as command_job

    job = client.jobs.create_or_update(
        command_job(
            command=command, compute=compute, experiment_name="tests", **{"environment": "azureml:train:1", **more}
        )
    )
    return str(job.name)


def ended(ml: Workspace, name: str, *states: str, seconds: float = 60) -> dict[str, Any]:
    """The job's properties once it is over, or in one of ``states``."""
    wanted = states or ("Completed", "Failed", "Canceled")

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = ml.get(f"{ml.id}/jobs/{name}")["properties"]
        return found if found["status"] in wanted else None

    properties = wait_until(look, seconds, steadily(0.1))
    assert properties is not None, ml.get(f"{ml.id}/jobs/{name}")
    return properties


def stored(ml: Workspace, container: str, prefix: str) -> dict[str, str]:
    from azure.storage.blob import BlobServiceClient

    url = f"https://{ml.account}.blob.core.windows.net"
    with BlobServiceClient(url, ml.person("ci"), **ml.sandbox.options("vnet")) as service:
        found = service.get_container_client(container)
        names = [blob.name for blob in found.list_blobs(name_starts_with=prefix)]
        return {name.removeprefix(prefix): found.download_blob(name).readall().decode() for name in names}


def log_of(ml: Workspace, name: str) -> str:
    return stored(ml, "azureml", f"ExperimentRun/dcid.{name}/")["user_logs/std_log.txt"]


def blobstore(ml: Workspace) -> str:
    return f"azureml-blobstore-{ml.get(ml.id)['properties']['workspaceId']}"


def test_a_job_trains_on_registered_code_and_data(ml: Workspace, client: MLClient, tmp_path: Path) -> None:
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities import Data
    from azure.ai.ml.entities._assets import Code

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1,2")
    code = client._code.create_or_update(Code(name="jobs-code", version="7", path=str(tmp_path / "src")))
    client.data.create_or_update(Data(name="iris", version="3", path=str(tmp_path / "data"), type="uri_folder"))
    name = submitted(
        client,
        ml,
        "python train.py ${{inputs.data}} ${{outputs.metrics}} ${{inputs.rate}} $[[${{inputs.absent}}]]",
        code=code.id,
        inputs={"data": Input(type="uri_folder", path="iris@latest"), "rate": 0.5},
        outputs={"metrics": Output(type="uri_folder")},
        environment_variables={"GREETING": "hello"},
    )
    properties = ended(ml, name)
    log = log_of(ml, name)
    assert properties["status"] == "Completed", log
    assert properties["codeId"] == f"{ml.id}/codes/jobs-code/versions/7"
    assert "code jobs-code:7: 1 files" in log
    assert "data ['a.csv']" in log
    assert "secrets []" in log
    assert "environment train:1: the sandbox builds no images, the job runs on the toolkit's Python" in log
    assert properties["properties"]["azureml.input.data"].endswith("/data/")
    kept = stored(ml, "azureml", f"ExperimentRun/dcid.{name}/")
    assert kept["outputs/model.txt"] == "model"
    assert stored(ml, blobstore(ml), f"azureml/{name}/metrics/") == {"metrics.json": json.dumps({"rate": "0.5"})}


TRACKED = """
import os, mlflow
uri = os.environ["MLFLOW_TRACKING_URI"]
assert uri.startswith("azureml://")  # for azureml-mlflow, which makes the next line's of it
mlflow.set_tracking_uri(uri.replace("azureml://", "https://").replace("/v1.0/", "/v2.0/"))
with mlflow.start_run() as run:
    assert run.info.run_id == os.environ["AZUREML_RUN_ID"]
    mlflow.log_param("rate", 0.5)
    mlflow.log_metric("loss", 0.25, step=3)
print("refused", mlflow.MlflowClient().get_experiment_by_name("none"))
"""


def test_what_a_job_logs_lands_in_its_own_run(ml: Workspace, client: MLClient, tmp_path: Path) -> None:
    """The compute's identity has no role in the workspace: the run's own token is what lets it in."""
    (tmp_path / "train.py").write_text(TRACKED)
    name = submitted(client, ml, "python train.py", code=str(tmp_path), display_name="tracked")
    properties = ended(ml, name)
    assert properties["status"] == "Completed", log_of(ml, name)
    with ml.mlflow(ml.person("ci")) as tracking:
        run = tracking.get_run(name)
        (metric,) = tracking.get_metric_history(name, "loss")
    assert (metric.value, metric.step, run.data.params) == (0.25, 3, {"rate": "0.5"})
    assert (run.info.status, run.info.run_name, run.info.run_id) == ("FINISHED", "tracked", name)


def test_outputs_are_registered_as_assets(ml: Workspace, client: MLClient) -> None:
    from azure.ai.ml import Output

    def run(command: str, **outputs: Output) -> dict[str, Any]:
        return ended(ml, submitted(client, ml, command, outputs=outputs))

    made = run(
        "echo 1 > ${{outputs.rows}}/a.csv; echo m > ${{outputs.model}}/MLmodel",
        rows=Output(type="uri_folder", name="rows"),
        model=Output(type="mlflow_model", name="clf", version="7"),
    )
    assert (made["status"], made["outputs"]["rows"]["assetVersion"]) == ("Completed", "1")
    name = made["services"]["Studio"]["endpoint"].split("/runs/")[1].split("?")[0]
    model, rows = client.models.get("clf", label="latest"), client.data.get("rows", label="latest")
    assert (model.version, model.type, model.job_name) == ("7", "mlflow_model", name)
    assert rows.path.endswith(f"/datastores/workspaceblobstore/paths/azureml/{name}/rows/")
    assert "registered as models asset clf:7" in log_of(ml, name)
    again = run("true", model=Output(type="mlflow_model", name="clf", version="7"))
    assert (again["status"], "version 7 already" in again["properties"]["azureml.error"]) == ("Failed", True)
    failed = run("exit 3", rows=Output(type="uri_folder", name="rows"))
    assert (failed["status"], client.data.get("rows", label="latest").version) == ("Failed", "1")


PLUGIN = """
import mlflow, pathlib
mlflow.log_metric("loss", 0.25)
mlflow.log_params({"rate": 0.5, "kind": "tree"})
pathlib.Path("note.txt").write_text("from the job")
mlflow.log_artifact("note.txt")
pathlib.Path("model").mkdir()
pathlib.Path("model/MLmodel").write_text("flavors: {}")
mlflow.log_artifacts("model", "model")
run = mlflow.active_run() or mlflow.last_active_run()
client = mlflow.MlflowClient()
print("artifacts", sorted(each.path for each in client.list_artifacts(run.info.run_id)))
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="note.txt")
print("read", pathlib.Path(path).read_text())
client.create_registered_model("by-the-job")
client.create_model_version("by-the-job", f"{run.info.artifact_uri}/model", run.info.run_id)
"""


@pytest.mark.slow
def test_a_job_in_an_environment_with_azureml_mlflow(ml: Workspace, client: MLClient, tmp_path: Path) -> None:
    """The unmodified plugin, in a venv of the environment's own: it needs an older azure-storage-blob than we."""
    conda = "dependencies: [python=3.11, {pip: [azureml-mlflow==1.62.0.post6]}]"
    ml.put(
        f"{ml.id}/environments/plugin/versions/1",
        "2024-04-01",
        {"properties": {"image": "mcr.microsoft.com/azureml/base:1", "condaFile": conda}},
    )
    (tmp_path / "train.py").write_text(PLUGIN)
    name = submitted(client, ml, "python train.py", code=str(tmp_path), environment="azureml:plugin:1")
    properties = ended(ml, name, seconds=900)
    log = log_of(ml, name)
    assert properties["status"] == "Completed", log
    assert "in a venv with azureml-mlflow==1.62.0.post6" in log
    assert "read from the job" in log
    with ml.mlflow(ml.person("ci")) as tracking:
        run = tracking.get_run(name)
    assert (run.data.metrics, run.data.params) == ({"loss": 0.25}, {"rate": "0.5", "kind": "tree"})
    assert stored(ml, "azureml", f"ExperimentRun/dcid.{name}/")["note.txt"] == "from the job"
    assert client.models.get("by-the-job", version="1").path.endswith(f"ExperimentRun/dcid.{name}/model")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("exit 7", 7, "exited with status code 7"),
        ("no-such-program", 127, "status code 127"),
        ("echo ${{inputs.lost}}", None, "the job has no such input"),
    ],
)
def test_a_job_that_fails_says_why(ml: Workspace, client: MLClient, command: str, code: int | None, words: str) -> None:
    if "lost" in command:
        body = {"jobType": "Command", "command": command, "environmentId": f"{ml.id}/environments/train/versions/1"}
        name = f"lost-{uuid.uuid4().hex[:6]}"
        ml.put(f"{ml.id}/jobs/{name}", "2025-12-01", {"properties": {**body, "computeId": f"{ml.id}/computes/cpu"}})
    else:
        name = submitted(client, ml, command)
    properties = ended(ml, name)
    assert (properties["status"], words in properties["properties"]["azureml.error"]) == ("Failed", True), properties


def test_an_identity_without_a_role_fails_the_job(ml: Workspace, client: MLClient) -> None:
    from azure.ai.ml import Input

    uri = "azureml://datastores/workspaceblobstore/paths/none/"
    inputs = {"data": Input(type="uri_folder", path=uri)}
    properties = ended(ml, submitted(client, ml, "ls ${{inputs.data}}", "poor", inputs=inputs))
    assert properties["status"] == "Failed"
    assert "ScriptExecution.StreamAccess.Authentication: 403" in properties["properties"]["azureml.error"]


def test_cancelling_and_the_limit_of_time_end_the_whole_group(ml: Workspace, client: MLClient) -> None:
    sleeping = "sleep 600 & echo started $!; sleep 600"
    name = submitted(client, ml, sleeping)
    ended(ml, name, "Running")
    waiting = submitted(client, ml, "echo later")
    assert ended(ml, waiting, "Queued")["status"] == "Queued"  # one node
    client.jobs.begin_cancel(name).result()
    assert ended(ml, name)["status"] == "Canceled"
    assert ended(ml, waiting)["status"] == "Completed"
    refused = ml.rest("POST", f"{ml.id}/jobs/{name}/cancel", "2025-12-01")
    assert (refused.status_code, "terminal status" in refused.text) == (400, True)
    name = submitted(client, ml, sleeping, limits=limit(1))
    properties = ended(ml, name)
    assert (properties["status"], "limits.timeout" in properties["properties"]["azureml.error"]) == ("Failed", True)
    child = int(log_of(ml, name).split("started ")[1].split()[0])
    assert start_time(child) is None


def limit(seconds: int) -> Any:
    from azure.ai.ml.entities import CommandJobLimits

    return CommandJobLimits(timeout=seconds)


def test_azure_ai_ml_streams_the_log(ml: Workspace, client: MLClient, capsys: pytest.CaptureFixture[str]) -> None:
    name = submitted(client, ml, "echo from the job")
    client.jobs.stream(name)
    out = capsys.readouterr().out
    assert f"RunId: {name}" in out
    assert client.jobs.get(name).status == "Completed"
    assert name in [job.name for job in client.jobs.list()]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"computeId": "{ws}/computes/none"}, 404, "compute 'none' could not be found"),
        ({"codeId": "{ws}/codes/none/versions/1"}, 404, "code asset"),
        ({"environmentId": "{ws}/environments/none/versions/1"}, 404, "No environment exists for name"),
        ({"environmentId": None}, 400, "environmentId"),
        ({"command": " "}, 400, "command"),
        ({"jobType": "Sweep"}, 501, "does not model jobs of the type 'Sweep'"),
        ({"computeId": None}, 501, "serverless"),
        ({"identity": {"identityType": "AMLToken"}}, 501, "AMLToken"),
        ({"distribution": {"distributionType": "PyTorch"}}, 501, "distribution"),
    ],
)
def test_what_azure_refuses_or_the_sandbox_does_not_run(
    ml: Workspace, changes: dict[str, Any], status: int, words: str
) -> None:
    good = {
        "jobType": "Command",
        "command": "true",
        "computeId": f"{ml.id}/computes/cpu",
        "environmentId": f"{ml.id}/environments/train/versions/1",
    }
    filled = {key: value.format(ws=ml.id) if isinstance(value, str) else value for key, value in changes.items()}
    answer = ml.rest("PUT", f"{ml.id}/jobs/refused", "2025-12-01", {"properties": {**good, **filled}})
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert ml.rest("GET", f"{ml.id}/jobs/refused", "2025-12-01").status_code == 404


def test_a_killed_sandbox_shows_its_jobs_as_failed_and_leaves_nothing_running(
    ml: Workspace, client: MLClient, tmp_path: Path
) -> None:
    from toolkit.sandbox.client import ensure_running

    with ml.mlflow(ml.person("ci")) as tracking:
        kept = tracking.create_run("0").info.run_id
        tracking.log_metric(kept, "loss", 0.5)
    pid_file = tmp_path / "pid"
    name = submitted(client, ml, f"sleep 601 & echo $! > {pid_file}; sleep 601")
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), 30)
    child = int(pid_file.read_text())
    assert start_time(child) is not None
    root = ml.sandbox.connection.environment.project.root
    process = ensure_running(root).process
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not process.alive(), 10)
    ensure_running(root)
    properties = ended(ml, name)
    assert properties["status"] == "Failed"
    assert "the sandbox ended while the job ran" in properties["properties"]["azureml.error"]
    assert wait_until(lambda: start_time(child) is None, 10)
    with ml.mlflow(ml.person("ci")) as tracking:
        assert tracking.get_run(kept).data.metrics == {"loss": 0.5}


@pytest.mark.parametrize("end", ["done", "killed"])
def test_the_secret_of_a_jobs_identity_opens_nothing_once_the_job_is_over(
    ml: Workspace, client: MLClient, tmp_path: Path, end: str
) -> None:
    from toolkit.sandbox.client import ensure_running

    kept, go = tmp_path / "secret", tmp_path / "go"
    name = submitted(
        client,
        ml,
        f"echo $MSI_SECRET $MSI_ENDPOINT $MLFLOW_TRACKING_TOKEN > {kept}; while [ ! -e {go} ]; do sleep 0.1; done",
    )
    assert wait_until(lambda: kept.exists() and kept.read_text().strip(), 30)
    secret, endpoint, token = kept.read_text().split()
    query = {"resource": "https://storage.azure.com/", "api-version": "2017-09-01"}

    def asked() -> int:
        with httpx.Client(proxy=ml.sandbox.proxy("aml-managed")) as http:
            return http.get(endpoint, params=query, headers={"secret": secret}).status_code

    def tracked() -> int:
        with httpx.Client(proxy=ml.sandbox.proxy("aml-managed"), verify=ssl_context(cafile=ml.sandbox.ca)) as http:
            url = f"https://westeurope.api.azureml.ms/mlflow/v2.0{ml.id}/api/2.0/mlflow/runs/get"
            return http.get(url, params={"run_id": name}, headers={"authorization": f"Bearer {token}"}).status_code

    assert (asked(), tracked()) == (200, 200)
    if end == "killed":
        root = ml.sandbox.connection.environment.project.root
        process = ensure_running(root).process
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until(lambda: not process.alive(), 10)
        ensure_running(root)
    go.touch()
    ended(ml, name)
    assert (asked(), tracked()) == (401, 401)


# -- toolkit jobs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(ml: Workspace, project_dir: Path) -> Iterator[Any]:
    yield from commands(ml, project_dir)


@pytest.fixture
def yaml(ml: Workspace, client: MLClient, tmp_path: Path) -> Path:
    from azure.ai.ml.entities import Data

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(
        "import sys\nprint('rate', sys.argv[1])\nsys.exit(float(sys.argv[1]) > 1)\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("1")
    client.data.create_or_update(Data(name="jobs-iris", path=str(tmp_path / "data"), type="uri_folder"))
    (tmp_path / "train.yml").write_text(YAML)
    return tmp_path / "train.yml"


def test_a_ci_job_submits_waits_and_knows_how_it_ended(command: Any, ml: Workspace, yaml: Path) -> None:
    done = command("jobs", "submit", "local", str(yaml), "-i", "rate=0.5", "--wait", "--as", "ci")
    assert done.returncode == 0, done.stderr
    assert "rate 0.5" in done.stdout
    assert "Completed" in done.stderr
    failed = command("jobs", "submit", "local", str(yaml), "-i", "rate=2", "--wait", "--json", "--as", "ci")
    assert failed.returncode == 1, failed.stderr
    document = json.loads(failed.stdout)
    assert (document["status"], "status code 1" in document["error"]) == ("Failed", True)
    name = document["name"]
    assert "rate 2" in command("jobs", "logs", "local", name, "--as", "ci").stdout
    shown = json.loads(command("jobs", "show", "local", name, "--as", "ci", "--json").stdout)
    assert shown["codeId"].startswith(f"{ml.id}/codes/")
    assert command("jobs", "wait", "local", name, "--as", "ci").returncode == 1
    over = command("jobs", "cancel", "local", name, "--as", "ci")
    assert (over.returncode, "is over already: Failed" in over.stderr) == (1, True)


def test_nobody_waits_for_ever(command: Any, ml: Workspace, client: MLClient) -> None:
    name = submitted(client, ml, "sleep 600")
    late = command("jobs", "wait", "local", name, "--timeout", "1", "--as", "ci")
    assert (late.returncode, "is not over after 1 s" in late.stderr) == (1, True), late.stderr
    assert f"toolkit jobs cancel local {name}" in late.stderr
    assert command("jobs", "cancel", "local", name, "--as", "ci").returncode == 0
    assert ended(ml, name)["status"] == "Canceled"


def test_a_job_that_is_refused_is_one_clear_error(command: Any, yaml: Path, tmp_path: Path) -> None:
    for case, (text, words, more) in REFUSED.items():
        yaml.write_text(text)
        done = command("jobs", "submit", "local", str(yaml), *more, "--as", "ci")
        assert done.returncode in (1, 3), (case, done.stderr)
        assert words in done.stderr, (case, done.stderr)
        assert "bug in the toolkit" not in done.stderr, (case, done.stderr)
        assert "hint: " in done.stderr, (case, done.stderr)
        assert '{ "result"' not in done.stderr, (case, done.stderr)
    done = command("jobs", "submit", "local", str(tmp_path / "none.yml"), "--as", "ci")
    assert (done.returncode, "there is no file" in done.stderr) == (3, True)
    done = command("jobs", "show", "local", "no-such-job", "--as", "ci")
    assert (done.returncode, "has no job no-such-job" in done.stderr) == (1, True)


@pytest.mark.parametrize("arguments", NEED_A_WORKSPACE)
def test_a_workspace_that_is_gone_is_said_by_every_command(
    command: Any, ml: Workspace, yaml: Path, project_dir: Path, arguments: str
) -> None:
    saved = Project(project_dir).state_dir / "local" / "outputs.json"
    saved.write_text(json.dumps(ml.outputs(machine_learning_workspace_id=f"{ml.id}x")))
    words = arguments.format(src=yaml.parent / "src", yaml=yaml).split()
    done = command(*words, "--as", "ci")
    assert done.returncode == 1, done.stderr
    assert "is not there: it was deleted, and may stand soft-deleted" in done.stderr
    assert "hint: recover it within 14 days" in done.stderr


def test_a_pipeline_job_runs_its_nodes_and_hands_on_their_outputs(
    ml: Workspace, client: MLClient, tmp_path: Path
) -> None:
    from azure.ai.ml import Input, Output, command, dsl

    def step(name: str, line: str) -> Any:
        return command(
            name=name,
            command=line,
            environment="azureml:train:1",
            inputs={"data": Input(type="uri_folder"), "word": Input(type="string", default="default")},
            outputs={"out": Output(type="uri_folder")},
        )

    data, out = "${{inputs.data}}/a.txt", "${{outputs.out}}"
    first = step("first", f"cat {data} > {out}/a.txt; echo ${{{{inputs.word}}}} >> {out}/a.txt")
    second = step("second", f"grep -q given {data} && cp {data} {out}/b.txt")
    (tmp_path / "a.txt").write_text("raw\n")

    @dsl.pipeline(compute="cpu")
    def both(raw, word):  # type: ignore[no-untyped-def]  # azure-ai-ml evaluates annotations elsewhere
        one = first(data=raw, word=word)
        one.outputs.out.name = "first-rows"
        two = second(data=one.outputs.out)
        return {"final": two.outputs.out}

    made = both(raw=Input(type="uri_folder", path=str(tmp_path)), word="given")
    made.outputs.final = Output(type="uri_folder", name="final-rows", version="5")
    name = str(client.jobs.create_or_update(made, experiment_name="tests").name)
    properties = ended(ml, name)
    assert properties["status"] == "Completed", properties["properties"]
    assert name in [job.name for job in client.jobs.list()]
    final = properties["outputs"]["final"]["uri"].partition("/paths/")[2]
    assert stored(ml, blobstore(ml), final) == {"b.txt": "raw\ngiven\n"}
    assert client.data.get("final-rows", label="latest").version == "5"
    assert "/datastores/" in client.data.get("first-rows", version="1").path
    again = both(raw=Input(type="uri_folder", path=str(tmp_path)), word="other")
    properties = ended(ml, str(client.jobs.create_or_update(again, experiment_name="tests").name))
    assert properties["status"] == "Failed"
    assert "The node 'two' did not complete" in properties["properties"]["azureml.error"]


def test_the_job_that_the_factory_submits(ml: Workspace, client: MLClient, tmp_path: Path) -> None:
    """As terraform/modules/data_factory_pipelines/jobs.tf has it, sent twice, as a retried activity does."""
    from azure.ai.ml.entities._assets import Code

    (tmp_path / "train.py").write_text("import os; print(os.environ['CODE_ASSET'], os.environ['CODE_ASSET_VERSION'])")
    client._code.create_or_update(Code(name="training-code", version="4", path=str(tmp_path)))
    body = {
        "jobType": "Command",
        "displayName": "training training-code 4",
        "experimentName": "training",
        "codeId": f"{ml.id}/codes/training-code/versions/4",
        "command": "python train.py",
        "environmentId": f"{ml.id}/environments/train/versions/1",
        "computeId": f"{ml.id}/computes/cpu",
        "identity": {"identityType": "Managed"},
        "environmentVariables": {"CODE_ASSET": "training-code", "CODE_ASSET_VERSION": "4"},
        "tags": {"code_asset_version": "4"},
    }
    name = f"training-{uuid.uuid4()}"
    for _ in range(2):
        ml.put(f"{ml.id}/jobs/{name}", "2025-12-01", {"properties": body})
    properties = ended(ml, name)
    assert properties["status"] == "Completed", properties
    assert properties["codeId"].endswith("/codes/training-code/versions/4")
    assert "training-code 4" in log_of(ml, name)
