"""What stands between a plan and the question whether to go on: it is shown, and what must not happen is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from toolkit.cli.plan_view import print_plan
from toolkit.cli.progress import no_changes
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.guard.engine import Report
    from toolkit.guard.policies import Policy
    from toolkit.terraform.planning import SavedPlan
    from toolkit.terraform.session import Session


def review(
    session: Session,
    saved: SavedPlan,
    terminal: Terminal,
    *,
    allowed: Mapping[str, str],
    policies: Sequence[Policy],
    as_json: bool,
) -> Report:
    """What the guard says of the plan. Raises RefusedError for a loss that is not in ``allowed``, and for what a policy
    refuses."""
    from toolkit.guard.check import guard_plan, refuse
    from toolkit.guard.report import summary as guard_line
    from toolkit.terraform.applying import check_losses

    environment, summary = session.environment, saved.summary
    if summary.empty:
        if not as_json:
            terminal.print(no_changes(environment, summary))
    else:
        if not as_json:
            print_plan(terminal, summary, every=environment.needs_confirmation)
        terminal.progress(f"{environment.name}: {summary.sentence}")
        check_losses(session, saved, "platform", allowed)
    report = guard_plan(environment, saved.document, allowed=allowed, summary=summary, policies=policies)
    terminal.progress(guard_line(report))
    refuse(report)
    return report
