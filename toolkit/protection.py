"""The commands that protect branches and environments in GitHub and Azure DevOps, for a person to read and paste.

The toolkit does not run them: they need rights over the repository that deploying does not. Nothing in them is secret;
client ids are not (https://learn.microsoft.com/entra/workload-id/workload-identity-federation).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_DEVOPS = "https://dev.azure.com/$ORGANIZATION/$PROJECT"
# The resource id of Azure DevOps in Entra, for `az rest`:
# https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/service-principal-managed-identity
_DEVOPS_RESOURCE = "499b84ac-1321-427f-aa17-267ca6975798"
# https://learn.microsoft.com/rest/api/azure/devops/approvalsandchecks/check-configurations/add
_APPROVAL_CHECK = "8C6F20A7-A545-4486-9777-F762FAFE0D4D"
_APPROVAL_MINUTES = 3 * 24 * 60


@dataclass(frozen=True, slots=True)
class Step:
    """One command line (POSIX shell; it may span lines) and what it is for."""

    platform: Literal["github", "azure-devops"]
    title: str
    command: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the commands are about. ``name`` is the environment's, in the CI system too."""

    name: str
    protected: bool
    tenant_id: str
    subscription_id: str
    ci_client_id: str
    plan_client_id: str
    github_repository: str | None


def deployment_of(
    name: str,
    *,
    protected: bool,
    tenant_id: str,
    subscription_id: str,
    github_repository: str | None,
    bootstrap_outputs: Mapping[str, Any],
) -> Deployment:
    return Deployment(
        name,
        protected,
        tenant_id,
        subscription_id,
        bootstrap_outputs["ci_identity"]["client_id"],
        bootstrap_outputs["plan_identity"]["client_id"],
        github_repository,
    )


def protection_steps(deployment: Deployment) -> tuple[Step, ...]:
    """GitHub's commands when a repository is named, then those of Azure DevOps."""
    github = _github(deployment, deployment.github_repository) if deployment.github_repository else ()
    return (*github, *_azure_devops(deployment))


def as_text(steps: tuple[Step, ...]) -> str:
    """The commands under their titles as comments: the whole text can be pasted."""
    return "\n".join(f"# {step.title}\n{step.command}\n" for step in steps)


def _github(deployment: Deployment, repository: str) -> tuple[Step, ...]:
    name = deployment.name
    # https://docs.github.com/rest/deployments/environments#create-or-update-an-environment
    environment = {
        "deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False},
        "prevent_self_review": deployment.protected,
        "reviewers": [{"type": "User", "id": "REVIEWER"}] if deployment.protected else [],
    }
    # https://docs.github.com/rest/branches/branch-protection#update-branch-protection
    branch = {
        "required_status_checks": {"strict": True, "contexts": []},
        "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 1, "dismiss_stale_reviews": True},
        "restrictions": None,
        "required_linear_history": False,
        "allow_force_pushes": False,
        "allow_deletions": False,
    }
    reviewer = (
        " You approve; add others in its settings, since nobody approves their own runs."
        if deployment.protected
        else ""
    )
    return (
        Step(
            "github",
            f"GitHub: only protected branches deploy to the environment {name}.{reviewer}",
            _put(
                f"repos/{repository}/environments/{name}",
                json.dumps(environment, indent=2).replace('"REVIEWER"', "$(gh api user --jq .id)"),
            ),
        ),
        Step(
            "github",
            "GitHub: the default branch takes reviewed pull requests only.",
            _put(
                f"repos/{repository}/branches/"
                f"$(gh repo view {repository} --json defaultBranchRef --jq .defaultBranchRef.name)/protection",
                json.dumps(branch, indent=2),
            ),
        ),
        Step(
            "github",
            f"GitHub: whom jobs act as, in the environment {name} (CI) and in pull requests (it can only read).",
            "\n".join(
                (
                    _variable(repository, "AZURE_TENANT_ID", deployment.tenant_id, name),
                    _variable(repository, "AZURE_SUBSCRIPTION_ID", deployment.subscription_id, name),
                    _variable(repository, "AZURE_CLIENT_ID", deployment.ci_client_id, name),
                    _variable(repository, f"AZURE_PLAN_CLIENT_ID_{_shouted(name)}", deployment.plan_client_id),
                )
            ),
        ),
    )


def _put(path: str, document: str) -> str:
    return f'gh api --method PUT "{path}" --input - <<JSON\n{document}\nJSON'


def _variable(repository: str, name: str, value: str, environment: str | None = None) -> str:
    where = f" --env {environment}" if environment else ""
    return f"gh variable set {name} --repo {repository}{where} --body {value}"


