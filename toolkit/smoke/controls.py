"""The controls of security frameworks that a check can be evidence for: what auditors ask about, by id.

Microsoft cloud security benchmark v1: https://learn.microsoft.com/security/benchmark/azure/overview; NIST SP 800-53
revision 5: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final. Their ids do not overlap in this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Control:
    framework: Literal["MCSB", "NIST 800-53"]
    title: str


def _mcsb(title: str) -> Control:
    return Control("MCSB", title)


def _nist(title: str) -> Control:
    return Control("NIST 800-53", title)


CONTROLS: dict[str, Control] = {
    "NS-1": _mcsb("Establish network segmentation boundaries"),
    "NS-2": _mcsb("Secure cloud native services with network controls"),
    "NS-3": _mcsb("Deploy firewall at the edge of enterprise network"),
    "NS-8": _mcsb("Detect and disable insecure services and protocols"),
    "NS-10": _mcsb("Ensure Domain Name System (DNS) security"),
    "IM-1": _mcsb("Use centralized identity and authentication system"),
    "IM-3": _mcsb("Manage application identities securely and automatically"),
    "IM-8": _mcsb("Restrict the exposure of credential and secrets"),
    "PA-1": _mcsb("Separate and limit highly privileged/administrative users"),
    "PA-7": _mcsb("Follow just enough administration (least privilege) principle"),
    "DP-3": _mcsb("Encrypt sensitive data in transit"),
    "DP-5": _mcsb("Use customer-managed key option in data at rest encryption when required"),
    "DP-6": _mcsb("Use a secure key management process"),
    "DP-8": _mcsb("Ensure security of key and certificate repository"),
    "AM-2": _mcsb("Use only approved services"),
    "AM-3": _mcsb("Ensure security of asset lifecycle management"),
    "AM-4": _mcsb("Limit access to asset management"),
    "LT-1": _mcsb("Enable threat detection capabilities"),
    "LT-3": _mcsb("Enable logging for security investigation"),
    "LT-5": _mcsb("Centralize security log management and analysis"),
    "LT-6": _mcsb("Configure log storage retention"),
    "PV-1": _mcsb("Define and establish secure configurations"),
    "PV-2": _mcsb("Audit and enforce secure configurations"),
    "PV-3": _mcsb("Define and establish secure configurations for compute resources"),
    "BR-1": _mcsb("Ensure regular automated backups"),
    "BR-2": _mcsb("Protect backup and recovery data"),
    "DS-2": _mcsb("Ensure software supply chain security"),
    "AC-2": _nist("Account Management"),
    "AC-3": _nist("Access Enforcement"),
    "AC-4": _nist("Information Flow Enforcement"),
    "AC-6": _nist("Least Privilege"),
    "AC-17": _nist("Remote Access"),
    "AU-6": _nist("Audit Record Review, Analysis, and Reporting"),
    "AU-11": _nist("Audit Record Retention"),
    "AU-12": _nist("Audit Record Generation"),
    "CM-2": _nist("Baseline Configuration"),
    "CM-3": _nist("Configuration Change Control"),
    "CM-5": _nist("Access Restrictions for Change"),
    "CM-6": _nist("Configuration Settings"),
    "CM-7": _nist("Least Functionality"),
    "CM-8": _nist("System Component Inventory"),
    "CP-9": _nist("System Backup"),
    "CP-10": _nist("System Recovery and Reconstitution"),
    "IA-2": _nist("Identification and Authentication (Organizational Users)"),
    "IA-5": _nist("Authenticator Management"),
    "IA-9": _nist("Service Identification and Authentication"),
    "SA-10": _nist("Developer Configuration Management"),
    "SC-6": _nist("Resource Availability"),
    "SC-7": _nist("Boundary Protection"),
    "SC-8": _nist("Transmission Confidentiality and Integrity"),
    "SC-12": _nist("Cryptographic Key Establishment and Management"),
    "SC-20": _nist("Secure Name/Address Resolution Service (Authoritative Source)"),
    "SC-22": _nist("Architecture and Provisioning for Name/Address Resolution Service"),
    "SC-28": _nist("Protection of Information at Rest"),
    "SI-4": _nist("System Monitoring"),
    "SI-7": _nist("Software, Firmware, and Information Integrity"),
}
