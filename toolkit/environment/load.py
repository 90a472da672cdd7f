"""An environment by its name, or the rehearsal of one in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from toolkit.environment.dependencies import dependencies, environment_names
from toolkit.environment.file import FILE_NAME, line_of, read_file, read_text, shown_path
from toolkit.environment.model import (
    Environment,
    GuardSettings,
    IgnoredDrift,
    Operator,
    PublicNetworkAccess,
    Waiver,
)
from toolkit.environment.target import TARGETS
from toolkit.errors import UsageError, nearest
from toolkit.files import expand_home
from toolkit.project import Project, find_project

REHEARSAL_SUFFIX = "@sandbox"


def load_environment(name: str, project: Project | None = None) -> Environment:
    """The environment called ``name``, or the rehearsal ``NAME@sandbox`` of one.

    Raises UsageError for an unknown name (with the nearest known one) or a file that does not validate (with the file,
    the key, its line and what is allowed).
    """
    project = project or find_project()
    data_name, rehearsal = name.removesuffix(REHEARSAL_SUFFIX), name.endswith(REHEARSAL_SUFFIX)
    path = project.envs_dir / data_name / FILE_NAME
    known = environment_names(project)
    if "@" in data_name:
        raise UsageError(
            f"unknown environment {name!r}: only {REHEARSAL_SUFFIX} may follow a name",
            hint=f"toolkit env show {data_name.split('@')[0]}{REHEARSAL_SUFFIX}",
        )
    if data_name not in known:
        close = nearest(data_name, known)
        guess = f"did you mean {close}{REHEARSAL_SUFFIX if rehearsal else ''}? " if close else ""
        if data_name in {path.name for path in project.envs_dir.iterdir() if path.is_dir()}:
            raise UsageError(f"{shown_path(path, project)} is missing", hint="copy envs/dev/env.toml there and edit it")
        raise UsageError(
            f"unknown environment {name!r}", hint=f"{guess}known environments: {', '.join(known) or 'none'}"
        )
    data = read_file(path, project)
    target = TARGETS["sandbox" if rehearsal else data.target]
    if data.github_subject and not data.github_repository:
        raise UsageError(
            f"{shown_path(path, project)}: github_subject is there without github_repository",
            hint="name the repository too: toolkit bootstrap prints its commands with it",
        )
    depends_on = dependencies(data_name, data.depends_on, project)
    return Environment(
        project=project,
        name=name if data.target == "azure" else data_name,
        data_name=data_name,
        target=target.name,
        tenant_id=data.tenant,
        subscription_id=data.subscription,
        location=data.location,
        credential=target.credential or data.credential,
        client_id=None if target.credential else data.client_id,
        operator=Operator(data.operator.object_id, data.operator.type) if data.operator else None,
        github_repository=data.github_repository,
        github_subject_template=data.github_subject,
        vantages=_joined(data.vantages, target.further_vantages),
        protected=data.protected,
        depends_on=depends_on,
        preflight=data.preflight,
        provider_mirror=expand_home(data.provider_mirror) if data.provider_mirror else None,
        public_network_access=PublicNetworkAccess(**data.public_network_access.model_dump()),
        state_ip_rules=data.state_ip_rules,
        allow_warnings=data.smoke.allow_warnings,
        allowed_smoke_skips=data.smoke.allowed_skips,
        allowed_extras=data.smoke.allowed_extras,
        ignored_drift=tuple(IgnoredDrift(one.what, one.reason, one.expires) for one in data.drift.ignore),
        sandbox_core_quotas=data.sandbox.core_quotas,
        sandbox_standings={name: said.model_dump() for name, said in data.sandbox.vantages.items()},
        guard=_guard(data, project, path),
        alert_receiver_required=TARGETS[data.target].exists_outside,
    )


def _guard(data: Any, project: Project, path: Path) -> GuardSettings:
    """Raises UsageError for a folder of policies that is not there: what nobody reads refuses nothing."""
    said = data.guard
    folder = project.root / said.policies if said.policies else None
    if folder is not None and not folder.is_dir():
        shown = shown_path(path, project)
        line = line_of(read_text(path, project.root), ["guard", "policies"])
        raise UsageError(
            f"{shown}:{line}: guard.policies {said.policies!r} is no folder of the project",
            hint="docs/guard.md says what is in it; envs/policies is read for every environment, without being named",
        )
    waivers = tuple(Waiver(**one.model_dump()) for one in said.waivers)
    return GuardSettings(said.allowed_locations, dict(said.allowed_skus), folder, waivers)


def _joined(declared: Iterable[str], further: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*declared, *further)))
