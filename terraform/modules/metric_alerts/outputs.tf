output "ids" {
  description = "Resource ids of the alerts, by name."
  value       = { for name, alert in azapi_resource.this : name => alert.id }
}
