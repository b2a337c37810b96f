# What this service is told beside what the engine reads: settings of its own, with the variables that they are asked for by.

locals {
  own_settings = {
    OPERATORS_TOOLS  = var.operators_tools ? "1" : "0"
    PAYMENT_DEADLINE = var.payment_deadline
  }
}

variable "operators_tools" {
  description = "Whether assistants may ask what operators ask, at the endpoint of the MCP extension."
  type        = bool
  default     = false
}

variable "payment_deadline" {
  description = "How long a customer has to pay, as hh:mm:ss."
  type        = string
  default     = "00:15:00"

  validation {
    condition     = can(regex("^[0-9]{2,4}:[0-5][0-9]:[0-5][0-9]$", var.payment_deadline))
    error_message = "A time as hh:mm:ss."
  }
}
