"""GitHub Actions' OpenID Connect issuer: the tokens of jobs that the control API announces.

Claims, the immutable form (2026-07-15) and customised templates: https://docs.github.com/actions/reference/security/oidc.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from toolkit.records import Json
from toolkit.sandbox.entra.directory import secret_hash
from toolkit.sandbox.entra.keys import SigningKey
from toolkit.sandbox.store import Store

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITHUB_REQUEST_URL = "https://pipelines.actions.githubusercontent.com/sandbox/idtoken?api-version=2.0"
REQUEST_SECONDS = 6 * 3600  # a job's longest run on GitHub's own runners
TOKEN_SECONDS = 300
_REQUEST = "github-token-request"
_CONTEXT = re.compile(r"(?:^|:)(environment:[^:]+|ref:[^:]+|pull_request)(?=:|$)")
_REPOSITORY = re.compile(r"(?:^|:)repo:([^/:@]+)(?:@(\d+))?/([^/:@]+)(?:@(\d+))?(?=:|$)")


@dataclass(frozen=True, slots=True)
class Job:
    """A job and its repository's OIDC settings. ``context``: ``environment:NAME``, ``ref:REF`` or ``pull_request``."""

    repository: str
    context: str
    repository_id: str = ""
    repository_owner_id: str = ""
    immutable: bool = False
    include_claim_keys: tuple[str, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.repository.partition("/")[0]

    @property
    def ids(self) -> tuple[str, str]:
        """Of owner and repository: made up from the names where nothing says them."""
        return self.repository_owner_id or _number(self.owner), self.repository_id or _number(self.repository)

    @property
    def subject(self) -> str:
        """The default template in either form, or the values of ``include_claim_keys``, colons in them escaped."""
        owner_id, repository_id = self.ids
        name = self.repository.partition("/")[2]
        prefix = f"{self.owner}@{owner_id}/{name}@{repository_id}" if self.immutable else self.repository
        parts = {"repo": f"repo:{prefix}", "context": self.context}
        known = self._facts()
        keys = self.include_claim_keys or ("repo", "context")
        return ":".join(parts.get(key) or f"{key}:{str(known.get(key, '')).replace(':', '%3A')}" for key in keys)

    def token(self, audience: str | None, subject: str | None = None) -> Json:
        """Every claim of the job's id token. ``subject`` overrides the computed one."""
        now = int(time.time())
        return {
            "jti": str(uuid.uuid4()),
            "sub": subject or self.subject,
            "aud": audience or f"https://github.com/{self.owner}",
            "iss": GITHUB_ISSUER,
            "iat": now,
            "nbf": now - 5,
            "exp": now + TOKEN_SECONDS,
            **self._facts(),
        }

    def _facts(self) -> Json:
        owner_id, repository_id = self.ids
        environment = self.context.removeprefix("environment:") if self.context.startswith("environment:") else None
        pull_request = self.context == "pull_request"
        ref = self.context.removeprefix("ref:") if self.context.startswith("ref:") else "refs/heads/main"
        ref = "refs/pull/1/merge" if pull_request else ref
        workflow = f"{self.repository}/.github/workflows/deploy.yml@{ref}"
        facts: Json = {
            "actor": "sandbox",
            "actor_id": _number("sandbox"),
            "base_ref": "main" if pull_request else "",
            "check_run_id": "1",
            "event_name": "pull_request" if pull_request else "push",
            "head_ref": "change" if pull_request else "",
            "job_workflow_ref": workflow,
            "job_workflow_sha": "0" * 40,
            "ref": ref,
            "ref_protected": "false",
            "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
            "repository": self.repository,
            "repository_id": repository_id,
            "repository_owner": self.owner,
            "repository_owner_id": owner_id,
            "repository_visibility": "private",
            "run_attempt": "1",
            "run_id": "1",
            "run_number": "1",
            "runner_environment": "github-hosted",
            "sha": "0" * 40,
            "workflow": "deploy",
            "workflow_ref": workflow,
            "workflow_sha": "0" * 40,
        }
        if environment is not None:  # only jobs with an environment have the claim
            facts["environment"] = environment.replace("%3A", ":")
        return {**facts, **self.claims}


def job_of_subject(subject: str, claims: Mapping[str, str] | None = None) -> Job:
    """A job whose token says ``subject``: repository, ids and context are read from it as far as it has them."""
    given = dict(claims or {})
    repo, context = _REPOSITORY.search(subject), _CONTEXT.search(subject)
    owner_id, repository_id = (repo[2], repo[4]) if repo else (None, None)
    repository = given.pop("repository", "") or (f"{repo[1]}/{repo[3]}" if repo else "owner/name")
    return Job(
        repository,
        context[1] if context else "ref:refs/heads/main",
        given.pop("repository_id", "") or repository_id or "",
        given.pop("repository_owner_id", "") or owner_id or "",
        immutable=bool(repository_id),
        claims=given,
    )


class GitHubActions:
    """GitHub's OpenID Connect provider."""

    def __init__(self, key: SigningKey, store: Store) -> None:
        self.key = key
        self._store = store

    def open_request(self, job: Job, subject: str | None = None) -> str:
        """A request token for one job, as the runner gets it in ACTIONS_ID_TOKEN_REQUEST_TOKEN.

        It grants nothing by itself: a federated credential must name the subject.
        """
        for key, document in self._store.documents(_REQUEST):
            if document["expires"] < time.time():
                self._store.delete_document(_REQUEST, key)
        token = secrets.token_urlsafe(32)
        document = {"job": asdict(job), "subject": subject, "expires": time.time() + REQUEST_SECONDS}
        self._store.put_document(_REQUEST, secret_hash(token), document)
        return token

    def id_token(self, request_token: str, audience: str | None) -> str | None:
        """The job's id token; None for a request token that is unknown or too old."""
        document = self._store.document(_REQUEST, secret_hash(request_token))
        if document is None or document["expires"] < time.time() or "job" not in document:
            return None
        job = Job(**{**document["job"], "include_claim_keys": tuple(document["job"]["include_claim_keys"])})
        return self.key.sign(job.token(audience, document["subject"]))


def _number(text: str) -> str:
    """A stable number for a name, as GitHub numbers owners and repositories."""
    return str(int(hashlib.sha256(text.lower().encode()).hexdigest()[:7], 16))
