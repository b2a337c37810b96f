"""The engine holds everything of an event-sourced service that does not depend on its domain."""
