"""A shell in which every variable that Azure's, Terraform's and HTTP clients read says nonsense.

What Terraform's documentation calls an error where it makes no sense (TF_CLI_CONFIG_FILE, TF_PLUGIN_CACHE_DIR) is left
out: the toolkit honours these.
"""

from __future__ import annotations

NONSENSE = "nonsense"

STRANGE: dict[str, str] = {
    **dict.fromkeys(
        [
            *("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID", "ARM_ENVIRONMENT"),
            *("ARM_CLIENT_ID_FILE_PATH", "ARM_CLIENT_SECRET_FILE_PATH", "ARM_CLIENT_CERTIFICATE_PATH"),
            *(
                "ARM_CLIENT_CERTIFICATE",
                "ARM_CLIENT_CERTIFICATE_PASSWORD",
                "ARM_OIDC_TOKEN",
                "ARM_OIDC_TOKEN_FILE_PATH",
            ),
            *("ARM_OIDC_REQUEST_URL", "ARM_OIDC_REQUEST_TOKEN", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"),
            *("ARM_USE_CLI", "ARM_USE_MSI", "ARM_USE_OIDC", "ARM_USE_AKS_WORKLOAD_IDENTITY", "ARM_MSI_ENDPOINT"),
            *("ARM_ACCESS_KEY", "ARM_SAS_TOKEN", "ARM_METADATA_HOSTNAME", "ARM_ENDPOINT", "ARM_PARTNER_ID"),
            *("ARM_RESOURCE_MANAGER_ENDPOINT", "ARM_AUTHORITY_HOST", "ARM_SKIP_PROVIDER_REGISTRATION", "ARM_SNAPSHOT"),
            *("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"),
            *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_AUTHORITY_HOST", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_USERNAME"),
            *("AZURE_PASSWORD", "AZURE_ENVIRONMENT", "AZURE_LOG_LEVEL", "AZURE_HTTP_USER_AGENT"),
            *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"),
            *("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"),
            *("TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_CLI_ARGS_init", "TF_WORKSPACE", "TF_DATA_DIR", "TF_INPUT"),
            *("TF_VAR_nobody_declares_this", "TF_REATTACH_PROVIDERS", "TF_STATE_PERSIST_INTERVAL", "TF_IN_AUTOMATION"),
            *("TF_IGNORE", "TF_ENCRYPTION", "TF_TEMP_LOG_PATH", "TF_SKIP_PROVIDER_VERIFY", "TF_CLOUD_ORGANIZATION"),
            *("TF_REGISTRY_DISCOVERY_RETRY", "TF_REGISTRY_CLIENT_TIMEOUT"),
        ],
        NONSENSE,
    ),
    **dict.fromkeys(
        [
            *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
        ],
        "/no/such/certificates.pem",
    ),
    **dict.fromkeys(
        [name for proxy in ("http_proxy", "https_proxy", "all_proxy") for name in (proxy, proxy.upper())],
        "http://127.0.0.1:9",
    ),
    "NO_PROXY": "*",
    "no_proxy": "*",
}
