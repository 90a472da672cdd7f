"""Where the engine gets azapi from: the ordered ways of docs/toolchain.md, and why the one that was taken."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError
from toolkit.files import expand_home
from toolkit.toolchain.cache import cache_root, cached_directory, keep_file
from toolkit.toolchain.engines import ENGINES, TERRAFORM, Engine, engine_of, own_cli_configs
from toolkit.toolchain.golang import MODULE, build_environment, ensure_go
from toolkit.toolchain.mirrors import address, for_every_engine, laid_out_for, newest_in
from toolkit.toolchain.steps import Progress, run_step, stderr_progress
from toolkit.toolchain.terraform import ensure_terraform, platform_of
from toolkit.toolchain.tool import Tool, parse_version

MIRROR_VARIABLE = "TOOLKIT_PROVIDER_MIRROR"
REGISTRY_VERSION = "2.12.0"
BUILT_VERSION = "1.15.0"  # the newest that a Go module path can name: 2.x tags need a /v2 path, which azapi lacks
# In the cache, where a provider is kept once for both engines.
_ADDRESS = address(TERRAFORM)


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the engine gets azapi from.

    ``version`` is None where only ``terraform init`` finds out: :func:`after_init` fills it in. ``cli_config_file``
    goes into ``TF_CLI_CONFIG_FILE``; None leaves Terraform to its own. ``schema_validation`` goes into
    ``TF_VAR_schema_validation``. ``mirror`` is the directory that the configuration file names, laid out for the
    engine.
    """

    version: str | None
    cli_config_file: Path | None
    schema_validation: bool
    source: str
    notice: str | None = None
    mirror: Path | None = field(default=None, compare=False)


def resolve_provider(
    *,
    target_is_sandbox: bool,
    mirror: Path | None = None,
    terraform: Tool | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress = stderr_progress,
    search: Sequence[str] | None = None,
) -> Provider:
    """The provider for an environment, fetched or built first where that is needed.

    ``mirror`` is ``provider_mirror`` of its env.toml, which comes before ``TOOLKIT_PROVIDER_MIRROR``. A sandbox
    environment takes the provider out of a directory always, since the sandbox's proxy never dials out. Raises
    :class:`UsageError` for a mirror that does not hold the provider, and :class:`ToolkitError` that names the ways when
    none is open.
    """
    environ = os.environ if environ is None else environ
    terraform = terraform or ensure_terraform(environ, progress=progress, search=search)
    if chosen := _users_choice(mirror, terraform, environ):
        return chosen
    engine = engine_of(terraform)
    if not target_is_sandbox:
        return Provider(None, None, True, f"the public {engine.title} registry, pinned by the lock file")
    platform = platform_of(terraform, environ)
    root = cache_root(environ)
    if (root / _fetched_entry(platform)).is_dir():
        return _fetched(root, platform, engine)
    built_is_here = (root / _built_entry(platform)).is_dir()
    reasons: list[str] = []
    # With something to fall back on, a network that swallows packets may cost a second, not three.
    if registry_reachable(1.0 if built_is_here else 3.0, engine.registry):
        try:
            _fetch(root, platform, terraform, environ, progress)
            return _fetched(root, platform, engine)
        except ToolkitError as error:
            reasons.append(error.message)
    else:
        reasons.append(f"{engine.registry} cannot be reached")
    if not built_is_here:
        try:
            _build(root, platform, environ, progress, search)
        except ToolkitError as error:
            reasons.append(error.message)
            raise ToolkitError(
                "the azapi provider cannot be had:\n" + "\n".join(f"- {reason}" for reason in reasons),
                hint=_WAYS.format(platform=platform, program=engine.program, registry=engine.registry),
            ) from error
    return _built(root, platform, engine, f"as {reasons[0].splitlines()[0]}")


def under_every_registry(provider: Provider, environ: Mapping[str, str] | None = None) -> Provider:
    """``provider``, installed under the name that the other engine has for it, too, as that one's state asks for.

    Without a mirror of ours the engine asks the other's registry, which both can.
    """
    if provider.mirror is None:
        return provider
    root = cache_root(environ)
    mirror = for_every_engine(provider.mirror, root)
    return replace(provider, cli_config_file=_cli_config(root, mirror), mirror=mirror)


