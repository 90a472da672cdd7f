output "settings" {
  description = "The settings by the words of `target_ids`: resource id, and what they say."
  value       = { for key, setting in azapi_resource.this : key => { id = setting.id, properties = setting.body.properties } }
}
