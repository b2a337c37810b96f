"""Change feeds can be looked at beside the trigger: their ranges and items, and the leases of the trigger."""
