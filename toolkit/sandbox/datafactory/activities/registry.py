"""The types of activities that run here. Another one fails by its name.

``has_policy``: timeout and retries are those of its ``policy``. Control activities have none:
https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#control-activity
"""

from __future__ import annotations

from toolkit.sandbox.datafactory.activities.append_variable import append_variable
from toolkit.sandbox.datafactory.activities.copy_data import copy_data
from toolkit.sandbox.datafactory.activities.custom import custom
from toolkit.sandbox.datafactory.activities.delete import delete
from toolkit.sandbox.datafactory.activities.execute_pipeline import execute_pipeline
from toolkit.sandbox.datafactory.activities.fail import fail
from toolkit.sandbox.datafactory.activities.filter_items import filter_items
from toolkit.sandbox.datafactory.activities.for_each import for_each
from toolkit.sandbox.datafactory.activities.get_metadata import get_metadata
from toolkit.sandbox.datafactory.activities.if_condition import if_condition
from toolkit.sandbox.datafactory.activities.lookup import lookup
from toolkit.sandbox.datafactory.activities.set_variable import set_variable
from toolkit.sandbox.datafactory.activities.switch import switch
from toolkit.sandbox.datafactory.activities.until import until
from toolkit.sandbox.datafactory.activities.validation import validation
from toolkit.sandbox.datafactory.activities.wait import wait
from toolkit.sandbox.datafactory.activities.web_activity import web_activity
from toolkit.sandbox.datafactory.activities.web_hook import web_hook
from toolkit.sandbox.datafactory.execution import ActivityType
from toolkit.sandbox.datafactory.failures import not_modelled

ACTIVITY_TYPES: tuple[ActivityType, ...] = (
    ActivityType("AppendVariable", append_variable),
    ActivityType("Copy", copy_data, has_policy=True),
    ActivityType("Custom", custom, has_policy=True),
    ActivityType("Delete", delete, has_policy=True),
    ActivityType("ExecutePipeline", execute_pipeline),
    ActivityType("Fail", fail),
    ActivityType("Filter", filter_items),
    ActivityType("ForEach", for_each),
    ActivityType("GetMetadata", get_metadata, has_policy=True),
    ActivityType("IfCondition", if_condition),
    ActivityType("Lookup", lookup, has_policy=True),
    ActivityType("SetVariable", set_variable),
    ActivityType("Switch", switch),
    ActivityType("Until", until),
    ActivityType("Validation", validation),
    ActivityType("Wait", wait),
    ActivityType("WebActivity", web_activity, has_policy=True),
    ActivityType("WebHook", web_hook),
)
_BY_NAME = {type_.name: type_ for type_ in ACTIVITY_TYPES}

# Why a type that people expect is not here.
_REFUSED = {
    "AzureMLExecutePipeline": "activities of type 'AzureMLExecutePipeline' (published pipelines of Azure ML v1)",
}


def activity_type(name: str) -> ActivityType:
    type_ = _BY_NAME.get(name)
    if type_ is None:
        raise not_modelled(_REFUSED.get(name, f"activities of type '{name}'"))
    return type_
