"""A plan without some of its resources: they, and all that needs them, are left out.

Terraform has an option for what to plan (``-target``) and none for what to leave out, so everything else is named. What
needs a resource is read from Terraform's own graph.
https://developer.hashicorp.com/terraform/cli/commands/graph
https://developer.hashicorp.com/terraform/cli/commands/plan#resource-targeting
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from toolkit.terraform.session import Session
from toolkit.terraform.workspace import RootName

_EDGE = re.compile(r'^\s*"\[root\] (?P<needs>.+?)" -> "\[root\] (?P<needed>.+?)"\s*$', re.MULTILINE)
_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')


def all_but(session: Session, root: RootName, changes: Iterable[str], held: Collection[str]) -> tuple[str, ...]:
    """Those of the addresses in ``changes`` that need none of ``held``."""
    graph = session.run(root, "graph", type="plan", private=True).stdout
    needing = dependents(graph, {configured(address) for address in held})
    return tuple(address for address in changes if address not in held and configured(address) not in needing)


def dependents(graph: str, held: Collection[str]) -> set[str]:
    """The resources (without keys) in Terraform's graph that need one of ``held``, directly or not; not ``held``."""
    needed_by: dict[str, set[str]] = defaultdict(set)
    for edge in _EDGE.finditer(graph):
        needed_by[_node(edge["needed"])].add(_node(edge["needs"]))
    found: set[str] = set()
    todo = list(held)
    while todo:
        new = needed_by[todo.pop()] - found
        found |= new
        todo += new
    return found - set(held)


def configured(address: str) -> str:
    """``module.a["x"].type.name[0]`` as the configuration has it: ``module.a.type.name``."""
    return _KEY.sub("", address)


def _node(label: str) -> str:
    return label.removesuffix(" (expand)")
