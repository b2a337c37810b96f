# What this service is told beside what the engine reads: settings of its own, with the variables that they are asked for by.

locals {
  own_settings = {
    PAYMENT_DEADLINE = var.payment_deadline
  }
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
