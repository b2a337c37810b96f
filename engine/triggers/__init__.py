"""Triggers translate between the types of azure.functions and the services that they call."""
