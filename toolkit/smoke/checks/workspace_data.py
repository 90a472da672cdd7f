"""The workspace's own hosts: run history and MLflow, which answer through its private endpoint only.

https://learn.microsoft.com/azure/machine-learning/how-to-secure-workspace-vnet; MLflow's interface:
https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from azure.core.rest import HttpRequest

from toolkit.azure.arm import ARM
from toolkit.azure.clients import STORAGE_SCOPE
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import Check, CheckSkipped, Facts
from toolkit.smoke.checks.accounts import asking
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denials

_SCOPE = f"{ARM}/.default"
_JSON = {"Content-Type": "application/json"}
_LIST = b'{"max_results": 1}'


def experiments_are_listed(context: Context) -> Facts:
    with context.actor.rest(_SCOPE) as client:
        response = client.send_request(HttpRequest("POST", _experiments(context), headers=_JSON, content=_LIST))
        response.raise_for_status()
        return {"experiments_on_first_page": len(response.json().get("experiments") or [])}


def outside_is_refused(context: Context) -> Facts:
    """As the runner, who may list them: it is the place that is refused."""
    access = context.environment.public_network_access.machine_learning_workspace
    if access != "Disabled":
        reason = f"the environment lets the workspace answer on the internet (public_network_access = {access!r})"
        raise CheckSkipped("feature:private_workspace", reason, meant=True)
    with context.actor.rest(_SCOPE) as client:
        return expect_denials(
            context,
            _calls(context, client),
            ("service-firewall",),
            if_allowed="set publicNetworkAccess of the workspace to Disabled: toolkit apply does",
            got_through=("workspace-role",),
        )


def nobody_lists(context: Context) -> Facts:
    with context.actor.rest(_SCOPE) as client:
        return expect_denials(
            context,
            _calls(context, client),
            ("workspace-role",),
            if_allowed="look for a role on the workspace or above: rbac-probes-minimal names it",
        )


def other_audience_is_refused(context: Context) -> Facts:
    with context.actor.rest(STORAGE_SCOPE) as client:
        return expect_denials(
            context,
            _calls(context, client),
            ("token",),
            if_allowed="who takes such a token is not Azure Machine Learning: see what the name resolves to",
            got_through=("workspace-role",),
        )


def _calls(context: Context, client: RestClient) -> dict[str, Callable[[], None]]:
    return {"listing the workspace's experiments": asking(client, "POST", _experiments(context), _JSON, _LIST)}


def _experiments(context: Context) -> str:
    host = f"{context.output('location')}.api.azureml.ms"
    return (
        f"https://{host}/mlflow/v2.0{context.output('machine_learning_workspace_id')}/api/2.0/mlflow/experiments/search"
    )


_workspace = partial(
    Check,
    category="workspace",
    vantage="vnet",
    outputs=("machine_learning_workspace_id", "location"),
    retry_seconds=ROLE_SECONDS,
)
_PROBED = ("machine_learning_workspace_id", "location", "probe_identities")
_INSIDE = ("dns-workspace-private",)

CHECKS: tuple[Check[Context], ...] = (
    _workspace(
        id="workspace-vnet-experiments",
        title="Inside the network the runner lists the workspace's experiments",
        function=experiments_are_listed,
        depends=_INSIDE,
        controls=("NS-2",),
    ),
    _workspace(
        id="workspace-internet-denied",
        title="Outside the network the workspace refuses even the runner",
        function=outside_is_refused,
        vantage="internet",
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    _workspace(
        id="workspace-nobody-denied",
        title="An identity without a role sees nothing of the workspace",
        function=nobody_lists,
        identity="nobody",
        outputs=_PROBED,
        expectation="denial",
        depends=_INSIDE,
        controls=("PA-7", "AC-3"),
    ),
    _workspace(
        id="workspace-audience-denied",
        title="The workspace refuses a token that is meant for storage",
        function=other_audience_is_refused,
        identity="reader",
        outputs=_PROBED,
        expectation="denial",
        depends=_INSIDE,
        controls=("IM-1", "IA-5"),
    ),
)
