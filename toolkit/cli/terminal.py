"""What a person sees. The only importer of rich; results go to stdout, everything else to stderr.

On a terminal there are colours and tables; in a pipe or a CI log the same words come as plain lines. ``NO_COLOR`` is
honoured by rich itself (https://no-color.org). Where the cursor cannot be moved (``TERM=dumb``, which is what screen
readers and editors say), nothing is drawn over what stands.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from rich.console import Console

# Of a live view: its lines, each with a style, for so many columns and rows.
Drawing = Callable[[int, int], Sequence[tuple[str, str]]]
_DRAWN_PER_SECOND = 4
_NARROWEST = 40


@dataclass(slots=True)
class Terminal:
    """One per command. ``quiet`` drops progress, never results or errors."""

    quiet: bool = False
    _consoles: dict[str, Console] = field(default_factory=dict)
    _now: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._last = self._now()

    # -- results: stdout -------------------------------------------------------------------------------------------

    def print_json(self, value: object) -> None:
        sys.stdout.write(json.dumps(value, indent=2, sort_keys=False, default=str) + "\n")
        sys.stdout.flush()

    def print(self, text: str = "", style: str | None = None) -> None:
        """One or more result lines."""
        self._last = self._now()
        if self._fancy("stdout"):
            self._console("stdout").print(text, style=style, highlight=False, markup=False, soft_wrap=True)
        else:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def print_table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
        """A table: rich on a terminal, aligned columns elsewhere."""
        rows = [[str(cell) for cell in row] for row in rows]
        if self._fancy("stdout"):
            from rich.table import Table
            from rich.text import Text

            if _too_wide(columns, rows, self._console("stdout").width):
                self._print_stacked(columns, rows)
                return
            table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
            for column in columns:
                table.add_column(column, overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell, style=_style_of(cell)) for cell in row))
            self._console("stdout").print(table)
            return
        widths = [max(len(line[i]) for line in [list(columns), *rows]) for i in range(len(columns))]
        for line in [[column.upper() for column in columns], *rows]:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            sys.stdout.write("  ".join(cells).rstrip() + "\n")
        sys.stdout.flush()

    def _print_stacked(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A row is a few lines where its cells would be folded into columns of a few letters."""
        for first, *cells in rows:
            self.print(first, "bold")
            for column, cell in zip(columns[1:], cells, strict=True):
                if cell:
                    self.print(f"  {column}: {cell}", _style_of(cell) or None)

    # -- everything else: stderr -----------------------------------------------------------------------------------

    def progress(self, text: str, style: str | None = None) -> None:
        """One line about work under way, with the time since the command began."""
        if not self.quiet:
            self._stderr(f"[{self._now() - self._started:6.1f}s] {text}", style)

    def note(self, text: str) -> None:
        """Something the user should know, that is no error."""
        self._stderr(text, "yellow")

    def error(self, error: ToolkitError) -> None:
        self._stderr(f"error: {error.message}", "bold red")
        if error.hint:
            self._stderr(f"hint: {error.hint}", None)

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask on a terminal. Elsewhere nobody can answer: only ``--yes`` counts, and the caller refuses without it."""
        if yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def ask(self, question: str) -> str | None:
        """A line that the user types; None where there is no terminal."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        sys.stderr.write(f"{question} ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    @property
    def silent_for(self) -> float:
        """Seconds since anything was printed."""
        return self._now() - self._last

    @property
    def can_redraw(self) -> bool:
        """Whether lines on stderr can be drawn over: a terminal that moves its cursor, and is wide enough to read."""
        if self.quiet or not self._fancy("stderr") or os.environ.get("TERM", "") in ("", "dumb", "unknown"):
            return False
        return bool(self._console("stderr").width >= _NARROWEST)

    @property
    def unicode(self) -> bool:
        """Whether stderr can show more than ASCII."""
        return (getattr(sys.stderr, "encoding", None) or "").lower().replace("-", "") == "utf8"

    @contextmanager
    def redrawn(self, drawing: Drawing) -> Iterator[None]:
        """Below what is printed meanwhile stands what ``drawing`` answers, a few times a second; then it is gone.

        Only where :attr:`can_redraw`. ``drawing`` is asked by another thread.
        """
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        console = self._console("stderr")

        def draw() -> Any:
            lines = drawing(console.width, console.height)
            return Group(*(Text(text, style=style, no_wrap=True, overflow="ellipsis") for text, style in lines))

        with Live(
            console=console,
            get_renderable=draw,
            refresh_per_second=_DRAWN_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield

    @property
    def interactive(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def _stderr(self, text: str, style: str | None) -> None:
        self._last = self._now()
        if self._fancy("stderr"):
            self._console("stderr").print(text, style=style, highlight=False, markup=False, soft_wrap=True)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def _fancy(self, stream: str) -> bool:
        # Asked without rich, so that a pipe never pays for its import.
        return bool(getattr(sys, stream).isatty())

    def _console(self, stream: str) -> Any:
        if stream not in self._consoles:
            from rich.console import Console

            self._consoles[stream] = Console(stderr=stream == "stderr")
        return self._consoles[stream]


_STYLES = {
    "PASS": "green",
    "FAIL": "bold red",
    "SKIP": "yellow",
    "create": "green",
    "update": "yellow",
    "delete": "red",
}


def _too_wide(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether all columns but the widest leave it less than half of the line."""
    widths = [max(len(line[at]) for line in [columns, *rows]) for at in range(len(columns))]
    whole = sum(widths) + 2 * (len(widths) - 1)
    return whole > width and 2 * (whole - max(widths)) > width


def _style_of(cell: str) -> str:
    return _STYLES.get(cell, "")
