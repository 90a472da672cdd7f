output "zone_ids" {
  description = "Resource ids of the zones, by name."
  value       = { for name, zone in azapi_resource.zone : name => zone.id }
}
