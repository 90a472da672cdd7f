"""Pasts that can be mended: what earlier runs, people and Azure's own delays leave in the way of a plan or an apply.

One small object each, in one ordered list. A failed apply is mended by the first that knows its errors.
"""

from toolkit.terraform.recovery.dead_link import DeadLink
from toolkit.terraform.recovery.deleted_vault import DeletedVault
from toolkit.terraform.recovery.deleted_workspace import DeletedWorkspace
from toolkit.terraform.recovery.errored_state import ErroredState
from toolkit.terraform.recovery.existing_resource import ExistingResource
from toolkit.terraform.recovery.missing_group import MissingGroup
from toolkit.terraform.recovery.missing_target import MissingTarget
from toolkit.terraform.recovery.owed_purge import OwedPurge
from toolkit.terraform.recovery.passing_error import PassingError
from toolkit.terraform.recovery.past import Failed, Mended, Past
from toolkit.terraform.recovery.renewed_identity import RenewedIdentity
from toolkit.terraform.recovery.soft_deleted import SoftDeleted

PASTS: tuple[Past, ...] = (
    ErroredState(),  # before a plan: the state that the last apply could not save is saved
    DeadLink(),  # at a plan: a private link whose other end was deleted is made again
    MissingGroup(),  # before an apply: a platform whose resource group was deleted needs its bootstrap
    OwedPurge(),  # before an apply: what a destroy left soft-deleted is purged
    DeletedVault(),  # before an apply: a soft-deleted vault that the plan would create is recovered
    SoftDeleted("platform"),  # before an apply: an account or container that can be restored is not made anew
    RenewedIdentity(),  # at a plan and after an apply: what has the deleted identity of a name is given the new one
    DeletedWorkspace(),  # after a failure: a deleted workspace that cannot be recovered frees its name
    ExistingResource(),  # after a failure: what is there already is taken into the state
    MissingTarget(),  # after a failure: an action for the end of something that is gone leaves the state
    PassingError(),  # after a failure: what goes away by itself is waited for
)

# Of the bootstrap, before an apply: the account of the states above all.
BOOTSTRAP_PASTS: tuple[Past, ...] = (SoftDeleted("bootstrap"),)

__all__ = ["BOOTSTRAP_PASTS", "PASTS", "Failed", "Mended", "Past"]
