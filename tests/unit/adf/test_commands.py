"""``toolkit adf lint`` and ``validate`` as a user calls them: words, exit codes, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.adf.parts import factory, wait, web
from tests.unit.pipelines.factories import git_folder, template, terraform_state, write
from toolkit.cli.main import main
from toolkit.errors import ExitCode


def test_exit_codes_follow_the_severest_finding(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clean = str(git_folder(tmp_path / "clean", factory(wait())))
    warned = str(git_folder(tmp_path / "warned", factory(wait(), parameters={"p": {"type": "String"}})))
    wrong = str(git_folder(tmp_path / "wrong", factory(web(method="PUT", connectVia=None))))
    assert main(["adf", "lint", clean]) == ExitCode.DONE
    assert main(["adf", "lint", warned]) == ExitCode.DONE
    assert main(["adf", "lint", warned, "--fail-on", "warning"]) == ExitCode.FAILED
    assert main(["adf", "lint", wrong]) == ExitCode.FAILED
    assert main(["adf", "lint", wrong, "--ignore", "web-body"]) == ExitCode.DONE
    assert main(["adf", "lint", wrong, "--rule", "web-accept"]) == ExitCode.DONE
    out = capfd.readouterr().out
    assert "error [web-body] activity Call of pipeline main: PUT without a body" in out
    assert "warning [parameter-unused] nothing in pipeline main uses its parameter p" in out


def test_validate_looks_at_what_data_factory_refuses_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    insecure = str(
        git_folder(tmp_path / "insecure", factory(web(url="http://example.org/", authentication=None, connectVia=None)))
    )
    assert main(["adf", "lint", insecure]) == ExitCode.FAILED
    assert main(["adf", "validate", insecure]) == ExitCode.DONE
    assert main(["adf", "validate", str(git_folder(tmp_path / "wrong", factory(wait("A", ["B"]))))]) == ExitCode.FAILED
    assert "[dependency-missing] activity A of pipeline main waits for B" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lint"], "name either PATH or --live ENV"),
        (["lint", "nowhere"], "nowhere does not exist"),
        (["lint", ".", "--live", "local"], "name either PATH or --live ENV"),
        (["lint", "adf", "--rule", "web-bodi"], "did you mean web-body?"),
        (["lint", "state.json", "--fix"], "what Terraform deploys is mended in its modules"),
        (["lint", "adf", "--published", "nowhere"], "nowhere does not exist"),
        (["validate", "."], "holds several factories: adf, pub"),
    ],
)
def test_wrong_usage_is_one_error_with_its_way_out(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    git_folder(Path("adf"), factory(wait()))
    write(Path("pub/ARMTemplateForFactory.json"), template(factory(wait())))
    write(Path("state.json"), terraform_state(factory(wait())))
    assert main(["adf", *arguments]) == ExitCode.USAGE
    captured = capfd.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.count("error:") == 1


def test_fix_writes_what_needs_no_judgement_and_shows_the_rest(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = git_folder(tmp_path, factory(web(headers=None, method="PUT")))
    assert main(["adf", "lint", str(folder), "--fix"]) == ExitCode.FAILED
    captured = capfd.readouterr()
    assert "mended" in captured.err
    assert "[web-storage-version]" in captured.err
    assert "[web-body]" in captured.out
    headers = json.loads((folder / "pipeline/main.json").read_text())["properties"]["activities"][0]["typeProperties"]
    assert headers["headers"] == {"x-ms-version": "2023-11-03"}


def test_machines_get_a_document_on_stdout_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(git_folder(tmp_path, factory(web(method="PUT", connectVia=None))))
    for format_ in ("json", "sarif"):
        assert main(["adf", "lint", folder, "--format", format_]) == ExitCode.FAILED
        captured = capfd.readouterr()
        assert json.loads(captured.out)
        assert captured.err == ""


def test_the_rules_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["adf", "lint", "--list"]) == ExitCode.DONE
    assert "web-connect-via" in capfd.readouterr().out
