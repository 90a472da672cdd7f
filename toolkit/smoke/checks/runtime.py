"""Runtime: the version of the code that jobs run is the one that Azure ML returned and CI published."""

from __future__ import annotations

from toolkit.checks.model import Check, Facts
from toolkit.smoke.context import Context


def code_version(context: Context) -> Facts:
    from toolkit.smoke.runtime.proof import prove

    return prove(context)


def pointer(context: Context) -> Facts:
    from toolkit.smoke.runtime.proof import pointer_stands

    return pointer_stands(context)


_OUTPUTS = (
    "machine_learning_workspace_id",
    "storage_account_name",
    "pointer_storage_blob_endpoint",
    "pointer_container_name",
    "identities",
    "data_factory_id",
    "data_factory_pipelines",
)

CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="runtime-pointer",
        category="runtime",
        title="The pointer that production reads names a version that the workspace has",
        function=pointer,
        outputs=_OUTPUTS,
        controls=("DS-2", "SI-7"),
    ),
    Check(
        id="runtime-code-version",
        category="runtime",
        title="Training and scoring run the code version that Azure ML returned and the pointer names",
        function=code_version,
        outputs=_OUTPUTS,
        feature="computes",
        deadline=3 * 3600,  # two jobs, on nodes that have to be started first
        controls=("DS-2", "SI-7", "SA-10"),
    ),
)
