"""``make`` builds ``.venv`` once: the real make, venv and pip, over a project of three lines."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "tiny"
version = "1"
optional-dependencies = { sandbox = [], dev = [] }
[tool.setuptools]
packages = []
"""
STAMP = ".venv/.stamp-run"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    script = tmp_path / ".ci" / "venv.py"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "venv.py", script)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "constraints.txt").write_text("")
    return tmp_path


def start(project: Path, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", "-s", STAMP],
        cwd=project,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def make(project: Path, **environ: str) -> tuple[int, str]:
    process = start(project, **environ)
    _, said = process.communicate()
    return process.returncode, said


def test_the_environment_is_built_once_and_again_only_when_its_data_changed(project: Path) -> None:
    code, said = make(project)
    assert code == 0, said
    assert said.splitlines()[0].startswith("making .venv with Python ")
    assert "installing the toolkit [sandbox] into .venv: done in" in said

    assert make(project) == (0, "")

    later = (project / STAMP).stat().st_mtime + 5
    os.utime(project / "constraints.txt", (later, later))
    (project / ".venv" / "kept").touch()
    code, said = make(project)
    assert (code, "making .venv" in said, "installing the toolkit" in said) == (0, False, True)
    assert (project / ".venv" / "kept").exists()


def test_an_interrupted_build_is_done_again(project: Path) -> None:
    process = start(project)
    assert process.stderr is not None
    assert any("installing the toolkit" in line for line in process.stderr)  # reads until it says so
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (project / STAMP).exists()

    code, said = make(project)

    assert code == 0, said
    assert (project / STAMP).exists()


def test_a_failed_build_earns_no_stamp_and_says_why(project: Path) -> None:
    (project / "pyproject.toml").write_text(PYPROJECT.replace("sandbox = []", 'sandbox = ["no-such-thing==0"]'))
    (project / "constraints.txt").write_text("no-such-thing==1\n")
    code, said = make(project)
    assert code == 2
    assert "no-such-thing" in said
    assert "hint: check that it reaches its index" in said
    assert not (project / STAMP).exists()


def test_two_at_once_take_turns(project: Path) -> None:
    first, second = start(project), start(project)
    said = [first.communicate()[1], second.communicate()[1]]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert sum("installing the toolkit [sandbox] into .venv: done" in text for text in said) == 1
    assert sum("waiting for another make" in text for text in said) == 1


def test_the_users_own_pip_settings_and_python_path_do_not_lead_elsewhere(project: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    (away / "json").mkdir(parents=True)
    (away / "json" / "__init__.py").write_text("raise SystemExit('foreign')")
    conf = tmp_path / "pip.conf"
    conf.write_text("[global]\nuser = true\nrequire-virtualenv = true\ndry-run = true\n")
    settings = {f"PIP_{name}": str(away / name) for name in ("TARGET", "PREFIX", "ROOT")}
    python = {"PYTHONPATH": str(away), "PYTHONHOME": str(away)}
    code, said = make(project, **settings, **python, PIP_USER="1", PIP_CONFIG_FILE=str(conf))
    assert code == 0, said
    assert list(project.glob(".venv/lib/python*/site-packages/tiny-1.dist-info"))
    assert [path.name for path in away.iterdir()] == ["json"]

    (project / STAMP).unlink()
    conf.write_text(f"[install]\nprefix = {away}\n")
    code, said = make(project, PIP_CONFIG_FILE=str(conf))
    assert code == 2, said
    assert "error: pip.conf sets install.prefix: pip would not install into .venv\nhint: pip config unset" in said
    assert [path.name for path in away.iterdir()] == ["json"]
