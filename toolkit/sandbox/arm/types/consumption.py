"""Microsoft.Consumption: budgets (https://learn.microsoft.com/rest/api/consumption/budgets/create-or-update).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

from datetime import datetime

from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call, ResourceType
from toolkit.sandbox.store import Resource

_GRAINS = ("Monthly", "Quarterly", "Annually", "BillingMonth", "BillingQuarter", "BillingAnnual")


def _checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    if not isinstance(properties.get("amount"), (int, float)) or properties["amount"] <= 0:
        raise bad_request("400", "Budget amount must be greater than zero.")
    if properties.get("timeGrain") not in _GRAINS:
        raise bad_request(
            "400", f"Invalid budget time grain '{properties.get('timeGrain')}'. Valid values are: {', '.join(_GRAINS)}."
        )
    period = properties.get("timePeriod") or {}
    try:
        start = datetime.fromisoformat(str(period.get("startDate", "")))
        end = datetime.fromisoformat(str(period["endDate"])) if period.get("endDate") else None
    except ValueError as error:
        raise bad_request("400", f"Invalid budget time period: {error}.") from error
    if start.day != 1:
        raise bad_request("400", "Invalid budget start date: it must be the first day of a month.")
    if end is not None and end <= start:
        raise bad_request("400", "Invalid budget end date: it must be after the start date.")
    if call.existing is not None:
        standing = datetime.fromisoformat(call.existing.properties["timePeriod"]["startDate"])
        if standing != start:
            raise bad_request("400", "The start date of a budget cannot be changed.")
    for name, notification in (properties.get("notifications") or {}).items():
        if not any(notification.get(contact) for contact in ("contactEmails", "contactRoles", "contactGroups")):
            raise bad_request("400", f"The notification '{name}' needs at least one contact.")


def _budget(call: Call, resource: Resource) -> None:
    resource.properties["currentSpend"] = {"amount": 0.0, "unit": "EUR"}


CONSUMPTION: tuple[ResourceType, ...] = (
    ResourceType(
        "Microsoft.Consumption/budgets",
        first_api_version="2018-01-31",
        place="extension",
        location="none",
        provisioning_state=False,
        methods=frozenset({"GET", "PUT", "DELETE"}),
        validate=_checked,
        on_put=_budget,
    ),
)
