"""The workspace of an environment, as whoever registers or publishes reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import arm_client
from toolkit.azure.credentials import PROBES_NEED, probe_credential, runner_credential
from toolkit.azure.refusals import refused
from toolkit.environment import Connection, Vantage
from toolkit.errors import ToolkitError, UsageError
from toolkit.records import Json

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

Who = Literal["runner", "ci"]

# Where the accounts of a private platform answer; the runner's own place where it can act from no such one.
_INSIDE = "vnet"


@dataclass(frozen=True, slots=True)
class Access:
    """``outputs`` of the platform, and who acts from where."""

    connection: Connection
    outputs: Mapping[str, Any]
    vantage: Vantage
    credential: TokenCredential
    who: Who

    @property
    def env(self) -> str:
        return self.connection.environment.name

    @property
    def workspace_id(self) -> str:
        return str(self.output("machine_learning_workspace_id"))

    @property
    def workspace_name(self) -> str:
        return self.workspace_id.rsplit("/", 1)[-1]

    @property
    def resource_group(self) -> str:
        return self.workspace_id.split("/")[4]

    @property
    def subscription_id(self) -> str:
        return self.workspace_id.split("/")[2]

    def output(self, name: str) -> Any:
        """An output of the platform; where it lives is Terraform's to say."""
        value = self.outputs.get(name)
        if not value:
            raise ToolkitError(
                f"the outputs of {self.env} have no {name}: it was applied by an older toolkit",
                hint=f"toolkit apply {self.env}, then toolkit outputs {self.env} --refresh",
            )
        return value

    def arm(self) -> RestClient:
        return arm_client(self.connection, self.credential)

    def resource(self, resource_id: str, what: str) -> Json | None:
        """A resource by its id; None when it is not there. Raises ToolkitError for any other refusal."""
        try:
            with self.arm() as client:
                response = client.send(resource_id, {"api-version": api_version(resource_id)})
                if response.status_code == 404:
                    return None
                response.raise_for_status()
                found: Json = response.json()
                return found
        except AzureError as error:
            raise self.refused(error, what) from error

    def refused(self, error: AzureError, what: str) -> ToolkitError:
        """Why Azure said no, with what this environment can do about it."""
        ci = f"toolkit … {self.env} … --as ci, where CI's identity can be had" if self.who == "runner" else ""
        return refused(
            error,
            what,
            {
                "storage-role": ci or f"toolkit apply {self.env} assigns CI's roles; new ones take up to ten minutes",
                "arm-role": ci or f"toolkit bootstrap {self.env} assigns CI's roles",
                "storage-firewall": f"the account's firewall does not let {self.vantage.name} in: act from inside the "
                "network (--vantage vnet), or open the firewall for this address in envs/",
            },
        )

    def require_workspace(self) -> None:
        """For somebody who did not find something in it: ToolkitError when the workspace itself is gone.

        A deleted one keeps its name for 14 days: https://learn.microsoft.com/azure/machine-learning/concept-soft-delete.
        Who may not read it (AzureML Data Scientist alone does not) is not told.
        """
        try:
            with self.arm() as client:
                gone = (
                    client.send(self.workspace_id, {"api-version": api_version(self.workspace_id)}).status_code == 404
                )
        except AzureError:
            return
        if gone:
            raise ToolkitError(
                f"the workspace {self.workspace_name} is not there: it was deleted, and may stand soft-deleted",
                hint=f"recover it within 14 days (portal: Azure ML, Recently deleted), or toolkit apply {self.env}",
            )


def access(
    connection: Connection, outputs: Mapping[str, Any], who: Who = "runner", vantage: str | None = None
) -> Access:
    """Who acts from where: the runner's credential or CI's identity, inside the network where the runner can be there.

    Raises UsageError for a vantage that the environment does not have, and where CI's identity cannot be had.
    """
    name = vantage or (_INSIDE if _INSIDE in connection.vantages else connection.runner.name)
    place = connection.vantage(name)
    if who == "runner":
        return Access(connection, outputs, place, runner_credential(connection, place), who)
    identity = (outputs.get("identities") or {}).get("ci") or {}
    credential = probe_credential(connection, identity["client_id"], place) if identity.get("client_id") else None
    if credential is None:
        raise UsageError(
            f"cannot act as CI's identity of {connection.environment.name}: {PROBES_NEED}",
            hint="leave out --as ci: in a CI job the runner's credential is CI's identity already",
        )
    return Access(connection, outputs, place, credential, who)
