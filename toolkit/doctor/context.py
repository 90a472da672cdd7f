"""What a check of the doctor works with: the environment, what its data declares, and the control plane, read only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

from toolkit.azure.api_versions import API_VERSIONS, PROVIDERS_API_VERSION
from toolkit.azure.clients import Actor
from toolkit.azure.credentials import runner_credential
from toolkit.azure.denial import Denial, classify
from toolkit.azure.exchanges import Exchanges
from toolkit.azure.tokens import OneToken
from toolkit.checks.model import Check, CheckFailed, CheckSkipped
from toolkit.checks.once import Once
from toolkit.environment import Connection, Environment
from toolkit.errors import UsageError
from toolkit.live.reading import Reader, View
from toolkit.records import Json
from toolkit.terraform.declared import Declared, declared_resources
from toolkit.terraform.state import Backend, read_backend
from toolkit.toolchain.terraform import find_terraform
from toolkit.toolchain.tool import Missing

T = TypeVar("T")
_GROUPS = "Microsoft.Resources/resourceGroups"
_PLATFORM_GROUP = "azapi_resource.platform_resource_group"


class Run:
    """What the checks of one run share: each fact is found once, by the first check that wants it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.once = Once()
        self._lock = threading.Lock()
        self._exchanges: dict[str, Exchanges] = {}
        self._reader: Reader | None = None
        self._credential: OneToken | None = None

    @property
    def environment(self) -> Environment:
        return self.connection.environment

    def credential(self) -> OneToken:
        """The runner's. Raises UsageError when the choice of env.toml needs a variable that is not set."""
        with self._lock:
            if self._credential is None:
                self._credential = OneToken(runner_credential(self.connection))
            return self._credential

    def view(self, check_id: str) -> View:
        """The control plane: what any check has read, but for one that is made again."""
        credential = self.credential()
        with self._lock:
            if self._reader is None:
                actor = Actor("runner", self.connection.runner, credential, self.environment.subscription_id)
                self._reader = Reader(actor.arm())
            return self._reader.attempt(check_id)

    def begin_exchanges(self, check_id: str) -> Exchanges:
        self._exchanges[check_id] = Exchanges()
        return self._exchanges[check_id]

    def exchanges(self, check_id: str) -> tuple[Json, ...]:
        found = self._exchanges.get(check_id)
        return found.listed() if found else ()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        if self._credential is not None:
            self._credential.close()


@dataclass(slots=True)
class Context:
    """One attempt of one check."""

    run: Run
    check: Check[Context]
    _live: View | None = None
    exchanges: Exchanges = field(init=False)

    def __post_init__(self) -> None:
        self.exchanges = self.run.begin_exchanges(self.check.id)

    # -- the engine's protocol -----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Nothing: a check of the doctor needs what it depends on."""

    def explain(self, error: AzureError) -> Denial:
        return classify(error)

    def finalize(self) -> list[str]:
        """Nothing is ever made."""
        return []

    # -- what is meant -------------------------------------------------------------------------------------------------

    @property
    def environment(self) -> Environment:
        return self.run.environment

    @property
    def connection(self) -> Connection:
        return self.run.connection

    @property
    def data_file(self) -> str:
        return f"envs/{self.environment.data_name}/terraform.tfvars"

    @property
    def env_file(self) -> str:
        return f"envs/{self.environment.data_name}/env.toml"

    @property
    def backend(self) -> Backend:
        return read_backend(self.environment)

    def declared(self, *types: str) -> list[Declared]:
        """What the environment's data declares, of these types of Azure (all by default).

        Raises CheckSkipped where there is no Terraform yet, UsageError for data that terraform/ refuses.
        """
        every = self.run.once("declared", self._declare)
        wanted = {type_.lower() for type_ in types}
        return [one for one in every if not wanted or one.resource_type.lower() in wanted]

    def _declare(self) -> tuple[Declared, ...]:
        terraform = find_terraform()
        if isinstance(terraform, Missing):
            raise CheckSkipped(
                "feature:terraform",
                "what apply would make is not known: there is no Terraform here yet, which toolkit doctor --toolchain "
                "--install fetches",
                meant=True,
            )
        return declared_resources(self.environment, terraform.path)

    # -- what is there -------------------------------------------------------------------------------------------------

    @property
    def live(self) -> View:
        if self._live is None:
            self._live = replace(self.run.view(self.check.id), observe=self.exchanges.add)
        return self._live

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.environment.subscription_id}"

    def asked(self, what: str, read: Callable[[], T]) -> T:
        """What ``read`` finds. Raises CheckSkipped where this identity may not ask: the apply needs no right to that.

        A refusal of a policy, a network or a token is raised as it is.
        """
        try:
            return read()
        except HttpResponseError as error:
            if error.status_code != 403 or classify(error).kind != "arm-role":
                raise
            raise CheckSkipped(
                f"right:{what}",
                f"this identity may not read {what}: bootstrap's role Preflight Reader lets CI, and Reader anybody",
                meant=True,
            ) from error

    def providers(self) -> dict[str, Json]:
        """Every resource provider of the subscription, by its namespace in lower case."""
        path = f"{self.subscription}/providers"
        listed = self.asked("resource providers", lambda: self.live.list(path, PROVIDERS_API_VERSION))
        return {str(one["namespace"]).lower(): one for one in listed}

    @property
    def platform_group(self) -> str:
        """The id of the platform's resource group, whether it is there or not."""
        name = next(one.name for one in self.declared(_GROUPS) if one.address == _PLATFORM_GROUP)
        return f"{self.subscription}/resourceGroups/{name}"

    def group_exists(self, group_id: str) -> bool:
        """Raises CheckSkipped where this identity may not know."""
        version = API_VERSIONS["microsoft.resources/resourcegroups"]
        return self.asked("the resource group", lambda: self.live.find(group_id, version)) is not None

    def find(self, resource_id: str, version: str | None = None) -> Json | None:
        try:
            return self.live.find(resource_id, version)
        except ResourceNotFoundError:
            return None


def refused_by_data(error: UsageError, hint: str) -> CheckFailed:
    """The failure that a file of the environment is."""
    return CheckFailed(error.message, cause="differs", hint=error.hint or hint)
