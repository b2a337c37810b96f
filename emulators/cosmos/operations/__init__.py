"""What the service does, one module per kind of resource."""
