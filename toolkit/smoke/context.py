"""What a check works with: who it acts as and from where, the platform's outputs, and what it must clean up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError

from toolkit.azure.clients import Actor
from toolkit.azure.codes import DNS_SECONDS
from toolkit.azure.credentials import PROBES_NEED, probe_credential, runner_credential
from toolkit.azure.denial import MAY_BE_DNS, Denial, classify
from toolkit.azure.exchanges import Exchanges
from toolkit.azure.second_look import WRITE_RECORD_AGAIN, look_again
from toolkit.azure.tokens import OneToken
from toolkit.checks.model import Check, CheckFailed, CheckSkipped
from toolkit.checks.once import Once
from toolkit.environment import Connection, Environment, Vantage
from toolkit.files import disk_errors
from toolkit.live.meant import Manifest, load_manifest
from toolkit.live.reading import Reader, View
from toolkit.records import Json
from toolkit.smoke.features import FEATURES, feature_of, has
from toolkit.smoke.marks import Marks
from toolkit.smoke.ways import ways_to

# The blobs of a run live below <prefix><UTC time>-<run id>/, so that leftovers of a killed run can be told by age.
BLOB_PREFIX = "toolkit-smoke/"
RESTORE_FIRST = (
    "when somebody deleted it, restore it first (az storage container restore; the portal's deleted containers): "
    "toolkit apply makes an empty one, and a deleted one cannot come back under a name in use"
)
_THERE = "run toolkit smoke on a machine there, with vantages in env.toml naming the place"
# How what a runner cannot prove from where it stands is proven.
_ELSEWHERE = {
    "internet": _THERE,
    "vnet": f"{_THERE} (an agent in a subnet of the platform, or behind its VPN)",
    "adf-managed": "only the factory acts from there: adf-managed-reads-pointers has it run a pipeline",
    "adf-public": "only the factory acts from there",
    "aml-managed": "only the workspace's jobs act from there: toolkit smoke --category runtime runs two",
}
_APPLY = "toolkit apply writes the outputs; `toolkit plan` shows what is missing when it does not help"


class Run:
    """What the checks of one run share: the connection, the outputs, and credentials with their tokens.

    ``stop`` is set when the run is interrupted; ``say`` tells somebody who waits how far a long check is.
    """

    def __init__(
        self,
        connection: Connection,
        outputs: Mapping[str, Any],
        name: str,
        *,
        patience: float = 1,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.connection = connection
        self.outputs = outputs
        self.id = name
        self.patience = patience
        self.say = say
        self.stop = threading.Event()
        self._exchanges: dict[str, Exchanges] = {}
        self._credentials: dict[str, OneToken | None] = {}
        self._lock = threading.Lock()
        self._reader: Reader | None = None
        self._manifest: Manifest | None = None
        self._reading = threading.Lock()
        self.once = Once()
        self._marks = Marks(connection.environment.state_dir / "smoke-runs")
        self._marked = False

    def mark(self) -> None:
        """Note that this run may leave something behind when it is killed. Called before anything is written."""
        with self._lock:
            if not self._marked:
                with disk_errors("the mark of the run"):
                    self._marks.set(self.id)
                self._marked = True

    def dead(self) -> frozenset[str]:
        """Runs that were killed on this machine; what they wrote is nobody's."""
        return self._marks.dead()

    def buried(self, run_ids: frozenset[str]) -> None:
        """Nothing of these runs is left."""
        self._marks.forget(run_ids)

    def manifest(self) -> Manifest:
        """What Terraform's states say that is meant; read once per run."""
        with self._reading:
            if self._manifest is None:
                self._manifest = load_manifest(self.connection)
            return self._manifest

    def view(self, check_id: str) -> View:
        """The control plane for an attempt of a check: what any check has read, but for one that is made again."""
        return self._control_plane().attempt(check_id)

    def anew(self) -> View:
        """The control plane from this moment on."""
        return self._control_plane().now()

    def _control_plane(self) -> Reader:
        runner = self.connection.runner
        credential = self.credential("runner")
        with self._lock:
            if self._reader is None:
                actor = Actor("runner", runner, credential, self.connection.environment.subscription_id)
                self._reader = Reader(actor.arm())
            return self._reader

    def begin_exchanges(self, check_id: str) -> Exchanges:
        """What a new attempt of a check sends and gets; the earlier attempt's is forgotten."""
        self._exchanges[check_id] = Exchanges()
        return self._exchanges[check_id]

    def exchanges(self, check_id: str) -> tuple[Json, ...]:
        """What the last attempt of a check sent and got."""
        found = self._exchanges.get(check_id)
        return found.listed() if found else ()

    @property
    def requests(self) -> int:
        """How often the control plane was asked."""
        return self._reader.requests if self._reader else 0

    @property
    def bodies(self) -> Mapping[str, Any]:
        """What the control plane answered, by method and path."""
        return self._reader.documents() if self._reader else {}

    def credential(self, identity: str) -> TokenCredential | None:
        """Of an identity, which signs in from the runner's own place: a token is good from everywhere.

        Raises CheckSkipped when this runner cannot sign in as ``identity``.
        """
        if identity == "anonymous":
            return None
        with self._lock:
            if identity not in self._credentials:
                made = self._new_credential(identity)
                self._credentials[identity] = OneToken(made) if made else None
            credential = self._credentials[identity]
        if credential is None:
            raise CheckSkipped(f"identity:{identity}", f"cannot sign in as {identity}: {PROBES_NEED}")
        return credential

    def _new_credential(self, identity: str) -> TokenCredential | None:
        place = self.connection.runner
        if identity == "runner":
            return runner_credential(self.connection, place)
        probes = self.outputs.get("probe_identities") or {}
        if identity not in probes:
            raise CheckFailed(
                f"the outputs have no probe identity {identity!r}",
                cause="no-output",
                hint="toolkit bootstrap makes the probe identities; then run toolkit apply",
            )
        return probe_credential(self.connection, probes[identity]["client_id"], place)

    def close(self) -> None:
        """Closes the connections of the credentials and of the control plane."""
        if self._marked:
            self._marks.forget([self.id])
        if self._reader is not None:
            self._reader.close()
        for credential in self._credentials.values():
            if credential is not None:
                credential.close()


