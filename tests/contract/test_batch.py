"""azure-batch, unmodified, against an account of the sandbox: tasks really run, and each door is shut to some."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from tests.contract.batch import ACCOUNT_READER, BATCH, JOB_SUBMITTER, Batch, batch
from toolkit.processes import start_time
from toolkit.waiting import wait_until

if TYPE_CHECKING:
    from azure.batch import BatchClient
    from azure.batch.models import BatchTask

    from tests.conftest import SandboxForTests

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def account(sandbox: SandboxForTests) -> Iterator[Batch]:
    with batch(sandbox) as made:
        yield made


@pytest.fixture(scope="module")
def client(account: Batch) -> Iterator[BatchClient]:
    with account.client() as made:
        yield made


@pytest.fixture
def job(client: BatchClient, request: pytest.FixtureRequest) -> str:
    return new_job(client, f"job-{abs(hash(request.node.nodeid))}")


def new_job(client: BatchClient, name: str, pool: str = "cpu", **more: Any) -> str:
    from azure.batch.models import BatchJobCreateOptions, BatchPoolInfo

    client.create_job(BatchJobCreateOptions(id=name, pool_info=BatchPoolInfo(pool_id=pool), **more))
    return name


def add(client: BatchClient, job: str, task: str, command: str, **more: Any) -> None:
    from azure.batch.models import BatchTaskCreateOptions

    client.create_task(job, BatchTaskCreateOptions(id=task, command_line=command, **more))


def ended(client: BatchClient, job: str, task: str) -> BatchTask:
    def completed() -> BatchTask | None:
        found = client.get_task(job, task)
        return found if found.state == "completed" else None

    found = wait_until(completed, 30)
    assert found is not None
    return found


def printed(client: BatchClient, job: str, task: str, name: str = "stdout.txt") -> str:
    return b"".join(client.download_task_file(job, task, name)).decode()


def started(client: BatchClient, job: str, task: str) -> int:
    """The process id that a task wrote."""
    if not wait_until(lambda: client.get_task(job, task).state == "running", 30):
        raise AssertionError("the task did not start")
    found = wait_until(lambda: printed(client, job, task).split(), 30)
    assert found
    return int(found[0])


# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_task_runs_and_leaves_its_files(client: BatchClient, job: str) -> None:
    from azure.batch.models import EnvironmentSetting

    settings = [EnvironmentSetting(name="GIVEN", value="yes")]
    script = "env; echo wrong >&2; mkdir sub; echo kept > sub/out.txt; pwd"
    add(client, job, "first", f"/bin/sh -c '{script}'", environment_settings=settings)
    task = ended(client, job, "first")
    assert task.execution_info is not None
    assert (task.execution_info.exit_code, task.execution_info.result) == (0, "success")
    assert task.node_info is not None
    assert task.node_info.pool_id == "cpu"
    lines = dict(line.partition("=")[::2] for line in printed(client, job, "first").splitlines())
    assert lines["GIVEN"] == "yes"
    named = [lines[f"AZ_BATCH_{name}"] for name in ("JOB_ID", "TASK_ID", "POOL_ID", "NODE_ID")]
    assert named == [job, "first", "cpu", task.node_info.node_id]
    assert printed(client, job, "first").splitlines()[-1] == lines["AZ_BATCH_TASK_WORKING_DIR"]
    assert printed(client, job, "first", "stderr.txt") == "wrong\n"
    assert printed(client, job, "first", "wd/sub/out.txt") == "kept\n"
    assert not [name for name in lines if name.startswith(("AZURE_CLIENT", "TOOLKIT_"))]
    names = {file.name for file in client.list_task_files(job, "first", recursive=True)}
    assert names == {"stdout.txt", "stderr.txt", "wd", "wd/sub", "wd/sub/out.txt"}
    about = client.get_task_file_properties(job, "first", "wd/sub/out.txt")
    assert (int(about.content_length), str(about.is_directory).lower()) == (5, "false")
    client.delete_task_file(job, "first", "wd/sub/out.txt")
    with pytest.raises(ResourceNotFoundError):
        printed(client, job, "first", "wd/sub/out.txt")


ENDS = [
    ("/bin/sh -c 'exit 7'", {}, 7, "FailureExitCode"),
    ("no-such-program", {}, None, "CommandProgramNotFound"),
    ("./none.sh", {}, None, "CommandProgramNotFound"),
    ("/bin/echo 'open", {}, None, "CommandLaunchFailed"),
    ("/bin/sleep 60", {"max_wall_clock_time": timedelta(seconds=0.3)}, 143, "TaskEnded"),
    ("/bin/echo $HOME", {}, 0, None),  # no shell, no expansion
]


@pytest.mark.parametrize(("command", "constraints", "code", "failure"), ENDS)
def test_how_a_task_ends(
    client: BatchClient, job: str, command: str, constraints: dict[str, Any], code: int | None, failure: str | None
) -> None:
    from azure.batch.models import BatchTaskConstraints

    add(client, job, "t", command, constraints=BatchTaskConstraints(**constraints))
    info = ended(client, job, "t").execution_info
    assert info is not None
    assert info.exit_code == code
    assert (info.failure_info.code if info.failure_info else None) == failure
    assert info.result == ("success" if failure is None else "failure")
    if failure is None:
        assert printed(client, job, "t") == "$HOME\n"


def test_retries_until_it_succeeds(client: BatchClient, job: str) -> None:
    from azure.batch.models import BatchTaskConstraints

    add(
        client, job, "t", "/bin/sh -c 'echo again >> tries; [ $(wc -l < tries) = 3 ]'",
        constraints=BatchTaskConstraints(max_task_retry_count=5),
    )  # fmt: skip
    info = ended(client, job, "t").execution_info
    assert info is not None
    assert (info.exit_code, info.retry_count) == (0, 2)


def test_many_at_once_wait_for_the_nodes_of_the_pool(client: BatchClient, job: str) -> None:
    from azure.batch.models import BatchTaskCreateOptions

    tasks = [BatchTaskCreateOptions(id=f"t{n}", command_line="/bin/true") for n in range(20)]
    made = client.create_tasks(job, [*tasks, BatchTaskCreateOptions(id="wait", command_line="/bin/sleep 30")])
    assert {result.task_id for result in made.result_values or ()} == {*(f"t{n}" for n in range(20)), "wait"}
    assert wait_until(lambda: client.get_job_task_counts(job).task_counts.succeeded == 20, 60)
    counts = client.get_job_task_counts(job).task_counts
    assert (counts.active + counts.running, counts.completed, counts.failed) == (1, 20, 0)
    assert len(list(client.list_tasks(job, filter="state eq 'completed'", max_results=7))) == 20
    client.terminate_task(job, "wait")
    info = ended(client, job, "wait").execution_info
    assert info is not None
    assert info.failure_info is not None
    assert info.failure_info.code == "TaskEnded"
    with pytest.raises(ResourceExistsError, match="already in a completed state"):
        client.terminate_task(job, "wait")
    client.delete_task(job, "t0")
    with pytest.raises(ResourceNotFoundError):
        client.get_task(job, "t0")


def test_a_second_task_waits_while_the_only_node_works(account: Batch, client: BatchClient) -> None:
    account.pool("single", "nodes", nodes=1)
    job = new_job(client, "single", "single")
    add(client, job, "long", "/bin/sh -c 'echo $$; exec sleep 300'")
    started(client, job, "long")
    add(client, job, "short", "/bin/true")
    (node,) = client.list_nodes("single")
    assert (node.state, client.get_task(job, "short").state) == ("running", "active")
    client.terminate_task(job, "long")
    assert ended(client, job, "short").state == "completed"


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_a_job_ends_with_its_tasks(client: BatchClient, job: str) -> None:
    from azure.batch.models import BatchJobUpdateOptions

    add(client, job, "t", "/bin/true")
    ended(client, job, "t")
    assert client.get_job(job).state == "active"
    client.update_job(job, BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))
    done = client.get_job(job)
    assert done.state == "completed"
    assert done.execution_info is not None
    assert done.execution_info.termination_reason == "AllTasksComplete"
    with pytest.raises(ResourceExistsError) as refused:
        add(client, job, "late", "/bin/true")
    assert refused.value.error.code == "JobCompleted"


def test_a_job_without_tasks_that_ends_with_them_has_ended(client: BatchClient) -> None:
    job = new_job(client, "empty", all_tasks_complete_mode="terminatejob")
    assert client.get_job(job).state == "completed"


def test_a_job_manager_ends_its_job(client: BatchClient) -> None:
    from azure.batch.models import BatchJobManagerTask

    manager = BatchJobManagerTask(id="manager", command_line="/bin/echo here")
    job = new_job(client, "managed", job_manager_task=manager)
    assert wait_until(lambda: client.get_job(job).state == "completed", 30)
    assert printed(client, job, "manager") == "here\n"
    info = client.get_job(job).execution_info
    assert info is not None
    assert info.termination_reason == "JMComplete"


def test_disabling_terminating_and_deleting_a_job(client: BatchClient, job: str) -> None:
    from azure.batch.models import BatchJobDisableOptions
    from azure.batch.models._models import BatchJobTerminateOptions  # without any, the client sends no content type

    add(client, job, "long", "/bin/sh -c 'echo $$; exec sleep 300'")
    child = started(client, job, "long")
    client.begin_disable_job(job, BatchJobDisableOptions(disable_tasks="requeue"), polling_interval=0.2).result()
    assert (client.get_job(job).state, client.get_task(job, "long").state) == ("disabled", "active")
    assert wait_until(lambda: start_time(child) is None, 10)
    client.begin_enable_job(job, polling_interval=0.2).result()
    child = started(client, job, "long")
    client.begin_terminate_job(job, BatchJobTerminateOptions(termination_reason="asked"), polling_interval=0.2).result()
    assert wait_until(lambda: client.get_job(job).state == "completed", 10)
    assert ended(client, job, "long").state == "completed"
    assert wait_until(lambda: start_time(child) is None, 10)
    client.begin_delete_job(job, polling_interval=0.2).result()
    with pytest.raises(ResourceNotFoundError):
        client.get_job(job)


def test_a_job_waits_for_a_pool_that_is_not_there(account: Batch, client: BatchClient) -> None:
    job = new_job(client, "early", "later")
    add(client, job, "t", "/bin/true")
    assert client.get_task(job, "t").state == "active"
    account.pool("later")
    assert ended(client, job, "t").state == "completed"


REFUSED = [
    ("/jobs", {"id": "a b", "poolInfo": {"poolId": "cpu"}}, 400, "InvalidPropertyValue"),
    ("/jobs", {"id": "a"}, 400, "MissingRequiredProperty"),
    ("/jobs", {"id": "a", "poolInfo": {"poolId": "cpu"}, "colour": "red"}, 400, "InvalidRequestBody"),
    ("/jobs", {"id": "a", "poolInfo": {"poolId": "cpu"}, "jobPreparationTask": {}}, 501, "SandboxNotModelled"),
    ("/jobs/refused", {}, 501, "SandboxNotModelled"),
    ("/jobs/none/tasks", {"id": "t", "commandLine": "x"}, 404, "JobNotFound"),
    ("/jobs/refused/tasks", {"id": "t"}, 400, "MissingRequiredProperty"),
    ("/jobs/refused/tasks", {"id": "t", "commandLine": "x", "requiredSlots": 2}, 400, "InvalidPropertyValue"),
    ("/jobs/refused/tasks", {"id": "t", "commandLine": "x", "resourceFiles": [{}]}, 400, "InvalidPropertyValue"),
    ("/jobs/refused/tasks", {"id": "t", "commandLine": "x", "dependsOn": {"taskIds": []}}, 501, "SandboxNotModelled"),
]


@pytest.fixture(scope="module")
def plain(account: Batch, client: BatchClient) -> Iterator[httpx.Client]:
    """Requests that no client would send."""
    import ssl

    new_job(client, "refused")
    token = account.sandbox.credential().get_token("https://batch.core.windows.net/.default").token
    verify = ssl.create_default_context(cafile=account.sandbox.ca)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json; odata=minimalmetadata"}
    with httpx.Client(
        base_url=f"https://{account.host}", proxy=account.sandbox.proxy("internet"), verify=verify, headers=headers
    ) as made:
        yield made


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED)
def test_what_is_refused(plain: httpx.Client, path: str, body: dict[str, Any], status: int, code: str) -> None:
    answer = plain.post(path, params={"api-version": "2024-07-01.20.0"}, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_headers_and_versions_that_are_refused(plain: httpx.Client) -> None:
    body = {"id": "a", "poolInfo": {"poolId": "cpu"}}
    wrong = {"content-type": "application/json"}
    answer = plain.post("/jobs", params={"api-version": "2024-07-01.20.0"}, json=body, headers=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidHeaderValue")
    assert plain.get("/jobs").json()["code"] == "MissingRequiredQueryParameter"
    assert plain.get("/jobs", params={"api-version": "latest"}).json()["code"] == "InvalidQueryParameterValue"


# -- files in and out --------------------------------------------------------------------------------------------------


def test_files_in_and_out_with_the_nodes_identity(account: Batch, client: BatchClient, job: str) -> None:
    from azure.batch import models

    account.container("adftrain").upload_blob("in/a.txt", b"a", overwrite=True)
    account.container("adftrain").upload_blob("in/deep/b.txt", b"b", overwrite=True)
    account.container("adfjobs").upload_blob("c.txt", b"c", overwrite=True)
    nodes = models.BatchNodeIdentityReference(resource_id=account.identity_id("nodes"))
    url = f"{account.blob_endpoint}/adftrain"

    def output(pattern: str, path: str, when: str) -> Any:
        target = models.OutputFileBlobContainerDestination(container_url=url, path=path, identity_reference=nodes)
        options = models.OutputFileUploadConfiguration(upload_condition=when)
        destination = models.OutputFileDestination(container=target)
        return models.OutputFile(file_pattern=pattern, destination=destination, upload_options=options)

    add(
        client, job, "t", "/bin/sh -c 'cat one.txt all/in/deep/b.txt c.txt; mkdir out; touch out/x.csv out/y.csv'",
        resource_files=[
            models.ResourceFile(http_url=f"{url}/in/a.txt", file_path="one.txt", identity_reference=nodes),
            models.ResourceFile(
                storage_container_url=url, blob_prefix="in/", file_path="all", identity_reference=nodes
            ),
            models.ResourceFile(auto_storage_container_name="adfjobs"),
        ],
        output_files=[
            output("out/*.csv", "results", "tasksuccess"),
            output("../stdout.txt", "log.txt", "taskcompletion"),
            output("one.txt", "never", "taskfailure"),
        ],
    )  # fmt: skip
    info = ended(client, job, "t").execution_info
    assert info is not None
    assert info.failure_info is None, info.failure_info
    found = {blob.name for blob in account.container("adftrain").list_blobs()} - {"in/a.txt", "in/deep/b.txt"}
    assert {"results/out/x.csv", "results/out/y.csv", "log.txt"} <= found
    assert "never" not in found
    assert account.container("adftrain").download_blob("log.txt").readall() == b"abc"


def test_a_command_fetches_as_its_pools_identity_and_as_no_other(account: Batch, client: BatchClient, job: str) -> None:
    account.container("adftrain").upload_blob("data.txt", b"data", overwrite=True)
    script = (
        "import json,sys,urllib.request as u\n"
        "ask=u.Request('http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01'\n"
        " '&resource=https://storage.azure.com/'+sys.argv[1], headers={'Metadata':'true'})\n"
        "token=json.load(u.urlopen(ask))['access_token']\n"
        "headers={'Authorization':'Bearer '+token,'x-ms-version':'2023-11-03'}\n"
        f"print(u.urlopen(u.Request('{account.blob_endpoint}/adftrain/data.txt',headers=headers)).read().decode())\n"
    )
    add(client, job, "own", f'python3 -c "{script}" ""')
    assert ended(client, job, "own").execution_info.exit_code == 0, printed(client, job, "own", "stderr.txt")
    assert printed(client, job, "own") == "data\n"
    other = account.identity("other")["clientId"]
    add(client, job, "other", f'python3 -c "{script}" "&client_id={other}"')
    assert ended(client, job, "other").execution_info.exit_code == 1
    assert "HTTP Error 400" in printed(client, job, "other", "stderr.txt")


@pytest.mark.parametrize(
    ("container", "identity", "code"),
    [
        ("closed", "nodes", "BlobAccessDenied"),
        ("adftrain", "other", "ManagedIdentityNotFound"),
        ("adftrain", None, "BlobAccessDenied"),
        ("none", "nodes", "BlobAccessDenied"),
    ],
)
def test_files_that_a_task_does_not_get(
    account: Batch, client: BatchClient, job: str, container: str, identity: str | None, code: str
) -> None:
    from azure.batch import models

    reference = models.BatchNodeIdentityReference(resource_id=account.identity_id(identity)) if identity else None
    url = f"{account.blob_endpoint}/{container}/x.txt"
    file = models.ResourceFile(http_url=url, file_path="x.txt", identity_reference=reference)
    add(client, job, "t", "/bin/true", resource_files=[file])
    info = ended(client, job, "t").execution_info
    assert info is not None
    assert info.failure_info is not None
    assert (info.exit_code, info.failure_info.code) == (None, code)


def test_a_signature_with_a_key_that_is_off_is_access_denied(account: Batch, client: BatchClient, job: str) -> None:
    """What Data Factory hands to a task as a resource file: https://github.com/Azure/Azure-DataFactory/issues/526"""
    from azure.batch import models
    from azure.storage.blob import BlobSasPermissions, generate_blob_sas

    account.container("adftrain").upload_blob("signed.txt", b"x", overwrite=True)
    answer = account.rest("POST", f"{account.storage_id}/listKeys", "2023-05-01").json()
    sas = generate_blob_sas(
        account.storage_id.rsplit("/", 1)[-1], "adftrain", "signed.txt", account_key=answer["keys"][0]["value"],
        permission=BlobSasPermissions(read=True), expiry=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    file = models.ResourceFile(http_url=f"{account.blob_endpoint}/adftrain/signed.txt?{sas}", file_path="x.txt")
    add(client, job, "t", "/bin/true", resource_files=[file])
    info = ended(client, job, "t").execution_info
    assert info is not None
    assert info.failure_info is not None
    assert info.failure_info.code == "BlobAccessDenied"
    assert info.failure_info.message == "Access for one of the specified Azure Blob(s) is denied"


# -- doors -------------------------------------------------------------------------------------------------------------


def test_pools_and_nodes_are_shown(client: BatchClient) -> None:
    pool = client.get_pool("cpu")
    assert (pool.enable_auto_scale, pool.task_slots_per_node, pool.vm_size) == (True, 1, "standard_d2s_v3")
    assert "cpu" in {each.id for each in client.list_pools()}
    assert client.pool_exists("cpu")
    with pytest.raises(ResourceNotFoundError):  # its own policy raises before it would answer False
        client.pool_exists("none")
    assert "cpu" in {count.pool_id for count in client.list_pool_node_counts()}


def test_keys_that_are_off_open_nothing(account: Batch) -> None:
    from azure.batch import BatchClient

    key = AzureNamedKeyCredential(account.name, "a2V5")
    with (
        BatchClient(f"https://{account.host}", key, **account.sandbox.options()) as made,
        pytest.raises(HttpResponseError, match="failed to authenticate") as refused,
    ):
        list(made.list_jobs())
    assert refused.value.status_code == 403
    assert "SharedKey is not allowed" in str(refused.value.model.error_values)


def test_roles(account: Batch) -> None:
    """Azure Batch Job Submitter runs tasks, and changes no pool; a reader reads; nobody else does anything."""
    with account.client(account.person("submitter", JOB_SUBMITTER), "vnet") as submitter:
        job = new_job(submitter, "submitted")
        add(submitter, job, "t", "/bin/true")
        assert ended(submitter, job, "t").state == "completed"
        assert submitter.get_pool("cpu").id == "cpu"
    with account.client(account.person("reader", ACCOUNT_READER), "vnet") as reader:
        assert reader.get_job(job).id == job
        with pytest.raises(HttpResponseError, match="batchAccounts/jobs/write") as refused:
            new_job(reader, "refused-by-role")
        assert refused.value.status_code == 403
    with account.client(account.person("stranger"), "vnet") as stranger:
        for read in (lambda: list(stranger.list_jobs()), lambda: list(stranger.list_pools())):
            with pytest.raises(HttpResponseError, match="does not have the required privilege"):
                read()


def test_a_token_for_another_resource_is_refused(account: Batch) -> None:
    scopes = {"credential_scopes": ["https://management.azure.com/.default"]}
    from azure.batch import BatchClient

    with (
        BatchClient(
            f"https://{account.host}", account.sandbox.credential(), **scopes, **account.sandbox.options()
        ) as made,
        pytest.raises(ClientAuthenticationError),
    ):
        list(made.list_jobs())


def test_the_accounts_network_rules(account: Batch, client: BatchClient) -> None:
    def reached(vantage: str) -> bool:
        with account.client(vantage=vantage) as made:
            try:
                list(made.list_jobs())
            except HttpResponseError as error:
                return error.status_code != 403 or "not authorized to perform this operation" not in str(error)
            return True

    address = {"action": "Allow", "value": "203.0.113.10"}
    try:
        account.patch(networkProfile={"accountAccess": {"defaultAction": "Deny", "ipRules": [address]}})
        assert (reached("internet"), reached("vnet")) == (True, False)
        account.patch(networkProfile={"accountAccess": {"defaultAction": "Deny", "ipRules": []}})
        assert (reached("internet"), reached("vnet")) == (False, False)
        account.patch(publicNetworkAccess="Disabled", networkProfile=None)
        assert (reached("internet"), reached("vnet")) == (False, False)
    finally:
        account.patch(publicNetworkAccess="Enabled", networkProfile={"accountAccess": {"defaultAction": "Allow"}})


def test_an_account_that_is_made_again_has_no_jobs(account: Batch, client: BatchClient) -> None:
    new_job(client, "old")
    body = account.rest("GET", account.id, BATCH).json()
    other = account.id + "2"
    account.put(other, BATCH, {"location": "westeurope", "properties": {"autoStorage": None}})
    host = f"{account.name}2.westeurope.batch.azure.com"
    from azure.batch import BatchClient

    with BatchClient(f"https://{host}", account.sandbox.credential(), **account.sandbox.options()) as made:
        new_job(made, "old")
        assert account.rest("DELETE", other, BATCH).is_success
        account.put(other, BATCH, {"location": body["location"], "properties": {"autoStorage": None}})
        assert list(made.list_jobs()) == []


# -- the sandbox's death -----------------------------------------------------------------------------------------------


def test_a_task_in_flight_when_the_sandbox_is_killed_has_failed(account: Batch, client: BatchClient, job: str) -> None:
    from toolkit.sandbox.client import ensure_running

    add(client, job, "long", "/bin/sh -c 'echo $$; exec sleep 300'")
    child = started(client, job, "long")
    root = account.sandbox.connection.environment.project.root
    process = ensure_running(root).process
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not process.alive(), 10)
    ensure_running(root)
    info = ended(client, job, "long").execution_info
    assert info is not None
    assert info.failure_info is not None
    assert "the sandbox ended while the task ran" in str(info.failure_info.message)
    assert wait_until(lambda: start_time(child) is None, 10)
