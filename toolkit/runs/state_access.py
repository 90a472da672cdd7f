"""Who reaches the state account that a bootstrap makes: nobody, before somebody writes an address into env.toml.

Its firewall denies by default. A first run that admits nobody would end before the state is moved, so that this asks
for the operator's address where the data names none, and keeps it where the data is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, ip_network

from toolkit.azure.egress import DOCUMENTATION, NoEgressAddressError, egress_addresses
from toolkit.environment import FILE_NAME, Environment, connect, load_environment
from toolkit.environment.editing import record_list
from toolkit.environment.variables import read_variables, variable_files
from toolkit.errors import UsageError

Find = Callable[[Environment], frozenset[IPv4Address]]
Ask = Callable[[str], bool]


def admit_this_machine(
    environment: Environment, ask: Ask, note: Callable[[str], None], find: Find | None = None
) -> Environment:
    """The environment, whose env.toml now names this machine's addresses where it admitted nobody to the state.

    ``ask`` is put the question whether to record them. Raises UsageError, with the addresses and the fix, when it says
    no, or when none is found.
    """
    if admits_somebody(environment):
        return environment
    where = f"envs/{environment.data_name}/{FILE_NAME}"
    problem = _problem(environment, where)
    try:
        found = sorted((find or addresses_here)(environment))
    except NoEgressAddressError as error:
        raise UsageError(f"{problem}; {error.message}", hint=error.hint) from error
    shown = ", ".join(str(address) for address in found)
    if not ask(f"{problem}. Write {shown}, from where this machine is seen, into its state_ip_rules?"):
        rules = ", ".join(f'"{address}"' for address in found)
        raise UsageError(
            f"{problem}; this machine is seen from {shown}",
            hint=f"state_ip_rules = [{rules}], which `toolkit bootstrap {environment.name} --allow-my-address` writes "
            "there; for a runner in Azure, state_subnet_ids or state_private_endpoint in terraform.tfvars",
        )
    kept = [
        rule for rule in environment.state_ip_rules if not _is_documentation(rule) or not environment.exists_outside
    ]
    record_list(
        environment.folder / FILE_NAME,
        environment.project.root,
        "state_ip_rules",
        list(dict.fromkeys([*kept, *(str(address) for address in found)])),
    )
    note(f"{where}: state_ip_rules admits {shown}; commit it")
    return load_environment(environment.name, environment.project)


def admits_somebody(environment: Environment) -> bool:
    """Whether an address, a subnet or an endpoint is there; the bootstrap's own plan refuses the same."""
    if environment.public_network_access.state == "Disabled" or real_rules(environment):
        return True
    variables: dict[str, object] = {}
    for path in variable_files(environment):
        variables.update(read_variables(path, environment.project.root))
    return bool(variables.get("state_subnet_ids")) or variables.get("state_private_endpoint") not in (None, "null")


def real_rules(environment: Environment) -> list[str]:
    """The rules that admit somebody: on Azure not those for addresses that nobody has."""
    rules: Iterable[str] = environment.state_ip_rules
    return [rule for rule in rules if not environment.exists_outside or not _is_documentation(rule)]


def addresses_here(environment: Environment) -> frozenset[IPv4Address]:
    """Those that are seen of the place where Terraform acts from."""
    return egress_addresses(connect(environment).runner.client_options)


def documentation_rules(environment: Environment) -> list[str]:
    return [rule for rule in environment.state_ip_rules if _is_documentation(rule)]


def _problem(environment: Environment, where: str) -> str:
    if environment.state_ip_rules:
        return f"{where}: state_ip_rules names addresses for documentation only, which nobody has on Azure"
    return f"{where}: nobody may reach the state account"


def _is_documentation(rule: str) -> bool:
    try:
        network = ip_network(rule, strict=False)
    except (ValueError, TypeError):
        return False  # Terraform says what is wrong with it
    return isinstance(network, IPv4Network) and any(network.overlaps(block) for block in DOCUMENTATION)
