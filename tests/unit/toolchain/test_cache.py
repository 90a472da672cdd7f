from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError, UsageError
from toolkit.toolchain.cache import cache_root, cached_directory, write_atomically

# A builder that says where it is and then waits: for a kill, or for a line on stdin.
BUILDER = """
import sys
from pathlib import Path
from toolkit.toolchain.cache import cached_directory

def build(folder):
    (folder / "part").write_text("half")
    print("building", flush=True)
    sys.stdin.readline()
    (folder / "rest").write_text("whole")

made = cached_directory(Path(sys.argv[1]), "thing", build, lambda line: print(line, flush=True))
print("has", sorted(path.name for path in made.iterdir()), flush=True)
"""


def builder(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_cache_is_where_the_user_says(tmp_path: Path) -> None:
    assert cache_root({"TOOLKIT_CACHE": str(tmp_path)}) == tmp_path
    assert cache_root({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "aml-adf-toolkit"
    assert cache_root({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache" / "aml-adf-toolkit"
    with pytest.raises(UsageError, match="not an absolute path: here"):
        cache_root({"TOOLKIT_CACHE": "here"})


def test_what_is_there_is_not_built_again(tmp_path: Path) -> None:
    builds: list[Path] = []

    def build(folder: Path) -> None:
        builds.append(folder)
        (folder / "file").write_text("x")

    first = cached_directory(tmp_path, "thing", build, print)
    second = cached_directory(tmp_path, "thing", build, print)

    assert first == second == tmp_path / "thing"
    assert len(builds) == 1
    assert (first / "file").read_text() == "x"


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ToolkitError("the registry is on fire")

    with pytest.raises(ToolkitError, match="on fire"):
        cached_directory(tmp_path, "thing", build, print)

    assert [path.name for path in tmp_path.iterdir()] == ["locks"]


def test_a_killed_build_is_not_taken_for_complete_and_is_cleared_away(tmp_path: Path) -> None:
    killed = builder(tmp_path)
    assert line_of(killed) == "building"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "thing").exists()
    assert list(tmp_path.glob("thing.tmp-*"))

    made = cached_directory(tmp_path, "thing", lambda folder: (folder / "whole").touch(), print)

    assert [path.name for path in made.iterdir()] == ["whole"]
    assert not list(tmp_path.glob("thing.tmp-*"))


def test_two_at_once_build_once(tmp_path: Path) -> None:
    first = builder(tmp_path)
    assert line_of(first) == "building"
    second = builder(tmp_path)
    assert line_of(second) == "waiting for another run that installs thing …"

    out, _ = first.communicate("go on\n")
    assert out.strip() == "has ['part', 'rest']"
    out, _ = second.communicate()
    assert out.strip() == "has ['part', 'rest']"


def test_a_cache_that_cannot_be_written_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ToolkitError, match="cannot write to the cache directory") as raised:
        cached_directory(tmp_path / "file" / "cache", "thing", lambda folder: None, print)
    assert "TOOLKIT_CACHE" in str(raised.value.hint)


def test_a_small_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file"
    write_atomically(target, "one")
    write_atomically(target, "two")
    assert target.read_text() == "two"
    assert list(target.parent.iterdir()) == [target]
