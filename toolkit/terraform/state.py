"""Where the Terraform state is, and whether this identity can reach it from here."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.azure import codes
from toolkit.azure.codes import DenialKind
from toolkit.environment import Connection, Environment
from toolkit.environment.file import read_text
from toolkit.errors import ToolkitError, UsageError
from toolkit.waiting import BackOff, Waits

BOOTSTRAP_KEY = "bootstrap.tfstate"

_NAMES = ("resource_group_name", "storage_account_name", "container_name", "key")
_PROBE_PREFIX = "toolkit-probe-"
_BACK_OFF = BackOff(1.0, 15.0)


@dataclass(frozen=True, slots=True)
class Backend:
    """Settings of Terraform's azurerm backend: https://developer.hashicorp.com/terraform/language/backend/azurerm."""

    resource_group_name: str
    storage_account_name: str
    container_name: str
    key: str
    tenant_id: str
    subscription_id: str

    @property
    def account_id(self) -> str:
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group_name}"
        return f"{group}/providers/Microsoft.Storage/storageAccounts/{self.storage_account_name}"

    @property
    def container_id(self) -> str:
        return f"{self.account_id}/blobServices/default/containers/{self.container_name}"

    @property
    def account_url(self) -> str:
        return f"https://{self.storage_account_name}.blob.core.windows.net"

    def with_key(self, key: str) -> Backend:
        return Backend(
            self.resource_group_name,
            self.storage_account_name,
            self.container_name,
            key,
            self.tenant_id,
            self.subscription_id,
        )

    def as_hcl(self) -> str:
        """A file for ``terraform init -backend-config=``."""
        values = [(name, getattr(self, name)) for name in (*_NAMES, "tenant_id", "subscription_id")]
        return "".join(f'{name} = "{value}"\n' for name, value in values) + "use_azuread_auth = true\n"


def read_backend(environment: Environment) -> Backend:
    """``envs/<env>/backend.hcl``. Raises UsageError when it is missing, incomplete or malformed."""
    path = environment.folder / "backend.hcl"
    shown = path.relative_to(environment.project.root)
    if not path.exists():
        raise UsageError(
            f"{shown} is missing", hint=f"it has lines like {', '.join(_NAMES)}: see envs/local/backend.hcl"
        )
    text = read_text(path, environment.project.root)
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        match = re.fullmatch(r'(\w+)\s*=\s*(?:"([^"]*)"|(true|false))', line)
        if match is None:
            raise UsageError(f'{shown}:{number}: only lines like key = "value" are understood here: {line}')
        values[match[1]] = match[2] if match[2] is not None else match[3]
    missing = [name for name in _NAMES if not values.get(name)]
    if missing:
        raise UsageError(f"{shown}: {', '.join(missing)} missing", hint="see envs/local/backend.hcl")
    if values.get("use_azuread_auth", "true") != "true":
        raise UsageError(f"{shown}: use_azuread_auth must be true: the state account has its shared keys off")
    if values["key"] == BOOTSTRAP_KEY:
        raise UsageError(f"{shown}: key must not be {BOOTSTRAP_KEY}, which is the state of terraform/bootstrap")
    return Backend(
        **{name: values[name] for name in _NAMES},
        tenant_id=environment.tenant_id,
        subscription_id=environment.subscription_id,
    )


Presence = Literal["present", "absent"]


class StateDeniedError(ToolkitError):
    """The account of the states refuses this identity or this place; ``kind`` as :mod:`toolkit.azure.denial` has it."""

    def __init__(self, kind: DenialKind, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class StateStore:
    """The container of the states, as the runner's own identity sees it from where it stands."""

    connection: Connection
    backend: Backend

    def presence(self) -> Presence:
        """Whether the state blob of ``backend.key`` is there; "absent" also for a missing account or container.

        Raises ToolkitError with the reason and the way out when the account refuses.
        """
        from azure.core.exceptions import AzureError

        from toolkit.azure.denial import classify

        try:
            with self._service() as service:
                blob = service.get_blob_client(self.backend.container_name, self.backend.key)
                return "present" if blob.exists() else "absent"
        except AzureError as error:
            denial = classify(error)
            # An account that does not exist has no DNS name; behind a proxy, it is the proxy that says so.
            if denial.kind in ("not-found", "name-resolution"):
                return "absent"
            raise self._refused(error) from error

    def download(self) -> bytes:
        """The state. Raises ToolkitError as :meth:`presence` does."""
        from azure.core.exceptions import AzureError

        try:
            with self._service() as service:
                blob = service.get_blob_client(self.backend.container_name, self.backend.key)
                content: bytes = blob.download_blob().readall()
                return content
        except AzureError as error:
            raise self._refused(error) from error

    def wait_until_writable(self, say: Callable[[str], None]) -> None:
        """Write and delete a small blob until it works: the data role and the firewall rule take time to arrive.

        Each kind of refusal has the budget of :mod:`toolkit.azure.denial`. Raises ToolkitError when that is used up.
        """
        from azure.core.exceptions import AzureError

        from toolkit.azure.denial import classify

        waits = Waits(_BACK_OFF)
        said = ""
        while True:
            try:
                with self._service() as service:
                    name = f"{_PROBE_PREFIX}{uuid.uuid4()}"
                    blob = service.get_blob_client(self.backend.container_name, name)
                    blob.upload_blob(b"")
                    blob.delete_blob()
                return
            except AzureError as error:
                denial = classify(error)
                # The account has just been made: its name reaches resolvers with a delay, too.
                budget = denial.retry_seconds or (120.0 if denial.kind in ("not-found", "name-resolution") else 0.0)
                pause = waits.next(budget)
                if pause is None:
                    raise self._refused(error) from error
                if denial.cause != said:
                    say(f"waiting until the state can be written: {denial.cause} (up to {budget:.0f} s)")
                    said = denial.cause
                time.sleep(pause)

    def _service(self) -> Any:
        from toolkit.azure.clients import Actor
        from toolkit.azure.credentials import runner_credential

        vantage = self.connection.runner
        credential = runner_credential(self.connection, vantage)
        return Actor("runner", vantage, credential, self.backend.subscription_id).blobs(self.backend.account_url)

    def _refused(self, error: Exception) -> ToolkitError:
        from toolkit.azure.denial import classify

        denial = classify(error)
        env = self.connection.environment.name
        known = codes.of_code(denial.code or "", str(error), state=True)
        where = f"{self.backend.storage_account_name}/{self.backend.container_name}"
        code = f" ({denial.status} {denial.code})" if denial.code else ""
        return StateDeniedError(
            denial.kind,
            f"the state in {where} cannot be reached from {self.connection.runner.name}: "
            f"{known.meaning.format(env=env) if known else denial.cause}{code}",
            hint=(codes.filled(known, {"env": env}) if known else "") or denial.hint,
        )
