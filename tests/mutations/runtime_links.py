"""Ways of breaking a link between the registration of code and the job that runs it, with the link that must be named.

What is broken is broken in the live sandbox: definitions of the factory, blobs, roles. Where it has to happen at a
moment of the proof (between a publish and a read), a step of the proof is wrapped.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.smoke_platform import Platform
from toolkit.adf.runs import Place, read_tree
from toolkit.assets.publishing import Pointers
from toolkit.assets.registration import Registration
from toolkit.assets.workspace import Access, access
from toolkit.azure.api_versions import api_version
from toolkit.azure.clients import Actor
from toolkit.checks.model import CheckResult
from toolkit.records import Json
from toolkit.smoke.registry import select
from toolkit.smoke.run import run
from toolkit.smoke.runtime import proof
from toolkit.smoke.runtime.code import PREFIX
from toolkit.waiting import wait_until

CHECK = "runtime-code-version"
POINTER_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
PER_STAGE = ("parameter", "submitted", "job", "log")
Activities = list[Json]


def prove(platform: Platform) -> CheckResult:
    (result,) = run(platform.connection, platform.outputs, select(ids=[CHECK]), patience=0).results
    return result


def ci(platform: Platform) -> Access:
    return access(platform.connection, platform.outputs, "ci")


def left_behind(platform: Platform) -> list[str]:
    """Names of the proofs' code and pointers."""
    who = ci(platform)
    codes = f"{who.workspace_id}/codes"
    names = [one["name"] for one in platform.call("GET", codes, api_version(codes))["value"]]
    with as_actor(who).blobs(platform.outputs["pointer_storage_blob_endpoint"]) as service:
        container = service.get_container_client(platform.outputs["pointer_container_name"])
        names += [blob.name for blob in container.list_blobs(name_starts_with=f"code-assets/{PREFIX}")]
    return [name for name in names if PREFIX in name]


def as_actor(who: Access) -> Actor:
    return Actor(who.who, who.vantage, who.credential, who.subscription_id)


# -- the factory's definitions -----------------------------------------------------------------------------------------


def pipeline(platform: Platform, name: str, edit: Callable[[Activities], object]) -> AbstractContextManager[None]:
    """A pipeline with its activities edited, as somebody would in the studio."""
    resource_id = platform.outputs["data_factory_pipelines"][name]
    activities = platform.call("GET", resource_id, api_version(resource_id))["properties"]["activities"]
    edit(activities)
    return platform.changed(resource_id, {"properties.activities": activities})


def named(activities: Activities, name: str) -> Json:
    (found,) = [one for one in activities if one["name"] == name]
    properties: Json = found["typeProperties"]
    return properties


@contextmanager
def no_retries(platform: Platform) -> Iterator[None]:
    """What a mutation lets fail fails at once, and not after the minute in which web activities try again."""

    def edit(activities: Activities) -> None:
        for one in activities:
            if "policy" in one:
                one["policy"]["retry"] = 0

    with ExitStack() as stack:
        for name in ("read-code-pointer", "training", "scoring"):
            stack.enter_context(pipeline(platform, name, edit))
        yield


def hands_on(platform: Platform, name: str, stage: str, **parameters: Any) -> AbstractContextManager[None]:
    """An orchestration gives a stage other parameters; None: not at all."""

    def edit(activities: Activities) -> None:
        given = named(activities, stage)["parameters"]
        for parameter, value in parameters.items():
            given.pop(parameter)
            if value is not None:
                given[parameter] = value

    return pipeline(platform, name, edit)


def returns(platform: Platform, key: str, content: str) -> AbstractContextManager[None]:
    def edit(activities: Activities) -> None:
        for one in named(activities, "ReturnVersion")["value"]:
            if one["key"] == key:
                one["value"] = {"type": "Expression", "content": content}

    return pipeline(platform, "read-code-pointer", edit)


def sends(platform: Platform, stage: str, change: Callable[[Json], object]) -> AbstractContextManager[None]:
    """A stage's pipeline sends another job."""

    def edit(activities: Activities) -> None:
        body = named(activities, "SubmitJob")["body"]
        job = json.loads(body["value"])
        change(job["properties"])
        body["value"] = json.dumps(job)

    return pipeline(platform, stage, edit)


