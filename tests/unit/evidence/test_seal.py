"""The seal: what it attests, that any edit shows, and that a signature is verified by others too, offline."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.evidence.support import COMMIT, CONFIGURATION, PRIVATE_KEYS, check, report, write_keys, write_run
from tests.unit.smoke.support import connection
from toolkit.errors import ToolkitError
from toolkit.evidence import Evidence
from toolkit.evidence.seal import CHECKSUMS, seal, verify
from toolkit.evidence.signing import signing_key, verifying_key
from toolkit.records import Json, read_record, write_record

RUN = "20260101T000000.000000Z"
WARNED = check("batch-b", "FAIL", red=False, severity="warning")
SKIPPED = check("dns-c", "SKIP", red=False, skip_allowed=True)
NOT_ALLOWED = check("dns-d", "SKIP", red=True, skip_allowed=False)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return write_keys(tmp_path, PRIVATE_KEYS["EC P-256"]())


def test_the_statement_names_what_was_tested_and_how_each_check_ended(tmp_path: Path) -> None:
    ended = (check("storage-a"), WARNED, SKIPPED, check("adf-e", "FAIL"), NOT_ALLOWED)
    folder = write_run(tmp_path, RUN, report(*ended, job="https://ci/7"))
    found = read_record(folder / "statement.json")
    assert (found["_type"], found["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://in-toto.io/attestation/test-result/v0.1",
    )
    assert found["predicate"] == {
        "result": "FAILED",
        "configuration": CONFIGURATION,
        "url": "https://ci/7",
        "passedTests": ["storage-a"],
        "warnedTests": ["batch-b"],
        "failedTests": ["adf-e", "dns-d"],
    }
    subjects = {one["name"]: one["digest"] for one in found["subject"]}
    assert subjects["terraform.tfplan"] == {"sha256": "a" * 64}
    assert subjects["commit"] == {"gitCommit": COMMIT}
    for name in ("smoke.json", "outputs.json", "plan.json", "smoke.md"):
        assert subjects[name] == {"sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}


@pytest.mark.parametrize(
    ("checks", "result", "verdict"),
    [
        ((check("a"),), "PASSED", "PASSED"),
        ((check("a"), SKIPPED), "PASSED", "PASSED"),
        ((check("a"), WARNED), "WARNED", "PASSED"),
        ((check("a"), NOT_ALLOWED), "FAILED", "FAILED"),
        ((SKIPPED,), "FAILED", "FAILED"),  # nothing was proven
    ],
)
def test_the_result_and_the_summary_for_those_who_trust_it(
    tmp_path: Path, checks: tuple[Json, ...], result: str, verdict: str
) -> None:
    folder = write_run(tmp_path, RUN, report(*checks))
    summary = read_record(folder / "vsa.json")
    assert read_record(folder / "statement.json")["predicate"]["result"] == result
    assert summary["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert summary["predicate"]["verificationResult"] == verdict
    assert bool(summary["predicate"]["verifiedLevels"]) == (verdict == "PASSED")
    assert {one["name"] for one in summary["subject"]} == {"terraform.tfplan", "outputs.json", "commit"}
    (attested,) = summary["predicate"]["inputAttestations"]
    assert attested["digest"]["sha256"] == hashlib.sha256((folder / "statement.json").read_bytes()).hexdigest()


@pytest.mark.parametrize("commit", [f"{COMMIT}+", "unknown: no git checkout", ""])
def test_a_tree_that_is_no_commit_is_no_subject(tmp_path: Path, commit: str) -> None:
    folder = write_run(tmp_path, RUN, report(commit=commit))
    assert "commit" not in {one["name"] for one in read_record(folder / "statement.json")["subject"]}


@pytest.mark.parametrize(("outputs", "known"), [({"location": "x"}, True), ({"location": "elsewhere"}, False)])
def test_smoke_alone_names_the_plan_that_made_what_it_looked_at(
    tmp_path: Path, outputs: dict[str, str], known: bool
) -> None:
    write_run(tmp_path, RUN, report())  # an apply, whose outputs are {"location": "x"}
    folder = tmp_path / "20260102T000000.000000Z"
    evidence = Evidence(folder, connection().environment)
    evidence.write("smoke", report())
    evidence.write("outputs", outputs)
    evidence.write_applied(outputs)
    evidence.seal()
    subjects = {one["name"]: one["digest"] for one in read_record(folder / "statement.json")["subject"]}
    assert subjects.get("terraform.tfplan") == ({"sha256": "a" * 64} if known else None)
    assert read_record(folder / "applied.json") == ({"run": RUN, "plan_sha256": "a" * 64} if known else {})
    assert verify(folder).attested


def test_a_folder_that_nobody_touched_holds(tmp_path: Path) -> None:
    folder = write_run(tmp_path, RUN, report())
    found = verify(folder)
    assert (found.attested, found.signed_by, found.verified_with) == (True, (), None)
    assert found.words == "7 files are as they were sealed; not signed: the seal shows edits, not who wrote it"
    assert (
        subprocess.run(["sha256sum", "--check", "--strict", CHECKSUMS], cwd=folder, capture_output=True).returncode == 0
    )


def again(folder: Path) -> None:
    """Write new checksums, as somebody who hides an edit would."""
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(folder.iterdir())
             if p.name != CHECKSUMS]  # fmt: skip
    (folder / CHECKSUMS).write_text("".join(lines))


def make_it_green(folder: Path) -> None:
    document = read_record(folder / "smoke.json")
    for one in document["checks"]:
        one["outcome"], one["red"] = "PASS", False
    write_record(folder / "smoke.json", {**document, "green": True})


def change(name: str, text: str = "x") -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / name).write_text((folder / name).read_text() + text if (folder / name).exists() else text)

    return edit


def statement_says_passed(folder: Path) -> None:
    document = read_record(folder / "statement.json")
    document["predicate"] |= {"result": "PASSED", "failedTests": []}
    write_record(folder / "statement.json", document)
    again(folder)


def summary_says_passed(folder: Path) -> None:
    document = read_record(folder / "vsa.json")
    document["predicate"]["verificationResult"] = "PASSED"
    write_record(folder / "vsa.json", document)
    again(folder)


def checksums_anew(folder: Path) -> None:
    make_it_green(folder)
    again(folder)


EDITS: dict[str, tuple[Callable[[Path], None], str]] = {
    **{
        f"changed {name}": (change(name), f"{name} was changed")
        for name in ("smoke.json", "smoke.md", "outputs.json", "plan.json", "statement.json", "vsa.json")
    },
    "one bit": (lambda folder: (folder / "smoke.md").write_bytes(b"# smoke\n"), "smoke.md was changed"),
    "removed": (lambda folder: (folder / "plan.json").unlink(), "plan.json was removed"),
    "added": (change("notes.txt"), "notes.txt was added"),
    "a folder": (lambda folder: (folder / "more").mkdir(), "more was added"),
    "no checksum": (change(CHECKSUMS, "all is well\n"), "SHA256SUMS has a line that is no checksum"),
    "elsewhere": (change(CHECKSUMS, f"{'0' * 64}  ../x\n"), "SHA256SUMS has a line that is no checksum"),
    "checksums anew": (
        checksums_anew,
        "statement.json does not say what the files do (subject, result, passedTests, failedTests)",
    ),
    "statement": (statement_says_passed, "statement.json does not say what the files do (result, failedTests)"),
    "summary": (summary_says_passed, "vsa.json does not say what statement.json does"),
}


@pytest.mark.parametrize("name", EDITS)
def test_evidence_that_was_edited_is_one_clear_error(tmp_path: Path, name: str) -> None:
    folder = write_run(tmp_path, RUN, report(check("a"), check("b", "FAIL")))
    edit, words = EDITS[name]
    edit(folder)
    with pytest.raises(ToolkitError) as caught:
        verify(folder)
    assert caught.value.message.startswith(f"the evidence {RUN} was edited: ")
    assert words in caught.value.message
    assert caught.value.hint is not None


def test_several_edits_are_all_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path, RUN, report())
    change("a.txt")(folder)
    change("smoke.md")(folder)
    (folder / "vsa.json").unlink()
    with pytest.raises(ToolkitError, match=r"vsa.json was removed; a.txt was added; smoke.md was changed"):
        verify(folder)


def test_an_interrupted_run_has_no_seal(tmp_path: Path) -> None:
    folder = write_run(tmp_path, RUN, report(), sealed=False)
    with pytest.raises(ToolkitError, match="was never sealed"):
        verify(folder)


def test_a_run_without_smoke_tests_attests_nothing_and_shows_edits(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = write_run(tmp_path, RUN, {"environment": "dev", "ran": False, "green": None, "reason": "--no-smoke"})
    assert not (folder / "statement.json").exists()
    assert "no smoke tests ran, so they attest nothing" in verify(folder).words
    with pytest.raises(ToolkitError, match="attests nothing"):
        verify(folder, verifying_key(str(keys[1])))
    make_a_claim = write_run(tmp_path / "other", RUN, report())
    shutil.copy(make_a_claim / "statement.json", folder)
    again(folder)
    with pytest.raises(
        ToolkitError, match=r"statement.json attests a run of which smoke.json says that there was none"
    ):
        verify(folder)


# -- signatures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PRIVATE_KEYS)
def test_a_signature_is_verified_with_the_public_key(tmp_path: Path, kind: str) -> None:
    private, public = write_keys(tmp_path, PRIVATE_KEYS[kind]())
    folder = write_run(tmp_path, RUN, report(), key=signing_key(str(private)))
    found = verify(folder, verifying_key(str(public)))
    assert found.verified_with == found.signed_by[0]
    assert "signed with the key" in found.words
    assert "which --key verifies" in verify(folder).words  # nothing is claimed of a signature that nobody looked at


def test_another_program_verifies_it_too(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    """OpenSSL, over DSSE's pre-authentication encoding, which is written out here once more."""
    folder = write_run(tmp_path, RUN, report(), key=signing_key(str(keys[0])))
    envelope = json.loads((folder / "statement.dsse.json").read_text())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    assert payload == (folder / "statement.json").read_bytes()
    assert kind == "application/vnd.in-toto+json"
    (tmp_path / "pae").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "dgst", "-sha256", "-verify", str(keys[1]), "-signature", str(tmp_path / "sig")]
    done = subprocess.run([*command, str(tmp_path / "pae")], capture_output=True, text=True)
    assert done.stdout.strip() == "Verified OK"
    bundle = json.loads((folder / "statement.sigstore.json").read_text())
    assert bundle["dsseEnvelope"] == envelope


