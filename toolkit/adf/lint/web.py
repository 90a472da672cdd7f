"""Web activities: where they stand in the definition, as whom they go, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.adf.lint import urls
from toolkit.adf.lint.model import Hit, Move, Rule, SetValue, Subject, content, is_expression, truth
from toolkit.pipelines.documents import Node
from toolkit.pipelines.model import Activity

_WEB = "https://learn.microsoft.com/azure/data-factory/control-flow-web-activity"
_STORAGE_TOKEN = "https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory"  # noqa: S105
_SECURE = "https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy"
STORAGE_VERSION = "2023-11-03"
_FIRST_WITH_TOKENS = "2017-11-09"

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
_WITH_BODY = ("POST", "PUT", "PATCH")
# What answers with a secret: Entra's and the instance metadata's tokens, Key Vault's secrets, keys and SAS from ARM.
_SECRETS = re.compile(
    r"login\.microsoftonline\.com/.*/token|/oauth2/(v2\.0/)?token|/metadata/identity/|\.vault\.azure\.net/secrets/"
    r"|/list(keys|secrets|connectionstrings|callbackurl|accountsas|servicesas)\b|/getauthorizationtoken\b",
    re.IGNORECASE,
)


def _requests(subject: Subject) -> Iterator[tuple[Activity, urls.Target]]:
    for activity in subject.activities_of("WebActivity", "WebHook"):
        yield activity, urls.target(activity.type_properties.at("url").value)


def _headers(activity: Activity) -> dict[str, Node] | None:
    """By lower-cased name; None when an expression makes them."""
    node = activity.type_properties.get("headers")
    if node is None:
        return {}
    if not isinstance(node.value, dict) or is_expression(content(node.value)):
        return None
    return {str(header.key).lower(): header for header in node.items()}


def _method(activity: Activity) -> str | None:
    """None when only a run knows it."""
    value = content(activity.type_properties.at("method").value)
    return value.upper() if isinstance(value, str) and not is_expression(value) else None


def connect_via(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("WebActivity", "WebHook"):
        node = activity.node.get("connectVia")
        if node is None:
            continue
        edit = Move(node.path, (*activity.node.path, "typeProperties"))
        twice = activity.type_properties.get("connectVia") is not None
        yield Hit(node, f"connectVia beside typeProperties of {activity.label}", () if twice else (edit,))


def _authentication(activity: Activity) -> Node | None:
    """The authentication by which a token is asked for."""
    node = activity.type_properties.get("authentication")
    kinds = ("msi", "userassignedmanagedidentity", "systemassignedmanagedidentity", "serviceprincipal")
    return node if node is not None and str(node.value and node.text("type")).lower() in kinds else None


def resource_missing(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        node = _authentication(activity)
        if node is None or content(node.at("resource").value):
            continue
        service = aimed.service
        edit = (SetValue((*node.path, "resource"), f"{service.audiences[0]}/"),) if service else ()
        yield Hit(node, f"authentication of {activity.label} names no resource", edit)


def audience(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        node, service = _authentication(activity), aimed.service
        resource = urls.pattern(node.at("resource").value) if node is not None else urls.ANY
        if node is None or service is None or urls.ANY in resource or not resource or urls.fits(resource, aimed):
            continue
        where = node.at("resource")
        right = f"{service.audiences[0]}/"
        edit = SetValue((*where.path, "value") if isinstance(where.value, dict) else where.path, right)
        yield Hit(where, f"a token for {resource} at {aimed.host}, which takes one for {right}", (edit,))


def no_identity(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        signed = re.search(r"[?&]sig=", aimed.text) or "*" in aimed.path.partition("?")[2]
        headers = _headers(activity)
        given = activity.type_properties.get("authentication") is not None
        if aimed.service is None or given or signed or headers is None or "authorization" in headers:
            continue
        yield Hit(activity.type_properties.at("url"), f"{activity.label} goes to {aimed.host} without an identity")


def storage_version(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        headers = _headers(activity)
        if not (aimed.service and aimed.service.storage) or _authentication(activity) is None or headers is None:
            continue
        if "x-ms-version" not in headers:
            path = (*activity.type_properties.path, "headers", "x-ms-version")
            where = activity.type_properties.at("headers") if headers else activity.type_properties
            yield Hit(where, f"{activity.label} sends no x-ms-version", (SetValue(path, STORAGE_VERSION),))


def storage_version_old(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        node = (_headers(activity) or {}).get("x-ms-version")
        value = content(node.value) if node else None
        if node and aimed.service and aimed.service.storage and isinstance(value, str) and not is_expression(value):
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                yield Hit(node, f"x-ms-version {value!r} is no version", (SetValue(node.path, STORAGE_VERSION),))
            elif value < _FIRST_WITH_TOKENS:
                what = f"x-ms-version {value} is older than {_FIRST_WITH_TOKENS}, the first one that takes a token"
                yield Hit(node, what, (SetValue(node.path, STORAGE_VERSION),))


def accept(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        headers = _headers(activity)
        if aimed.service is None or _method(activity) not in ("GET", "POST") or headers is None or "accept" in headers:
            continue
        path = (*activity.type_properties.path, "headers", "Accept")
        where = activity.type_properties.at("headers") if headers else activity.type_properties
        yield Hit(where, f"{activity.label} sends no Accept", (SetValue(path, "application/json"),))


def method(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("WebActivity", "WebHook"):
        node = activity.type_properties.at("method")
        allowed = METHODS if activity.type == "WebActivity" else ("POST",)
        if node.value is None or (_method(activity) or allowed[0]) not in allowed:
            yield Hit(node, f"{activity.label} has the method {content(node.value)!r}, allowed: {', '.join(allowed)}")


def body(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("WebActivity"):
        if _method(activity) in _WITH_BODY and content(activity.type_properties.at("body").value) in (None, ""):
            yield Hit(activity.type_properties, f"{activity.label}: {_method(activity)} without a body")


def plain_http(subject: Subject) -> Iterator[Hit]:
    for activity, aimed in _requests(subject):
        if aimed.scheme == "http" and aimed.host not in ("localhost", "127.0.0.1"):
            node = activity.type_properties.at("url")
            yield Hit(node, f"{activity.label} goes to {aimed.host} without TLS")


def _answers_with_secret(activity: Activity) -> bool:
    return bool(_SECRETS.search(urls.pattern(activity.type_properties.at("url").value)))


def secure_output(subject: Subject) -> Iterator[Hit]:
    for activity in subject.activities_of("WebActivity"):
        if _answers_with_secret(activity) and truth(activity.node.at("policy", "secureOutput").value) is not True:
            path = (*activity.node.path, "policy", "secureOutput")
            yield Hit(
                activity.type_properties.at("url"),
                f"{activity.label} is answered with a secret, and secureOutput is off",
                (SetValue(path, True),),
            )


def secure_input(subject: Subject) -> Iterator[Hit]:
    """Somebody who uses such an answer has it among the inputs."""
    for pipeline in subject.factory.pipelines:
        secret = {
            one.name for one in pipeline.all_activities if one.type == "WebActivity" and _answers_with_secret(one)
        }
        secret |= {
            one.name
            for one in pipeline.all_activities
            if truth(one.node.at("policy", "secureOutput").value) is True and one.name
        }
        for activity in pipeline.all_activities if secret else ():
            if activity.inner or truth(activity.node.at("policy", "secureInput").value) is True:
                continue
            text = [value for _, value in activity.type_properties.walk() if is_expression(value)]
            used = sorted(name for name in secret if any(_uses_output(one, name) for one in text))
            if used and activity.node.get("policy") is not None:
                path = (*activity.node.path, "policy", "secureInput")
                what = f"{activity.label} uses the secret answer of {used[0]}, and secureInput is off"
                yield Hit(activity.type_properties, what, (SetValue(path, True),))
            elif used and activity.type in ("SetVariable", "AppendVariable"):
                what = f"{activity.label} puts the secret answer of {used[0]} into a variable, which the run shows"
                yield Hit(activity.type_properties, what)


def _uses_output(text: str, name: str) -> bool:
    return f"activity('{name}').output" in text or f"activity('{name}')?.output" in text


RULES: tuple[Rule, ...] = (
    Rule(
        "web-connect-via", "error", "connectVia of a Web activity is within typeProperties.",
        "Beside them it is ignored or refused, and the request leaves through the Auto-resolve runtime: a firewalled "
        "target answers 403.",
        "Move connectVia into typeProperties, next to url.", _WEB, connect_via, refused=True, fixable=True,
    ),
    Rule(
        "web-resource-missing", "error", "Authentication with an identity names the resource that the token is for.",
        "There is no token to be had, and the activity fails.",
        "Set authentication.resource to the audience of the target: https://storage.azure.com/ for storage.",
        _WEB, resource_missing, refused=True, fixable=True,
    ),
    Rule(
        "web-audience", "error", "The token is for the service that the request goes to.",
        "The service answers 401: the audience is not its own.", "Use the audience that the finding names.",
        _WEB, audience, fixable=True,
    ),
    Rule(
        "web-no-identity", "error", "A request to an Azure service carries an identity.",
        "The service answers 401 or 403; where it does not, the data is public.",
        "Add authentication of type MSI with the service's audience.", _WEB, no_identity,
    ),
    Rule(
        "web-storage-version", "error", "A request to storage with a token sends x-ms-version.",
        "Without it storage assumes a version that takes no tokens, and answers 403 or 400.",
        f"Add the header x-ms-version: {STORAGE_VERSION}.", _STORAGE_TOKEN, storage_version, fixable=True,
    ),
    Rule(
        "web-storage-version-old", "error", f"x-ms-version is {_FIRST_WITH_TOKENS} or later.",
        "Older versions take no tokens: storage answers 403.", f"Use x-ms-version: {STORAGE_VERSION}.",
        _STORAGE_TOKEN, storage_version_old, fixable=True,
    ),
    Rule(
        "web-accept", "warning", "A request that reads from an Azure service says that it accepts JSON.",
        "A Web activity takes nothing but JSON; a service that prefers XML, as storage does, answers what fails it.",
        "Add the header Accept: application/json.", _WEB, accept, fixable=True,
    ),
    Rule(
        "web-method", "error", "The method is one that the activity has.",
        "Data Factory refuses the activity.",
        "Use GET, POST, PUT, PATCH, DELETE, OPTIONS or HEAD; a WebHook sends POST.", _WEB, method, refused=True,
    ),
    Rule(
        "web-body", "error", "POST, PUT and PATCH have a body.", "Data Factory refuses the activity.",
        "Give a body; {} when there is nothing to say.", _WEB, body, refused=True,
    ),
    Rule(
        "web-http", "error", "Requests go over TLS.",
        "Whoever is on the way reads and changes what is sent, tokens too.", "Use https://.", _WEB, plain_http,
    ),
    Rule(
        "secure-output", "error", "What is answered with a token, a key or a secret has secureOutput on.",
        "Everybody who may read runs reads the secret in the activity's output, for as long as runs are kept.",
        "Set policy.secureOutput to true.", _SECURE, secure_output, fixable=True,
    ),
    Rule(
        "secure-input", "warning", "Whoever uses a secured output has secureInput on.",
        "The secret that is hidden in the one activity's output is readable in the next one's input.",
        "Set policy.secureInput to true, and pass a secret on directly instead of through a variable.",
        _SECURE, secure_input, fixable=True,
    ),
)  # fmt: skip
