"""A plan that goes from job to job: ``plan --out DIR`` writes it, ``apply --plan DIR`` verifies and applies it.

The plan file may hold sensitive values, so it is written with mode 0600: keep the folder where only the next job can
read it (https://developer.hashicorp.com/terraform/cli/commands/plan#out-filename).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from toolkit.environment import Environment
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.files import disk_errors, write_atomically
from toolkit.records import Json, write_record
from toolkit.terraform.planning import SavedPlan, load_plan
from toolkit.terraform.session import Session
from toolkit.terraform.versions import versions
from toolkit.toolchain.engines import ENGINES, TERRAFORM, engine_of

FORMAT = 2
# No dot in front: uploads of artifacts leave hidden files out (https://github.com/actions/upload-artifact#uploading-hidden-files).
_PLAN, _SUMMARY, _METADATA, _LOCK = "plan.tfplan", "plan.json", "metadata.json", "terraform.lock.hcl"
BUNDLE_FILES = (_PLAN, _SUMMARY, _METADATA, _LOCK)


def write_bundle(session: Session, plan: SavedPlan, folder: Path) -> None:
    """The plan file, its summary, the provider lock file and what the next job verifies. Raises ToolkitError."""
    environment = session.environment
    lock_file = session.folder("platform").lock_file
    if not plan.file.name:
        raise ToolkitError(
            f"{environment.name} was never made: there is no plan to save", hint="leave --out or --store out"
        )
    with disk_errors("the plan's folder"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(lock_file, folder / _LOCK)
        write_atomically(folder / _PLAN, plan.file.read_bytes())
        write_record(folder / _SUMMARY, plan.summary.as_json(), 0o644)
        metadata = {
            "format": FORMAT,
            "environment": environment.name,
            "target": environment.target,
            "tenant_id": environment.tenant_id,
            "subscription_id": environment.subscription_id,
            "destroy": plan.destroy,
            "leases": plan.leases,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(session),
            "plan_sha256": _sha256(folder / _PLAN),
            "lock_file_sha256": _sha256(folder / _LOCK),
        }
        # Last: a bundle whose writing was interrupted has no metadata and is refused.
        write_record(folder / _METADATA, metadata, 0o644)


def read_metadata(folder: Path, environment: Environment) -> Json:
    """Verify what can be verified before anything is touched.

    Raises UsageError for a folder that is no bundle, RefusedError for one that is for something else or was changed.
    """
    try:
        metadata: Json = json.loads((folder / _METADATA).read_text(encoding="utf-8"))
        same_content = metadata["plan_sha256"] == _sha256(folder / _PLAN)
        same_lock = metadata["lock_file_sha256"] == _sha256(folder / _LOCK)
        known_format = metadata["format"] == FORMAT
        differences = [
            f"{what} {metadata[key]}, not {wanted}"
            for key, what, wanted in (
                ("environment", "the environment", environment.name),
                ("target", "the target", environment.target),
                ("tenant_id", "the tenant", environment.tenant_id),
                ("subscription_id", "the subscription", environment.subscription_id),
            )
            if metadata[key] != wanted
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} is not a plan's folder, or not a whole one: {error}",
            hint=f"toolkit plan {environment.name} --out {folder}",
        ) from error
    again = f"toolkit plan {environment.name} --out {folder}"
    if not known_format:
        raise RefusedError(f"the plan in {folder} was written by another version of the toolkit", hint=again)
    if differences:
        raise RefusedError(f"the plan in {folder} was made for {'; for '.join(differences)}", hint=again)
    if not (same_content and same_lock):
        raise RefusedError(f"the plan in {folder} is not the one that was saved: its checksum differs", hint=again)
    if metadata["destroy"]:
        raise RefusedError(
            f"the plan in {folder} destroys {environment.name}",
            hint=f"toolkit destroy {environment.name} plans by itself",
        )
    return metadata


def load_bundle(session: Session, folder: Path, metadata: Json) -> SavedPlan:
    """The plan, for a session that is prepared. Raises RefusedError when it was made with other tools."""
    now = versions(session)
    for name, what in (("terraform", now["engine"]), ("azapi", "the azapi provider")):
        if metadata["versions"][name] != now[name]:
            raise RefusedError(
                f"the plan in {folder} was made with {what} {metadata['versions'][name]}, but this is {now[name]}",
                hint=f"use the same version in both jobs (envs/<env>/{engine_of(session.terraform).lock_file}, "
                "TOOLKIT_TERRAFORM), or plan again here",
            )
    if metadata["versions"]["commit"] != now["commit"]:
        session.observer.note(
            f"the plan was made at commit {metadata['versions']['commit'][:12] or 'unknown'}, this is "
            f"{now['commit'][:12] or 'unknown'}; the plan is applied as it was saved"
        )
    leases = {key: tuple(addresses) for key, addresses in metadata["leases"].items()}
    return load_plan(session, "platform", folder.resolve() / _PLAN, leases)


def check_engine(session: Session, folder: Path, metadata: Json) -> None:
    """Raise RefusedError, before anything is initialised, when the other engine made the plan."""
    made, here = metadata["versions"].get("engine", TERRAFORM.title), engine_of(session.terraform).title
    if made != here:
        program = next((engine.program for engine in ENGINES.values() if engine.title == made), made)
        raise RefusedError(
            f"the plan in {folder} was made with {made} {metadata['versions']['terraform']}, but this is {here} "
            f"{session.terraform.version}: neither applies the other's plans",
            hint=f"apply with {made}, too (TOOLKIT_TERRAFORM={program}, or its path), or plan again here: "
            f"toolkit plan {session.environment.name} --out {folder}",
        )


def use_lock_file(session: Session, folder: Path) -> None:
    """Initialise with the very providers of the plan. Raises RefusedError when this checkout pins others."""
    environment = session.environment
    if environment.provider_may_be_built:
        return  # throw-away there; versions are compared instead, and Terraform compares the lock itself
    kept = session.folder("platform").kept_lock_file
    with disk_errors("the provider lock file"):
        if not kept.is_file():
            shutil.copyfile(folder / _LOCK, kept)
        elif kept.read_bytes() != (folder / _LOCK).read_bytes():
            raise RefusedError(
                f"the plan in {folder} was made with another provider lock file than "
                f"{kept.relative_to(environment.project.root)}",
                hint="apply from the commit that was planned, or plan again: "
                f"toolkit plan {environment.name} --out {folder}",
            )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
