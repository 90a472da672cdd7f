"""``envs/<env>/env.toml``: what is allowed in it, and each mistake with its line."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from toolkit import github
from toolkit.environment.model import Access
from toolkit.environment.target import CredentialChoice, TargetName
from toolkit.errors import UsageError, nearest
from toolkit.project import Project
from toolkit.regions import logical_regions, nearest_region, regions
from toolkit.sandbox.model import VANTAGES
from toolkit.sandbox.vm_sizes import QUOTA_NAMES
from toolkit.vantages import VantageName

FILE_NAME = "env.toml"


# https://www.unicode.org/faq/utf_bom.html#bom4; UTF-32's begins like UTF-16's.
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "UTF-8 with a byte-order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_text(path: Path, root: Path) -> str:
    """A file that a person wrote. Raises UsageError when it cannot be read, or is not in plain UTF-8."""
    shown = path.relative_to(root)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from None
    hint = "save it as UTF-8 without a byte-order mark: the tools that read it take nothing else"
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise UsageError(f"{shown} is saved as {encoding}", hint=hint)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{shown}:{line}: not UTF-8 (byte 0x{data[error.start]:02x})", hint=hint) from None


def shown_path(path: Path, project: Project) -> str:
    return str(path.relative_to(project.root))


def read_file(path: Path, project: Project) -> Any:
    """The validated model of one env.toml (pydantic is imported here: ``--help`` does not pay for it)."""
    from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

    guid = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    Guid = Annotated[str, StringConstraints(pattern=guid)]
    IPv4 = Annotated[str, AfterValidator(_ipv4)]

    Words = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

    class Services(Strict):
        storage: Access = "Disabled"
        state: Access = "Enabled"
        key_vault: Access = "Disabled"
        container_registry: Access = "Disabled"
        data_factory: Access = "Disabled"
        machine_learning_workspace: Access = "Disabled"

    class OperatorTable(Strict):
        object_id: Guid
        type: Literal["User", "Group", "ServicePrincipal"]

    class Smoke(Strict):
        allowed_skips: tuple[str, ...] = ()
        allow_warnings: bool = False
        allowed_extras: dict[str, Words] = Field(default_factory=dict)

    class Ignored(Strict):
        what: Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]
        reason: Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
        expires: date

    class DriftTable(Strict):
        ignore: tuple[Ignored, ...] = ()

    class VantageTable(Strict):
        addresses: tuple[IPv4, ...] = ()
        region: Annotated[str, AfterValidator(_region)] | None = None

    class SandboxTable(Strict):
        core_quotas: Annotated[dict[str, Annotated[int, Field(ge=-1, strict=True)]], AfterValidator(_quotas)] = Field(
            default_factory=dict
        )
        vantages: dict[VantageName, VantageTable] = Field(default_factory=dict)

    class WaiverTable(Strict):
        policy: Words
        resource: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
        owner: Words
        reason: Words
        expires: date

    class GuardTable(Strict):
        allowed_locations: tuple[Annotated[str, AfterValidator(_region)], ...] = ()
        allowed_skus: dict[str, Annotated[tuple[Words, ...], Field(min_length=1)]] = Field(default_factory=dict)
        policies: Words | None = None
        waivers: tuple[WaiverTable, ...] = ()

    class File(Strict):
        target: TargetName
        tenant: Guid
        subscription: Guid
        location: Annotated[str, AfterValidator(_region)]
        credential: CredentialChoice = "azure-cli"
        client_id: Guid | None = None
        operator: OperatorTable | None = None
        github_repository: Annotated[str, AfterValidator(_repository)] | None = None
        github_subject: Annotated[str, StringConstraints(pattern=_SUBJECT)] | None = None
        vantages: Annotated[list[VantageName], Field(min_length=1)]
        protected: bool = True
        depends_on: tuple[str, ...] = ()
        preflight: bool = False
        provider_mirror: str | None = None
        public_network_access: Services = Services()
        state_ip_rules: tuple[str, ...] = ()
        smoke: Smoke = Smoke()
        guard: GuardTable = GuardTable()
        drift: DriftTable = DriftTable()
        sandbox: SandboxTable = SandboxTable()

    shown = shown_path(path, project)
    text = read_text(path, project.root)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown}: not valid TOML: {error}", hint="https://toml.io shows the syntax") from None
    try:
        return File.model_validate(data)
    except ValidationError as error:
        problems = [_problem(shown, text, item, File) for item in error.errors()]
        raise UsageError("\n".join(problems), hint="docs/environments.md lists every key") from None


# One place for {context}: without it a pull request would have the subject of CI.
_SUBJECT = r"^[^{}\s]*\{context\}[^{}\s]*$"


def _region(text: str) -> str:
    if text in regions():
        return text
    if text in logical_regions():
        raise ValueError("no place where resources can be made")
    close = nearest_region(text)
    raise ValueError(f"no region of Azure{f': did you mean {close}?' if close else ''}")


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ValueError("no IPv4 address") from None


def _quotas(granted: dict[str, int]) -> dict[str, int]:
    if unknown := [name for name in granted if name not in QUOTA_NAMES]:
        raise ValueError(f"no quota of the sandbox: {unknown[0]}")
    return granted


def _known_keys(model: Any, location: list[str]) -> list[str]:
    """The keys of a table of the file."""
    for key in location:
        annotation = model.model_fields[key].annotation
        model = next((a for a in (annotation, *get_args(annotation)) if hasattr(a, "model_fields")), model)
    return list(model.model_fields)


def _repository(text: str) -> str:
    github.parse_repository(text)
    return text


_WORDS = {
    "target": f"one of {', '.join(get_args(TargetName))}",
    "credential": f"one of {', '.join(get_args(CredentialChoice))}",
    "vantages": f"a list of {', '.join(v.name for v in VANTAGES)}, the first one is where Terraform acts from",
    "depends_on": "a list of environments that are applied before this one, as they are called",
    "tenant": "a lower-case GUID",
    "subscription": "a lower-case GUID",
    "client_id": "a lower-case GUID",
    "location": "an Azure region's short name such as westeurope",
    "github_repository": "owner/name, or owner@id/name@id where GitHub puts the ids into subjects "
    "(gh api repos/OWNER/NAME/actions/oidc/customization/sub)",
    "sandbox.core_quotas": f"cores (-1: no limit) by {', '.join(QUOTA_NAMES)}",
    "sandbox.vantages": "tables by vantage with addresses = [IPv4 …] and region = a region of Azure's short name",
    "smoke.allowed_extras": "a reason in words by a pattern of resource ids, such as "
    '{ "*/virtualNetworks/*/subnets/legacy" = "of the old cluster, until May" }',
    "guard.allowed_locations": "a list of regions of Azure, by their short names",
    "guard.allowed_skus": "lists of names (* matches) by Azure's type, or virtualMachines for the sizes of nodes",
    "guard.policies": "a folder of the project that holds .rego files",
    "guard.waivers": "policy, resource (an address; * matches), owner, reason and expires (a date such as 2027-01-31)",
    "drift.ignore": "tables [[drift.ignore]] with what (a pattern of resource ids, or of id#path), a reason in words, "
    "and expires = 2027-03-31, the last day on which it counts",
    "github_subject": "a customised subject without other braces than {context}, such as "
    "repo:owner/name:{context}:job_workflow_ref:…; without {context}, a pull request would act as CI",
}


def _problem(shown: str, text: str, item: Any, model: Any) -> str:
    location = [str(part) for part in item["loc"]]
    line = line_of(text, location)
    key = ".".join(location)
    allowed = _WORDS.get(".".join(location[:2])) or _WORDS.get(location[0])
    if item["type"] == "missing":
        reason = f"is missing{f': {allowed}' if allowed else ''}"
    elif item["type"] == "extra_forbidden":
        close = nearest(location[-1], _known_keys(model, location[:-1]))
        reason = f"is not a known key{f': did you mean {close}?' if close else ''}"
    elif item["type"] == "value_error" and location[0] == "location":
        reason = f"{item['input']!r} is {item['ctx']['error']!s}"
    else:
        reason = f"{item['input']!r} is not allowed: {allowed or item['msg'][0].lower() + item['msg'][1:]}"
    return f"{shown}:{line}: {key} {reason}"


def line_of(text: str, location: list[str]) -> int:
    """The line of a key: searched below its table's header; 1 when the key is not in the file (it is missing).

    ``["guard", "waivers", "1", "owner"]`` is searched below the second ``[[guard.waivers]]``.
    """
    *tables, key = [part for part in location if not part.isdigit()] or [""]
    number_of = next((int(part) for part in location[:-1] if part.isdigit()), None)
    wanted = [(".".join(tables), key)]
    if tables:  # an inline table: operator = { object_id = … }
        wanted.append((".".join(tables[:-1]), tables[-1]))
    table, best, seen = "", 1, -1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[(\[?)([^\[\]]+)\]", line):
            table = header[2].strip()
            if header[1] and table == ".".join(tables):
                seen += 1
            if table == ".".join(tables) or table == ".".join([*tables, key]):
                best = number
            if header[1] and number_of is not None and seen != number_of:
                table = ""  # another one of the same name
        elif any(table == parent and re.match(rf"\s*{re.escape(name)}\s*=", line) for parent, name in wanted):
            return number
    return best
