"""The two pipelines that try the factory's ways to its containers: modules/data_factory_pipelines/paths.tf."""

from __future__ import annotations

INSIDE = "network-paths"
# Its activities have no connectVia: they leave through the Auto-resolve runtime, and are refused. It is there for that.
OUTSIDE = "network-paths-outside"
TARGETS = ("Pointers", "Training")
