"""An order: what a customer asked for, and how far it has come."""
