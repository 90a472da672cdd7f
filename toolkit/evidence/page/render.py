"""The templates, filled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.evidence.page.picture import panels
from toolkit.evidence.page.view import groups, headline, tally, what_is_wrong
from toolkit.records import Json

_HERE = Path(__file__).parent
# What HTML allows in text, even escaped: https://html.spec.whatwg.org/multipage/parsing.html#control-character-reference-parse-error
_NOT_TEXT = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Facts about the run that have a place of their own on the page.
_ELSEWHERE = {"environment", "started_at", "time", "verdict", "reason"}


def as_html(report: Json) -> str:
    """The page of a run; ``report`` is its ``smoke.json``, as of a run without smoke tests too."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        css=_css(),
        report=report,
        headline=headline(report),
        tally=tally(report),
        facts=_facts(report),
        wrong=what_is_wrong(report),
        panels=panels(report),
        groups=groups(report),
        versions=report.get("versions") or {},
    )


def _facts(report: Json) -> Mapping[str, str]:
    return {name: value for name, value in report.items() if isinstance(value, str) and name not in _ELSEWHERE}


def _css() -> Any:
    from markupsafe import Markup

    return Markup((_HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - the toolkit's own file


def _text(value: Any) -> Any:
    """A service's message may hold characters that no page may. Markup stays what it is."""
    return _NOT_TEXT.sub("�", value) if type(value) is str else value
