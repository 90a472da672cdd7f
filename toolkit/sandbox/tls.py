"""The sandbox's private certificate authority, and a server certificate for each host name that it serves."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable

import trustme

from toolkit.files import write_atomically
from toolkit.sandbox.settings import SandboxPaths

# Apple's verifiers refuse server certificates that are valid for longer (https://support.apple.com/103769).
_LEAF_LIFETIME = datetime.timedelta(days=397)


class CertificateAuthority:
    """Loads the authority of a state folder, or makes it; certificates are made on first use and kept in memory."""

    def __init__(self, paths: SandboxPaths, serves: Callable[[str], bool]) -> None:
        """``serves`` says whether a host name may have a certificate."""
        self._ca = _load_or_create(paths)
        self._serves = serves
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS context for a tunnel to ``host``. The name that the client asks for (SNI) decides, as on Azure."""
        context = self._contexts.get(host)
        if context is None:
            context = self._contexts[host] = self._make(host)
        return context

    def _make(self, host: str) -> ssl.SSLContext:
        now = datetime.datetime.now(datetime.UTC)
        leaf = self._ca.issue_cert(
            host,
            not_before=now - datetime.timedelta(days=1),
            not_after=now + _LEAF_LIFETIME,
            key_type=trustme.KeyType.ECDSA,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        leaf.configure_cert(context)
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = self._by_name
        return context

    def _by_name(self, connection: ssl.SSLObject, name: str | None, initial: ssl.SSLContext) -> int | None:
        if name is None or initial is self._contexts.get(name.lower()):
            return None
        if not self._serves(name.lower()):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self.context(name.lower())
        return None


def _load_or_create(paths: SandboxPaths) -> trustme.CA:
    if paths.ca_certificate.exists() and paths.ca_key.exists():
        return trustme.CA.from_pem(paths.ca_certificate.read_bytes(), paths.ca_key.read_bytes())
    authority = trustme.CA(organization_name="toolkit sandbox", organization_unit_name="local certificate authority")
    write_atomically(paths.ca_key, authority.private_key_pem.bytes())
    write_atomically(paths.ca_certificate, authority.cert_pem.bytes())
    return authority
