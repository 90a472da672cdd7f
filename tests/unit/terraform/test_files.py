"""A full disk is one clear error, and a file is whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.terraform.files import disk_errors, write_atomically, write_if_changed

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_said_with_what_to_do() -> None:
    with pytest.raises(ToolkitError, match="the plan: No space left on device") as caught, disk_errors("the plan"):
        FULL.write_text("x", encoding="utf-8")
    assert "free some space" in (caught.value.hint or "")


def test_other_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="mine"), disk_errors("the plan"):
        raise ValueError("mine")


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_if_changed(path, b"a")
    before = path.stat().st_mtime_ns
    assert not write_if_changed(path, b"a")
    assert path.stat().st_mtime_ns == before
    assert write_if_changed(path, b"b")
