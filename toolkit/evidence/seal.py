"""The seal of a run's folder: what it attests, the checksums that show an edit, and signatures where there is a key.

``SHA256SUMS`` lists every other file, in the format of sha256sum(1), so that no toolkit is needed to read it. Without a
key it shows that a file was changed since, not who wrote it: whoever can write the folder can write new checksums. With
a key nobody can who has not got it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.evidence.oscal import assessment_results
from toolkit.evidence.signing import SigningKey, VerifyingKey, as_bytes, payload_of
from toolkit.evidence.statement import digest, statement, verification_summary
from toolkit.files import disk_errors, write_atomically
from toolkit.records import Json, read_record

CHECKSUMS = "SHA256SUMS"
STATEMENT, SUMMARY = "statement.json", "vsa.json"
OSCAL = "oscal.json"
# Beside each of those two, where there is a key: the envelope, and the same in the bundle that cosign 3 reads
# (https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto).
ENVELOPE, BUNDLE = ".dsse.json", ".sigstore.json"
_BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a folder that holds proves. ``attested``: smoke tests ran. ``signed_by``: ids of keys that are named in it;
    ``verified_with`` the one whose signature was verified."""

    files: tuple[str, ...]
    attested: bool
    signed_by: tuple[str, ...]
    verified_with: str | None

    @property
    def words(self) -> str:
        text = f"{len(self.files)} files are as they were sealed"
        if not self.attested:
            text += "; no smoke tests ran, so they attest nothing"
        if self.verified_with is not None:
            return f"{text}; signed with the key {self.verified_with[:16]}"
        if self.signed_by:
            return f"{text}; signed ({', '.join(key[:16] for key in self.signed_by)}), which --key verifies"
        return f"{text}; not signed: the seal shows edits, not who wrote it"


def seal(folder: Path, configuration: Sequence[Json], key: SigningKey | None = None) -> None:
    """Write the statement, its summary, the signatures and the checksums. Raises ToolkitError."""
    with disk_errors("the evidence"):
        report = read_record(folder / "smoke.json")
        if report.get("ran"):
            results = assessment_results(report, digest(folder / "smoke.json")["sha256"])
            write_atomically(folder / OSCAL, as_bytes(results), 0o644)
            files = {path.name: path for path in sorted(folder.iterdir())}
            attested = statement(report, _plan(folder), files, configuration)
            raw = as_bytes(attested)
            # The policy is the list of checks with what is fatal and what may be skipped: it is in the report.
            policy = {"name": "smoke.json", "uri": "smoke.json", "digest": digest(folder / "smoke.json")}
            sha256 = hashlib.sha256(raw).hexdigest()
            summary = as_bytes(verification_summary(report, attested, STATEMENT, sha256, policy))
            for name, content in ((STATEMENT, raw), (SUMMARY, summary)):
                write_atomically(folder / name, content, 0o644)
                if key is not None:
                    _sign(folder, name, content, key)
        write_atomically(folder / CHECKSUMS, _checksums(folder), 0o644)


def verify(folder: Path, key: VerifyingKey | None = None) -> Verified:
    """Raises ToolkitError, which names every file that was changed, added or removed, when the seal does not hold."""
    with disk_errors("the evidence"):
        return _verify(folder, key)


def is_sealed(folder: Path) -> bool:
    return (folder / CHECKSUMS).is_file()


def is_signed(folder: Path) -> bool:
    return (folder / _beside(STATEMENT, ENVELOPE)).is_file()


def _verify(folder: Path, key: VerifyingKey | None) -> Verified:
    if not is_sealed(folder):
        raise ToolkitError(
            f"the evidence {folder.name} was never sealed: the run was interrupted, or is still under way",
            hint="run it again; evidence without a seal proves nothing",
        )
    listed = _listed(folder)
    there = {path.name for path in folder.iterdir()} - {CHECKSUMS}
    problems = [f"{name} was removed" for name in sorted(listed.keys() - there)]
    problems += [f"{name} was added" for name in sorted(there - listed.keys())]
    problems += [
        f"{name} was changed"
        for name in sorted(there & listed.keys())
        if not (folder / name).is_file() or digest(folder / name)["sha256"] != listed[name]
    ]
    if not problems:
        problems = _disagreements(folder, listed)
    if problems:
        raise _edited(folder, problems)
    envelopes = {name: read_record(folder / _beside(name, ENVELOPE)) for name in (STATEMENT, SUMMARY)}
    signatures = [one for one in envelopes[STATEMENT].get("signatures", []) if isinstance(one, dict)]
    attested = STATEMENT in listed
    if key is not None:
        _verify_signatures(folder, envelopes, key, attested)
    return Verified(
        tuple(listed),
        attested,
        tuple(str(one.get("keyid") or "without a key id") for one in signatures),
        None if key is None else key.id,
    )


