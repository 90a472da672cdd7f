"""The blobs of every storage account, kept by one Azurite: which account has which slot, and how to talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree

import httpx

from toolkit.sandbox.internal import account_keys
from toolkit.sandbox.model import Principal
from toolkit.sandbox.storage import delegation
from toolkit.sandbox.storage.azurite import SLOTS, AzuriteProcess, AzuriteUnavailable
from toolkit.sandbox.storage.sas import container_signature
from toolkit.sandbox.storage.signing import Headers, sign, split_query, string_to_sign
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import BlobsUnavailable

_SLOT_KIND: Final = "blob-slot"
_TIMEOUT: Final = httpx.Timeout(120.0, connect=5.0)
_POOLED_CONNECTIONS: Final = 16
_SAFE: Final = ("GET", "HEAD")
_VERSION: Final = b"2021-12-02"  # of the control plane's own requests; any version that Azurite 3.35.0 knows


class BlobStorageFull(BlobsUnavailable):
    """All of Azurite's slots are lent: there are more storage accounts than the sandbox can hold."""


class AzuriteBlobs:
    """:class:`~toolkit.sandbox.world.BlobBackend` over Azurite, and the gateway's way to send requests to it."""

    def __init__(self, process: AzuriteProcess, store: Store) -> None:
        self._process = process
        self._store = store
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT,
            trust_env=False,
            # Node closes idle connections after 5 s (http.Server keepAliveTimeout): let go of them earlier.
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=_POOLED_CONNECTIONS, keepalive_expiry=2.0
            ),
        )

    async def close(self) -> None:
        await self._client.aclose()

    # -- the control plane's own way -----------------------------------------------------------------------------------

    async def create_container(self, account: str, container: str) -> None:
        """Make a container; one that is there already is left as it is. Raises :class:`AzuriteUnavailable`."""
        await self._own(account, "PUT", f"/{quote(container)}", "restype=container", accepted=(201, 409))

    async def set_public_access(self, account: str, container: str, level: str) -> None:
        """``None``, ``Blob`` or ``Container``; the container's stored access policies stay.

        Raises :class:`AzuriteUnavailable`. https://learn.microsoft.com/rest/api/storageservices/set-container-acl
        """
        path, query = f"/{quote(container)}", "restype=container&comp=acl"
        version = (b"x-ms-version", _VERSION)
        response = await self.send(account, "GET", path, query, [version], b"", signed=True)
        try:
            policies = await response.aread()
        finally:
            await response.aclose()
        wanted = "" if level == "None" else level.lower()
        if response.status_code == 200 and response.headers.get("x-ms-blob-public-access", "") == wanted:
            return
        headers = [version, (b"content-length", str(len(policies)).encode()), (b"content-type", b"application/xml")]
        if wanted:
            headers.append((b"x-ms-blob-public-access", wanted.encode()))
        response = await self.send(account, "PUT", path, query, headers, policies, signed=True)
        await response.aclose()
        if response.status_code != 200:
            raise AzuriteUnavailable(f"Azurite answered {response.status_code} to PUT {path}?{query}")

    async def delete_container(self, account: str, container: str) -> None:
        """Delete a container with its blobs; one that is not there is no error. Raises :class:`AzuriteUnavailable`."""
        if not self.holds(account):
            return  # nothing was ever there, or the account's deletion took it along: do not lend a slot for this
        await self._break_lease(account, container)
        await self._own(account, "DELETE", f"/{quote(container)}", "restype=container", accepted=(202, 404))

    async def rename_container(self, account: str, container: str, new: str) -> bool:
        """Move a container with all that is in it, and free it of its lease (durable.cjs); False when it is not there.

        Raises :class:`AzuriteUnavailable`.
        """
        if not self.holds(account):
            return False
        await self._break_lease(account, container)
        headers = [(b"destination", new.encode()), (b"x-sandbox-key", self._process.key.encode())]
        response = await self.send(account, "MOVE", f"/{quote(container)}", "", headers, b"", signed=False)
        await response.aclose()
        if response.status_code not in (201, 404):
            raise AzuriteUnavailable(f"Azurite answered {response.status_code} to MOVE /{container}")
        return response.status_code == 201

    async def delete_account(self, account: str) -> None:
        """Empty the account's slot and give it back; an account without a slot is no error."""
        if not self.holds(account):
            return
        while names := await self._containers(account):
            for name in names:
                await self.delete_container(account, name)
        self._store.delete_document(_SLOT_KIND, account)

    def container_access(self, account: Resource, container: str, letters: str, delegator: Principal | None) -> str:
        """As the protocol says; nothing here asks Azurite."""
        if delegator is not None:
            return delegation.container_signature(self._store, account.name.lower(), container, letters, delegator)
        return container_signature(account.name.lower(), str(account_keys(account)[0]["value"]), container, letters)

    def holds(self, account: str) -> bool:
        return self._store.document(_SLOT_KIND, account) is not None

    def rename_account(self, account: str, new: str) -> None:
        with self._store.transaction():
            lent = self._store.document(_SLOT_KIND, account)
            if lent is not None:
                self._store.delete_document(_SLOT_KIND, account)
                self._store.put_document(_SLOT_KIND, new, lent)

    async def _containers(self, account: str) -> list[str]:
        body = await self._own(account, "GET", "/", "comp=list", accepted=(200,))
        return [name.text or "" for name in ElementTree.fromstring(body).iterfind("Containers/Container/Name")]  # noqa: S314

    async def _break_lease(self, account: str, container: str) -> None:
        # A control-plane delete of an account does not ask about leases of its containers; Azurite's delete does.
        action = [(b"x-ms-lease-action", b"break"), (b"x-ms-lease-break-period", b"0")]
        await self._own(
            account, "PUT", f"/{quote(container)}", "restype=container&comp=lease", action, accepted=(202, 404, 409)
        )

    async def _own(
        self,
        account: str,
        method: str,
        path: str,
        query: str,
        headers: Headers = (),
        *,
        accepted: tuple[int, ...],
    ) -> bytes:
        length = [(b"content-length", b"0")] if method == "PUT" else []
        response = await self.send(
            account, method, path, query, [(b"x-ms-version", _VERSION), *length, *headers], b"", signed=True
        )
        try:
            body = await response.aread()
        finally:
            await response.aclose()
        if response.status_code not in accepted:
            raise AzuriteUnavailable(f"Azurite answered {response.status_code} to {method} {path}?{query}")
        return body

    # -- the gateway's way ---------------------------------------------------------------------------------------------

    def slot(self, account: str) -> str:
        """The Azurite account that holds this account's blobs; lent on first use. Raises :class:`BlobStorageFull`."""
        with self._store.transaction():
            known = self._store.document(_SLOT_KIND, account)
            if known is not None:
                return str(known["slot"])
            lent = {document["slot"] for _, document in self._store.documents(_SLOT_KIND)}
            free = next((slot for slot in SLOTS if slot not in lent), None)
            if free is None:
                raise BlobStorageFull(f"the sandbox holds at most {len(SLOTS)} storage accounts with blobs")
            self._store.put_document(_SLOT_KIND, account, {"slot": free})
            return free

    async def base_url(self, account: str) -> str:
        """Where Azurite serves the account's blobs now, without a trailing slash (``http://127.0.0.1:PORT/slotNNN``)."""
        return f"http://127.0.0.1:{await self._process.ready()}/{self.slot(account)}"

    async def send(
        self,
        account: str,
        method: str,
        path: str,
        query: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes],
        *,
        signed: bool,
    ) -> httpx.Response:
        """Send one request to Azurite and return its streaming response (the caller closes it).

        ``path`` and ``query`` are as the client sent them, ``headers`` lower-cased without hop-by-hop ones and with the
        body's Content-Length. ``signed`` requests act as the account; others are anonymous. What can be repeated
        without harm is sent again when Azurite was restarted meanwhile. Raises :class:`AzuriteUnavailable`.
        """
        slot = self.slot(account)
        parameters = [(name.lower(), value) for name, value in split_query(query)]
        # Azurite leaves a parameter with a bare "=" in its value out of the string to sign (getURLQueries, 3.35.0).
        sent_query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)
        target = f"/{slot}{path}" + (f"?{sent_query}" if sent_query else "")
        sent = [
            (name, value) for name, value in headers if name not in (b"host", b"authorization", b"x-ms-date", b"date")
        ]
        sent.append((b"x-ms-date", formatdate(usegmt=True).encode()))
        if signed:
            text = string_to_sign(method, sent, slot, f"/{slot}{path}", parameters)
            sent.append((b"authorization", f"SharedKey {slot}:{sign(text, self._process.key)}".encode()))
        refused: int | None = None
        # Each pooled connection to an Azurite that has died fails once before a new one is opened.
        attempts = _POOLED_CONNECTIONS + 2
        for attempt in range(1, attempts + 1):
            port = await self._process.ready(instead_of=refused)
            request = httpx.Request(
                method,
                f"http://127.0.0.1:{port}/",
                headers=[(b"host", f"127.0.0.1:{port}".encode()), *sent],
                content=body if body else None,
                extensions={"target": target.encode("latin-1")},
            )
            try:
                return await self._client.send(request, stream=True)
            except httpx.TransportError as error:
                # A connection that was refused has carried nothing, so anything may be sent again.
                unsent = isinstance(error, httpx.ConnectError)
                if attempt == attempts or not (unsent or method in _SAFE):
                    raise AzuriteUnavailable(f"Azurite ended during the request ({type(error).__name__})") from error
                refused = port if unsent else None
        raise AssertionError("unreachable: the last attempt returns or raises")
