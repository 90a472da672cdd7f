"""The control API: how the toolkit's own commands talk to the daemon, on a loopback port of its own.

Plain http; every request needs the token of the state folder (``control.token``, mode 0600) as a bearer token, so that
another user of the machine can do nothing.

    GET  /status
    POST /subscriptions {subscription_id, tenant_id, display_name}   -> {vantages: {name: {proxy_port, dns_port}}}
                        and core_quotas: {name: cores}, where it was granted others than vm_sizes.py has;
                        standings: {vantage: {addresses, region}}, where its machines stand elsewhere than model.py says
    POST /federation    {subject, claims} or {job}                   -> {request_url, request_token}
    POST /service-connection {connection_id, issuer, subject}        -> {request_uri, access_token}
    POST /ci-runs       {system, where, id, status, attempt}         -> {token}: of a job of its repository or project
    POST /identities    {resource_id}                                -> {identity_endpoint, identity_header}
    POST /profile       {name: instant|realistic|worst, scale}       -> {name, scale}
    POST /faults        {faults: [{kind, url, method, skip, times, retry_after}]}, instead of those before
    GET  /faults                                                     -> {happened: [how often, in their order]}
    POST /clock         {advance: seconds}                           -> {advanced}
    POST /conditions    {subscription_id, conditions: what conditions.py has}, instead of those before
    POST /stop
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.errors import ToolkitError
from toolkit.records import Json
from toolkit.regions import regions
from toolkit.sandbox.chain import Exchange, Next
from toolkit.sandbox.entra.azure_devops import REQUEST_URI, AzureDevOps
from toolkit.sandbox.entra.ci_runs import AZURE_DEVOPS_STATUSES, GITHUB_STATUSES, CiRun, CiRuns
from toolkit.sandbox.entra.directory import EntraDirectory
from toolkit.sandbox.entra.github import GITHUB_REQUEST_URL, GitHubActions, Job, job_of_subject
from toolkit.sandbox.entra.identities import APP_ENDPOINT, ManagedIdentityEndpoints
from toolkit.sandbox.faults import KINDS, Fault
from toolkit.sandbox.model import VANTAGES, Standing
from toolkit.sandbox.propagation import ARRIVAL_SECONDS
from toolkit.sandbox.vm_sizes import QUOTA_NAMES

_LONGEST_ADVANCE = 400 * 86_400


class Daemon(Protocol):
    """What the API may ask of the process that it runs in."""

    def status(self) -> Json: ...

    async def open_subscription(self, subscription_id: str) -> Mapping[str, Mapping[str, int]]: ...

    def set_profile(self, name: str, scale: float) -> None: ...

    async def advance_clock(self, seconds: float) -> None: ...

    def set_conditions(self, subscription_id: str, sent: Json) -> None: ...

    def order_faults(self, faults: Sequence[Fault]) -> None: ...

    def faults_happened(self) -> list[int]: ...

    def request_stop(self) -> None: ...


class BadRequest(Exception):
    """A field of a control request is missing or malformed."""


class ControlApi:
    """The first handler of the chain: answers what arrives on the control port, and passes everything else on."""

    def __init__(
        self,
        daemon: Daemon,
        directory: EntraDirectory,
        github: GitHubActions,
        azure_devops: AzureDevOps,
        identities: ManagedIdentityEndpoints,
        ci_runs: CiRuns,
        token: str,
    ) -> None:
        self._daemon = daemon
        self._directory = directory
        self._github = github
        self._azure_devops = azure_devops
        self._identities = identities
        self._ci_runs = ci_runs
        self._token = token
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Json]]] = {
            ("GET", "/status"): self._status,
            ("POST", "/subscriptions"): self._subscriptions,
            ("POST", "/federation"): self._federation,
            ("POST", "/service-connection"): self._service_connection,
            ("POST", "/ci-runs"): self._write_ci_run,
            ("POST", "/identities"): self._managed_identities,
            ("POST", "/profile"): self._profile,
            ("POST", "/clock"): self._clock,
            ("POST", "/conditions"): self._conditions,
            ("POST", "/faults"): self._order_faults,
            ("GET", "/faults"): self._faults,
            ("POST", "/stop"): self._stop,
        }

    async def __call__(self, exchange: Exchange, following: Next) -> Response:
        if exchange.origin is not None:
            return await following(exchange)
        request = exchange.request
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {self._token}".encode()):
            return _error(
                401, "the control token is missing or wrong", "it is in control.token in the sandbox's state folder"
            )
        route = self._routes.get((request.method, request.scope["path"]))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return _error(404, f"no control request {request.method} {request.scope['path']}", f"known: {known}")
        try:
            return JSONResponse(await route(request))
        except BadRequest as error:
            return _error(400, str(error), None)
        except ToolkitError as error:
            return _error(409, error.message, error.hint)

    async def _status(self, request: Request) -> Json:
        return self._daemon.status()

    async def _subscriptions(self, request: Request) -> Json:
        body = await _body(request)
        subscription_id, tenant_id = _guid(body, "subscription_id"), _guid(body, "tenant_id")
        known = self._directory.tenant_of(subscription_id)
        if known is not None and known != tenant_id:
            raise ToolkitError(
                f"the sandbox knows the subscription {subscription_id} in the tenant {known}, not in {tenant_id}",
                hint="correct the environment's tenant, or forget everything with `toolkit sandbox reset`",
            )
        granted = _core_quotas(body["core_quotas"]) if "core_quotas" in body else None
        standings = _standings(body["standings"]) if "standings" in body else None
        self._directory.add_subscription(subscription_id, tenant_id, _text(body, "display_name"), granted, standings)
        return {"vantages": await self._daemon.open_subscription(subscription_id)}

    async def _federation(self, request: Request) -> Json:
        body = await _body(request)
        if "job" in body:
            token = self._github.open_request(_job(body["job"]))
        else:
            subject = _text(body, "subject")
            token = self._github.open_request(job_of_subject(subject, body.get("claims")), subject)
        return {"request_url": GITHUB_REQUEST_URL, "request_token": token}

    async def _service_connection(self, request: Request) -> Json:
        body = await _body(request)
        connection_id, issuer, subject = (_text(body, name) for name in ("connection_id", "issuer", "subject"))
        if self._azure_devops.key_of(issuer) is None:
            raise BadRequest(f"{issuer} is neither Azure DevOps' issuer nor Entra's")
        token = self._azure_devops.open_request(connection_id, issuer, subject)
        return {"request_uri": REQUEST_URI, "access_token": token}

    async def _write_ci_run(self, request: Request) -> Json:
        body = await _body(request)
        system, where, id_, status = (_text(body, name) for name in ("system", "where", "id", "status"))
        known = {"github": GITHUB_STATUSES, "azure-devops": AZURE_DEVOPS_STATUSES}.get(system, ())
        attempt = body.get("attempt", 1)
        if status not in known or not id_.isdigit() or type(attempt) is not int:
            raise BadRequest(
                "a run has a system (github, azure-devops), a place (owner/name), a number as its id, "
                f"an attempt, and one of these as its status: {', '.join(known)}"
            )
        return {"token": self._ci_runs.write(CiRun(system, where, id_, status, attempt))}

    async def _managed_identities(self, request: Request) -> Json:
        secret = self._identities.open_endpoint(_text(await _body(request), "resource_id"))
        return {"identity_endpoint": APP_ENDPOINT, "identity_header": secret}

    async def _profile(self, request: Request) -> Json:
        body = await _body(request)
        name, scale = _text(body, "name"), body.get("scale")
        if name not in ARRIVAL_SECONDS:
            raise BadRequest(f"name is {name!r}, not one of {', '.join(ARRIVAL_SECONDS)}")
        if not isinstance(scale, int | float) or not 0 <= scale <= 10:
            raise BadRequest("scale is a number from 0 to 10")
        self._daemon.set_profile(name, float(scale))
        return {"name": name, "scale": scale}

    async def _clock(self, request: Request) -> Json:
        seconds = (await _body(request)).get("advance")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST_ADVANCE:
            raise BadRequest(f"advance is a number of seconds from 0 to {_LONGEST_ADVANCE}")
        await self._daemon.advance_clock(float(seconds))
        return {"advanced": seconds}

    async def _conditions(self, request: Request) -> Json:
        body = await _body(request)
        subscription_id, sent = _guid(body, "subscription_id"), body.get("conditions")
        if self._directory.tenant_of(subscription_id) is None:
            raise BadRequest(f"the sandbox does not know the subscription {subscription_id}")
        try:
            self._daemon.set_conditions(subscription_id, dict(sent) if isinstance(sent, dict) else {"?": None})
        except (TypeError, ValueError) as error:
            raise BadRequest(str(error)) from None
        return {}

    async def _order_faults(self, request: Request) -> Json:
        self._daemon.order_faults(_faults((await _body(request)).get("faults")))
        return {}

    async def _faults(self, request: Request) -> Json:
        return {"happened": self._daemon.faults_happened()}

    async def _stop(self, request: Request) -> Json:
        self._daemon.request_stop()
        return {"stopping": True}


async def _body(request: Request) -> Json:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _job(sent: object) -> Job:
    try:
        values = dict(sent) if isinstance(sent, dict) else {}
        return Job(**{**values, "include_claim_keys": tuple(values.get("include_claim_keys", ()))})
    except TypeError:
        raise BadRequest("job is an object with repository, context and what entra/github.py names") from None


def _faults(sent: object) -> list[Fault]:
    try:
        found = [Fault(**said) for said in (sent if isinstance(sent, list) else [{}])]
        for fault in found:
            re.compile(fault.url)
            if fault.kind not in KINDS or any(
                type(count) is not int for count in (fault.skip, fault.times, fault.retry_after)
            ):
                raise ValueError
    except (TypeError, ValueError, re.error):
        kinds = ", ".join(KINDS)
        raise BadRequest(f"faults is a list of objects as faults.py has them; kind is one of {kinds}") from None
    return found


def _core_quotas(sent: object) -> dict[str, int]:
    granted = dict(sent) if isinstance(sent, dict) else {"": 0}
    if any(name not in QUOTA_NAMES or type(cores) is not int for name, cores in granted.items()):
        raise BadRequest(f"core_quotas is an object with cores by {', '.join(QUOTA_NAMES)}")
    return granted


def _standings(sent: object) -> dict[str, Standing]:
    known = {vantage.name for vantage in VANTAGES}
    try:
        found = {name: Standing(**said) for name, said in (sent if isinstance(sent, dict) else {"": {}}).items()}
        wrong = [name for name in found if name not in known]
        for standing in found.values():
            for address in standing.addresses:
                ipaddress.IPv4Address(address)
            if standing.region is not None and standing.region not in regions():
                wrong.append(standing.region)
    except (TypeError, ValueError):
        wrong = ["?"]
    if wrong:
        raise BadRequest(
            f"standings is an object with addresses (IPv4) and region (of Azure) by {', '.join(sorted(known))}"
        )
    return {name: Standing(tuple(standing.addresses), standing.region) for name, standing in found.items()}


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} is missing")
    return value


def _guid(body: Json, name: str) -> str:
    try:
        return str(uuid.UUID(_text(body, name)))
    except ValueError:
        raise BadRequest(f"{name} is not a GUID") from None


def _error(status: int, message: str, hint: str | None) -> Response:
    return JSONResponse({"error": {"message": message, "hint": hint}}, status_code=status)
