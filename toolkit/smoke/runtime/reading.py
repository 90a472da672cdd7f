"""What a run of the factory, its jobs and their logs say of the version: the links of the chain after the pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.adf.runs import ActivityRun, Tree
from toolkit.assets.workspace import Access
from toolkit.errors import ToolkitError
from toolkit.jobs.watching import Job
from toolkit.jobs.watching import job as read_job
from toolkit.jobs.watching import log as read_log
from toolkit.records import Json
from toolkit.smoke.runtime.chain import Chain
from toolkit.smoke.runtime.prove import WORD

PIPELINE = "prove-code-version"
PRODUCTION = "train-and-deploy"
STAGES = ("training", "scoring")


@dataclass(frozen=True, slots=True)
class Known:
    """What every link after the registration has to say: the label NAME:VERSION, and its content's digest."""

    label: str
    id: str
    digest: str
    pointer_url: str
    etag: str


def read_links(chain: Chain, access: Access, tree: Tree, known: Known) -> None:
    """The links of a run that has ended, and of the jobs that it started."""
    _read_pointer(chain, tree, known)
    for stage in STAGES:
        _read_stage(chain, access, tree, stage, known)
    where = f"run {tree.run.id} of {tree.run.pipeline}"
    status = tree.run.status + (f": {tree.run.message}" if tree.run.message else "")
    chain.add("run", status, "Succeeded", where)


def jobs_of(tree: Tree) -> list[str]:
    """The names of the jobs that a run started: of their answers, or else as the pipelines name them."""
    return [name for stage in STAGES if (name := _job_name(_below(tree, stage.title())))]


def _read_pointer(chain: Chain, tree: Tree, known: Known) -> None:
    called, below = _activity(tree, "ReadCodePointer")
    reading, _ = _activity(below, "ReadPointer")
    value: str | None = None
    source = "the web activity ReadPointer did not run"
    if reading is not None:
        output, url = _object(reading.output), str(_object(reading.input).get("url") or "")
        value = label_of(output.get("assetName"), output.get("version"))
        source = f"output of ReadPointer, which read {url}" + _why(reading)
        if value is not None and url != known.pointer_url:
            value = f"{value} of another blob"
        elif value is not None and _etag(output) not in (None, known.etag):
            value = f"{value} of another write ({_etag(output)}, not {known.etag})"
    chain.add("activity", value, known.label, source)
    returned = _object(_object(called.output if called else None).get("pipelineReturnValue"))
    back = label_of(returned.get("name"), returned.get("version"))
    chain.add("returned", back, known.label, "pipelineReturnValue of read-code-pointer")


def _read_stage(chain: Chain, access: Access, tree: Tree, stage: str, known: Known) -> None:
    below = _below(tree, stage.title())
    if below is None:
        for link in ("parameter", "submitted", "job", "log"):
            chain.add(link, None, known.label, f"the pipeline {stage} was not started", stage)
        return
    parameters = below.run.parameters
    given = label_of(parameters.get("code_asset"), parameters.get("code_asset_version"))
    if given is not None and below.run.pipeline != stage:
        given = f"{given} for the pipeline {below.run.pipeline}"
    chain.add("parameter", given, known.label, f"parameters of run {below.run.id} of {below.run.pipeline}", stage)
    sending, _ = _activity(below, "SubmitJob")
    if sending is None:
        chain.add("submitted", None, known.label, "the web activity SubmitJob did not run", stage)
    else:
        sent = _label_of_id(_sent(sending), known)
        chain.add("submitted", sent, known.label, f"what SubmitJob sent{_why(sending)}", stage)
    name = _job_name(below)
    job, why = _job(access, name)
    chain.add("job", _ran(job, known), known.label, f"codeId of job {name}" if job else why, stage)
    printed, source = _logged(access, name if job else None, known)
    chain.add("log", printed, known.label, source, stage)


def _job(access: Access, name: str | None) -> tuple[Job | None, str]:
    if name is None:
        return None, "no job was started"
    try:
        return read_job(access, name), ""
    except ToolkitError as error:
        return None, error.message


def _ran(job: Job | None, known: Known) -> str | None:
    if job is None:
        return None
    value = _label_of_id(job.properties.get("codeId"), known) or "no code"
    if job.status != "Completed":
        return f"{value}, ended {job.status}" + (f": {job.error}" if job.error else "")
    return value


def _logged(access: Access, name: str | None, known: Known) -> tuple[str | None, str]:
    """The content decides: what the job printed is the digest of what it found in its folder."""
    if name is None:
        return None, "there is no job whose log could be read"
    try:
        lines = read_log(access, name).splitlines()
    except ToolkitError as error:
        return None, error.message
    for line in lines:
        if WORD in line:
            try:
                said = _object(json.loads(line.partition(WORD)[2]))
            except ValueError:
                continue
            if said.get("sha256") == known.digest:
                return known.label, f"log of {name}: content {known.digest[:12]}"
            return f"{said.get('marker')} (content {str(said.get('sha256'))[:12]})", f"log of {name}"
    return None, f"log of {name}, in which the proof's code said nothing"


def label_of(name: object, version: object) -> str | None:
    return f"{name}:{version}" if name and version else None


def _label_of_id(code_id: object, known: Known) -> str | None:
    """``NAME:VERSION`` of a code of the platform's workspace; the whole id of another one's."""
    text = str(code_id or "").removeprefix("azureml:")
    if not text:
        return None
    folder = known.id.rpartition("/codes/")[0]
    before, _, code = text.rpartition("/codes/")
    return code.replace("/versions/", ":") if before.casefold() == folder.casefold() else text


def _sent(activity: ActivityRun) -> object:
    body = _object(activity.input).get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return None
    return _object(_object(body).get("properties")).get("codeId")


def _job_name(below: Tree | None) -> str | None:
    sending, _ = _activity(below, "SubmitJob")
    if below is None or sending is None or sending.status != "Succeeded":
        return None
    return str(_object(sending.output).get("name") or f"{below.run.pipeline}-{below.run.id}")


def _below(tree: Tree, name: str) -> Tree | None:
    return _activity(tree, name)[1]


def _activity(tree: Tree | None, name: str) -> tuple[ActivityRun | None, Tree | None]:
    """The last attempt of an activity, and the run that it started."""
    found = [pair for pair in (tree.activities if tree else ()) if pair[0].name == name]
    return found[-1] if found else (None, None)


def _etag(output: Json) -> str | None:
    """Of the blob that was read, where the factory shows the response's headers."""
    headers = _object(output.get("ADFWebActivityResponseHeaders"))
    return next((str(value) for name, value in headers.items() if name.lower() == "etag"), None)


def _why(activity: ActivityRun) -> str:
    message = _object(activity.error).get("message")
    return f": {message}" if message else ""


def _object(value: Any) -> Json:
    return dict(value) if isinstance(value, Mapping) else {}