def _disagreements(folder: Path, listed: dict[str, str]) -> list[str]:
    """Checksums can be written anew; then the statement must have been, too, and all that follows from it."""
    report = read_record(folder / "smoke.json")
    attested, summary = read_record(folder / STATEMENT), read_record(folder / SUMMARY)
    if not report.get("ran"):
        return [f"{name} attests a run of which smoke.json says that there was none" for name in (STATEMENT, SUMMARY)
                if name in listed]  # fmt: skip
    if not attested:
        return [f"{STATEMENT} was removed, or holds no statement"]
    names = {name: folder / name for name in listed if not name.startswith((STATEMENT[:-5] + ".", SUMMARY[:-5] + "."))}
    again = statement(report, _plan(folder), names, [])
    # Only what the files decide is compared: a later version of the toolkit may attest more.
    parts = [] if _subjects(again) == _subjects(attested) else ["subject"]
    parts += [name for name in _DECIDED if again["predicate"][name] != attested.get("predicate", {}).get(name)]
    problems = [f"{STATEMENT} does not say what the files do ({', '.join(parts)})"] if parts else []
    said = summary.get("predicate", {})
    wanted = verification_summary(report, attested, STATEMENT, listed[STATEMENT], {})["predicate"]
    if any(said.get(name) != wanted[name] for name in ("verificationResult", "inputAttestations", "resourceUri")):
        problems.append(f"{SUMMARY} does not say what {STATEMENT} does")
    return problems


def _plan(folder: Path) -> Json:
    """The plan that this run applied, or that made what it looked at."""
    return read_record(folder / "plan.json") or read_record(folder / "applied.json")


_DECIDED = ("result", "passedTests", "warnedTests", "failedTests")


def _subjects(attested: Json) -> set[tuple[str, str]]:
    return {
        (str(one.get("name")), ",".join(f"{name}:{value}" for name, value in sorted(one.get("digest", {}).items())))
        for one in attested.get("subject", [])
    }


def _verify_signatures(folder: Path, envelopes: dict[str, Json], key: VerifyingKey, attested: bool) -> None:
    hint = "evidence is signed where --sign-key or TOOLKIT_SIGN_KEY names a key"
    if not attested:
        raise ToolkitError(f"the evidence {folder.name} attests nothing: no smoke tests ran", hint=hint)
    for name, envelope in envelopes.items():
        if not envelope:
            raise ToolkitError(
                f"the evidence {folder.name} is not signed: it has no {_beside(name, ENVELOPE)}", hint=hint
            )
        if payload_of(envelope) != (folder / name).read_bytes():
            raise _edited(folder, [f"{name} is not what was signed"])
        if not key.signed(envelope):
            raise ToolkitError(
                f"the evidence {folder.name} was not signed with {key.source}: no signature of "
                f"{_beside(name, ENVELOPE)} is that key's",
                hint="either this is another signer's key, or somebody else wrote the evidence",
            )


def _edited(folder: Path, problems: Sequence[str]) -> ToolkitError:
    return ToolkitError(
        f"the evidence {folder.name} was edited: {'; '.join(problems)}",
        hint="take it from where it was first kept (the job's artifact), or run the checks again",
    )


def _sign(folder: Path, name: str, content: bytes, key: SigningKey) -> None:
    envelope = key.envelope(content)
    bundle = {
        "mediaType": _BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.id}},
        "dsseEnvelope": envelope,
    }
    write_atomically(folder / _beside(name, ENVELOPE), as_bytes(envelope), 0o644)
    write_atomically(folder / _beside(name, BUNDLE), as_bytes(bundle), 0o644)


def _beside(name: str, ending: str) -> str:
    return name.removesuffix(".json") + ending


def _checksums(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    return "".join(f"{digest(folder / name)['sha256']}  {name}\n" for name in names)


def _listed(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (folder / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or "/" in match[2]:
            raise _edited(folder, [f"{CHECKSUMS} has a line that is no checksum"])
        found[match[2]] = match[1]
    return found
