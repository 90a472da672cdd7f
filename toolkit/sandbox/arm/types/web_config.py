"""``sites/config/web``, which is there with its site: who reaches the app and its SCM site.

https://learn.microsoft.com/azure/app-service/overview-access-restrictions: a rule names a range, the default action
ends the list, and is answered as a last rule "Any"; where none is set, a first rule shuts out everybody else. Codes and
sentences are (inferred).
"""

from __future__ import annotations

import ipaddress
from typing import Final

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.store import Resource

_MOST_RULES: Final = 512
_LAST: Final = 2147483647
_LISTS: Final = ("ipSecurityRestrictions", "scmIpSecurityRestrictions")


def written_with_site(call: Call, site: Resource, given: Json) -> None:
    """What a site's ``siteConfig`` says is kept here; what it leaves out stays."""
    id_ = f"{site.id}/config/web"
    standing = call.resources.store.get(id_)
    properties = {**(standing.properties if standing else {"scmIpSecurityRestrictionsUseMain": False}), **given}
    checked(properties)
    call.resources.write(id_, f"{site.type}/config", properties)


def checked(properties: Json) -> None:
    for name in _LISTS:
        default = str(properties.get(f"{name}DefaultAction") or "")
        if default not in ("", "Allow", "Deny"):
            raise bad_request("BadRequest", f"{name}DefaultAction is Allow or Deny, not {default}.")
        rules = [rule for rule in properties.get(name) or [] if rule.get("ipAddress") != "Any"]
        if len(rules) > _MOST_RULES:
            raise bad_request("BadRequest", f"{name} has more than {_MOST_RULES} rules.")
        for rule in rules:
            _rule_checked(name, rule)
        action = default or ("Deny" if rules else "Allow")
        last = {"ipAddress": "Any", "action": action, "priority": _LAST, "name": f"{action} all"}
        properties[name] = [*rules, {**last, "description": f"{action} all access"}]


def _rule_checked(name: str, rule: Json) -> None:
    if rule.setdefault("action", "Allow") not in ("Allow", "Deny"):
        raise bad_request("BadRequest", f"{name}: the action {rule['action']} is neither Allow nor Deny.")
    if not 1 <= int(rule.setdefault("priority", 65000)) <= _LAST:
        raise bad_request("BadRequest", f"{name}: the priority {rule['priority']} is out of range.")
    if rule.get("vnetSubnetResourceId") or rule.get("tag") == "ServiceTag":
        return
    try:
        for one in str(rule.get("ipAddress", "")).split(","):
            ipaddress.ip_network(one.strip())
    except ValueError as error:
        raise bad_request("BadRequest", f"{name}: {rule.get('ipAddress')} is no address range: {error}.") from error
