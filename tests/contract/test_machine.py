"""The machine's state is no bug of the toolkit: closed, full and broken streams, homes and folders that are not there,
foreign modules, encodings. Each case is a real process, whose answer is a documented exit code, and words without a
traceback that do not speak of a bug."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from toolkit.cli import main
from toolkit.errors import UsageError
from toolkit.files import MACHINE_HINTS
from toolkit.toolchain.cache import cache_root

ROOT = Path(__file__).parents[2]
TOOLKIT = Path(sysconfig.get_path("scripts")) / "toolkit"

pytestmark = pytest.mark.contract


def shell(script: str, cwd: Path = ROOT, **environ: str) -> tuple[int, str, str]:
    """``script`` with ``$T`` for the toolkit; the exit code is that of the toolkit in a pipe, too."""
    with_paths = {**os.environ, "T": str(TOOLKIT), **environ}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], cwd=cwd, env=with_paths, capture_output=True, timeout=120
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in out + err, err
    assert "bug" not in err, err
    assert "Exception ignored" not in err, err
    return done.returncode, out, err


COMMANDS = ("--help", "env list", "env list --json")
RESULTS_LOST = {
    "closed": (">&-", 3, "error: standard output is closed"),
    "full": (">/dev/full", 1, "error: cannot write to standard output: No space left on device"),
    "read-only": ("1</dev/null", 1, "error: cannot write to standard output: Bad file descriptor"),
    "no reader": ("| true", 1, ""),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("stream", RESULTS_LOST)
def test_results_that_nobody_can_get_are_a_failure(stream: str, command: str, tmp_path: Path) -> None:
    redirection, expected, words = RESULTS_LOST[stream]
    if stream == "no reader":  # a reader that is gone before the first word
        script = f"mkfifo $F; (exec 3<$F) & exec 4>$F; wait; $T {command} >&4 4>&-"
        code, _, err = shell(script, F=str(tmp_path / "fifo"))
    else:
        code, _, err = shell(f"$T {command} {redirection}")
    assert (code, err.startswith(words)) == (expected, True), err
    assert ("hint: " in err) == bool(words), err


@pytest.mark.parametrize("redirection", ["<&-", "2>&-", "2>/dev/full", "<&- 2>&-", "2</dev/null"])
def test_a_command_works_without_the_other_streams(redirection: str) -> None:
    assert shell(f"$T env list {redirection}") == shell("$T env list")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&- <&-", "2>&1 >/dev/full"])
def test_the_exit_code_is_right_where_nothing_can_be_said(redirection: str) -> None:
    assert shell(f"$T env show nosuch {redirection}")[0] == 3
    assert shell(f"$T nosuch {redirection}")[0] == 3


def test_all_of_a_result_goes_through_a_slow_non_blocking_pipe() -> None:
    """Another process on the same pipe, a node for example, may have made it non-blocking."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    script = "from toolkit.cli import streams; streams.take_streams(); print('x' * 1_000_000, flush=True)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            assert len(pipe.read()) == 1_000_001
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


WORKS: dict[str, str] = {
    "HOME unset": "unset HOME; exec $T env validate dev",
    "HOME not there": "HOME=/nonexistent XDG_CACHE_HOME=/nonexistent exec $T env validate dev",
    "HOME read-only": "HOME=/proc XDG_CACHE_HOME=/proc exec $T env validate dev",
    "an empty environment": "exec env -i $T env validate dev",
    "TMPDIR not there": "TMPDIR=/nonexistent exec $T env validate dev",
    "PYTHONSAFEPATH": "PYTHONSAFEPATH=1 exec $T env validate dev",
    "C locale": "LC_ALL=C exec $T env validate dev",
    "C locale without UTF-8 mode": "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 exec $T env validate dev",
    "ASCII": "PYTHONIOENCODING=ascii exec $T env validate dev",
    "module": f"exec {sys.executable} -m toolkit env validate dev",
}


@pytest.mark.parametrize("state", WORKS)
def test_it_works_all_the_same(state: str) -> None:
    assert shell(WORKS[state]) == (0, "dev: valid\n", "")


# A folder on PYTHONPATH may hold anything. What Python itself imports before any script (os, re …) is Python's matter.
FOREIGN = ("toolkit", "click", "azure", "json", "pydantic", "subprocess")


@pytest.mark.parametrize("module", FOREIGN)
def test_a_foreign_module_on_pythonpath_is_not_ours(module: str, tmp_path: Path) -> None:
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text("raise SystemExit('the foreign module was imported')\n")
    assert shell("exec $T env validate dev", PYTHONPATH=str(tmp_path)) == (0, "dev: valid\n", "")


def test_nor_for_a_process_that_the_toolkit_starts(tmp_path: Path) -> None:
    script = "import os, aml_adf_toolkit as a; a.ignore_python_path(); print(os.environ.get('PYTHONPATH'))"
    assert shell(f'exec {sys.executable} -c "{script}"', cwd=tmp_path, PYTHONPATH="/x:/y")[1] == "None\n"


def test_a_checkout_on_pythonpath_is_run_from_there(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "toolkit", tmp_path / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "aml_adf_toolkit.py", tmp_path)
    (tmp_path / "toolkit" / "__init__.py").write_text("__version__ = '9.9.9'\n")
    assert shell("exec $T --version", PYTHONPATH=str(tmp_path))[1] == "toolkit, version 9.9.9\n"


def test_words_outside_ascii_are_shown_by_number_where_there_is_no_letter() -> None:
    for variables in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        code, _, err = shell("exec $T env show größe", **variables)
        assert (code, "gr" in err) == (3, True), err
    code, out, _ = shell("exec $T --help", PYTHONIOENCODING="ascii")
    assert (code, out.isascii()) == (0, True)


PLACES: Mapping[str, tuple[str, int, str]] = {
    "deleted": ("mkdir d; cd d; rmdir ../d; exec $T env list", 3, "error: the current folder is gone"),
    "no project": ("TOOLKIT_PROJECT=/nonexistent exec $T env list", 3, "error: TOOLKIT_PROJECT=/nonexistent is not"),
    "a file": ("touch f; TOOLKIT_PROJECT=f exec $T env list", 3, "error: TOOLKIT_PROJECT=f is not"),
    "outside": ("exec $T env list", 3, "error: "),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_folder_that_is_no_project_is_named(place: str, tmp_path: Path) -> None:
    script, expected, words = PLACES[place]
    code, _, err = shell(script, cwd=tmp_path)
    assert (code, err.startswith(words), "hint: " in err) == (expected, True, True), err


def test_a_user_whom_the_machine_does_not_know_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """``docker run --user 12345`` without HOME."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(UsageError, match="no home directory") as error:
        cache_root({})
    assert "TOOLKIT_CACHE" in str(error.value.hint)
    assert cache_root({"TOOLKIT_CACHE": "/cache"}) == Path("/cache")
    assert cache_root({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/aml-adf-toolkit")


@pytest.mark.parametrize("number", MACHINE_HINTS)
def test_what_the_machine_refuses_anywhere_is_no_bug(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    monkeypatch.setattr(main, "take_streams", lambda: None)
    monkeypatch.setattr(main.cli, "main", refuse)
    assert main.main([]) == 1
    assert capsys.readouterr().err == f"error: /some/file: {os.strerror(number)}\nhint: {MACHINE_HINTS[number]}\n"
