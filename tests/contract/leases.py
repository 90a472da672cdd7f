"""A closed account and a closed vault of the sandbox for leases, with a person's rules in them, and who takes leases.

A module of tests has a place of its own (``a_place``), and every test leaves it as it was (``left_as_it_was``).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.conftest import SandboxForTests
from tests.contract.test_blob_keyvault_dns import LOCATION, Platform
from toolkit.azure.arm import arm_client
from toolkit.azure.pipeline import RestClient
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.leases import Leases
from toolkit.firewall.model import Owner
from toolkit.firewall.probing import Probe
from toolkit.processes import ProcessId

HERE = "203.0.113.10"  # of the vantage internet
PERSONS = {"action": "Allow", "value": "198.51.100.77"}
RANGE = {"action": "Allow", "value": "192.0.2.128/25"}
DETACHED = ProcessId(0, "")
GONE = ProcessId(2**22 - 1, "never")
TTL = timedelta(minutes=30)


class Place:
    """A closed account and a closed vault, with rules of a person's, and who takes leases on them."""

    def __init__(self, sandbox: SandboxForTests, folder: Path, arm: RestClient) -> None:
        self.arm = arm
        self.sandbox = sandbox
        self.folder = folder
        self.platform = platform = Platform(sandbox)
        self.account = f"{platform.group}/providers/Microsoft.Storage/storageAccounts/{platform.account}"
        self.vault = f"{platform.group}/providers/Microsoft.KeyVault/vaults/{platform.vault}"
        self.write_account([PERSONS, RANGE])
        acls = {"defaultAction": "Deny", "bypass": "None", "ipRules": [{"value": "198.51.100.77/32"}]}
        properties = {
            "tenantId": sandbox.tenant_id,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "networkAcls": acls,
        }
        platform.put(self.vault, "2023-07-01", {"location": LOCATION, "properties": properties})

    def write_account(self, rules: list[dict[str, str]], **others: Any) -> None:
        acls = {"defaultAction": "Deny", "bypass": "Logging, Metrics", "ipRules": rules}
        kind = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        body = {"location": LOCATION, **kind, "properties": {"networkAcls": acls, **others}}
        self.platform.put(self.account, "2023-05-01", body)

    @property
    def targets(self) -> list[Target]:
        return [target_of(self.account), target_of(self.vault)]

    def leases(self, client: RestClient | None = None, now: Callable[[], datetime] | None = None) -> Leases:
        connection = self.sandbox.connection
        probe = Probe(connection.vantages["internet"], self.sandbox.credential(), connection.environment.patience)
        return a_lessee(client or self.arm, self.targets, probe, self.folder, now)

    def network(self, id_: str) -> dict[str, Any]:
        acls: dict[str, Any] = self.platform.send("GET", id_, "2023-05-01" if id_ == self.account else "2023-07-01")[
            "properties"
        ]["networkAcls"]
        return acls

    def settings(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.network(self.account), self.network(self.vault)

    def denied(self) -> bool:
        return all(self.leases().probe.refusal(target) is not None for target in self.targets)


def a_lessee(
    client: RestClient,
    targets: list[Target],
    probe: Probe,
    folder: Path,
    now: Callable[[], datetime] | None = None,
    seconds: float = 2.0,
) -> Leases:
    return Leases(
        client, targets, probe, folder, print, name="dev", seconds=seconds, now=now or (lambda: datetime.now(UTC))
    )


@contextmanager
def a_place(sandbox: SandboxForTests, folder: Path) -> Iterator[Place]:
    with arm_client(sandbox.connection, sandbox.credential()) as arm:
        yield Place(sandbox, folder, arm)


@contextmanager
def left_as_it_was(place: Place) -> Iterator[None]:
    """Whatever a test does: the settings are as they were, byte for byte, and the journal is empty."""
    before = place.settings()
    yield
    assert place.settings() == before
    assert place.leases().journal.read() == []
    assert list(place.folder.iterdir()) == []


def me(process: ProcessId = DETACHED, host: str | None = None) -> Owner:
    return Owner("the tests", host or socket.gethostname(), process)


def here() -> frozenset[str]:
    return frozenset({HERE})
