"""What is between this machine and Azure: its clock, and whether names resolve and hosts answer from each vantage."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import dns.exception
from azure.core.exceptions import AzureError

from toolkit.azure.arm import ARM
from toolkit.azure.denial import classify
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.context import Context
from toolkit.environment import Vantage
from toolkit.smoke.context import resolve

# Entra ID takes tokens and assertions that are up to five minutes off:
# https://learn.microsoft.com/entra/identity-platform/access-tokens (validation, clock skew)
_SKEW_SECONDS = 300
_LOGIN = "https://login.microsoftonline.com"
_HOSTS = (ARM, _LOGIN)


def _clock(context: Context) -> Facts:
    with RestClient(ARM, context.connection.runner) as client:
        before = datetime.now(UTC)
        response = client.send("/")  # any answer has the time
        after = datetime.now(UTC)
    said = response.headers.get("Date")
    if not said:
        raise CheckSkipped("feature:clock", "Azure's answer has no Date to compare with", meant=True)
    theirs = parsedate_to_datetime(said)
    # A date has whole seconds, and was said somewhere between the two moments.
    early, late = (before - theirs).total_seconds() - 1, (after - theirs).total_seconds()
    off = min((early, late), key=abs) if early * late > 0 else 0.0
    facts = {"seconds_ahead": round(off, 1), "azure": theirs.isoformat()}
    if abs(off) > _SKEW_SECONDS:
        raise CheckFailed(
            f"this machine's clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} Azure's: tokens are "
            f"refused from {_SKEW_SECONDS} s on",
            hint="set the clock by the network (timedatectl set-ntp true, or w32tm /resync), then sign in again",
            facts=facts,
        )
    return facts


def _reached(vantage: Vantage, url: str) -> str | None:
    """What is wrong on the way; any answer at all is reached."""
    host = url.removeprefix("https://")
    try:
        addresses = resolve(host, vantage)
    except (dns.exception.DNSException, OSError) as error:
        return f"{host} does not resolve from {vantage.name} ({type(error).__name__})"
    try:
        with RestClient(url, vantage) as client:
            client.send("/")
    except AzureError as error:
        return f"{host} ({', '.join(addresses)}) does not answer from {vantage.name}: {classify(error).cause}"
    return None


def _control_plane(context: Context) -> Facts:
    runner = context.connection.runner
    problems = [problem for url in _HOSTS if (problem := _reached(runner, url))]
    if problems:
        raise CheckFailed(
            "; ".join(problems),
            cause="unreachable",
            hint="let this machine out to them on port 443: the proxy (HTTPS_PROXY, NO_PROXY), the firewall, and the "
            "resolver that this machine uses",
        )
    return {"reached": [url.removeprefix("https://") for url in _HOSTS], "from": runner.name}


def _state(context: Context) -> Facts:
    """From each place that the environment's data names, since Terraform and the checks act from all of them."""
    backend = context.backend
    if context.asked("the state's account", lambda: context.find(backend.account_id)) is None:
        raise CheckSkipped(
            "feature:state", f"the state's account {backend.storage_account_name} is not there yet", meant=True
        )
    runner = context.connection.runner
    if problem := _reached(runner, backend.account_url):
        raise CheckFailed(
            problem,
            cause="unreachable",
            hint="the state's account is reached over its public endpoint (state_ip_rules in "
            f"{context.env_file}) or its private one (state_private_endpoint in {context.data_file}): its name has to "
            "resolve to that one here",
        )
    return {"host": backend.account_url.removeprefix("https://"), "from": runner.name}


CHECKS: tuple[Check[Context], ...] = (
    Check("reach-azure", "surroundings", "Entra ID and Azure Resource Manager are reached from here", _control_plane),
    Check("clock-skew", "surroundings", "This machine's clock agrees with Azure's", _clock, depends=("reach-azure",)),
    Check(
        "reach-state",
        "surroundings",
        "The state's account is reached from here",
        _state,
        depends=("subscription-state",),
    ),
)
