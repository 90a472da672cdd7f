"""``terraform init`` in the work folder, when something that it depends on has changed."""

from __future__ import annotations

from typing import Any

from toolkit.terraform.data import check_state
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.state import BOOTSTRAP_KEY
from toolkit.terraform.state_engine import check_writer
from toolkit.terraform.workspace import RootName, WorkFolder, toolkit_variables
from toolkit.toolchain.provider import after_init

# The platforms that people and CI agents use; a lock file with one platform's hashes fails on the others.
# https://developer.hashicorp.com/terraform/cli/commands/providers/lock
_LOCK_PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_arm64", "darwin_amd64", "windows_amd64")


def prepare(session: Session, root: RootName = "platform", *, remote_state: bool = True) -> None:
    """Refresh the work folder and initialise it, unless nothing that init depends on has changed."""
    folder, environment = session.folder(root), session.environment
    folder.refresh()
    if remote_state:
        if root == "platform":
            check_state(session.environment)
        folder.write_backend(session.backend if root == "platform" else session.backend.with_key(BOOTSTRAP_KEY))
    else:
        folder.backend_file.unlink(missing_ok=True)
    first = not folder.restore_lock_file()
    facts = (
        session.terraform.version,
        str(session.terraform.path),
        str(session.provider.cli_config_file),
        session.provider.version or "",
    )
    if not folder.is_initialised(folder.fingerprint(*facts)):
        from toolkit.azure.login import check_login

        folder.forget_initialised()
        check_login(session.connection)
        if remote_state:
            check_writer(session, root)
        _init(session, folder, remote_state)
        if first and not environment.provider_may_be_built:
            _lock_providers(session, folder)
        if folder.keep_lock_file() and not environment.provider_may_be_built:
            shown = folder.kept_lock_file.relative_to(environment.project.root)
            session.observer.note(f"commit {shown}: it pins the provider for everybody")
        folder.mark_initialised(folder.fingerprint(*facts))
    selected = after_init(session.provider, folder.lock_file)
    folder.write_variables(
        toolkit_variables(session.connection, session.backend, schema_validation=selected.schema_validation)
    )


def _init(session: Session, folder: WorkFolder, remote_state: bool) -> None:
    session.observer.step(f"terraform init ({folder.root})")
    if session.environment.provider_may_be_built:
        # Throw-away, and a provider built by another Go has another hash.
        folder.lock_file.unlink(missing_ok=True)
    options: dict[str, Any] = {"backend_config": str(folder.backend_file)} if remote_state else {}
    session.run(folder.root, "init", input=False, no_color=FLAG, json=FLAG, reconfigure=FLAG, **options)


def _lock_providers(session: Session, folder: WorkFolder) -> None:
    session.observer.step("writing the provider lock file for all platforms")
    options: dict[str, Any] = {"platform": list(_LOCK_PLATFORMS)}
    if session.environment.provider_mirror is not None:
        options["fs_mirror"] = str(session.provider.mirror)
    result = session.runner(folder.root).run("providers lock", no_color=FLAG, **options)
    if result.returncode != 0:
        session.observer.note(
            "the provider lock file only covers this machine's platform: `terraform providers lock` failed "
            "(a mirror must hold every platform)"
        )
