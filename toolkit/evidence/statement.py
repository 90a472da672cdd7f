"""What a run attests: an in-toto statement of its test results, and the SLSA summary of their verification.

* https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
* https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
* https://slsa.dev/spec/v1.0/verification_summary
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit import __version__
from toolkit.environment import Environment
from toolkit.records import Json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
# A name for what verifies: no server answers there (RFC 4151).
VERIFIER = "tag:aml-adf-toolkit,2026:smoke"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SUBJECTS_OF_A_SUMMARY = ("terraform.tfplan", "outputs.json", "commit")


def digest(path: Path) -> dict[str, str]:
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def configuration_of(environment: Environment) -> list[Json]:
    """The environment's data and the toolkit, as resource descriptors."""
    found: list[Json] = [
        {"name": path.relative_to(environment.project.root).as_posix(), "digest": digest(path)}
        for path in sorted(environment.folder.glob("*"))
        if path.suffix in (".toml", ".tfvars", ".hcl") and path.is_file() and not path.name.startswith(".")
    ]
    return [{"name": "aml-adf-toolkit", "uri": f"pkg:generic/aml-adf-toolkit@{__version__}"}, *found]


def statement(report: Json, plan: Json, files: Mapping[str, Path], configuration: Sequence[Json]) -> Json:
    """The statement about a run of smoke tests: ``report`` is its ``smoke.json``, ``plan`` its ``plan.json`` or empty.

    Its subjects are the plan that was applied, the commit and every file of the folder. A commit whose tree differed is
    no subject: what was tested is in no commit.
    """
    subjects: list[Json] = [{"name": name, "digest": digest(path)} for name, path in files.items()]
    if sha256 := plan.get("plan_sha256"):
        subjects.append({"name": "terraform.tfplan", "digest": {"sha256": sha256}})
    if _COMMIT.fullmatch(commit := str(report.get("commit", ""))):
        subjects.append({"name": "commit", "digest": {"gitCommit": commit}})
    predicate: Json = {"result": result_of(report), "configuration": list(configuration)}
    if job := report.get("job"):
        predicate["url"] = job
    checks = report["checks"]
    predicate["passedTests"] = [one["id"] for one in checks if one["outcome"] == "PASS"]
    predicate["warnedTests"] = [one["id"] for one in checks if one["outcome"] == "FAIL" and not one["red"]]
    # A skip that nobody allowed fails the run like a failure does; one that is allowed proves nothing, either way.
    predicate["failedTests"] = [one["id"] for one in checks if one["red"]]
    return {"_type": STATEMENT_TYPE, "subject": subjects, "predicateType": TEST_RESULT, "predicate": predicate}


def verification_summary(report: Json, attested: Json, input_name: str, input_sha256: str, policy: Json) -> Json:
    """The summary for those who trust the verifier and do not read the checks."""
    subjects = [one for one in attested["subject"] if one["name"] in _SUBJECTS_OF_A_SUMMARY]
    passed = report["green"] is True
    predicate: Json = {
        "verifier": {"id": VERIFIER, "version": {"aml-adf-toolkit": str(report["versions"]["toolkit"])}},
        "timeVerified": report["started_at"],
        "resourceUri": resource_uri(report),
        "policy": policy,
        "inputAttestations": [{"uri": input_name, "digest": {"sha256": input_sha256}}],
        "verificationResult": "PASSED" if passed else "FAILED",
        # SLSA's levels are of builds. The specification leaves room for levels of a verifier's own.
        "verifiedLevels": ["AML_ADF_TOOLKIT_SMOKE"] if passed else [],
        "slsaVersion": "1.0",
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects or attested["subject"],
        "predicateType": VERIFICATION_SUMMARY,
        "predicate": predicate,
    }


def resource_uri(report: Json) -> str:
    """The environment on its subscription."""
    subscription = str(report.get("subscription", "")).split(" ")[0]
    return f"https://management.azure.com/subscriptions/{subscription}#{report['environment']}"


def result_of(report: Json) -> str:
    if report["green"] is not True:
        return "FAILED"
    return "WARNED" if any(one["outcome"] == "FAIL" for one in report["checks"]) else "PASSED"
