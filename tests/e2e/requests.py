"""What the sandbox was asked to do, from its log of requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.records import Json, read_lines

# Questions that Azure puts as a POST.
_ASKS = re.compile(
    r"//login\.microsoftonline\.com/|/oauth2/|/(list\w*|check\w*(Availability|Restrictions)|query\w*|getStatus)\?",
    re.IGNORECASE,
)
# Terraform's lock: a lease and a record in the metadata of the state's blob.
# https://developer.hashicorp.com/terraform/language/backend/azurerm (state locking)
_LOCK = re.compile(r"\.blob\.core\.windows\.net/tfstate/[\w-]+\.tfstate\?(.*&)?comp=(lease|metadata)\b")


@dataclass
class Requests:
    """Those of one command, once it has ended."""

    lines: list[Json] = field(default_factory=list)

    @property
    def writes(self) -> list[str]:
        """Whatever was asked for besides reading, and besides locking the state."""
        return [
            f"{line['method']} {line['url']}"
            for line in self.lines
            if line["method"] not in ("GET", "HEAD", "OPTIONS", "CONNECT")
            and not (line["method"] == "POST" and _ASKS.search(line["url"]))
            and not (line["method"] == "PUT" and _LOCK.search(line["url"]))
        ]


@contextmanager
def requests(project: Path) -> Iterator[Requests]:
    """What the sandbox of a project is asked while this is open."""
    log = project / ".toolkit" / "sandbox" / "logs" / "requests.jsonl"
    seen = Requests()
    before = len(list(read_lines(log)))
    yield seen
    # The toolkit's own talk with the daemon is none of Azure's.
    seen.lines.extend(line for line in list(read_lines(log))[before:] if "//127.0.0.1/" not in line["url"])
