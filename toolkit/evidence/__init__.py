"""The evidence of a run: ``.toolkit/<env>/evidence/<UTC time>/``, sealed, one file per fact, nothing secret in any.

What a run found is written once, as ``smoke.json``; every other file of a folder is made from that document, so that a
folder that was downloaded years later is read by the same code. docs/evidence.md describes the formats.
"""

from toolkit.evidence.folder import Evidence, open_evidence
from toolkit.evidence.origin import circumstances, package_versions

__all__ = ["Evidence", "circumstances", "open_evidence", "package_versions"]
