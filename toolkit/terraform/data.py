"""What an environment's data alone decides: everything that is checked without Azure, a sandbox or a provider."""

from __future__ import annotations

from toolkit.environment import Environment, environment_names, load_environment
from toolkit.errors import UsageError
from toolkit.terraform.state import Backend, read_backend
from toolkit.terraform.workspace import check_variables


def check_data(environment: Environment) -> None:
    """Raise UsageError with every problem of the environment's files, each with file and line where it has one."""
    problems: list[str] = []
    for check in (check_variables, check_state):
        try:
            check(environment)
        except UsageError as error:
            problems.append(error.message)
    if problems:
        raise UsageError("\n".join(problems))


def check_state(environment: Environment) -> None:
    """Refuse a backend.hcl that leads to the state of another environment, as in a folder that was copied."""
    place = _place(read_backend(environment))
    for name in environment_names(environment.project):
        if name == environment.data_name:
            continue
        try:
            other = read_backend(load_environment(name, environment.project))
        except UsageError:
            continue  # told when that one is validated
        if _place(other) == place:
            shown = f"envs/{environment.data_name}/backend.hcl"
            raise UsageError(
                f"{shown}: storage_account_name, container_name and key are those of envs/{name}/backend.hcl: both "
                "environments would write one state",
                hint=f"toolkit bootstrap {environment.name} says what to write into {shown}",
            )


def _place(backend: Backend) -> tuple[str, str, str]:
    # Names of storage accounts are global: https://learn.microsoft.com/azure/storage/common/storage-account-overview
    return backend.storage_account_name, backend.container_name, backend.key
