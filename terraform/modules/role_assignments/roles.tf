locals {
  # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
  built_in_roles = {
    "AcrPull"                                         = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    "AcrPush"                                         = "8311e382-0749-4cb8-b61a-304f252e45ec"
    "Azure AI Enterprise Network Connection Approver" = "b556d68e-0be0-4f35-a333-ad7ee1ce17ea"
    "AzureML Compute Operator"                        = "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815"
    "AzureML Data Scientist"                          = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
    "Azure Batch Job Submitter"                       = "48e5e92e-a480-4e71-aa9c-2778f4c13781"
    "Contributor"                                     = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    "Data Factory Contributor"                        = "673868aa-7521-48a0-acc6-0f60742d39f5"
    "Key Vault Administrator"                         = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
    "Key Vault Crypto Service Encryption User"        = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
    "Key Vault Reader"                                = "21090545-7ca7-4776-b22c-e363652d74d2"
    "Key Vault Secrets Officer"                       = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    "Key Vault Secrets User"                          = "4633458b-17de-408a-b874-0445c86b69e6"
    "Locks Contributor"                               = "28bf596f-4eb7-45ce-b5bc-6cf482fec137"
    "Managed Identity Operator"                       = "f1a07417-d97a-45cb-824c-7a7467783830"
    "Monitoring Metrics Publisher"                    = "3913510d-42f4-4e42-8a64-420c390055eb"
    "Reader"                                          = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    "Role Based Access Control Administrator"         = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
    "Storage Account Contributor"                     = "17d1049b-9a84-46fb-8f53-869881c3d3ab"
    "Storage Blob Data Contributor"                   = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    "Storage Blob Data Owner"                         = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    "Storage Blob Data Reader"                        = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    "Storage File Data Privileged Contributor"        = "69566ab7-960f-475b-8e7c-b3118f30c6bd"
  }
}
