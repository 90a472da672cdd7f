"""The last lines of an apply: what to do with what it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.environment import Environment

# The command, and the outputs that it needs: an environment without a factory has no line for one.
_AZ = (
    ("az ml workspace show -g {resource_group_name} -n {machine_learning_workspace_name}", "the workspace"),
    ("az datafactory pipeline list -g {resource_group_name} --factory-name {data_factory_name} -o table", "pipelines"),
    ("az storage blob list --auth-mode login --account-name {storage_account_name} -c smoke -o table", "blobs"),
)


def next_steps(environment: Environment, outputs: Mapping[str, Any], *, proven: bool | None) -> list[str]:
    """Lines for people. ``proven``: whether the smoke tests were green, None when none ran."""
    name = environment.name
    steps: list[tuple[str, str]] = []
    if proven is False:
        steps += [
            (f"toolkit smoke {name} --watch", "again, until it is green: what just changed may not have arrived"),
            (f"toolkit evidence show {name}", "what failed, and what was found"),
        ]
    if proven is None:
        steps.append((f"toolkit smoke {name}", "prove that it works: no smoke tests ran"))
    steps.append((f"toolkit outputs {name}", "ids and names to copy; --format dotenv for a shell"))
    if proven:
        steps.append((f"toolkit smoke {name}", "prove it again at any time"))
    if not environment.exists_outside:
        steps.append(
            (f'eval "$(toolkit sandbox env {name} --vantage vnet)"', "this shell in the platform's network; then")
        )
    for command, what in _AZ:
        try:
            steps.append((command.format_map(outputs), what))
        except KeyError:
            continue
    return ["next:", *(f"  {command}   # {what}" for command, what in steps)]
