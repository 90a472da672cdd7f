"""Who reaches a workspace's public endpoint, and where serverless compute stands.

https://learn.microsoft.com/azure/machine-learning/how-to-configure-private-link#enable-public-access-only-from-internet-ip-ranges,
https://learn.microsoft.com/azure/machine-learning/how-to-use-serverless-compute. Codes and sentences are
(inferred), as is that a subnet for serverless compute is refused beside a managed network.
"""

from __future__ import annotations

import ipaddress

from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.network_rules import private_block
from toolkit.sandbox.store import Resource

_MOST_RULES = 200


def checked(workspace: Resource) -> None:
    properties = workspace.properties
    if len(properties.get("ipAllowlist") or []) > _MOST_RULES:
        raise bad_request("ValidationError", f"ipAllowlist has more than {_MOST_RULES} addresses and ranges.")
    for rule in properties.get("ipAllowlist") or []:
        try:
            network = ipaddress.IPv4Network(str(rule))
        except ValueError as error:
            raise bad_request("ValidationError", f"ipAllowlist: {rule} is no IPv4 address or range.") from error
        if private_block(network):
            raise bad_request("ValidationError", f"ipAllowlist: {rule} is no public address.")
    serverless = properties.get("serverlessComputeSettings") or {}
    isolated = str((properties.get("managedNetwork") or {}).get("isolationMode", "Disabled")) != "Disabled"
    if serverless.get("serverlessComputeCustomSubnet") and isolated:
        raise bad_request("ValidationError", "serverlessComputeCustomSubnet: the workspace has a managed network.")
