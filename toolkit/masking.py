"""Secrets, taken out of what is shown or handed on: by their shape, by the name that they stand under, by value.

Shapes of Azure's keys: https://learn.microsoft.com/purview/sit-defn-azure-storage-account-key-generic and its
neighbours; of GitHub's tokens: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MASK = "***"
# Parts of names under which a secret stands; a name is compared in small letters, without what joins its words.
_NAMES = re.compile(
    "password|passwd|passphrase|secret(?!uri|id|name|s?count)|accountkey|accesskey|sharedaccess|sharedkey|primarykey|"
    "secondarykey|masterkey|hostkey|functionkey|apikey|instrumentationkey|connectionstring|sastoken|sasuri|signature|"
    "bearer|authorization|assertion|privatekey|idtoken|accesstoken|refreshtoken|requesttoken|credentialvalue"
)
_WORDS = (
    r"(?i)\b(account_?key|shared_?access_?key|shared_?access_?signature|sig|sas|pwd|[a-z_]*password|[a-z_]*passphrase|"
    r"[a-z_]*client_?secret|client_?assertion|access_?key|api_?key|access_?token|id_?token|refresh_?token)"
)
_QUOTED, _PLAIN = r"(\"\s*:\s*\")(?:[^\"\\]|\\.)*", r"(\s*[=:]\s*\"?)[^;&\s\"',}]+"
Shapes = tuple[tuple[re.Pattern[str], str], ...]
# Whatever stands before them.
_SHAPES: Shapes = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(?i)\b(bearer|basic|sharedkey(?:lite)?)\s+[A-Za-z0-9._~+/:=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?"), MASK),  # a JSON Web Token
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}=="), MASK),  # 64 bytes: an account's key
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}="), MASK),  # 32 bytes: a key of a bus, a hub, a function
    (re.compile(r"[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9+/=]{24,}"), MASK),  # Microsoft's common annotated key
    (re.compile(r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"), MASK),  # an application's secret
    (re.compile(r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}"), MASK),
)
# After a word that says so.
_NAMED: Shapes = (
    (re.compile(_WORDS + _QUOTED), rf"\1\2{MASK}"),
    (re.compile(_WORDS + _PLAIN), rf"\1\2{MASK}"),
    (re.compile(r"([?&]code=)[^&\s\"']+"), rf"\1{MASK}"),  # of a function
    (re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@"), rf"\1{MASK}@"),
)
# What a request's query may show; all else could be a signature or a code.
_SHOWN = frozenset(
    {
        *("api-version", "restype", "comp", "prefix", "delimiter", "maxresults", "timeout", "include", "recursive"),
        *("resource", "action", "directory", "type", "maxpagesize", "$filter", "$top", "$expand", "$select"),
    }
)


def masked(text: str, known: Iterable[str] = ()) -> str:
    """``text`` without anything that looks like a secret, and without ``known`` ones."""
    for secret in known:
        if len(secret) >= 8:  # a shorter one is in every other word
            text = text.replace(secret, MASK)
    return _without(text, (*_SHAPES, *_NAMED))


def _without(text: str, shapes: Shapes) -> str:
    for shape, instead in shapes:
        text = shape.sub(instead, text)
    return text


def masked_document(value: Any, known: Iterable[str] = ()) -> Any:
    """The same for plain data: a text that stands under a secret's name goes whole, whatever it looks like."""
    known = tuple(known)
    if isinstance(value, Mapping):
        return {
            masked(str(name), known): MASK if _is_secret(str(name), one) else masked_document(one, known)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked_document(one, known) for one in value]
    return masked(value, known) if isinstance(value, str) else value


def shown_url(url: str) -> str:
    """A request's address: of its query only what cannot be secret has its value, and of its host nobody's password."""
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={value if name.lower() in _SHOWN else MASK}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    host = parts.netloc.rpartition("@")[2]
    # A path has no pairs of names and values, and checks ask a thousand times.
    return f"{parts.scheme}://{host}{_without(parts.path, _SHAPES)}" + (f"?{_without(query, _SHAPES)}" if query else "")


def secrets_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The values of environment variables whose names say that they are secret, the longest first."""
    found = {value for name, value in variables.items() if value and _is_secret(name, value)}
    return tuple(sorted(found, key=len, reverse=True))


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and value != "" and _NAMES.search(re.sub("[^a-z0-9]", "", name.lower())) is not None
