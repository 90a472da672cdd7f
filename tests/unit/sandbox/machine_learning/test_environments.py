"""The packages of a job's environment: venvs out of a wheel of the test's own, so that no index is asked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from toolkit.sandbox.machine_learning import environments
from toolkit.sandbox.machine_learning.environments import Environments, Interpreter, pip_requirements
from toolkit.sandbox.store import Store
from toolkit.sandbox.workloads.processes import Outcome, Workloads


@pytest.mark.parametrize(
    ("text", "pip", "conda"),
    [
        ("dependencies: [python=3.11, pip, {pip: [a==1, 'b>2']}]", ("a==1", "b>2"), ()),
        ("dependencies: [python, pip=24, scikit-learn=1.5, python-dateutil, conda-forge::pip]",
         (), ("scikit-learn=1.5", "python-dateutil")),
        ("name: x\ndependencies: []", (), ()),
        ("channels: [defaults]", (), ()),
    ],
)  # fmt: skip
def test_what_a_conda_file_wants(text: str, pip: tuple[str, ...], conda: tuple[str, ...]) -> None:
    assert pip_requirements(text) == (pip, conda)


@pytest.mark.parametrize("text", ["a: [", "text", "dependencies: yes"])
def test_what_is_no_conda_file(text: str) -> None:
    with pytest.raises(ValueError, match="the conda file"):
        pip_requirements(text)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package with a module and a program."""
    path = tmp_path / "hello_job-1.0-py3-none-any.whl"
    about = "hello_job-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("hello_job.py", "def main():\n    print('hello')\n")
        file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: hello-job\nVersion: 1.0\n")
        file.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{about}/entry_points.txt", "[console_scripts]\nhello = hello_job:main\n")
        file.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def made(tmp_path: Path) -> Environments:
    (tmp_path / "job").mkdir()
    cache = {"TOOLKIT_CACHE": str(tmp_path / "cache")}
    return Environments(Workloads(Store(tmp_path / "store.sqlite3")), {**os.environ, **cache})


def ask(made: Environments, folder: Path, *pip: str) -> Interpreter | Outcome:
    wanted = {"condaFile": f"dependencies: [python=3.11, numpy, {{pip: {list(pip)}}}]"}
    return asyncio.run(made.interpreter("job", "train:1", wanted, folder))


def test_a_venv_is_made_once_and_its_programs_run(made: Environments, wheel: Path, tmp_path: Path) -> None:
    first = ask(made, tmp_path / "job", f"hello-job @ {wheel.as_uri()}")
    assert isinstance(first, Interpreter)
    assert "in a venv with hello-job" in first.said
    assert "without conda's numpy" in first.said
    ran = subprocess.run([first.programs / "hello"], capture_output=True, text=True, check=True)
    assert ran.stdout == "hello\n"
    wheel.unlink()  # so that it cannot be made again
    assert ask(made, tmp_path / "job", f"hello-job @ {wheel.as_uri()}") == first


def test_what_cannot_be_had_is_said_and_not_asked_for_again_at_once(made: Environments, tmp_path: Path) -> None:
    found = ask(made, tmp_path / "job", f"none @ file://{tmp_path}/none.whl")
    assert isinstance(found, Interpreter)
    assert "cannot be had (" in found.said
    assert "runs on the toolkit's Python" in found.said
    (tmp_path / "job" / "environment.txt").unlink()
    assert ask(made, tmp_path / "job", f"none @ file://{tmp_path}/none.whl") == found
    assert not (tmp_path / "job" / "environment.txt").exists()


def test_the_longest_unused_venvs_go(tmp_path: Path) -> None:
    for number in range(14):
        venv = tmp_path / f"v{number:02}"
        venv.mkdir()
        (venv / ".used").touch()
        os.utime(venv / ".used", (number, number))
    environments._forget_old(tmp_path, keep="v00")
    left = sorted(path.name for path in tmp_path.glob("v*"))
    assert left == ["v00", *(f"v{number:02}" for number in range(5, 14))]
