"""Filter: https://learn.microsoft.com/azure/data-factory/control-flow-filter-activity"""

from __future__ import annotations

from dataclasses import replace

from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.containers import boolean, items_of
from toolkit.sandbox.datafactory.execution import Step


async def filter_items(step: Step) -> Json:
    items = items_of(step)
    step.show_input({"items": items})
    kept = []
    for item in items:
        one = replace(step, frame=step.frame.inner(item=item))
        if boolean(one, "condition"):
            kept.append(item)
    return {"ItemsCount": len(items), "FilteredItemsCount": len(kept), "Value": kept}
