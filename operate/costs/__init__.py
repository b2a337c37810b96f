"""What the service costs: what it uses, at the list rates of Azure."""
