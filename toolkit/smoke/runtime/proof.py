"""The proof: code of its own is registered and published, the factory trains and scores with it, all is read back.

docs/adr/0012-the-runtime-proof.md says why it has an asset of its own and a pipeline of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.adf import runs
from toolkit.adf.runs import Place, Tree
from toolkit.assets.publishing import NeverPublished, Pointers
from toolkit.assets.registration import Registration, register
from toolkit.assets.workspace import Access, access
from toolkit.checks.model import CheckFailed, CheckSkipped, Facts
from toolkit.ci.provenance import Provenance
from toolkit.errors import ToolkitError, UsageError
from toolkit.jobs import watching
from toolkit.records import Json
from toolkit.smoke.context import Context
from toolkit.smoke.runtime.chain import Chain, Link
from toolkit.smoke.runtime.code import content_hash, new_folder, new_name, remove_code, sweep, write_code
from toolkit.smoke.runtime.reading import PIPELINE, PRODUCTION, STAGES, Known, jobs_of, label_of, read_links

# A cluster that scales to zero needs minutes for its first node, and the sandbox's first job for its environment's
# packages; two stages run one after the other.
_LONGEST_SECONDS = 3600.0
_SHORTEST_SECONDS = 300.0
_POLL_SECONDS = 30.0
_HINTS = {
    "registered": "toolkit assets register shows what Azure ML returns; the workspace's code is not what was uploaded",
    "pointer": "toolkit assets verify says what is wrong with a pointer; somebody else may write to its container",
    "activity": "the pipeline read-code-pointer reads another blob, or may not read it: toolkit adf show has its error",
    "returned": "the pipeline read-code-pointer returns something else than the pointer's contract fields",
    "parameter": f"{PIPELINE} hands on something else than what read-code-pointer returned",
    "submitted": "the stage's pipeline writes another code than its parameters say into the job",
    "job": "Azure ML ran another code than it was asked for, or the job did not complete: toolkit jobs logs",
    "log": "what ran is not what the job names: the cluster has another content, or another command ran",
    "run": "toolkit adf show has the run's activities and errors",
    "pointer-after": "somebody wrote the proof's pointer while the factory worked with it",
    "production": f"toolkit apply writes {PRODUCTION} again: it hands its stages something else than the proof does",
}


def prove(context: Context) -> Facts:
    """The chain, when every link has the version that Azure ML returned. Raises CheckFailed with the chain as far as
    it was read."""
    chain = Chain()
    try:
        run_id = _read_chain(context, chain)
    except (ToolkitError, CheckFailed) as error:
        said = error.message if isinstance(error, ToolkitError) else error.reason
        if chain.broken:
            raise _broken(chain, chain.broken, after=f"; {said}") from error
        raise CheckFailed(said, hint=error.hint, facts={"chain": chain.facts()}) from error
    if chain.broken:
        raise _broken(chain, chain.broken)
    return {"run": run_id, "chain": chain.facts()}


def _broken(chain: Chain, link: Link, after: str = "") -> CheckFailed:
    return CheckFailed(
        f"the chain breaks at '{link.label}': it has {link.value or 'nothing'}, not {link.expected} "
        f"({link.source}){after}",
        hint=_HINTS[link.name],
        facts={"broken": link.label, "chain": chain.facts()},
    )


def _read_chain(context: Context, chain: Chain) -> str:
    who = acting(context)
    context.defer(lambda: sweep(who))
    name = new_name()
    folder = new_folder()
    context.defer(lambda: shutil.rmtree(folder))
    context.defer(lambda: remove_code(who, name))
    registered, digest = _register(context, chain, who, name, folder)
    label = f"{registered.name}:{registered.version}"
    with Pointers(who, name) as pointers:
        context.say(f"publishing {label}")
        pointers.publish(registered.version, Provenance(context.run.id, None, None))
        published = pointers.show()
        chain.add("pointer", published.pointer.label, label, f"{pointers.where}, written {published.etag}")
        endpoint = str(who.output("pointer_storage_blob_endpoint"))
        known = Known(label, registered.id, digest, f"{endpoint}{pointers.where}", published.etag)
        tree = _run(context, who, name)
        read_links(chain, who, tree, known)
        _read_pointer_again(chain, pointers, known)
    _read_production(context, who, chain)
    return tree.run.id


def pointer_stands(context: Context) -> Facts:
    """The pointer that production's pipeline reads by default: it names a version that the workspace has."""
    who = acting(context)
    pipeline = str(context.output("data_factory_pipelines")[PRODUCTION])
    found = who.resource(pipeline, f"the pipeline {PRODUCTION} cannot be read") or {}
    declared = (found.get("properties") or {}).get("parameters") or {}
    name = str((declared.get("code_asset") or {}).get("defaultValue") or "")
    if not name:
        raise CheckFailed(f"{PRODUCTION} has no code asset of its own", hint=_HINTS["production"])
    chain = Chain()
    with Pointers(who, name) as pointers:
        try:
            label = pointers.show().pointer.label
        except NeverPublished as none:
            raise CheckSkipped("pointer", none.message, meant=True) from none
        except ToolkitError as error:
            chain.add("pointer", None, f"a pointer of {name}", f"{pointers.where}: {error.message}")
            raise CheckFailed(error.message, hint=error.hint, facts={"chain": chain.facts()}) from error
        problems = pointers.problems()
        chain.add("pointer", label, None, pointers.where)
        source = "; ".join(problems) or f"the workspace {who.workspace_name}"
        chain.add("registered", None if problems else label, label, source)
    if problems:
        hint = f"toolkit assets rollback {who.env} {name}, or publish a registered version"
        raise CheckFailed("; ".join(problems), hint=hint, facts={"broken": "registered", "chain": chain.facts()})
    return {"chain": chain.facts()}


