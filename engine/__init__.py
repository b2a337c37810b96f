"""The engine of an event-sourced service: everything generic, and no word of what the service is about."""
