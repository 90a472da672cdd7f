"""Where the runner stands: inside the platform's network or outside, and with which address the world sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dns.exception

from toolkit.azure.denial import is_private
from toolkit.azure.egress import NoEgressAddressError, egress_addresses
from toolkit.environment import Connection
from toolkit.smoke.context import resolve


def standing(connection: Connection, outputs: Mapping[str, Any]) -> dict[str, str]:
    """For the report: ``stands``, as names resolve at the runner's own place. Nothing is judged by it.

    The addresses are asked for outside only: inside, who goes out through a firewall would wait for nothing.
    """
    host = next((one["fqdns"][0] for one in _endpoints(outputs) if one.get("fqdns")), None)
    if host is None:
        return {"stands": "unknown: the outputs name no private endpoint"}
    try:
        addresses = resolve(host, connection.runner)
    except (dns.exception.DNSException, OSError) as error:
        return {"stands": f"unknown: {host} does not resolve here ({type(error).__name__})"}
    if addresses and all(is_private(address) for address in addresses):
        return {"stands": f"inside the platform's network ({host} is {', '.join(addresses)})"}
    try:
        seen = ", ".join(map(str, sorted(egress_addresses(connection.runner.client_options))))
    except NoEgressAddressError:
        seen = "none that anybody could tell"
    return {"stands": f"outside the platform's network ({host} is {', '.join(addresses)}); public address: {seen}"}


def _endpoints(outputs: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = outputs.get("private_endpoints")
    return [one for one in found.values() if isinstance(one, Mapping)] if isinstance(found, Mapping) else []
