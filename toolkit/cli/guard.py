"""``toolkit guard``: which policies there are, what each refuses, and their verdicts on a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import allow_replace_option, complete_environment, environment_argument, json_option
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment
    from toolkit.guard.policies import Policy

FORMATS = ("table", "text", "json", "sarif", "junit", "markdown", "input")


@click.group()
def guard() -> None:
    """Policies over plans: what no plan may do, whoever made it.

    `toolkit plan`, `apply` and `bootstrap` run them by themselves. docs/guard.md says how to add your own.
    """


_env_option = click.option(
    "--env",
    metavar="ENV",
    shell_complete=complete_environment,
    help="With the policies that this environment names in [guard] policies.",
)


@guard.command("list")
@_env_option
@json_option
def list_(env: str | None, as_json: bool) -> None:
    """Which policies there are, and what each protects."""
    from toolkit.guard.report import policies_table

    terminal = Terminal()
    policies = _policies(env)
    if as_json:
        terminal.print_json([_facts(one) for one in policies])
    else:
        terminal.print_table(["policy", "severity", "from", "protects"], policies_table(policies))


@guard.command()
@click.argument("policy")
@_env_option
@json_option
def explain(policy: str, env: str | None, as_json: bool) -> None:
    """What POLICY protects, why, how to comply, and an example that it refuses."""
    from toolkit.errors import UsageError, nearest
    from toolkit.guard.examples import examples, verdict_on

    terminal = Terminal()
    policies = {one.id: one for one in _policies(env)}
    if policy not in policies:
        close = nearest(policy, policies)
        raise UsageError(
            f"there is no policy {policy!r}", hint=f"did you mean {close}?" if close else "toolkit guard list"
        )
    one = policies[policy]
    refused = next(example for example in examples(one) if example.refused)
    said = [finding.what for finding in verdict_on(one, refused).findings]
    if as_json:
        terminal.print_json(
            {**_facts(one), "example": {"what": refused.what, "resources": refused.resources, "said": said}}
        )
        return
    terminal.print(f"{one.id} ({one.severity}): {one.title}")
    for title, text in (("protects", one.protects), ("why", one.why), ("fix", one.fix), ("source", one.source)):
        terminal.print(f"  {title:<9} {text}")
    terminal.print(f"  {'PSRule':<9} {', '.join(one.psrule) or 'no rule of PSRule.Rules.Azure is about this'}")
    terminal.print(f"  {'file':<9} {one.module.shown}")
    terminal.print(f"refuses, for example: {refused.what}")
    import json

    for resource in refused.resources:
        for line in json.dumps(resource, indent=2).splitlines():
            terminal.print(f"  {line}")
    for text in said:
        terminal.print(f"  -> {text}")


@guard.command()
@_env_option
def test(env: str | None) -> int:
    """Try every policy on its examples: what it refuses, and what it lets through."""
    from toolkit.errors import ExitCode
    from toolkit.guard.examples import examples, failures

    terminal = Terminal()
    policies = _policies(env)
    wrong = [failure for one in policies for failure in failures(one)]
    for failure in wrong:
        terminal.print(failure)
    number = sum(len(examples(one)) for one in policies)
    terminal.print(f"{len(policies)} policies, {number} examples: {len(wrong)} not as they say")
    return ExitCode.FAILED if wrong else ExitCode.DONE


@guard.command()
@environment_argument
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--root",
    type=click.Choice(["platform", "bootstrap"]),
    default="platform",
    show_default=True,
    help="Of which root of terraform/ the plan is.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="`input` prints the document that policies see, for other engines of Rego.",
)
@allow_replace_option
def check(env: str, plan: Path, root: str, form: str, allow: tuple[str, ...]) -> int:
    """Hold PLAN, a file that `terraform show -json` wrote, against ENV's policies. Exits 4 when one refuses it.

    \b
      toolkit guard check prod plan.json --format sarif > guard.sarif
    """
    import json

    from toolkit.environment import load_environment
    from toolkit.errors import ExitCode, UsageError
    from toolkit.guard.check import guard_plan
    from toolkit.guard.document import policy_input
    from toolkit.guard.facts import facts_of
    from toolkit.guard.report import FORMATS as WRITERS
    from toolkit.terraform.losses import parse_allowed

    terminal = Terminal()
    environment = load_environment(env)
    allowed = parse_allowed(allow)
    try:
        document = json.loads(plan.read_bytes())
        changes = document["resource_changes"]
    except (OSError, ValueError, KeyError, TypeError):
        changes = None
    if not isinstance(changes, list):
        raise UsageError(
            f"{plan}: is no plan as `terraform show -json PLANFILE` writes it",
            hint=f"toolkit plan {env} runs the guard by itself; its --json is a summary, without what policies look at",
        )
    which: Any = root
    if form == "input":
        given, addresses = policy_input(document, facts_of(environment, which, document), which, allowed)
        terminal.print_json({**given, "addresses": addresses})
        return ExitCode.DONE
    report = guard_plan(environment, document, which, allowed)
    if form == "table":
        print_guard(terminal, report)
    else:
        terminal.print(WRITERS[form](report))
    return ExitCode.DONE if report.passes else ExitCode.REFUSED


def print_guard(terminal: Terminal, report: Any) -> None:
    """The section of a plan: a table of what was found, then one line."""
    from toolkit.guard.check import hint
    from toolkit.guard.report import summary, table, unseen

    if report.findings:
        terminal.print_table(["guard", "policy", "resource", "what"], table(report))
    terminal.print(summary(report))
    if (said := unseen(report)) is not None:
        terminal.print(f"  {said}")
    for waiver in report.unused_waivers:
        terminal.note(f"a waiver that nothing needs any more: {waiver.policy} for {waiver.resource}, of {waiver.owner}")
    for text in dict.fromkeys(hint(one) for one in report.refused):
        terminal.note(f"fix: {text}")


def _policies(env: str | None) -> tuple[Policy, ...]:
    from toolkit.environment import load_environment
    from toolkit.guard.policies import load_policies, policy_folders
    from toolkit.project import find_project

    project = find_project()
    environment: Environment | None = load_environment(env, project) if env else None
    return load_policies(policy_folders(environment, project), project.root)


def _facts(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "title": policy.title,
        "severity": policy.severity,
        "protects": policy.protects,
        "why": policy.why,
        "fix": policy.fix,
        "source": policy.source,
        "psrule": list(policy.psrule),
        "file": policy.module.shown,
    }
