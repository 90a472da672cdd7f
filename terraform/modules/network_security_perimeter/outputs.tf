output "id" {
  description = "Resource id of the perimeter."
  value       = azapi_resource.this.id
}

output "profile_id" {
  description = "Resource id of the profile whose access rules the members obey."
  value       = azapi_resource.profile.id
}

output "members" {
  description = "Access mode of each member, once it is one."
  value       = { for name, association in azapi_resource.association : name => association.body.properties.accessMode }
}