def find_provider(terraform: Tool, environ: Mapping[str, str] | None = None) -> Provider | None:
    """What :func:`resolve_provider` would take for the sandbox without the network; None when there is nothing yet.

    Raises :class:`UsageError` for a mirror that does not hold the provider.
    """
    environ = os.environ if environ is None else environ
    if chosen := _users_choice(None, terraform, environ):
        return chosen
    root = cache_root(environ)
    platform, engine = platform_of(terraform, environ), engine_of(terraform)
    if (root / _fetched_entry(platform)).is_dir():
        return _fetched(root, platform, engine)
    if (root / _built_entry(platform)).is_dir():
        return _built(root, platform, engine, "as the registry could not be reached")
    return None


def after_init(provider: Provider, lock_file: Path) -> Provider:
    """``provider`` with the version that ``terraform init`` selected, and what follows from it.

    Raises :class:`ToolkitError` when the lock file does not name azapi.
    """
    try:
        text = lock_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    registries = "|".join(re.escape(engine.registry) for engine in ENGINES.values())
    block = re.search(rf'provider "(?:{registries})/azure/azapi" \{{\s*version\s*=\s*"([^"]+)"', text)
    if block is None:
        raise ToolkitError(f"{lock_file} does not name the azapi provider", hint="run `terraform init` again")
    version = block[1]
    return replace(
        provider, version=version, schema_validation=knows_every_api_version(version), notice=notice_for(version)
    )


def knows_every_api_version(version: str) -> bool:
    """Whether azapi of this version has the schemas of all api-versions that the modules use; 1.x has not."""
    parsed = parse_version(version)
    return parsed is not None and parsed >= (2, 0, 0)


def notice_for(version: str) -> str | None:
    """The one line that a user should read about this version, or None."""
    if knows_every_api_version(version):
        return None
    return f"running on azapi {version}: bodies of api-versions newer than it are not checked against a schema"


@cache
def registry_reachable(seconds: float = 3.0, registry: str = TERRAFORM.registry) -> bool:
    """Whether a public registry answers within ``seconds``, through the user's proxy settings; asked once a process.

    The thread bounds what socket timeouts do not: name resolution.
    """
    answers: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"https://{registry}/.well-known/terraform.json", timeout=seconds) as response:
                answers.append("providers.v1" in json.load(response))
        except (OSError, ValueError):
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answers == [True]


_WAYS = """open one of these ways:
  1. on a machine with internet access run `{program} providers mirror -platform={platform} DIR` in terraform/platform,
     copy DIR here, and name it as provider_mirror in env.toml or in TOOLKIT_PROVIDER_MIRROR
  2. let this machine reach {registry} and github.com (HTTPS_PROXY is honoured)
  3. for the sandbox only: let `go` reach a Go module proxy (GOPROXY), from which azapi 1.15.0 is built once"""


def _users_choice(mirror: Path | None, terraform: Tool, environ: Mapping[str, str]) -> Provider | None:
    named_by = "provider_mirror in env.toml" if mirror else MIRROR_VARIABLE
    if mirror is None and environ.get(MIRROR_VARIABLE):
        mirror = Path(environ[MIRROR_VARIABLE])
    if mirror is not None:
        mirror = expand_home(mirror).absolute()
        if not mirror.is_dir():
            raise UsageError(f"{named_by} names {mirror}, which is not a directory", hint="correct it, or remove it")
        platform = platform_of(terraform, environ)
        engine, root = engine_of(terraform), cache_root(environ)
        version = newest_in(mirror, platform, engine)
        if version is None:
            raise UsageError(
                f"{named_by} names {mirror}, which has no azapi from 1.15.0 and before 3.0.0 for {platform}",
                hint=f"fill it: `{engine.program} providers mirror -platform={platform} {mirror}` "
                "in terraform/platform",
            )
        source, knows = f"{mirror} ({named_by})", knows_every_api_version(version)
        mirror = laid_out_for(engine, mirror, root, platform)
        return Provider(version, _cli_config(root, mirror), knows, source, notice_for(version), mirror)
    engine = engine_of(terraform)
    for config in _own_cli_configs(engine, environ):
        return Provider(None, config, True, f"the {engine.title} CLI configuration {config}")
    return None


