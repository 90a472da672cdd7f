"""A state that an earlier apply could not save: Terraform then keeps it in errored.tfstate.

https://developer.hashicorp.com/terraform/cli/state/recover
"""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.files import disk_errors
from toolkit.terraform import diagnostics
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.statelock import unlocking
from toolkit.terraform.workspace import RootName


def errored_state(session: Session, root: RootName) -> Path:
    return session.folder(root).path / "errored.tfstate"


class ErroredState(Past):
    def before_plan(self, session: Session, root: RootName) -> None:
        file = errored_state(session, root)
        if not file.is_file():
            return
        runner = session.runner(root)
        result = unlocking(session, root, lambda: runner.run("state push", file.name, no_color=FLAG))
        if result.returncode != 0:
            errors = diagnostics.from_text(result.stderr)
            if diagnostics.is_locked(errors):
                result.events.diagnostics.extend(errors)
                raise session.failure(result, root)
            raise ToolkitError(
                f"the state that the last apply could not save is in {file}, and cannot be saved now:\n"
                + "\n".join(f"  {d.summary}\n  {d.detail}" for d in errors),
                hint="somebody has applied since: move the file away when what it holds is not needed, then run again",
            )
        with disk_errors("the state that could not be saved"):
            file.unlink()
        session.observer.note("saved the state that the last apply could not save")
