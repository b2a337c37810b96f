# One plan for each set of parameters that people have. `make infra-plans` keeps them as text in infra/plans.

mock_provider "azurerm" {}

variables {
  environment_name = "guests-test"
  location         = "westeurope"
  subscription_id  = "00000000-0000-0000-0000-000000000001"
}

run "default" {
  command = plan
}

run "ready" {
  command = plan

  variables {
    process_always_ready  = 1
    alert_email           = "ops@example.com"
    monthly_budget        = 100
    daily_request_units   = 10000000
    budget_start          = "2026-12-01"
    operator_id           = "00000000-0000-0000-0000-000000000002"
    notifications_webhook = "https://example.com/events"
    notifications_secret  = "0123456789abcdef0123456789abcdef"
  }
}

run "private" {
  command = plan

  variables {
    private_network          = true
    servicebus_sku           = "Premium"
    cosmos_autoscale_max_rus = 4000
    cosmos_backup            = "Continuous30Days"
    auth_client_id           = "00000000-0000-0000-0000-000000000003"
  }
}
