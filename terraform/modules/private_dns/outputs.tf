output "zone_ids" {
  description = "Resource ids of the zones, by name: those made here, and those that stood already."
  value       = local.zone_ids
}
