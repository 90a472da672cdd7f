"""Secrets that can be read where definitions can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from toolkit.adf.lint.model import Hit, Rule, SetValue, Subject, content, is_expression
from toolkit.pipelines.documents import Node, Path
from toolkit.pipelines.model import Resource
from toolkit.pipelines.templates import is_template, template_parameters

_VAULT = "https://learn.microsoft.com/azure/data-factory/store-credentials-in-key-vault"

# Members that hold a secret by their name.
_NAMES = re.compile(
    r"^(password|pwd|accountkey|accesskey|secretaccesskey|accesstoken|apikey|apitoken|functionkey|servicekey|"
    r"serviceprincipalkey|serviceprincipalcredential|clientsecret|sastoken|sharedaccesskey|encryptedpassword|"
    r"clusterpassword|credentialvalue|securitytoken|refreshtoken|privatekeycontent|passphrase)$",
    re.IGNORECASE,
)
# A secret within a text: of connection strings, of addresses that carry a signature or a key, of headers.
_WITHIN = re.compile(
    r"(?:AccountKey|SharedAccessKey|Password|Pwd)\s*=\s*(?!\*+(?:;|$))[^;@{}\s]{4,}"
    r"|[?&](?:sig|code|subscription-key)=(?!\*+(?:&|$))[A-Za-z0-9%+/=_-]{16,}"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9+/=._-]{16,}",
    re.IGNORECASE,
)
_HEADERS = ("authorization", "x-api-key", "api-key", "ocp-apim-subscription-key", "x-functions-key")
_LOOKS_SECRET = re.compile(r"(password|passwd|secret|token|apikey|api_key|accountkey|access_?key|sas)$", re.IGNORECASE)
# Where a linked service keeps something that opens the store: only these make Key Vault the question.
_NO_SECRET = ("AzureKeyVaultSecret", "CredentialReference", "LinkedServiceReference")


def _literal(value: Any) -> str | None:
    """A text that stands there as it is: no expression, no template parameter, no mask."""
    text = content(value)
    if not isinstance(text, str) or not text.strip() or is_expression(text) or text.startswith("["):
        return None
    return None if set(text) <= {"*"} or re.fullmatch(r"[<{]{1,2}[^>}]*[>}]{1,2}", text) else text


def in_clear(subject: Subject) -> Iterator[Hit]:
    """The secret itself is not repeated in what is said."""
    for resource in subject.factory.all:
        seen: set[Path] = set()
        named = resource.kind in ("linkedService", "credential")
        for path, value in subject.walked(resource):
            key = path[-1] if path else ""
            if not isinstance(key, str) or not isinstance(value, str | dict) or path[:-1] in seen:
                continue
            what = None
            if isinstance(value, dict):
                if value.get("type") == "SecureString" and _literal(value) is not None:
                    seen.add(path)
                    what = f"{key} of {resource.label} is written in clear"
            elif ((named and _NAMES.match(key)) or _is_header(path)) and _literal(value) is not None:
                what = f"{key} of {resource.label} is written in clear"
            elif _may_hold_secret(value) and _WITHIN.search(value):
                what = f"a secret within {key} of {resource.label} is written in clear"
            if what:
                yield Hit(Node(resource.node.document, path, value), what)


def _may_hold_secret(text: str) -> bool:
    """Cheaper than the pattern, which most texts need not be held against."""
    return len(text) > 8 and ("=" in text or " " in text) and not text.startswith("[")


def _is_header(path: Path) -> bool:
    return len(path) > 1 and path[-2] == "headers" and str(path[-1]).lower() in _HEADERS


def parameter_defaults(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        for name, node in pipeline.parameters.items():
            default = node.at("defaultValue")
            if str(node.text("type")).lower() == "securestring" and _literal(default.value):
                yield Hit(default, f"the default of {name} in pipeline {pipeline.name} is written in clear")


def template_defaults(subject: Subject) -> Iterator[Hit]:
    for document in subject.factory.documents:
        if not is_template(document.value):
            continue
        for node in template_parameters(document):
            default = node.at("defaultValue")
            if str(node.text("type")).lower() in ("securestring", "secureobject") and _literal(default.value):
                yield Hit(default, f"the template's parameter {node.key} has its secret as default")


def parameter_types(subject: Subject) -> Iterator[Hit]:
    for pipeline in subject.factory.pipelines:
        for name, node in pipeline.parameters.items():
            if _LOOKS_SECRET.search(name) and str(node.text("type")).lower() == "string":
                edit = SetValue((*node.path, "type"), "SecureString")
                yield Hit(node.at("type"), f"{name} of pipeline {pipeline.name} is a String", (edit,))


def global_parameters(subject: Subject) -> Iterator[Hit]:
    for name, node in subject.factory.global_parameters.items():
        if _LOOKS_SECRET.search(name) and _literal(node.at("value").value):
            yield Hit(node, f"the global parameter {name} is written in clear")


def key_vault(subject: Subject) -> Iterator[Hit]:
    for resource in subject.factory.of("linkedService"):
        if resource.type == "AzureKeyVault":
            continue
        properties = resource.properties.at("typeProperties")
        if held := _credential(resource, properties):
            yield Hit(held, f"{held.key} of {resource.label} is not in Key Vault")


def _credential(resource: Resource, properties: Node) -> Node | None:
    for node in properties.items():
        kind = node.text("type")
        if kind in _NO_SECRET:
            continue
        if kind == "SecureString" or node.key == "encryptedCredential":
            return node
        if isinstance(node.key, str) and _NAMES.match(node.key) and isinstance(node.value, str):
            return node
        text = content(node.value)
        if node.key == "connectionString" and isinstance(text, str) and _WITHIN.search(text):
            return node
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        "secret-in-clear", "error", "No secret is written in a definition.",
        "Whoever reads the repository, its history, the template or the factory has it.",
        "Use a managed identity; otherwise an AzureKeyVaultSecret. Revoke the secret: it has been read.",
        _VAULT, in_clear,
    ),
    Rule(
        "secret-parameter-default", "error", "A SecureString parameter has no default.",
        "The default is kept in clear in the definition.", "Remove the default, and give the value when it runs.",
        _VAULT, parameter_defaults,
    ),
    Rule(
        "secret-template-default", "error", "A template's secure parameter has no default.",
        "The branch adf_publish and each deployment hold the secret in clear.",
        "Remove the default; take the value from Key Vault when it is deployed.",
        "https://learn.microsoft.com/azure/azure-resource-manager/templates/parameters#secure-parameters",
        template_defaults,
    ),
    Rule(
        "secret-parameter-type", "warning", "A parameter that is named as a secret is a SecureString.",
        "Its value is readable in each run, for as long as runs are kept.",
        "Give it the type SecureString, or read the secret from Key Vault where it is used.",
        "https://learn.microsoft.com/azure/data-factory/concepts-parameters-variables", parameter_types, fixable=True,
    ),
    Rule(
        "secret-global-parameter", "error", "Global parameters hold no secrets.",
        "There is no secure type for them: whoever reads the factory has the secret.",
        "Keep it in Key Vault, and read it with a WebActivity whose output is secured.",
        "https://learn.microsoft.com/azure/data-factory/author-global-parameters", global_parameters,
    ),
    Rule(
        "secret-key-vault", "warning", "A linked service that needs a secret has it from Key Vault.",
        "The factory keeps a copy that is not rotated, and that each environment needs to be given.",
        "Use a managed identity where the store takes one; otherwise an AzureKeyVaultSecret.",
        _VAULT, key_vault, known_as="Test-AdfArmTemplate 11",
    ),
)  # fmt: skip