def reads_elsewhere(platform: Platform) -> AbstractContextManager[None]:
    publish_decoy(platform)

    def edit(activities: Activities) -> None:
        url = named(activities, "ReadPointer")["url"]
        url["value"] = url["value"].replace("@{pipeline().parameters.code_asset}", DECOY)

    return pipeline(platform, "read-code-pointer", edit)


def starts_no_job(platform: Platform) -> AbstractContextManager[None]:
    idle = {"name": "Nothing", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}}

    def edit(activities: Activities) -> None:
        activities[:] = [idle]

    return pipeline(platform, "training", edit)


def does_not_score(platform: Platform) -> AbstractContextManager[None]:
    def edit(activities: Activities) -> None:
        activities[:] = [one for one in activities if one["name"] != "Scoring"]

    return pipeline(platform, "prove-code-version", edit)


def trains_instead(platform: Platform) -> AbstractContextManager[None]:
    def edit(activities: Activities) -> None:
        named(activities, "Scoring")["pipeline"]["referenceName"] = "training"

    return pipeline(platform, "prove-code-version", edit)


def fails_at_the_end(platform: Platform) -> AbstractContextManager[None]:
    after = [{"activity": "Scoring", "dependencyConditions": ["Succeeded"]}]
    fail = {"message": "for no reason", "errorCode": "None"}

    def edit(activities: Activities) -> None:
        activities.append({"name": "Late", "type": "Fail", "dependsOn": after, "typeProperties": fail})

    return pipeline(platform, "prove-code-version", edit)


def reuses_a_job(platform: Platform) -> AbstractContextManager[None]:
    """What is sent is right, and goes to a job that another run has started, as everything that looks at it does."""
    name = decoy_job(platform)

    def edit(activities: Activities) -> None:
        theirs = json.dumps(activities).replace("@{pipeline().Pipeline}-@{pipeline().RunId}", name)
        activities[:] = json.loads(theirs)

    return pipeline(platform, "training", edit)


def factory_may_not_read(platform: Platform) -> AbstractContextManager[None]:
    return platform.revoked(platform.outputs["data_factory_principal_id"], POINTER_READER)


# -- moments of the proof ----------------------------------------------------------------------------------------------


@contextmanager
def wrapped(owner: Any, name: str, wrap: Callable[..., Any]) -> Iterator[None]:
    """A function is called through ``wrap``, which gets it before its arguments."""
    original = getattr(owner, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, lambda *given, **more: wrap(original, *given, **more))
        yield


def point_at(platform: Platform, asset: str, version: str) -> None:
    """Over whatever the pointer says, without asking anybody."""
    who = ci(platform)
    with as_actor(who).blobs(platform.outputs["pointer_storage_blob_endpoint"]) as service:
        container = service.get_container_client(platform.outputs["pointer_container_name"])
        blob = container.get_blob_client(f"code-assets/{asset}/latest.json")
        document = {
            "schemaVersion": 1,
            "assetName": asset,
            "version": version,
            "workspaceName": who.workspace_name,
            "resourceGroup": who.resource_group,
            "subscriptionId": who.subscription_id,
        }
        blob.upload_blob(json.dumps(document), overwrite=True)


def another_answer(platform: Platform) -> AbstractContextManager[None]:
    """The second registration is deduplicated, and the version that was asked for is taken for the one registered."""

    def wrap(register: Callable[..., Registration], who: Access, name: str, *given: Any, **more: Any) -> Registration:
        made = register(who, name, *given, **more)
        asked = made.requested_version
        return replace(made, version=asked, id=f"{who.workspace_id}/codes/{name}/versions/{asked}")

    return wrapped(proof, "register", wrap)


def another_content(platform: Platform) -> AbstractContextManager[None]:
    """What is registered is not what was staged: a file changed on the way."""

    def wrap(register: Callable[..., Registration], who: Access, name: str, folder: Any, **more: Any) -> Registration:
        with (folder / "prove.py").open("a") as file:
            file.write("# changed\n")
        return register(who, name, folder, **more)

    return wrapped(proof, "register", wrap)


