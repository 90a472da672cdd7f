"""Where the runner stands is measured, not believed."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import dns.resolver
import pytest

from tests.unit.smoke.support import connection
from toolkit.azure.egress import NoEgressAddressError
from toolkit.environment import Vantage
from toolkit.smoke import standing as module
from toolkit.smoke.standing import standing

OUTPUTS = {"private_endpoints": {"nodes": {"fqdns": []}, "vault": {"fqdns": ["vault.example"]}}}


@pytest.mark.parametrize(
    ("addresses", "seen", "said"),
    [
        (["10.1.0.4"], None, "inside the platform's network (vault.example is 10.1.0.4)"),
        (
            ["20.1.2.3"],
            ["52.0.0.2", "52.0.0.1"],
            "outside the platform's network (vault.example is 20.1.2.3); public address: 52.0.0.1, 52.0.0.2",
        ),
        (
            ["20.1.2.3"],
            [],
            "outside the platform's network (vault.example is 20.1.2.3); public address: none that anybody could tell",
        ),
    ],
)
def test_it_is_what_names_resolve_to_here(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], seen: list[str] | None, said: str
) -> None:
    def egress(_: Any) -> frozenset[IPv4Address]:
        assert seen is not None, "nobody outside is asked from inside"
        if not seen:
            raise NoEgressAddressError("none")
        return frozenset(map(IPv4Address, seen))

    monkeypatch.setattr(module, "resolve", lambda host, vantage: addresses)
    monkeypatch.setattr(module, "egress_addresses", egress)
    assert standing(connection(), OUTPUTS) == {"stands": said}


def test_what_cannot_be_told_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(host: str, vantage: Vantage) -> list[str]:
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr(module, "resolve", fails)
    assert standing(connection(), OUTPUTS) == {"stands": "unknown: vault.example does not resolve here (NXDOMAIN)"}
    for lost in ({}, {"private_endpoints": None}, {"private_endpoints": {"value": "x"}}):
        assert standing(connection(), lost)["stands"].startswith("unknown: the outputs name no")
