"""An environment: what the files of ``envs/<env>/`` say, and the process environment in which its clients work.

This is the one place that knows whether an environment's target is Azure or the sandbox (docs/adr/0001).
"""

from toolkit.environment.connection import Connection, Vantage, connect
from toolkit.environment.dependencies import environment_names
from toolkit.environment.file import FILE_NAME
from toolkit.environment.load import REHEARSAL_SUFFIX, load_environment
from toolkit.environment.model import (
    Access,
    Environment,
    GuardSettings,
    IgnoredDrift,
    Operator,
    PublicNetworkAccess,
    Waiver,
)
from toolkit.environment.target import CredentialChoice, TargetName

__all__ = [
    "FILE_NAME",
    "REHEARSAL_SUFFIX",
    "Access",
    "Connection",
    "CredentialChoice",
    "Environment",
    "GuardSettings",
    "IgnoredDrift",
    "Operator",
    "PublicNetworkAccess",
    "TargetName",
    "Vantage",
    "Waiver",
    "connect",
    "environment_names",
    "load_environment",
]
