"""One table of api-versions in Python, and it is Terraform's."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.azure.api_versions import API_VERSIONS, DIAGNOSTICS_API_VERSION

ROOT = Path(__file__).parents[3]
WRITTEN = {
    (match[1].lower(), match[2])
    for path in (ROOT / "terraform").rglob("*.tf")
    for match in re.finditer(
        r'"(Microsoft\.[A-Za-z/]+)@(\d{4}-\d\d-\d\d(?:-preview)?)"', path.read_text(encoding="utf-8")
    )
}
# Versions that are not Azure Resource Manager's: x-ms-version, what a request sends and what a factory's must be.
OTHERS = {
    "toolkit/firewall/kinds.py": {"2023-11-03"},
    "toolkit/smoke/checks/accounts.py": {"2023-11-03"},
    "toolkit/adf/lint/web.py": {"2023-11-03", "2017-11-09"},
}


def test_python_reads_with_the_versions_that_terraform_writes_with() -> None:
    table = {*API_VERSIONS.items(), ("microsoft.insights/diagnosticsettings", DIAGNOSTICS_API_VERSION)}
    assert table - WRITTEN == set()


def test_no_other_module_has_versions_of_its_own() -> None:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "toolkit").rglob("*.py"):
        name = str(path.relative_to(ROOT))
        versions = set(re.findall(r'"(\d{4}-\d\d-\d\d(?:-preview)?)"', path.read_text(encoding="utf-8")))
        if versions and not name.startswith(("toolkit/sandbox/", "toolkit/azure/api_versions")):
            found[name] = versions
    assert found == OTHERS
