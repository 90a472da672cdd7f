"""A list is written into env.toml, and every other byte stays."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolkit.environment.editing import record_list, with_list
from toolkit.errors import ToolkitError

KEY, NEW = "state_ip_rules", ["20.1.2.3", "20.1.2.4"]
LINE = 'state_ip_rules = ["20.1.2.3", "20.1.2.4"]'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('a = 1\nstate_ip_rules = ["9.9.9.9"]   # mine\nb = 2\n', f"a = 1\n{LINE}   # mine\nb = 2\n"),
        ("state_ip_rules=[]\n", f"{LINE.replace(' = ', '=')}\n"),
        ('"state_ip_rules" = [ ]', f'"state_ip_rules" = {LINE.split(" = ")[1]}'),
        ('state_ip_rules = [ # of [both]\n  "9.9.9.9", # "one"\n  \'8.8.8.8\',\n]\n[t]\n', f"{LINE}\n[t]\n"),
        ("a = 1 # last\n\n[t]\nstate_ip_rules = [1]\n", f"a = 1 # last\n{LINE}\n\n[t]\nstate_ip_rules = [1]\n"),
        ("[t]\nx = 1\n", f"{LINE}\n[t]\nx = 1\n"),
        ("a = 1\r\nb = 2\r\n", f"a = 1\r\nb = 2\r\n{LINE}\r\n"),
        ("# only a comment", f"# only a comment\n{LINE}\n"),
        ("", f"{LINE}\n"),
    ],
    ids=range(9),
)  # fmt: skip
def test_in_its_place_or_after_the_last_key(before: str, after: str) -> None:
    assert with_list(before, KEY, NEW) == after
    assert with_list(after, KEY, NEW) == after
    assert tomllib.loads(after) == {**tomllib.loads(before), KEY: NEW}


@pytest.mark.parametrize("name", ["local", "dev", "test", "prod"])
def test_the_shipped_environments(name: str, tmp_path: Path) -> None:
    file = tmp_path / "env.toml"
    before = (ROOT / "envs" / name / "env.toml").read_text()
    file.write_text(before)
    file.chmod(0o640)
    record_list(file, tmp_path, KEY, NEW)
    changed = [(a, b) for a, b in zip(before.splitlines(), file.read_text().splitlines(), strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0][1].partition("#")[2] == changed[0][0].partition("#")[2]
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "text",
    [
        'note = """\nstate_ip_rules = []\n"""\n',  # a line of a text, and no key
        'state_ip_rules = ["9.9.9.9", 8]\n',
    ],
)
def test_what_it_cannot_edit_it_leaves_alone(text: str, tmp_path: Path) -> None:
    file = tmp_path / "env.toml"
    file.write_text(text)
    with pytest.raises(ToolkitError, match=r"env\.toml: state_ip_rules cannot be written") as caught:
        record_list(file, tmp_path, KEY, NEW)
    assert LINE in (caught.value.hint or "")
    assert file.read_text() == text
