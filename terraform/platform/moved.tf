# Where things stood before, so that a platform that stands is planned without a change.

moved {
  from = module.data_factory.azapi_resource.blob_linked_service["ls_storage"]
  to   = module.data_factory.azapi_resource.linked_service["ls_storage"]
}

moved {
  from = module.data_factory.azapi_resource.lake_linked_service["ls_lake"]
  to   = module.data_factory.azapi_resource.linked_service["ls_lake"]
}

moved {
  from = module.data_factory.azapi_resource.key_vault_linked_service["ls_key_vault"]
  to   = module.data_factory.azapi_resource.linked_service["ls_key_vault"]
}

moved {
  from = module.data_factory.azapi_resource.machine_learning_linked_service["ls_workspace"]
  to   = module.data_factory.azapi_resource.linked_service["ls_workspace"]
}
