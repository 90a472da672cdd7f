"""A GitHub repository, and the subjects that its jobs' OIDC tokens carry.

A token says ``repo:OWNER/NAME:CONTEXT``, or ``repo:OWNER@OWNER_ID/NAME@ID:CONTEXT``: repositories made, renamed or
transferred since 2026-07-15 have the immutable form, others may opt in, and repositories and organisations may replace
the template. https://docs.github.com/actions/reference/security/oidc#immutable-subject-claims and
https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/. Entra compares a
subject literally, with case: an identity that trusts the other form answers AADSTS700213.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.errors import UsageError

# `@` cannot occur in GitHub's names, which is why GitHub separates with it.
REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9-]*(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$"
CONTEXT = "{context}"
PULL_REQUEST = "pull_request"
_GH_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Repository:
    """``owner/name``, with the ids where GitHub puts them into subjects."""

    owner: str
    name: str
    owner_id: str | None = None
    repository_id: str | None = None

    @property
    def full_name(self) -> str:
        """As GitHub's own commands and addresses want it: without ids."""
        return f"{self.owner}/{self.name}"

    @property
    def prefix(self) -> str:
        """What a subject of GitHub's default template begins with."""
        if self.owner_id and self.repository_id:
            return f"repo:{self.owner}@{self.owner_id}/{self.name}@{self.repository_id}"
        return f"repo:{self.full_name}"


def parse_repository(text: str) -> Repository:
    """``owner/name`` or ``owner@id/name@id``; ValueError for anything else, one id alone included."""
    if not re.fullmatch(REPOSITORY, text):
        raise ValueError(text)
    (owner, _, owner_id), (name, _, repository_id) = (part.partition("@") for part in text.split("/"))
    if bool(owner_id) != bool(repository_id):
        raise ValueError(text)
    return Repository(owner, name, owner_id or None, repository_id or None)


def environment_context(name: str) -> str:
    """A colon in a name is written ``%3A``: https://docs.github.com/actions/reference/security/oidc."""
    return f"environment:{name.replace(':', '%3A')}"


def branch_context(name: str) -> str:
    return f"ref:refs/heads/{name}"


def subject(repository: Repository, template: str | None, context: str) -> str:
    """The subject of a job in ``context``, by GitHub's default template or a customised one."""
    return (template or f"{repository.prefix}:{CONTEXT}").replace(CONTEXT, context)


# -- which form a repository has ---------------------------------------------------------------------------------------


def form_command(repository: Repository) -> str:
    """What tells a person which form the repository's tokens have."""
    return f"gh api repos/{repository.full_name}/actions/oidc/customization/sub"


@dataclass(frozen=True, slots=True)
class Form:
    """What GitHub says of a repository's subjects: their template, as env.toml would write it."""

    template: str

    @property
    def prefix(self) -> str | None:
        """``repo:…`` where the template is GitHub's default one; None for a customised template."""
        match = re.fullmatch(r"(repo:[^:{}]+):\{context\}", self.template)
        return match[1] if match else None

    def fits(self, template: str) -> bool:
        """Whether ``template`` is this one, with values for the claims that are not known here."""
        parts = re.split(r"(\{\w+\})", self.template)
        pattern = "".join(r"[^{}]+" if part.startswith("{") and part != CONTEXT else re.escape(part) for part in parts)
        return re.fullmatch(pattern, template) is not None

    @property
    def setting(self) -> str:
        """The line of env.toml that says so."""
        if self.prefix:
            return f'github_repository = "{self.prefix.removeprefix("repo:")}"'
        return f'github_subject = "{self.template}"'


def check_form(repository: Repository, template: str | None, where: str, say: Callable[[str], None]) -> None:
    """Compare what env.toml (``where``) says with what GitHub says; say how to find out where ``gh`` cannot be asked.

    Raises UsageError, with the line to write, when they differ: every sign-in would be refused later.
    """
    said = template or f"{repository.prefix}:{CONTEXT}"
    form = read_form(repository)
    if form is None:
        say(
            f"GitHub was not asked (gh is not here, or not signed in): the identities trust subjects like {said}. "
            f"{form_command(repository)} shows what the repository sends; {where} must say the same"
        )
    elif not form.fits(said):
        raise UsageError(
            f"{where}: jobs of {repository.full_name} have subjects like {form.template}, and the identities would "
            f"trust {said}: every sign-in would fail with AADSTS700213",
            hint=f"write {form.setting} ({form_command(repository)} shows what GitHub says)",
        )


def read_form(repository: Repository) -> Form | None:
    """Ask GitHub with ``gh``; None where there is no gh, nobody is signed in or the answer is not understood.

    ``sub_claim_prefix`` is what counts: a new repository answers ``use_immutable_subject: false`` beside a prefix with
    ids, and its tokens have the ids (https://github.com/Azure/azure-dev/issues/9382).
    """
    if shutil.which("gh") is None:
        return None
    answer = _gh(f"repos/{repository.full_name}/actions/oidc/customization/sub")
    if answer is None:
        return None
    prefix = answer.get("sub_claim_prefix") or f"repo:{repository.full_name}"
    keys: Sequence[str] = answer.get("include_claim_keys") or ()
    if answer.get("use_default", True):
        return Form(f"{prefix}:{CONTEXT}")
    if not keys:
        # The organisation's template, where it has one; reading it takes a right that a developer may lack.
        organisation = _gh(f"orgs/{repository.owner}/actions/oidc/customization/sub") or {}
        keys = organisation.get("include_claim_keys") or ("repo", "context")
    return Form(customised_template(keys, str(prefix)))


def customised_template(keys: Sequence[str], prefix: str) -> str:
    """The subject that a list of claim keys makes: ``repo`` and ``context`` as in the default one, others by name.

    https://docs.github.com/actions/reference/security/oidc#customizing-the-subject-claims-for-an-organization-or-repository
    A claim whose value is not known here stays in braces, for a person to fill in.
    """
    parts = {"repo": prefix, "context": CONTEXT}
    return ":".join(parts.get(key, f"{key}:{{{key}}}") for key in keys)


def _gh(path: str) -> dict[str, Any] | None:
    try:
        done = subprocess.run(["gh", "api", path], capture_output=True, text=True, timeout=_GH_SECONDS)
        answer = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


# -- a subject that nobody trusts --------------------------------------------------------------------------------------

_PRESENTED = re.compile(r"presented assertion (issuer|subject|audience) '([^']*)'")


def side_by_side(message: str, trusted: Sequence[str], where: str) -> str | None:
    """What the token said beside what the identity trusts, when ``message`` is Entra's AADSTS70021x; else None.

    Entra's numbers: 700211 issuer, 700212 audience, 700213 subject, 7002138 subject in another case.
    """
    presented = _PRESENTED.search(message)
    if presented is None or "AADSTS70021" not in message:
        return None
    shown = [f"the token's {presented[1]}:  {presented[2]}"]
    shown += [f"{where}: {value}" for value in trusted] or [f"{where}: nothing"]
    return "\n".join(f"  {line}" for line in shown)
