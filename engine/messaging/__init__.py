"""Messages carry events and commands over the bus; notifications carry events to a webhook."""