def publishes_what_was_asked_for(platform: Platform) -> AbstractContextManager[None]:
    def wrap(publish: Callable[..., Any], pointers: Pointers, version: str, *given: Any) -> Any:
        publish(pointers, version, *given)
        point_at(platform, pointers.name, version.replace(".1", ".2"))

    return wrapped(Pointers, "publish", wrap)


def replaced_before_it_is_read(platform: Platform) -> AbstractContextManager[None]:
    def wrap(start: Callable[..., str], place: Place, name: str, given: list[str]) -> str:
        point_at(platform, given[0].partition("=")[2], "7")
        return start(place, name, given)

    return wrapped(proof.runs, "start", wrap)


def rewritten_before_it_is_read(platform: Platform) -> AbstractContextManager[None]:
    """With the same version: the blob is another write all the same."""

    def wrap(start: Callable[..., str], place: Place, name: str, given: list[str]) -> str:
        asset = given[0].partition("=")[2]
        point_at(platform, asset, f"{asset.rsplit('-', 1)[-1]}.1")
        return start(place, name, given)

    return wrapped(proof.runs, "start", wrap)


def replaced_after_it_was_read(platform: Platform) -> AbstractContextManager[None]:
    def wrap(start: Callable[..., str], place: Place, name: str, given: list[str]) -> str:
        run_id = start(place, name, given)

        def read() -> bool:
            done = [one.name for one, _ in read_tree(place, run_id).activities if one.status == "Succeeded"]
            return "ReadCodePointer" in done

        assert wait_until(read, 30)
        point_at(platform, given[0].partition("=")[2], "7")
        return run_id

    return wrapped(proof.runs, "start", wrap)


def replaced_on_the_way_to_the_node(platform: Platform) -> AbstractContextManager[None]:
    """Somebody with a data role changes what Azure ML has stored: no version and no id shows it."""

    def wrap(start: Callable[..., str], place: Place, name: str, given: list[str]) -> str:
        who, asset = ci(platform), given[0].partition("=")[2]
        version = f"{who.workspace_id}/codes/{asset}/versions/{asset.rsplit('-', 1)[-1]}.1"
        uri = platform.call("GET", version, api_version(version))["properties"]["codeUri"]
        host, _, path = uri.removeprefix("https://").partition("/")
        container, _, folder = path.partition("/")
        with as_actor(who).blobs(f"https://{host.partition(':')[0]}") as service:
            blob = service.get_blob_client(container, f"{folder.rstrip('/')}/prove.py")
            blob.upload_blob(blob.download_blob().readall() + b"# changed\n", overwrite=True)
        return start(place, name, given)

    return wrapped(proof.runs, "start", wrap)


# -- code that is none of the proof's ----------------------------------------------------------------------------------

DECOY = "decoy-code"


def decoy_code(platform: Platform) -> str:
    """A registered version of other code; its id."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from toolkit.assets.registration import register

    with TemporaryDirectory() as folder:
        (Path(folder) / "prove.py").write_text("print('this is the decoy')\n")
        return register(ci(platform), DECOY, Path(folder), version="1").id.removeprefix("azureml:")


def publish_decoy(platform: Platform) -> None:
    decoy_code(platform)
    point_at(platform, DECOY, "1")


def decoy_job(platform: Platform) -> str:
    """A job that ran other code; its name."""
    workspace, name = platform.outputs["machine_learning_workspace_id"], f"decoy-{uuid.uuid4().hex[:8]}"
    environment = next(iter(platform.outputs["machine_learning_environments"].values()))
    compute = next(iter(platform.outputs["machine_learning_computes"]))
    properties = {
        "jobType": "Command",
        "command": "python prove.py",
        "codeId": decoy_code(platform),
        "environmentId": environment,
        "computeId": f"{workspace}/computes/{compute}",
    }
    job, version = f"{workspace}/jobs/{name}", api_version(f"{workspace}/jobs/{name}")
    platform.call("PUT", job, version, {"properties": properties})
    assert wait_until(lambda: platform.call("GET", job, version)["properties"]["status"] == "Completed", 30)
    return name


def with_decoy(properties: Json, platform: Platform) -> None:
    properties["codeId"] = decoy_code(platform)


LIAR = """python -c "print('toolkit-runtime-proof {}')\""""
HAND = "@activity('ReadCodePointer').output.pipelineReturnValue"

