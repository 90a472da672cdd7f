"""The environment's data: whether Terraform can say from it what an apply would make."""

from __future__ import annotations

from collections import Counter

from toolkit.checks.model import Check, Facts
from toolkit.doctor.context import Context, refused_by_data
from toolkit.errors import UsageError


def _declares(context: Context) -> Facts:
    try:
        every = context.declared()
    except UsageError as error:
        raise refused_by_data(error, f"toolkit env validate {context.environment.name} says every problem") from error
    counts = Counter(one.root for one in every)
    return {
        "resources": len(every),
        **{str(root): number for root, number in counts.items()},
        "types": len({one.resource_type.lower() for one in every}),
    }


CHECKS: tuple[Check[Context], ...] = (
    Check(
        "data-declares",
        "data",
        "The environment's data says what an apply would make",
        _declares,
        depends=("tools-terraform",),
        deadline=100,
    ),
)