@dataclass(slots=True)
class Context:
    """One attempt of one check."""

    run: Run
    check: Check[Context]
    _finalizers: list[Callable[[], object]] = field(default_factory=list)
    _live: View | None = None
    exchanges: Exchanges = field(init=False)

    def __post_init__(self) -> None:
        self.exchanges = self.run.begin_exchanges(self.check.id)

    @property
    def live(self) -> View:
        """The control plane as the runner sees it: read once per run, and anew for a check that is made again."""
        if self._live is None:
            self._live = replace(self.run.view(self.check.id), observe=self.exchanges.add)
        return self._live

    @property
    def environment(self) -> Environment:
        return self.run.connection.environment

    @property
    def actor(self) -> Actor:
        """Who the check's record says, from where it says."""
        return self.at()

    def at(self, vantage: str | None = None, identity: str | None = None) -> Actor:
        """Somebody else, or from elsewhere (the record's by default).

        Raises CheckSkipped, naming the requirement, when this runner cannot act from there or as that.
        """
        place = self.place(vantage or self.check.vantage)
        who = identity or self.check.identity
        credential = self.run.credential(who)  # whose own requests are nobody's business
        return Actor(who, replace(place, observe=self.exchanges.hook), credential, self.environment.subscription_id)

    def runner(self) -> Actor:
        """The runner's own credential at the runner's own place: for reads of the control plane."""
        return self.at(self.run.connection.runner.name, "runner")

    def place(self, name: str | None) -> Vantage:
        connection = self.run.connection
        if name is None:
            return connection.runner
        if name not in connection.vantages:
            have = ", ".join(connection.vantages)
            raise CheckSkipped(
                f"vantage:{name}",
                f"this runner cannot act from {name}: its vantages are {have}; {_ELSEWHERE.get(name, _THERE)}",
            )
        return connection.vantages[name]

    def prepare(self) -> None:
        """Raises CheckSkipped when the environment's data switches off what the check is about, CheckFailed when an
        output is lost, or there although it is switched off.
        """
        if self.check.feature is not None and not self.has(self.check.feature):
            what, where = FEATURES[self.check.feature]
            reason = f"the environment has no {what} ({where} in terraform.tfvars)"
            raise CheckSkipped(f"feature:{self.check.feature}", reason, meant=True)
        for name in self.check.outputs:
            feature = feature_of(name)
            if feature is None or self.has(feature):
                self.output(name)
            elif self.run.outputs.get(name):
                raise CheckFailed(
                    f"the output {name!r} is there, although the environment has no {FEATURES[feature][0]}",
                    cause="extra",
                    hint=_APPLY,
                )

    def has(self, feature: str) -> bool:
        """Whether the environment has one of FEATURES. Raises CheckFailed when its outputs do not say."""
        return has(self.run.outputs, feature)

    def output(self, name: str) -> Any:
        """An output of the platform. Raises CheckFailed when it is lost: missing, or empty."""
        if name not in self.check.outputs:
            raise LookupError(f"{self.check.id} reads the output {name!r}, which its record does not name")
        value = self.run.outputs.get(name)
        if value is None or value == "" or value == {} or value == []:
            raise CheckFailed(f"the platform has no output {name!r}, or an empty one", cause="no-output", hint=_APPLY)
        return value

    def say(self, text: str) -> None:
        """A line of progress, of a check that takes minutes."""
        self.run.say(f"{self.check.id}: {text}")

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises CheckFailed as soon as the run is interrupted, so that the attempt cleans up."""
        if self.run.stop.wait(seconds):
            raise CheckFailed("a wait was cut short", cause="interrupted")

    def defer(self, cleanup: Callable[[], object]) -> None:
        """Call ``cleanup`` when the attempt ends, however it ends; the last one deferred is called first."""
        self._finalizers.append(cleanup)

    def finalize(self) -> list[str]:
        """Clean up; what could not be cleaned up is returned as words, and never hides how the attempt ended."""
        problems = []
        while self._finalizers:
            try:
                self._finalizers.pop()()
            except Exception as error:
                problems.append(f"{type(error).__name__}: {error}".splitlines()[0])
        return problems

    def resolve(self, host: str, vantage: Vantage | None = None) -> list[str]:
        """The addresses of ``host`` as a client there sees them.

        Raises CheckFailed when the name does not resolve, which a new record or link can take a minute to change.
        """
        place = vantage or self.place(self.check.vantage)
        try:
            addresses = resolve(host, place)
            self.exchanges.add("DNS", host, None, ", ".join(addresses))
            return addresses
        except (dns.exception.DNSException, OSError) as error:
            self.exchanges.add("DNS", host, None, type(error).__name__)
            raise CheckFailed(
                f"{host} does not resolve from {place.name} ({type(error).__name__})",
                cause="name-resolution" if place.name == "internet" else "private-dns",
                hint="see that the private DNS zone has the record and is linked to the virtual network (toolkit apply "
                f"makes a lost zone or link again). {WRITE_RECORD_AGAIN}",
                retry_seconds=DNS_SECONDS,
            ) from error

    def explain(self, error: AzureError) -> Denial:
        """Why Azure refused; inside a network, what looks like the network is judged with what DNS answers there and
        with how the private endpoints stand."""
        denial = classify(error)
        response: Any = error.response if isinstance(error, HttpResponseError) else None
        if response is None:
            return denial
        address = urlsplit(response.request.url)
        host = address.hostname or ""
        if denial.code == "ContainerNotFound":
            container = address.path.split("/")[1]
            return replace(denial, cause=f"the container {container} of {host} does not exist", hint=RESTORE_FIRST)
        vantage = self.check.vantage
        if vantage is None or vantage == "internet" or denial.kind not in MAY_BE_DNS:
            return denial
        addresses = None
        if vantage == "vnet":
            try:
                addresses = self.resolve(host)
            except CheckFailed:
                addresses = []
            denial = classify(error, addresses)
        try:
            ways = ways_to(self.live, self.run.outputs, host, vantage)
        except (AzureError, CheckFailed, CheckSkipped):  # who may not look keeps what the service said
            ways = []
        return look_again(denial, host, addresses, ways)


def resolve(host: str, vantage: Vantage) -> list[str]:
    """IPv4 addresses, sorted. The system's resolver answers where the vantage names no DNS server."""
    if vantage.dns_server is None:
        found = socket.getaddrinfo(host, 443, family=socket.AF_INET, type=socket.SOCK_STREAM)
        return sorted({str(item[4][0]) for item in found})
    resolver = dns.resolver.Resolver(configure=False)
    address, port = vantage.dns_server
    resolver.nameservers = [address]
    resolver.port = port
    resolver.lifetime = 5
    return sorted(str(record) for record in resolver.resolve(host, "A", search=False))