# what breaks -> (how, the first link that must differ)
MUTATIONS: dict[str, tuple[Callable[[Platform], AbstractContextManager[None]], str]] = {
    "the version that was asked for is taken for the registered one": (another_answer, "registered"),
    "the content changes between two registrations": (another_content, "training log"),
    "the version that was asked for is published": (publishes_what_was_asked_for, "pointer"),
    "the pointer is replaced before the factory reads it": (replaced_before_it_is_read, "activity"),
    "the pointer is written again before the factory reads it": (rewritten_before_it_is_read, "activity"),
    "the pointer is replaced after the factory has read it": (replaced_after_it_was_read, "pointer-after"),
    "the factory reads another pointer": (reads_elsewhere, "activity"),
    "the factory may not read pointers": (factory_may_not_read, "activity"),
    "the pipeline reads a provenance field": (
        lambda p: returns(p, "version", "@activity('ReadPointer').output.buildId"),
        "returned",
    ),
    "the pipeline returns a version of its own": (lambda p: returns(p, "version", "7"), "returned"),
    "the pipeline returns another asset": (lambda p: returns(p, "name", DECOY), "returned"),
    "the version is not handed on": (
        lambda p: hands_on(p, "prove-code-version", "Training", code_asset_version=None),
        "training parameter",
    ),
    "the orchestration hard-codes a version": (
        lambda p: hands_on(p, "prove-code-version", "Training", code_asset_version="7"),
        "training parameter",
    ),
    "scoring gets another version": (
        lambda p: hands_on(p, "prove-code-version", "Scoring", code_asset=DECOY, code_asset_version="1"),
        "scoring parameter",
    ),
    "nothing is scored": (does_not_score, "scoring parameter"),
    "scoring trains": (trains_instead, "scoring parameter"),
    "training hard-codes its code": (
        lambda p: sends(p, "training", lambda job: with_decoy(job, p)),
        "training submitted",
    ),
    "scoring hard-codes its code": (lambda p: sends(p, "scoring", lambda job: with_decoy(job, p)), "scoring submitted"),
    "no job is started": (starts_no_job, "training submitted"),
    "the job was started by somebody else, with other code": (reuses_a_job, "training job"),
    "the job fails": (lambda p: sends(p, "training", lambda job: job.update(command="exit 3")), "training job"),
    "other code runs": (lambda p: sends(p, "training", lambda job: job.update(command="echo trained")), "training log"),
    "other code runs and says that it is this one": (
        lambda p: sends(p, "scoring", lambda job: job.update(command=LIAR)),
        "scoring log",
    ),
    "what is stored is changed before the job loads it": (replaced_on_the_way_to_the_node, "training log"),
    "the run fails although the jobs did their work": (fails_at_the_end, "run"),
    "production's pipeline hard-codes a version": (
        lambda p: hands_on(p, "train-and-deploy", "Training", code_asset_version="7"),
        "training production",
    ),
    "production deploys another version": (
        lambda p: hands_on(p, "train-and-deploy", "Deployment", code_asset_version="7"),
        "deployment production",
    ),
    "production reads another asset's pointer": (
        lambda p: hands_on(p, "train-and-deploy", "ReadCodePointer", code_asset=DECOY),
        "production",
    ),
}

# One of each kind, for every run of the tests: a definition, a parameter, what only the log can tell.
SAMPLE = (
    "the pipeline reads a provenance field",
    "the version is not handed on",
    "what is stored is changed before the job loads it",
)


def assert_red(platform: Platform, name: str) -> None:
    """The link is named, the whole chain is among the facts, and nothing of the proof stays."""
    mutate, link = MUTATIONS[name]
    with mutate(platform):
        result = prove(platform)
    assert result.outcome == "FAIL", result.facts
    chain = result.facts["chain"]
    assert result.facts.get("broken") == link, (result.reason, chain)
    assert f"'{link}'" in result.reason
    assert result.hint
    assert [one["link"] for one in chain][:2] == ["requested", "registered"]
    if link != "registered":  # what is not there is not published, and nothing is run
        assert {one["link"] for one in chain} >= {"pointer", "activity", "returned", *PER_STAGE, "run", "pointer-after"}
        assert {one["stage"] for one in chain if one["link"] in PER_STAGE} == {"training", "scoring"}
    assert left_behind(platform) == []
