"""Service retirements that touch what is declared, as Advisor tells them.

https://learn.microsoft.com/azure/advisor/advisor-how-to-plan-migration-workloads-service-retirement: recommendations of
the subcategory ServiceUpgradeAndRetirement, with the feature and its day among their extended properties.
"""

from __future__ import annotations

from toolkit.azure.api_versions import ADVISOR_API_VERSION
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.doctor.context import Context

_SUBCATEGORY = "serviceupgradeandretirement"


def _retirements(context: Context) -> Facts:
    types = {one.resource_type.lower() for one in context.declared()}
    path = f"{context.subscription}/providers/Microsoft.Advisor/recommendations"
    listed = context.asked("Advisor's recommendations", lambda: context.live.list(path, ADVISOR_API_VERSION))
    found = []
    for one in listed:
        properties = one["properties"]
        extended = properties.get("extendedProperties") or {}
        field = str(properties.get("impactedField", ""))
        if str(extended.get("recommendationSubCategory", "")).lower() != _SUBCATEGORY or field.lower() not in types:
            continue
        feature = extended.get("retirementFeatureName") or (properties.get("shortDescription") or {}).get("problem")
        day = extended.get("retirementDate")
        found.append(
            f"{feature} retires on {day or 'a day that is not said'} ({field} {properties.get('impactedValue')})"
        )
    if found:
        raise CheckFailed(
            "; ".join(sorted(set(found))),
            cause="not-ready",
            hint="plan the change before that day: https://learn.microsoft.com/azure/advisor and the announcement at "
            "https://azure.microsoft.com/updates say to what; a newer release of this toolkit may have it",
        )
    return {"looked_at": len(listed)}


CHECKS: tuple[Check[Context], ...] = (
    Check(
        "retirements-announced",
        "retirements",
        "No service retirement touches what is declared",
        _retirements,
        severity="warning",
        depends=("subscription-state", "data-declares"),
    ),
)
