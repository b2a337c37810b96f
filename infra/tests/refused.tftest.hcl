# What a deployment may not be asked for.

mock_provider "azurerm" {}

variables {
  environment_name = "guests-test"
  location         = "westeurope"
  subscription_id  = "00000000-0000-0000-0000-000000000001"
}

run "one_request_at_a_time" {
  command         = plan
  expect_failures = [var.http_concurrency]

  variables {
    http_concurrency = 1
  }
}

run "private_without_premium" {
  command         = plan
  expect_failures = [var.private_network]

  variables {
    private_network = true
  }
}

run "webhook_without_secret" {
  command         = plan
  expect_failures = [var.notifications_secret]

  variables {
    notifications_webhook = "https://example.com/events"
  }
}

run "budget_without_reader" {
  command         = plan
  expect_failures = [var.monthly_budget]

  variables {
    monthly_budget = 100
  }
}

run "basic_tier" {
  command         = plan
  expect_failures = [var.servicebus_sku]

  variables {
    servicebus_sku = "Basic"
  }
}
