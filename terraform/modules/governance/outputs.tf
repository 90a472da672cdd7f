output "budget_id" {
  description = "Resource id of the budget; null without one."
  value       = one(azapi_resource.budget[*].id)
}

output "lock_ids" {
  description = "Resource ids of the locks, by the keys of `locks`."
  value       = { for name, lock in azapi_resource.lock : name => lock.id }
}
