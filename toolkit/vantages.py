"""The places in the network that a check or a client can stand in (toolkit/sandbox/model.py says what is there)."""

from __future__ import annotations

from typing import Literal

VantageName = Literal["internet", "vnet", "adf-managed", "adf-public", "aml-managed"]
