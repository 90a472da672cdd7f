output "log_analytics_workspace_id" {
  description = "Resource id of the Log Analytics workspace."
  value       = azapi_resource.log_analytics_workspace.id
}

output "application_insights_id" {
  description = "Resource id of Application Insights."
  value       = azapi_resource.application_insights.id
}

output "action_group_id" {
  description = "Resource id of the action group."
  value       = azapi_resource.action_group.id
}
