"""What explains what: the check that says a fault best comes first, and those that could only repeat it are skipped.

One cause is one red line. A record's own ``depends`` names what it acts through; here is what holds for whole families.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from toolkit.checks.model import Check
from toolkit.smoke.checks.identity import PROBES
from toolkit.smoke.context import Context

# pattern of ids -> ids. A lost endpoint takes its connection, its zone group and its records along, and a lost record
# the way of every client; an identity that is gone cannot sign in.
PREREQUISITES: dict[str, tuple[str, ...]] = {
    "posture-private-endpoints": ("network-endpoints",),
    "network-connections": ("network-endpoints", "adf-endpoints-exact", "workspace-outbound-exact"),
    "adf-endpoints-approved": ("adf-endpoints-exact",),
    "workspace-outbound-endpoints": ("workspace-outbound-exact",),
    "dns-zone-groups": ("dns-zones-exact", "network-endpoints"),
    "dns-records-exact": ("dns-zones-exact", "dns-zone-groups", "posture-private-endpoints"),
    "dns-*-private": ("dns-zones-exact", "dns-records-exact"),
    # The workspace's role on a private endpoint goes with the endpoint.
    "rbac-assignments": ("network-endpoints",),
    "rbac-exact": ("network-endpoints",),
    "identity-*-signs-in": ("identity-exact", "identity-federation"),
}


def linked(checks: Sequence[Check[Context]]) -> tuple[Check[Context], ...]:
    """The checks with all of their prerequisites, each once."""
    return tuple(replace(check, depends=_depends(check)) for check in checks)


def _depends(check: Check[Context]) -> tuple[str, ...]:
    families = [one for pattern, ids in PREREQUISITES.items() if fnmatchcase(check.id, pattern) for one in ids]
    signs_in = [f"identity-{check.identity}-signs-in"] if check.identity in PROBES else []
    return tuple(one for one in dict.fromkeys([*families, *signs_in, *check.depends]) if one != check.id)
