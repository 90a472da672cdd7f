resource "azapi_resource" "this" {
  for_each = var.alerts

  type      = "Microsoft.Insights/metricAlerts@2018-03-01"
  parent_id = var.parent_id
  name      = "${var.name_prefix}-${each.key}"
  location  = "global"
  tags      = var.tags
  body = {
    properties = {
      description         = each.value.description
      severity            = each.value.severity
      enabled             = true
      autoMitigate        = true
      scopes              = [each.value.scope]
      evaluationFrequency = each.value.frequency
      windowSize          = each.value.window
      criteria = {
        "odata.type" = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
        allOf = [{
          criterionType   = "StaticThresholdCriterion"
          name            = each.key
          metricNamespace = each.value.namespace
          metricName      = each.value.metric
          timeAggregation = each.value.aggregation
          operator        = each.value.operator
          threshold       = each.value.threshold
        }]
      }
      actions = [for id in var.action_group_ids : { actionGroupId = id }]
    }
  }
}
