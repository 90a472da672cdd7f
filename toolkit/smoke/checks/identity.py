"""The identities that checks act as can sign in. What acts as one of them depends on it (smoke/prerequisites.py).

https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

from toolkit.azure.arm import ARM
from toolkit.azure.codes import ENTRA_SECONDS
from toolkit.checks.model import Check, Facts
from toolkit.smoke.context import Context

PROBES = ("reader", "writer", "nobody")


def signs_in(context: Context) -> Facts:
    credential = context.actor.credential
    assert credential is not None  # only the anonymous identity has none
    return {"expires_on": credential.get_token(f"{ARM}/.default").expires_on}


def _check(probe: str) -> Check[Context]:
    return Check(
        id=f"identity-{probe}-signs-in",
        category="identity",
        title=f"The probe {probe} signs in with the job's own token, without a secret",
        function=signs_in,
        identity=probe,
        outputs=("probe_identities",),
        retry_seconds=ENTRA_SECONDS,
        controls=("IM-3", "IA-9"),
    )


CHECKS: tuple[Check[Context], ...] = tuple(map(_check, PROBES))
