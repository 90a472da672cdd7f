"""What an environment's data alone decides: everything that is checked without Azure, a sandbox or a provider."""

from __future__ import annotations

from toolkit.environment import Environment, Operator, environment_names, load_environment
from toolkit.errors import UsageError
from toolkit.terraform.rules import broken_rules
from toolkit.terraform.state import Backend, read_backend
from toolkit.terraform.workspace import ROOTS, check_variables, filled_variables
from toolkit.toolchain.terraform import ensure_terraform

# Who bootstraps need not be said before that.
_NOBODY = Operator("00000000-0000-0000-0000-000000000000", "User")


def check_data(environment: Environment) -> None:
    """Raise UsageError with every problem of the environment's files, each with file and line where it has one."""
    problems: list[str] = []
    for check in (check_state, check_variables, check_rules):
        try:
            check(environment)
        except UsageError as error:
            problems.append(error.message)
            if check is check_variables:
                break  # Terraform would say the same again, or drop what is misspelt
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


def check_rules(environment: Environment) -> None:
    """Raise UsageError for data that the validations of terraform/ or the naming module refuse."""
    operator = environment.operator or _NOBODY
    values = filled_variables(environment, operator, read_backend(environment), schema_validation=True)
    terraform = ensure_terraform().path
    problems = [problem for root in ROOTS for problem in broken_rules(environment, root, values, terraform)]
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))


def _place(backend: Backend) -> tuple[str, str, str]:
    # Names of storage accounts are global: https://learn.microsoft.com/azure/storage/common/storage-account-overview
    return backend.storage_account_name, backend.container_name, backend.key
