# What a deployment is asked for. azd fills these in by main.tfvars.json.

variable "environment_name" {
  description = "Name of the environment, such as `guests-test`: part of the names of all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,30}[a-zA-Z0-9]$", var.environment_name))
    error_message = "2 to 32 letters, digits and hyphens, no hyphen at either end."
  }
}

variable "location" {
  description = "Azure region, such as `westeurope`; it must have Flex Consumption with Python."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "The short name of a region, such as westeurope."
  }
}

variable "subscription_id" {
  description = "Id of the subscription."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.subscription_id))
    error_message = "A GUID."
  }
}

# Who operates

variable "operator_id" {
  description = "Object id of the user, group or service principal that runs `operate` against this environment; empty: nobody does."
  type        = string
  default     = ""
}

variable "operator_type" {
  description = "What `operator_id` is."
  type        = string
  default     = "User"

  validation {
    condition     = contains(["User", "Group", "ServicePrincipal"], var.operator_type)
    error_message = "User, Group or ServicePrincipal."
  }
}

variable "alert_email" {
  description = "Address that alerts and the budget are sent to; empty: alerts are raised, and sent to nobody."
  type        = string
  default     = ""
}

variable "monthly_budget" {
  description = "Budget of the resource group a month, in the currency of the subscription; mails go out at 80 and 100 percent. 0: none."
  type        = number
  default     = 0

  validation {
    condition     = var.monthly_budget >= 0 && (var.monthly_budget == 0 || (var.alert_email != "" && var.budget_start != ""))
    error_message = "Not negative; a budget needs alert_email and budget_start."
  }
}

variable "budget_start" {
  description = "First day of the month from which the budget counts, such as `2026-12-01`."
  type        = string
  default     = ""

  validation {
    condition     = var.budget_start == "" || can(regex("^[0-9]{4}-[0-9]{2}-01$", var.budget_start))
    error_message = "The first day of a month, as YYYY-MM-01."
  }
}

variable "daily_request_units" {
  description = "Request units that a day may take before an alert; 0: no such alert."
  type        = number
  default     = 0

  validation {
    condition     = var.daily_request_units >= 0 && floor(var.daily_request_units) == var.daily_request_units
    error_message = "0, or a number of request units."
  }
}

# The app

variable "instance_memory_mb" {
  description = "Memory of an instance."
  type        = number
  default     = 2048

  validation {
    condition     = contains([512, 2048, 4096], var.instance_memory_mb)
    error_message = "512, 2048 or 4096."
  }
}

variable "maximum_instances" {
  description = "How many instances a group of functions may have."
  type        = number
  default     = 100

  validation {
    condition     = var.maximum_instances >= 40 && var.maximum_instances <= 1000
    error_message = "40 to 1000."
  }
}

variable "http_concurrency" {
  description = "How many requests an instance serves at once. Commands that wait for one stream share a transaction only where they meet on one instance."
  type        = number
  default     = 16

  validation {
    condition     = var.http_concurrency >= 16 && var.http_concurrency <= 1000
    error_message = "16 to 1000: Azure's default for Python is 1."
  }
}

variable "http_always_ready" {
  description = "Instances that always run for HTTP. 0: the first request after a pause waits for a cold start."
  type        = number
  default     = 1

  validation {
    condition     = var.http_always_ready >= 0 && var.http_always_ready <= var.maximum_instances
    error_message = "0 to maximum_instances."
  }
}

variable "process_always_ready" {
  description = "Instances that always run for each of relay_events, handle_command and react, which have instances of their own. 0: what follows from a command waits for a cold start of each of them."
  type        = number
  default     = 0

  validation {
    condition     = var.process_always_ready >= 0 && var.process_always_ready <= var.maximum_instances
    error_message = "0 to maximum_instances."
  }
}

variable "auth_client_id" {
  description = "Client id of an app registration of Entra ID: callers need one of its tokens beside the function key, and events name them. Empty: the key alone."
  type        = string
  default     = ""
}

variable "notifications_webhook" {
  description = "URL that events are posted to; empty: nobody is notified."
  type        = string
  default     = ""

  validation {
    condition     = var.notifications_webhook == "" || startswith(var.notifications_webhook, "https://")
    error_message = "A URL with https."
  }
}

variable "notifications_secret" {
  description = "Secret that signs what is posted there."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.notifications_webhook == "" || length(var.notifications_secret) >= 32
    error_message = "At least 32 characters, where there is a webhook."
  }
}

variable "relay_replay_until" {
  description = "Before this date-time the relay sends events older than 24 hours again; empty: never."
  type        = string
  default     = ""
}

variable "otlp_endpoint" {
  description = "A collector that takes OTLP over HTTP in JSON, beside Application Insights; empty: none."
  type        = string
  default     = ""
}

# Cosmos DB

variable "cosmos_autoscale_max_rus" {
  description = "RU/s at most, which all containers share. 0: serverless. The kind of an account is chosen once."
  type        = number
  default     = 0

  validation {
    condition     = var.cosmos_autoscale_max_rus >= 0 && var.cosmos_autoscale_max_rus % 1000 == 0
    error_message = "0, or thousands of RU/s."
  }
}

variable "cosmos_backup" {
  description = "How far back the account can be restored to any point in time."
  type        = string
  default     = "Continuous7Days"

  validation {
    condition     = contains(["Continuous7Days", "Continuous30Days"], var.cosmos_backup)
    error_message = "Continuous7Days or Continuous30Days."
  }
}

# Service Bus and network

variable "servicebus_sku" {
  description = "Tier of the namespace."
  type        = string
  default     = "Standard"

  validation {
    condition     = contains(["Standard", "Premium"], var.servicebus_sku)
    error_message = "Standard or Premium: Basic has neither topics nor sessions."
  }
}

variable "private_network" {
  description = "Whether Cosmos DB, Service Bus and storage are reached by private endpoints alone."
  type        = bool
  default     = false

  validation {
    condition     = !var.private_network || var.servicebus_sku == "Premium"
    error_message = "Private endpoints of Service Bus need servicebus_sku Premium."
  }
}
