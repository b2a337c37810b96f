"""The change feed of the events can be looked at beside the trigger: its ranges, its items, and the trigger's leases."""
