module "monitoring" {
  source = "../modules/monitoring"

  names = {
    log_analytics_workspace = local.names.log_analytics_workspace
    application_insights    = local.names.application_insights
    action_group            = local.names.action_group
  }
  parent_id      = local.resource_group_id
  location       = var.location
  tags           = local.tags
  retention_days = var.monitoring.retention_days
  daily_quota_gb = var.monitoring.daily_quota_gb
  alert_emails   = var.monitoring.alert_emails
}
