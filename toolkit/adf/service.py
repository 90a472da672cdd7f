"""The factory of an environment: its name, its clients, and its definitions as the service answers them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError

from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import arm_client
from toolkit.azure.clients import Actor
from toolkit.azure.credentials import runner_credential
from toolkit.azure.denial import classify
from toolkit.environment import Connection
from toolkit.errors import ToolkitError
from toolkit.pipelines.live import read_live
from toolkit.pipelines.model import Factory

if TYPE_CHECKING:
    from azure.mgmt.datafactory import DataFactoryManagementClient

_APPLY = "toolkit apply {0} makes the platform; toolkit outputs {0} --refresh reads what it made"


@dataclass(frozen=True, slots=True)
class FactoryOf:
    """The factory that an environment's outputs name."""

    connection: Connection
    id: str

    @property
    def resource_group(self) -> str:
        return self.id.split("/")[4]

    @property
    def name(self) -> str:
        return self.id.split("/")[-1]

    @contextmanager
    def client(self) -> Iterator[DataFactoryManagementClient]:
        connection = self.connection
        credential = runner_credential(connection)
        actor = Actor("runner", connection.runner, credential, connection.environment.subscription_id)
        with actor.data_factory() as client, service_errors(f"factory {self.name}"):
            yield client

    def definitions(self) -> Factory:
        """Everything that is published. Raises ToolkitError."""
        version = {"api-version": api_version(self.id)}
        with arm_client(self.connection) as client, service_errors(f"factory {self.name}"):

            def listed(path: str) -> Iterator[Mapping[str, Any]]:
                try:
                    yield from client.list(f"{self.id}/{path}", version)
                except HttpResponseError as error:
                    if error.status_code != 404:  # a kind that this cloud has not
                        raise

            return read_live(client.get(self.id, version), listed)


def factory_of(connection: Connection, outputs: Mapping[str, Any]) -> FactoryOf:
    factory_id = outputs.get("data_factory_id")
    if not factory_id:
        name = connection.environment.name
        raise ToolkitError(f"the outputs of {name} name no factory", hint=_APPLY.format(name))
    return FactoryOf(connection, str(factory_id))


@contextmanager
def service_errors(what: str) -> Iterator[None]:
    """What the service refuses is one clear error."""
    try:
        yield
    except AzureError as error:
        denial = classify(error)
        said = getattr(getattr(error, "error", None), "message", None) or str(error).splitlines()[0]
        code = f"{denial.code}: " if denial.code else ""
        raise ToolkitError(f"{what}: {code}{said}", hint=denial.hint) from error
