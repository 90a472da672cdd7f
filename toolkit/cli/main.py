"""The ``toolkit`` command: one literal table of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from toolkit import __version__
from toolkit.cli.ci_log import annotate
from toolkit.cli.streams import give_up_stdout, take_streams
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, ToolkitError, nearest
from toolkit.files import machine_error

# name -> (module, attribute, one line for --help). Imported only when used: --help answers without any SDK.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "env": ("toolkit.cli.env", "env", "List, show and validate environments."),
    "bootstrap": ("toolkit.cli.bootstrap", "bootstrap", "Make the state account, the CI identity and what they need."),
    "plan": ("toolkit.cli.plan", "plan", "Show what apply would change, and save the plan."),
    "guard": ("toolkit.cli.guard", "guard", "Policies over plans: list, explain, test, check a plan."),
    "apply": ("toolkit.cli.apply", "apply", "Apply the plan, run the smoke tests, keep the evidence."),
    "promote": ("toolkit.cli.promote", "promote", "Apply to an environment what another one has proven."),
    "smoke": ("toolkit.cli.smoke", "smoke", "Prove on the data plane that the platform works, and what it denies."),
    "report": ("toolkit.cli.report", "report", "Join the reports of runs over many environments."),
    "drift": ("toolkit.cli.drift", "drift", "Show what changed outside Terraform, who did it, and the ways on."),
    "evidence": ("toolkit.cli.evidence", "evidence", "What runs found: list, show, verify the seal, diff two runs."),
    "adf": ("toolkit.cli.adf", "adf", "A factory's definitions and runs: lint, validate, export, run, runs, status."),
    "outputs": ("toolkit.cli.outputs", "outputs", "Print the platform's outputs for people and pipelines."),
    "assets": ("toolkit.cli.assets", "assets", "Register code in Azure ML, and point runtimes at it."),
    "jobs": ("toolkit.cli.jobs", "jobs", "Submit Azure ML jobs, wait for them, show their logs, cancel them."),
    "firewall": ("toolkit.cli.firewall", "firewall", "Let this machine in through firewall rules for a while."),
    "ci": ("toolkit.cli.ci", "ci", "What a CI job says: a comment on its pull request."),
    "destroy": ("toolkit.cli.destroy", "destroy", "Destroy the platform of an environment."),
    "sandbox": ("toolkit.cli.sandbox", "sandbox", "The local Azure: start, stop, status, reset, logs, env."),
    "doctor": ("toolkit.cli.doctor", "doctor", "Say whether an environment can work, before anything is touched."),
}  # fmt: skip


class LazyGroup(click.Group):
    """Imports a command's module when the command is used (https://click.palletsprojects.com/complex/#lazily-loading-subcommands)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = nearest(args[0], COMMANDS)
            hint = f" Did you mean {close!r}?" if close else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="toolkit")
def cli() -> None:
    """Provision a private Azure ML + Data Factory platform, and prove that it works.

    An environment is a folder of envs/: `local` is a sandbox on this machine, `NAME@sandbox` rehearses another one
    there. Begin with:  toolkit apply local

    \b
    Exit codes: 0 done, 1 failed, 2 changes present (plan), 3 usage or configuration,
                4 refused by a guard or a confirmation, 130 interrupted.
    Shell completion: eval "$(_TOOLKIT_COMPLETE=bash_source toolkit)"  (or zsh_source, fish_source)
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the answer is the exit code. Never raises, except for bugs under ``TOOLKIT_DEBUG``."""
    terminal = Terminal()
    code = _run(arguments, terminal)
    try:
        sys.stdout.flush()
    except (ToolkitError, OSError):  # said already, or for nobody
        give_up_stdout()
        return code or ExitCode.FAILED
    return code


def _run(arguments: Sequence[str] | None, terminal: Terminal) -> int:
    try:
        take_streams()
        result = cli.main(args=arguments, prog_name="toolkit", standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except ToolkitError as error:
        terminal.error(error)
        annotate(error)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        terminal.note("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`toolkit … | head`): nothing to say, and nobody to say it to.
        return ExitCode.FAILED
    except Exception as error:
        if os.environ.get("TOOLKIT_DEBUG"):
            raise
        expected = machine_error(error) if isinstance(error, OSError | MemoryError) else None
        terminal.error(expected or _bug(error))
        return ExitCode.FAILED


def _bug(error: Exception) -> ToolkitError:
    """An unexpected exception: its traceback goes to a file that a report can carry."""
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="toolkit-bug-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as log:
            log.write(f"toolkit {__version__}, python {sys.version}\n")
            log.write("".join(traceback.format_exception(error)))
        report = log.name
    except OSError:  # no folder for temporary files, or a full one
        report = "what TOOLKIT_DEBUG=1 shows"
    return ToolkitError(
        f"unexpected {type(error).__name__}: {error}",
        hint=f"this is a bug in the toolkit: please report it with {report}",
    )


if __name__ == "__main__":
    sys.exit(main())