def acting(context: Context) -> Access:
    """CI's identity where it can be had, else the runner, inside the network where the runner can be there."""
    outputs = {name: context.output(name) for name in context.check.outputs}
    try:
        return access(context.run.connection, outputs, "ci")
    except UsageError:
        return access(context.run.connection, outputs, "runner")


def _register(context: Context, chain: Chain, who: Access, name: str, folder: Path) -> tuple[Registration, str]:
    """Twice, so that the version that is asked for is another one than the version that Azure ML returns."""
    stamp = name.rsplit("-", 1)[-1]
    first, second = f"{stamp}.1", f"{stamp}.2"
    digest = write_code(folder, f"{name}:{first}")
    register(who, name, folder, version=first, progress=context.say)
    registered = register(who, name, folder, version=second, progress=context.say)
    chain.add("requested", f"{name}:{registered.requested_version}", None, "what was asked for the second time")
    label = f"{registered.name}:{registered.version}"
    found = who.resource(registered.id.removeprefix("azureml:"), f"{label} cannot be read")
    value = label_of(name, found["name"]) if found else None
    if found and (found["properties"].get("properties") or {}).get("hash_sha256") != content_hash(folder):
        value = f"{value} with other content"
    how = "the same content was there: deduplicated" if registered.deduplicated else "new content"
    chain.add("registered", value, label, f"the workspace, as Azure ML returned it; {how}")
    return registered, digest


def _run(context: Context, who: Access, name: str) -> Tree:
    """The run of the factory, once it has ended. Whatever happens it does not go on, nor do its jobs."""
    patience = context.run.patience
    poll = max(1.0, min(_POLL_SECONDS, _POLL_SECONDS * patience))
    limit = max(_SHORTEST_SECONDS, _LONGEST_SECONDS * patience)
    given = [f"code_asset={name}", f"poll_seconds={poll:.0f}"]
    with factory(context) as place:
        run_id = runs.start(place, PIPELINE, given)
        context.defer(lambda: _end(context, who, run_id))
        context.say(f"run {run_id} of {PIPELINE}: {' and '.join(STAGES)} with {name}")
        waited = 0.0
        while runs.read_run(place, run_id).under_way:
            if waited >= limit:
                raise CheckFailed(
                    f"run {run_id} of {PIPELINE} has not ended after {limit:.0f} s, and was cancelled",
                    hint="a job may wait for a node, or the run for another one: toolkit adf show, toolkit jobs show",
                )
            context.pause(poll / 2)
            waited += poll / 2
        return runs.read_tree(place, run_id)


def _end(context: Context, who: Access, run_id: str) -> None:
    """Cancel what goes on. A pipeline that is cancelled leaves the jobs that it started alone."""
    with factory(context) as place:
        runs.cancel(place, run_id)
        tree = runs.read_tree(place, run_id)
    for name in jobs_of(tree):
        if not watching.job(who, name).over:
            watching.cancel(who, name)


@contextmanager
def factory(context: Context) -> Iterator[Place]:
    factory_id = str(context.output("data_factory_id"))
    with context.runner().data_factory() as client:
        yield Place(client, factory_id.split("/")[4], factory_id.split("/")[-1])


def _read_pointer_again(chain: Chain, pointers: Pointers, known: Known) -> None:
    """Somebody who publishes in between changes what the next run does, and takes the ground from under this proof."""
    try:
        now = pointers.show()
        value = now.pointer.label if now.etag == known.etag else f"{now.pointer.label} of another write ({now.etag})"
        source = f"{pointers.where} after the run"
    except ToolkitError as error:
        value, source = None, error.message
    chain.add("pointer-after", value, known.label, source)


def _read_production(context: Context, who: Access, chain: Chain) -> None:
    """That production's pipeline hands its stages what the proof's hands them, as the factory has both now."""
    pipelines = context.output("data_factory_pipelines")
    if PRODUCTION not in pipelines:
        return
    proof, production = (
        _handed_on(who.resource(pipelines[name], f"the pipeline {name} cannot be read") or {})
        for name in (PIPELINE, PRODUCTION)
    )
    _, expected = proof.get(STAGES[0].title(), ("", ""))
    for title, (called, given) in production.items():
        if title == "ReadCodePointer":
            wanted = " ".join(proof.get(title, ("", "")))
            chain.add("production", f"{called} {given}", wanted, f"what {PRODUCTION} runs first")
        else:
            wanted = f"{title.lower()} {expected}"
            chain.add("production", f"{called} {given}", wanted, f"what {PRODUCTION} hands on", title.lower())
    for stage in STAGES:
        if stage.title() not in production:
            chain.add("production", None, f"{stage} {expected}", f"what {PRODUCTION} hands on", stage)


def _handed_on(pipeline: Json) -> dict[str, tuple[str, str]]:
    """For each activity that runs a pipeline: which one, and the expressions of its code_asset and version."""
    found = {}
    for activity in (pipeline.get("properties") or {}).get("activities") or []:
        if activity.get("type") != "ExecutePipeline":
            continue
        properties = activity.get("typeProperties") or {}
        given = properties.get("parameters") or {}
        texts = [f"{name}={_text(given.get(name))}" for name in ("code_asset", "code_asset_version") if name in given]
        called = str((properties.get("pipeline") or {}).get("referenceName"))
        found[str(activity.get("name"))] = (called, " ".join(texts))
    return found


def _text(value: object) -> str:
    return str(value.get("value")) if isinstance(value, dict) else str(value)
