"""The report in words: for a terminal, and as Markdown for a nightly job's issue or summary."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.drift.model import DECISIONS, Decision, Drift, Report

_TITLES: dict[Decision, str] = {
    "revert": "Set back",
    "adopt": "Make it part of the environment's data",
    "accept": "Harmless: accept it for a while, or take it away",
}


def sentence(report: Report) -> str:
    if not report.drifts:
        known = f", {len(report.ignored)} known and ignored" if report.ignored else ""
        return f"No drift: {report.environment} is as it was applied{known}."
    fatal = sum(one.fatal for one in report.drifts)
    harmful = f", {fatal} of them open access, stop work, lose data or blind the operators" if fatal else ""
    many = len(report.drifts)
    return f"Drift: {many} {'thing' if many == 1 else 'things'} on {report.environment} changed{harmful}."


def by_decision(report: Report) -> Iterator[tuple[str, list[Drift]]]:
    for decision in DECISIONS:
        if found := [one for one in report.drifts if one.decision == decision]:
            yield _TITLES[decision], sorted(found, key=lambda one: not one.fatal)


def who(one: Drift) -> str:
    return str(one.who) if one.who is not None else one.unknown or "not known"


def remarks(report: Report) -> Iterator[str]:
    for what in report.expired:
        yield f"the time of an entry of drift.ignore is over: {what}: renew it in env.toml, or set it back"
    for what in report.idle:
        yield f"an entry of drift.ignore fits nothing any more: {what}: take it out of env.toml"
    for what in report.unread:
        yield f"not looked at, because this identity may not read it: {what} (docs/rbac.md)"


def lines(report: Report) -> Iterator[str]:
    """For people, without a table: ids are long, and commands are copied."""
    for title, found in by_decision(report):
        yield ""
        yield f"{title}:"
        for one in found:
            yield f"  {one.harm}: {one.finding.words}"
            yield f"    by {who(one)}"
            for decision, command in one.commands.items():
                yield f"    {decision}: {command}"
    for one, reason in report.ignored:
        yield f"  ignored: {one.finding.words} ({reason})"
    yield ""
    yield sentence(report)


def markdown(report: Report) -> str:
    text = [f"### Drift of {report.environment}", "", f"**{sentence(report)}**", ""]
    for title, found in by_decision(report):
        text += [f"#### {title}", "", "| harm | what | who and when |", "|---|---|---|"]
        text += [f"| {one.harm} | {_cell(one.finding.words)} | {_cell(who(one))} |" for one in found]
        text += ["", "<details><summary>Commands</summary>", "", "```sh"]
        for one in found:
            text += [f"# {one.finding.words}", *(command for command in one.commands.values())]
        text += ["```", "", "</details>", ""]
    if report.ignored:
        text += ["#### Known", "", *(f"* {_cell(one.finding.words)}: {reason}" for one, reason in report.ignored), ""]
    text += [f"* {one}" for one in remarks(report)]
    return "\n".join(text).rstrip() + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
