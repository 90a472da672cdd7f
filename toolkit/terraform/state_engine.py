"""Which engine wrote a state, and moving a state from one to the other.

Both read the other's: format 4 is the same. What differs is under which registry the state has its providers.
OpenTofu takes Terraform's names for its own when it reads, and writes its own at the next apply
(``internal/tofumigrate`` of https://github.com/opentofu/opentofu); Terraform, after that, wants the provider of the
other registry for each resource. So an environment would change hands by an apply that nobody meant to do so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import RefusedError, ToolkitError
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.state import BOOTSTRAP_KEY, StateStore
from toolkit.terraform.workspace import RootName
from toolkit.toolchain.engines import ENGINES, Engine, engine_of
from toolkit.toolchain.tool import dotted, parse_version

_PROVIDER = "azure/azapi"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote a state last: ``engine`` is None for a state whose resources name no registry (an empty one)."""

    engine: Engine | None
    version: str


def writer_of(document: Mapping[str, Any]) -> Writer:
    """The writer of a state of format 4, whose ``terraform_version`` is so called in both and means either."""
    named = " ".join(str(resource.get("provider", "")) for resource in document.get("resources", ()))
    engines = [e for e in ENGINES.values() if re.search(rf'provider\["{re.escape(e.registry)}/', named)]
    # Half of each is Terraform's state after an apply of OpenTofu that was cut off: OpenTofu goes on with that.
    return Writer(engines[-1] if engines else None, str(document.get("terraform_version", "")))


def check_writer(session: Session, root: RootName) -> None:
    """Before the state is worked on: refuse one of the other engine's, and say that a newer release wrote it.

    A state that cannot be read is left to Terraform, which says why. Raises RefusedError.
    """
    writer = state_writer(session, root)
    if writer is None or session.switching:
        return
    here, env = engine_of(session.terraform), session.environment.name
    version = parse_version(writer.version)
    written = f"{writer.engine.title if writer.engine else 'a release'} {writer.version}"
    if writer.engine not in (None, here):
        assert writer.engine is not None
        raise RefusedError(
            f"the state of {env} ({root}) was written by {written}, and this is {here.title} "
            f"{session.terraform.version} ({session.terraform.why})",
            hint=f"go on with {writer.engine.title} (TOOLKIT_TERRAFORM={writer.engine.program}, or its path), or move "
            f"the environment, for everybody who works on it: toolkit env switch-engine {env}",
        )
    mine = parse_version(session.terraform.version)
    if writer.engine is here and version is not None and mine is not None and version[:2] > mine[:2]:
        session.observer.note(
            f"the state of {env} ({root}) was written by {written}, and this is {dotted(mine)}: an older release need "
            "not understand it (https://developer.hashicorp.com/terraform/language/v1-compatibility-promises)"
        )


def check_writer_again(session: Session, root: RootName) -> None:
    """Before an apply, as :func:`check_writer`: another machine may have moved the environment since the last `init`,
    which Terraform would refuse and OpenTofu would undo."""
    if (session.folder(root).path / ".terraform" / "terraform.tfstate").is_file():  # else the state is a file here
        check_writer(session, root)


def take_over(session: Session, root: RootName) -> bool:
    """Write this engine's name of the provider into the state; False when it stands there already.

    The root is initialised. Raises ToolkitError when the state cannot be written.
    """
    here = engine_of(session.terraform)
    writer = state_writer(session, root)
    if writer is None or writer.engine in (None, here):
        return False
    assert writer.engine is not None
    result = session.runner(root).run(
        "state replace-provider",
        f"{writer.engine.registry}/{_PROVIDER}",
        f"{here.registry}/{_PROVIDER}",
        auto_approve=FLAG,
        no_color=FLAG,
    )
    if result.returncode != 0:
        raise session.failure(result, root)
    return True


def state_writer(session: Session, root: RootName) -> Writer | None:
    """Of the state in the account; None where there is none, or none that can be read from here."""
    backend = session.backend if root == "platform" else session.backend.with_key(BOOTSTRAP_KEY)
    try:
        return writer_of(json.loads(StateStore(session.connection, backend).download()))
    except (ToolkitError, ValueError, AttributeError):
        return None
