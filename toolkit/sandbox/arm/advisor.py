"""Advisor's recommendations: the service retirements that a subscription's conditions announce.

One for each resource of the type that the feature belongs to, in the shape of
https://learn.microsoft.com/rest/api/advisor/recommendations/list; a retirement's extended properties:
https://learn.microsoft.com/azure/advisor/advisor-how-to-plan-migration-workloads-service-retirement
"""

from __future__ import annotations

import uuid

from toolkit.records import Json
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.store import Store


def list_recommendations(store: Store, subscription_id: str) -> list[Json]:
    scope = f"/subscriptions/{subscription_id}/".lower()
    found = []
    for said in conditions_of(store, subscription_id).retirements:
        for one in store.of_type(said.type):
            if one.id.lower().startswith(scope):
                name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{one.id}|{said.feature}".lower()))
                found.append(
                    {
                        "id": f"{one.id}/providers/Microsoft.Advisor/recommendations/{name}",
                        "name": name,
                        "type": "Microsoft.Advisor/recommendations",
                        "properties": {
                            "category": "HighAvailability",
                            "impact": "High",
                            "impactedField": said.type,
                            "impactedValue": one.name,
                            "shortDescription": {"problem": said.feature, "solution": said.feature},
                            "extendedProperties": {
                                "recommendationSubCategory": "ServiceUpgradeAndRetirement",
                                "retirementFeatureName": said.feature,
                                "retirementDate": said.date,
                            },
                        },
                    }
                )
    return found