@pytest.mark.skipif(shutil.which("cosign") is None, reason="there is no cosign on this machine (no registry has it)")
def test_cosign_verifies_it(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    """The command of docs/evidence.md."""
    folder = write_run(tmp_path, RUN, report(), key=signing_key(str(keys[0])))
    command = ["cosign", "verify-blob-attestation", "--key", str(keys[1]), "--bundle", "statement.sigstore.json"]
    command += ["--type", "https://in-toto.io/attestation/test-result/v0.1", "--insecure-ignore-tlog=true"]
    done = subprocess.run([*command, "smoke.json"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def forged(folder: Path, tmp_path: Path) -> None:
    """Somebody without the key makes it green and writes everything anew, unsigned parts and all."""
    make_it_green(folder)
    for name in ("statement.json", "vsa.json", CHECKSUMS):
        (folder / name).unlink()
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if ".dsse." in path.name or ".sig" in path.name}
    for name in kept:
        (folder / name).unlink()
    seal(folder, CONFIGURATION)
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    again(folder)


def test_a_forgery_without_the_key_is_found_with_it(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = write_run(tmp_path, RUN, report(check("b", "FAIL")), key=signing_key(str(keys[0])))
    forged(folder, tmp_path)
    verify(folder)  # checksums alone cannot tell: they are written by whoever writes the folder
    with pytest.raises(ToolkitError, match=r"was edited: statement.json is not what was signed"):
        verify(folder, verifying_key(str(keys[1])))


def test_a_signature_of_somebody_else_is_none(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = write_run(tmp_path, RUN, report(), key=signing_key(str(keys[0])))
    (tmp_path / "other").mkdir()
    _, other = write_keys(tmp_path / "other", PRIVATE_KEYS["EC P-256"]())
    with pytest.raises(ToolkitError, match=r"was not signed with .*other/sign.pub"):
        verify(folder, verifying_key(str(other)))


def test_a_signature_with_another_key_id_or_none_counts(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    """DSSE: a key id is a hint, and cosign writes none."""
    folder = write_run(tmp_path, RUN, report(), key=signing_key(str(keys[0])))
    for name in ("statement.dsse.json", "vsa.dsse.json"):
        document = read_record(folder / name)
        del document["signatures"][0]["keyid"]
        write_record(folder / name, document)
    again(folder)
    found = verify(folder, verifying_key(str(keys[1])))
    assert found.signed_by == ("without a key id",)
    assert found.verified_with is not None


def test_unsigned_evidence_does_not_pass_for_signed(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = write_run(tmp_path, RUN, report())
    with pytest.raises(ToolkitError, match=r"is not signed: it has no statement.dsse.json"):
        verify(folder, verifying_key(str(keys[1])))
