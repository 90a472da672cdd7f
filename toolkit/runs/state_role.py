"""The operator's role on the container of the states, when somebody took it away.

The bootstrap makes it, and reads its own state with it: without it, no bootstrap can bring it back. It is the very
assignment that terraform/bootstrap makes (same name), so that its state stays true.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.errors import ToolkitError
from toolkit.terraform.session import Session
from toolkit.terraform.state import BOOTSTRAP_KEY, StateStore

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

_ROLE = "Storage Blob Data Contributor"
_AUTHORIZATION = "providers/Microsoft.Authorization"


def assign_state_role(session: Session) -> bool:
    """Assign it again and wait until it has arrived; False where this identity may not, or env.toml names no operator.

    Raises ToolkitError when the assignment does not arrive in its time.
    """
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    operator = session.connection.operator
    if operator is None:
        return False
    scope = session.backend.container_id
    try:
        with arm_client(session.connection) as client:
            role = _role_id(client, scope)
            name = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}|{role.rsplit('/', 1)[-1]}|{operator.object_id}")
            properties = {
                "roleDefinitionId": role,
                "principalId": operator.object_id,
                "principalType": operator.type,
            }
            version = API_VERSIONS["microsoft.authorization/roleassignments"]
            url = f"{ARM}{scope}/{_AUTHORIZATION}/roleAssignments/{name}?api-version={version}"
            client.send_request(HttpRequest("PUT", url, json={"properties": properties})).raise_for_status()
    except AzureError:
        return False
    session.observer.note(
        f"the operator's role on the states was taken away: {_ROLE} on {session.backend.container_name} is back"
    )
    StateStore(session.connection, session.backend.with_key(BOOTSTRAP_KEY)).wait_until_writable(session.observer.note)
    return True


def _role_id(client: RestClient, scope: str) -> str:
    from azure.core.rest import HttpRequest

    version = API_VERSIONS["microsoft.authorization/roledefinitions"]
    url = f"{ARM}{scope}/{_AUTHORIZATION}/roleDefinitions?api-version={version}&$filter=roleName eq '{_ROLE}'"
    response = client.send_request(HttpRequest("GET", url))
    response.raise_for_status()
    found: list[str] = [definition["id"] for definition in response.json()["value"]]
    if not found:
        raise ToolkitError(f"the subscription has no role {_ROLE}")
    return found[0]