def _azure_devops(deployment: Deployment) -> tuple[Step, ...]:
    name = deployment.name
    connections = (
        (f"azure-{name}", deployment.ci_client_id, "azure_devops_federation"),
        (f"azure-{name}-plan", deployment.plan_client_id, "azure_devops_plan_federation"),
    )
    steps = [
        Step(
            "azure-devops",
            "Azure DevOps: where the next commands act. Replace the three names.",
            "ORGANIZATION=my-organization PROJECT=my-project REPOSITORY=my-repository\n"
            'az devops configure --defaults organization="https://dev.azure.com/$ORGANIZATION" project="$PROJECT"',
        ),
        *(_service_connection(deployment, *connection) for connection in connections),
        Step(
            "azure-devops",
            f"Azure DevOps: the environment {name}.",
            # https://learn.microsoft.com/rest/api/azure/devops/environments/environments/add
            f"ENVIRONMENT_ID=$({_rest('pipelines/environments?api-version=7.1', {'name': name}, '--query id')})",
        ),
    ]
    if deployment.protected:
        check = {
            "type": {"id": _APPROVAL_CHECK, "name": "Approval"},
            "settings": {"approvers": [{"id": "$APPROVER"}], "requesterCannotBeApprover": True},
            "resource": {"type": "environment", "id": "$ENVIRONMENT_ID"},
            "timeout": _APPROVAL_MINUTES,
        }
        steps.append(
            Step(
                "azure-devops",
                f"Azure DevOps: somebody approves what deploys to {name}; you do, add others in its checks.",
                'APPROVER=$(az devops user show --user "$(az account show --query user.name --output tsv)" '
                "--query id --output tsv)\n"
                + _rest("pipelines/checks/configurations?api-version=7.1-preview.1", check, "--output none"),
            )
        )
    steps.append(
        Step(
            "azure-devops",
            "Azure DevOps: the branch main takes reviewed pull requests only.",
            # https://learn.microsoft.com/cli/azure/repos/policy/approver-count
            "az repos policy approver-count create --branch main --blocking true --enabled true "
            "--minimum-approver-count 1 --creator-vote-counts false --allow-downvotes false "
            "--reset-on-source-push true "
            '--repository-id "$(az repos show --repository "$REPOSITORY" --query id --output tsv)"',
        )
    )
    return tuple(steps)


def _service_connection(deployment: Deployment, name: str, client_id: str, variable: str) -> Step:
    # https://learn.microsoft.com/azure/devops/pipelines/library/connect-to-azure and
    # https://learn.microsoft.com/azure/devops/cli/service-endpoint
    document = {
        "name": name,
        "type": "azurerm",
        "url": "https://management.azure.com/",
        "authorization": {
            "scheme": "WorkloadIdentityFederation",
            "parameters": {"tenantid": deployment.tenant_id, "serviceprincipalid": client_id},
        },
        "data": {
            "environment": "AzureCloud",
            "scopeLevel": "Subscription",
            "subscriptionId": deployment.subscription_id,
            "subscriptionName": deployment.subscription_id,
            "creationMode": "Manual",
        },
        "serviceEndpointProjectReferences": [
            {"name": name, "projectReference": {"id": "$PROJECT_ID", "name": "$PROJECT"}}
        ],
    }
    return Step(
        "azure-devops",
        f"Azure DevOps: the service connection {name}. Put issuer and subject that it prints into {variable} of "
        f"envs/{deployment.name}/terraform.tfvars, and run toolkit bootstrap {deployment.name} again.",
        'PROJECT_ID=$(az devops project show --project "$PROJECT" --query id --output tsv)\n'
        'az devops service-endpoint create --service-endpoint-configuration /dev/stdin --query "authorization.'
        'parameters.{issuer: workloadIdentityFederationIssuer, subject: workloadIdentityFederationSubject}" <<JSON\n'
        f"{json.dumps(document, indent=2)}\nJSON",
    )


def _rest(path: str, body: Mapping[str, Any], options: str) -> str:
    return (
        f'az rest --method post --resource {_DEVOPS_RESOURCE} --url "{_DEVOPS}/_apis/{path}" {options} '
        f'--headers Content-Type=application/json --body "{_in_double_quotes(json.dumps(body))}"'
    )


def _in_double_quotes(text: str) -> str:
    """For the shell, with variables still expanded."""
    return text.replace('"', '\\"')


def _shouted(name: str) -> str:
    return name.upper().replace("-", "_")
