"""A range of private addresses that no environment uses yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from toolkit.environment.model import Environment
from toolkit.environment.variables import read_variables, variable_files
from toolkit.errors import UsageError
from toolkit.project import Project

# https://www.rfc-editor.org/rfc/rfc1918
PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
ADDRESS_SPACE = "address_space"


def used_ranges(project: Project) -> dict[IPv4Network, str]:
    """Every private range that a variable file of envs/ names, by range: the file that names it."""
    found: dict[IPv4Network, str] = {}
    for path in sorted(project.envs_dir.glob("*/terraform.tfvars")):
        shown = path.relative_to(project.root).as_posix()
        try:
            variables = read_variables(path, project.root)
        except UsageError:
            continue  # told when that environment is validated
        for network in _networks(variables):
            found.setdefault(network, shown)
    return found


def free_range(like: IPv4Network, used: Mapping[IPv4Network, str]) -> IPv4Network:
    """The first range of the size of ``like``, after it and in its private block, that overlaps none of ``used``.

    Raises UsageError when the block is full.
    """
    block = next((one for one in PRIVATE if like.subnet_of(one)), None)
    if block is None:
        raise UsageError(f"{like} is no private range, so none is suggested", hint="name one with --address-space")
    step = like.num_addresses
    start, end = int(block.network_address), int(block.broadcast_address)
    first = int(like.network_address)
    for at in (*range(first, end, step), *range(start, first, step)):
        candidate = IPv4Network((at, like.prefixlen))
        if not any(candidate.overlaps(one) for one in used):
            return candidate
    raise UsageError(f"no range of the size /{like.prefixlen} is free in {block}", hint="name one with --address-space")


def address_space(environment: Environment) -> IPv4Network | None:
    """``network.address_space``; None where the network is somebody else's."""
    variables: dict[str, Any] = {}
    for path in variable_files(environment):
        variables.update(read_variables(path, environment.project.root))
    network = variables.get("network")
    said = network.get(ADDRESS_SPACE) if isinstance(network, dict) else None
    return next(_networks(said), None)


def parse_range(text: str, used: Mapping[IPv4Network, str]) -> IPv4Network:
    """What somebody named. Raises UsageError for one that is no private range, or overlaps another environment's."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise UsageError(f"--address-space {text}: {error}", hint="such as 10.44.0.0/20") from None
    if not isinstance(network, IPv4Network) or not any(network.subnet_of(block) for block in PRIVATE):
        raise UsageError(f"--address-space {text} is no private IPv4 range", hint="such as 10.44.0.0/20")
    for other, where in used.items():
        if network.overlaps(other):
            raise UsageError(
                f"--address-space {text} overlaps {other}, which {where} uses",
                hint=_suggestion(network, used),
            )
    return network


def _suggestion(like: IPv4Network, used: Mapping[IPv4Network, str]) -> str:
    try:
        return f"{free_range(like, used)} is free"
    except UsageError as error:
        return error.message


def _networks(value: Any) -> Iterator[IPv4Network]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _networks(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _networks(item)
    elif isinstance(value, str) and "/" in value:
        try:
            network = IPv4Network(value)
        except ValueError:
            return
        if any(network.subnet_of(block) for block in PRIVATE):
            yield network
