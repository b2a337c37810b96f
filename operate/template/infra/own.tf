# What this service is told beside what the engine reads: settings of its own, with the variables that they are asked for by.
# A variable stands in main.tfvars.json too, where azd fills it in.

locals {
  own_settings = {}
}
