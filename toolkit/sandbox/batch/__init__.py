"""Azure Batch's data plane: jobs and tasks of the accounts that Terraform made. Tasks really run, as processes."""
