"""A full disk is one clear error, a file is whole or absent, and the kernel frees locks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.files import disk_errors, locked, try_lock, write_atomically, write_if_changed

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


def test_a_lock_is_free_when_its_holder_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = (
        "import sys, pathlib, signal; from toolkit.files import try_lock;"
        "held = try_lock(pathlib.Path(sys.argv[1])); print('held', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert try_lock(path) is None
        holder.kill()
        holder.wait()
    lock = try_lock(path)
    assert lock is not None
    lock.close()


def test_who_waits_for_a_lock_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    said: list[str] = []
    held = try_lock(path)
    assert held is not None

    def waiting() -> None:
        said.append("waiting")
        held.close()

    with locked(path, waiting):
        assert try_lock(path) is None
    with locked(path, waiting):
        pass
    assert said == ["waiting"]


def test_another_hint_than_the_disks_own() -> None:
    with pytest.raises(ToolkitError) as caught, disk_errors("the cache", hint="another folder"):
        Path("/nowhere/file").read_bytes()
    assert caught.value.hint == "another folder"
    assert caught.value.message == "the cache: No such file or directory (/nowhere/file)"
