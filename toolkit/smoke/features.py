"""What an environment's data may leave out, and which outputs only exist with it.

The output ``features`` says it. A missing output cannot: Terraform drops a root output whose value is null from the
state, so that one which was lost looks the same as one that was never meant
(https://github.com/hashicorp/terraform/blob/main/internal/terraform/node_output.go, setValue).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.checks.model import CheckFailed

# name -> (what it is, what switches it off in terraform.tfvars)
FEATURES: dict[str, tuple[str, str]] = {
    "batch": ("Batch account", "batch = null"),
    "function_app": ("function app", "function_app = null"),
    "computes": ("compute cluster", "machine_learning.computes = {}"),
    "triggers": ("trigger", "neither schedules nor blob_events in pipelines"),
    "locks": ("lock", "locks = false"),
    "budget": ("budget", "budget = null"),
    "receivers": ("receiver of alerts", "neither alert_emails nor action_group_ids in monitoring"),
    "perimeter": ("network security perimeter", "network_security_perimeter = null"),
    "encryption": ("customer-managed key", "customer_managed_keys.enabled = false"),
}

_OUTPUTS: dict[str, str] = {
    "batch_account_id": "batch",
    "batch_pool_id": "batch",
    "function_app_id": "function_app",
    "function_storage_account_name": "function_app",
    "function_storage_account_id": "function_app",
    "function_storage_containers": "function_app",
    "machine_learning_computes": "computes",
    "data_factory_triggers": "triggers",
    "locks": "locks",
    "budget_id": "budget",
    "customer_managed_keys": "encryption",
    "network_security_perimeter": "perimeter",
}


def feature_of(output: str) -> str | None:
    """The feature without which an environment has no such output; None for one that every environment has."""
    return _OUTPUTS.get(output)


def has(outputs: Mapping[str, Any], feature: str) -> bool:
    """Whether the environment has the feature. Raises CheckFailed when its outputs do not say."""
    features = outputs.get("features")
    value = features.get(feature) if isinstance(features, Mapping) else None
    if not isinstance(value, bool):
        raise CheckFailed(
            f"the output 'features' does not say whether there is a {FEATURES[feature][0]}",
            cause="no-output",
            hint="toolkit apply writes the outputs",
        )
    return value
