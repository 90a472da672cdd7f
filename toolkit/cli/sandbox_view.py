"""What the sandbox holds and was asked, for people: environments instead of subscriptions, names instead of ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.project import Project


def environments_of(project: Project) -> dict[str, str]:
    """The names of the environments, rehearsals included, by the subscription that each has in a sandbox."""
    from toolkit.environment import REHEARSAL_SUFFIX, environment_names, load_environment
    from toolkit.errors import ToolkitError

    found: dict[str, list[str]] = {}
    for name in environment_names(project):
        try:
            environment = load_environment(name, project)
            if environment.exists_outside:
                environment = load_environment(name + REHEARSAL_SUFFIX, project)
        except ToolkitError:  # broken data are no reason to keep the log from anybody
            continue
        found.setdefault(environment.subscription_id, []).append(environment.name)
    return {subscription: ", ".join(names) for subscription, names in found.items()}


def print_status(terminal: Terminal, facts: Mapping[str, Any], environments: Mapping[str, str]) -> None:
    """Ports and resources of each subscription."""
    rows = [
        [environments.get(subscription, "-"), subscription, vantage, str(ports["proxy_port"]), str(ports["dns_port"])]
        for subscription, vantages in facts["subscriptions"].items()
        for vantage, ports in vantages.items()
    ]
    if rows:
        terminal.print_table(["environment", "subscription", "vantage", "proxy port", "dns port"], rows)
    held = [
        [environments.get(subscription, subscription), kind, str(number)]
        for subscription, kinds in facts.get("resources", {}).items()
        for kind, number in kinds.items()
    ]
    if held:
        terminal.print()
        terminal.print_table(["environment", "type", "resources"], held)


def request_lines(lines: Iterable[str], environments: Mapping[str, str]) -> list[str]:
    """A line of the access log each: when, in which environment, who, from where, what, and what came of it."""
    return [_line(line, environments) for line in lines]


def _line(text: str, environments: Mapping[str, str]) -> str:
    try:
        one = json.loads(text)
        when = datetime.fromtimestamp(one["time"], UTC).strftime("%H:%M:%S")
        where = environments.get(one.get("subscription") or "", "-")
        who = f"{one.get('identity') or '-':<20} {one['vantage']:<11}"
        outcome = f"{one['status']} {one['code']}" if one.get("code") else str(one["status"])
        return f"{when} {where:<10} {who} {one['method']:<6} {outcome}  {one['ms']:.0f} ms  {one['url']}"
    except (ValueError, KeyError, TypeError):  # a line that was cut off at the beginning of what was read
        return text
