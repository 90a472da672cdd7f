"""A local Azure that unmodified Terraform and Azure SDKs use on production host names. See README.md in this folder."""
