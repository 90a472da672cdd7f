# The workspace's clusters act as one of these. The factory submits to Batch as the other, since a linked service
# to Batch takes no system-assigned identity; it is there without Batch, too, because the factory's own principal id is unknown
# in any plan that changes its identities, and every role of the factory would be replaced when Batch comes or goes.
module "identity" {
  source   = "../modules/user_assigned_identity"
  for_each = toset(["compute", "factory"])

  name      = "${local.names.identity}-${each.key}"
  parent_id = local.resource_group_id
  location  = var.location
  tags      = local.tags
}

locals {
  # Made by the bootstrap, where CI cannot change them: docs/adr/0008.
  service_identities = local.bootstrap.service_identities
}
