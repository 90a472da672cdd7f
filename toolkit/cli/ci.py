"""``toolkit ci``: what jobs of GitHub Actions and Azure Pipelines need beside the verbs."""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.options import json_option
from toolkit.cli.terminal import Terminal


@click.group()
def ci() -> None:
    """What jobs of GitHub Actions and Azure Pipelines need beside the verbs."""


@ci.command()
@click.option(
    "--key",
    required=True,
    metavar="KEY",
    help="What the comment is about, such as plan-dev: the comment that an earlier run made about it is updated.",
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@json_option
def comment(key: str, files: tuple[Path, ...], as_json: bool) -> int:
    """Write Markdown files as one comment on the pull request of this job.

    There is one comment for each KEY, which the next run updates. What does not fit (65,536 characters) is cut at a
    line's end, with the address of the run, whose summary has all of it. The job's token writes: GITHUB_TOKEN with
    pull-requests: write, or SYSTEM_ACCESSTOKEN of a build service that may contribute to pull requests.

    \b
      toolkit plan dev --no-lock --markdown plan.md; toolkit ci comment --key plan-dev plan.md
    """
    import os

    from toolkit.ci.runs import run_of
    from toolkit.environment import Vantage
    from toolkit.pull_requests.comments import write_comment
    from toolkit.pull_requests.fitting import fitted
    from toolkit.pull_requests.model import pull_request_of

    request = pull_request_of(os.environ)
    run = run_of(os.environ)
    more = f"All of it is in the summary of [the run]({run.url})." if run else "All of it is in the run's summary."
    body = fitted(key, "\n".join(path.read_text(encoding="utf-8").strip() + "\n" for path in files), more)
    here = Vantage("runner", dict(os.environ))
    written = write_comment(request, key, body, here, os.environ)
    terminal = Terminal()
    if as_json:
        terminal.print_json({"comment": written.done, "url": written.url})
    else:
        terminal.print(f"{written.done} {written.url}")
    return 0
