# GitHub: only protected branches deploy to the environment prod. You approve; add others in its settings, since nobody approves their own runs.
gh api --method PUT "repos/contoso/ml-platform/environments/prod" --input - <<JSON
{
  "deployment_branch_policy": {
    "protected_branches": true,
    "custom_branch_policies": false
  },
  "prevent_self_review": true,
  "reviewers": [
    {
      "type": "User",
      "id": $(gh api user --jq .id)
    }
  ]
}
JSON

# GitHub: the default branch takes reviewed pull requests only.
gh api --method PUT "repos/contoso/ml-platform/branches/$(gh repo view contoso/ml-platform --json defaultBranchRef --jq .defaultBranchRef.name)/protection" --input - <<JSON
{
  "required_status_checks": {
    "strict": true,
    "contexts": []
  },
  "enforce_admins": true,
  "required_pull_request_reviews": {
    "required_approving_review_count": 1,
    "dismiss_stale_reviews": true
  },
  "restrictions": null,
  "required_linear_history": false,
  "allow_force_pushes": false,
  "allow_deletions": false
}
JSON

# GitHub: whom jobs act as, in the environment prod (CI) and in pull requests (it can only read).
gh variable set AZURE_TENANT_ID --repo contoso/ml-platform --env prod --body aaaaaaaa-0000-4000-8000-000000000001
gh variable set AZURE_SUBSCRIPTION_ID --repo contoso/ml-platform --env prod --body aaaaaaaa-0000-4000-8000-000000000002
gh variable set AZURE_CLIENT_ID --repo contoso/ml-platform --env prod --body aaaaaaaa-0000-4000-8000-000000000003
gh variable set AZURE_PLAN_CLIENT_ID_PROD --repo contoso/ml-platform --body aaaaaaaa-0000-4000-8000-000000000004

# Azure DevOps: where the next commands act. Replace the three names.
ORGANIZATION=my-organization PROJECT=my-project REPOSITORY=my-repository
az devops configure --defaults organization="https://dev.azure.com/$ORGANIZATION" project="$PROJECT"

# Azure DevOps: the service connection azure-prod. Put issuer and subject that it prints into azure_devops_federation of envs/prod/terraform.tfvars, and run toolkit bootstrap prod again.
PROJECT_ID=$(az devops project show --project "$PROJECT" --query id --output tsv)
az devops service-endpoint create --service-endpoint-configuration /dev/stdin --query "authorization.parameters.{issuer: workloadIdentityFederationIssuer, subject: workloadIdentityFederationSubject}" <<JSON
{
  "name": "azure-prod",
  "type": "azurerm",
  "url": "https://management.azure.com/",
  "authorization": {
    "scheme": "WorkloadIdentityFederation",
    "parameters": {
      "tenantid": "aaaaaaaa-0000-4000-8000-000000000001",
      "serviceprincipalid": "aaaaaaaa-0000-4000-8000-000000000003"
    }
  },
  "data": {
    "environment": "AzureCloud",
    "scopeLevel": "Subscription",
    "subscriptionId": "aaaaaaaa-0000-4000-8000-000000000002",
    "subscriptionName": "aaaaaaaa-0000-4000-8000-000000000002",
    "creationMode": "Manual"
  },
  "serviceEndpointProjectReferences": [
    {
      "name": "azure-prod",
      "projectReference": {
        "id": "$PROJECT_ID",
        "name": "$PROJECT"
      }
    }
  ]
}
JSON

# Azure DevOps: the service connection azure-prod-plan. Put issuer and subject that it prints into azure_devops_plan_federation of envs/prod/terraform.tfvars, and run toolkit bootstrap prod again.
PROJECT_ID=$(az devops project show --project "$PROJECT" --query id --output tsv)
az devops service-endpoint create --service-endpoint-configuration /dev/stdin --query "authorization.parameters.{issuer: workloadIdentityFederationIssuer, subject: workloadIdentityFederationSubject}" <<JSON
{
  "name": "azure-prod-plan",
  "type": "azurerm",
  "url": "https://management.azure.com/",
  "authorization": {
    "scheme": "WorkloadIdentityFederation",
    "parameters": {
      "tenantid": "aaaaaaaa-0000-4000-8000-000000000001",
      "serviceprincipalid": "aaaaaaaa-0000-4000-8000-000000000004"
    }
  },
  "data": {
    "environment": "AzureCloud",
    "scopeLevel": "Subscription",
    "subscriptionId": "aaaaaaaa-0000-4000-8000-000000000002",
    "subscriptionName": "aaaaaaaa-0000-4000-8000-000000000002",
    "creationMode": "Manual"
  },
  "serviceEndpointProjectReferences": [
    {
      "name": "azure-prod-plan",
      "projectReference": {
        "id": "$PROJECT_ID",
        "name": "$PROJECT"
      }
    }
  ]
}
JSON

# Azure DevOps: the environment prod.
ENVIRONMENT_ID=$(az rest --method post --resource 499b84ac-1321-427f-aa17-267ca6975798 --url "https://dev.azure.com/$ORGANIZATION/$PROJECT/_apis/pipelines/environments?api-version=7.1" --query id --headers Content-Type=application/json --body "{\"name\": \"prod\"}")

# Azure DevOps: somebody approves what deploys to prod; you do, add others in its checks.
APPROVER=$(az devops user show --user "$(az account show --query user.name --output tsv)" --query id --output tsv)
az rest --method post --resource 499b84ac-1321-427f-aa17-267ca6975798 --url "https://dev.azure.com/$ORGANIZATION/$PROJECT/_apis/pipelines/checks/configurations?api-version=7.1-preview.1" --output none --headers Content-Type=application/json --body "{\"type\": {\"id\": \"8C6F20A7-A545-4486-9777-F762FAFE0D4D\", \"name\": \"Approval\"}, \"settings\": {\"approvers\": [{\"id\": \"$APPROVER\"}], \"requesterCannotBeApprover\": true}, \"resource\": {\"type\": \"environment\", \"id\": \"$ENVIRONMENT_ID\"}, \"timeout\": 4320}"

# Azure DevOps: the branch main takes reviewed pull requests only.
az repos policy approver-count create --branch main --blocking true --enabled true --minimum-approver-count 1 --creator-vote-counts false --allow-downvotes false --reset-on-source-push true --repository-id "$(az repos show --repository "$REPOSITORY" --query id --output tsv)"