def _own_cli_configs(engine: Engine, environ: Mapping[str, str]) -> list[Path]:
    """The CLI configuration that the user wrote, when it says where providers come from."""
    return [
        path
        for path in own_cli_configs(engine, environ, expand_home(environ.get("HOME") or "~"))
        if path.is_file()
        and re.search(r"^\s*provider_installation\b", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    ]


def _cli_config(root: Path, mirror: Path) -> Path:
    """A CLI configuration that installs providers from ``mirror`` and from nowhere else."""
    text = f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
    path = root / "cli-config" / f"{_digest(text.encode())}.tfrc"
    if not path.is_file():
        keep_file(path, text)
    return path


def _fetched(root: Path, platform: str, engine: Engine) -> Provider:
    mirror = laid_out_for(engine, root / _fetched_entry(platform), root, platform)
    source = "the public registry, kept in the cache"
    return Provider(REGISTRY_VERSION, _cli_config(root, mirror), True, source, mirror=mirror)


def _built(root: Path, platform: str, engine: Engine, why: str) -> Provider:
    mirror = laid_out_for(engine, root / _built_entry(platform), root, platform)
    source = f"built from its Go module, {why}"
    return Provider(BUILT_VERSION, _cli_config(root, mirror), False, source, notice_for(BUILT_VERSION), mirror)


def _fetch(root: Path, platform: str, terraform: Tool, environ: Mapping[str, str], progress: Progress) -> None:
    engine = engine_of(terraform)

    def fetch(folder: Path) -> None:
        source = folder / "source"
        source.mkdir()
        (source / "main.tf").write_text(
            'terraform {\n  required_providers {\n    azapi = {\n      source  = "Azure/azapi"\n'
            f'      version = "{REGISTRY_VERSION}"\n    }}\n  }}\n}}\n',
            encoding="utf-8",
        )
        packed = folder / "packed"
        run_step(
            f"fetching azapi {REGISTRY_VERSION} from {engine.registry}",
            [*terraform.command, "providers", "mirror", f"-platform={platform}", str(packed)],
            cwd=source,
            env={**environ, "CHECKPOINT_DISABLE": "1"},
            hint=f"check that {engine.registry} and github.com can be reached",
            progress=progress,
        )
        # Unpacked, so that init links the 250 MB binary where it would unzip it each time.
        unpacked = folder / _ADDRESS / REGISTRY_VERSION / platform
        unpacked.mkdir(parents=True)
        name = f"terraform-provider-azapi_{REGISTRY_VERSION}_{platform}.zip"
        with zipfile.ZipFile(packed / address(engine) / name) as archive:
            archive.extractall(unpacked)
        for file in unpacked.glob("terraform-provider-*"):
            file.chmod(0o755)
        shutil.rmtree(packed)
        shutil.rmtree(source)

    cached_directory(root, _fetched_entry(platform), fetch, progress)


def _build(
    root: Path, platform: str, environ: Mapping[str, str], progress: Progress, search: Sequence[str] | None
) -> None:
    go = ensure_go(environ, progress=progress, search=search)

    def build(folder: Path) -> None:
        binary = folder / _ADDRESS / BUILT_VERSION / platform / f"terraform-provider-azapi_v{BUILT_VERSION}"
        binary.parent.mkdir(parents=True)
        run_step(
            f"building azapi {BUILT_VERSION} with Go {go.version}, once, about a minute",
            [
                *(*go.command, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(binary)),
                "github.com/Azure/terraform-provider-azapi",
            ],
            cwd=MODULE,
            env=build_environment(go, platform, environ),
            hint="check that `go` reaches a Go module proxy (`go env GOPROXY`)",
            progress=progress,
        )

    cached_directory(root, _built_entry(platform), build, progress)


def _fetched_entry(platform: str) -> str:
    return f"azapi-{REGISTRY_VERSION}-{platform}"


def _built_entry(platform: str) -> str:
    recipe = _digest((MODULE / "go.mod").read_bytes() + (MODULE / "go.sum").read_bytes())
    return f"azapi-{BUILT_VERSION}-{platform}-{recipe}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
