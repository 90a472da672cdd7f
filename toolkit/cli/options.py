"""The arguments and options that commands share, each with one meaning and one help text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def complete_environment(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The environments of the checkout, and their rehearsals once an ``@`` is typed."""
    from click.shell_completion import CompletionItem

    from toolkit.environment import REHEARSAL_SUFFIX, environment_names
    from toolkit.errors import ToolkitError
    from toolkit.project import find_project

    try:
        names = environment_names(find_project())
    except ToolkitError:
        return []
    if "@" in incomplete:
        names = [name + REHEARSAL_SUFFIX for name in names]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def environment_argument(function: F) -> F:
    return click.argument("env", metavar="ENV", shell_complete=complete_environment)(function)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document for machines.")(function)


def sign_key_option(function: F) -> F:
    return click.option(
        "--sign-key",
        envvar="TOOLKIT_SIGN_KEY",
        metavar="FILE|env:NAME",
        help="Sign the evidence with this private key: a PEM file, or the variable that holds its text. An encrypted "
        "one is opened with TOOLKIT_SIGN_KEY_PASSPHRASE. [default: TOOLKIT_SIGN_KEY; without it, checksums only]",
    )(function)


def yes_option(function: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask: needed where there is no terminal.")(function)


def allow_replace_option(function: F) -> F:
    return click.option(
        "--allow-replace",
        "allow",
        multiple=True,
        metavar="ADDRESS=REASON",
        help="Let the plan replace or delete this one resource although it holds state or data. The reason is kept in "
        "the evidence. May be given more than once.",
    )(function)


def adopt_option(function: F) -> F:
    return click.option(
        "--adopt",
        multiple=True,
        metavar="ADDRESS|all",
        help="Take what is there already into the state instead of creating it: this resource of the plan, or whatever "
        "is there. The plan then shows what it changes. May be given more than once.",
    )(function)


def recreate_empty_option(function: F) -> F:
    return click.option(
        "--recreate-empty",
        multiple=True,
        metavar="NAME",
        help="Make this storage account (NAME) or container (NAME or ACCOUNT/NAME) anew and empty, although the "
        "deleted one could be restored: the plan names those. May be given more than once.",
    )(function)


def force_unlock_option(function: F) -> F:
    return click.option(
        "--force-unlock",
        metavar="ID",
        help="First free this lock on the state. Only when you are sure that nobody is at work: the message that "
        "refused names the id and its holder.",
    )(function)


_VERBOSE = "toolkit.verbose"


def verbose_option(function: F) -> F:
    """Whoever shows progress asks :func:`is_verbose`: the commands themselves pass nothing on."""

    def note(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        ctx.meta[_VERBOSE] = value

    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=note,
        help="A line for every resource and every check, instead of one for a module and a category.",
    )(function)


def is_verbose() -> bool:
    """Whether the command that runs was given ``-v``."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_VERBOSE))
