# The workbook shows the answers to infra/kql, a section for each thing that an operator asks. Queries of one stream are not in it: they have to be told which.

locals {
  sections = [
    { title = "Commands", queries = ["commands", "appends", "conflicts", "memory"] },
    { title = "Request units", queries = ["request-units", "throttled"] },
    { title = "Lag, parked and dead letters", queries = ["lag", "backlog", "parked", "dead-letters"] },
    { title = "Failures", queries = ["failures", "failed-attempts"] },
    { title = "Starts", queries = ["starts"] },
    { title = "Cost", queries = ["cost", "telemetry"] },
  ]

  queries = { for name in flatten(local.sections[*].queries) : name => file("${path.module}/kql/${name}.kql") }

  # Microsoft's schema: https://github.com/microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json
  workbook_items = flatten([
    for section in local.sections : [
      { type = 1, name = section.title, content = { json = "## ${section.title}" } },
      [
        for name in section.queries : {
          type = 3
          name = name
          content = {
            version      = "KqlItem/1.0"
            title        = trimprefix(split("\n", local.queries[name])[0], "// ")
            query        = local.queries[name]
            queryType    = 0
            resourceType = "microsoft.insights/components"
            size         = 0
            # Each query says of what time it is.
            timeContext = { durationMs = 0 }
            # What is asked by time is drawn over it.
            visualization = strcontains(local.queries[name], "bin(timestamp") ? "timechart" : "table"
          }
        }
      ]
    ]
  ])
}

resource "azurerm_application_insights_workbook" "this" {
  name                = uuidv5("url", "workbook/${local.token}")
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  display_name        = "Operations of ${var.environment_name}"
  source_id           = lower(azurerm_application_insights.this.id)
  tags                = local.tags

  data_json = jsonencode({
    version             = "Notebook/1.0"
    items               = local.workbook_items
    fallbackResourceIds = ["/subscriptions/${var.subscription_id}/resourceGroups/${azurerm_resource_group.this.name}/providers/Microsoft.Insights/components/${azurerm_application_insights.this.name}"]
  })
}
