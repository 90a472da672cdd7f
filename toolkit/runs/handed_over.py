"""A plan that another job made: taken, verified, and applied as it is or compared with a plan of now."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from toolkit.records import Json
from toolkit.runs.platform import plan_platform, prepare_platform
from toolkit.terraform.bundle import check_engine, load_bundle, read_metadata, use_lock_file, write_bundle
from toolkit.terraform.planning import SavedPlan, with_announcements
from toolkit.terraform.reconcile import Reconciled, reconcile
from toolkit.terraform.session import Session
from toolkit.terraform.stored_plans import PREFIX, PlanStore, StoredPlan
from toolkit.terraform.versions import commit


def store_plan(session: Session, plan: SavedPlan, ttl: timedelta) -> StoredPlan:
    """Keep the plan in the account of the states. Raises ToolkitError."""
    with _private_folder(session) as folder:
        write_bundle(session, plan, folder)
        session.let_in()
        stored = _store(session).put(folder, commit(session.environment), ttl)
    session.observer.step(f"the plan is kept in {session.backend.storage_account_name}: {stored.reference}")
    return stored


@contextmanager
def taken(session: Session, name: str | None, by: str) -> Iterator[Path | None]:
    """The folder of the stored plan ``name``, for as long as it is needed; None where none is named.

    Raises RefusedError as :meth:`toolkit.terraform.stored_plans.PlanStore.take` does.
    """
    if name is None:
        yield None
        return
    with _private_folder(session) as folder:
        session.let_in()
        session.observer.step(f"taking {PREFIX}{name} from {session.backend.storage_account_name}")
        yield _store(session).take(name, commit(session.environment), folder / "plan", by)


def handed_over_plan(session: Session, folder: Path, metadata: Json | None = None) -> SavedPlan:
    """Exactly the plan in ``folder``. Raises RefusedError for one that does not belong here."""
    metadata = metadata or read_metadata(folder, session.environment)
    check_engine(session, folder, metadata)
    use_lock_file(session, folder)
    prepare_platform(session)
    return with_announcements(session, load_bundle(session, folder, metadata))


def reconciled_plan(session: Session, agreed: SavedPlan) -> tuple[SavedPlan, Reconciled]:
    """A plan of now, and what it does of the one that was agreed to."""
    fresh = plan_platform(session)
    return fresh, reconcile(agreed.document, fresh.document)


def _store(session: Session) -> PlanStore:
    return PlanStore(session.connection, session.backend)


@contextmanager
def _private_folder(session: Session) -> Iterator[Path]:
    session.environment.state_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="plan-", dir=session.environment.state_dir))  # mode 0700
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
