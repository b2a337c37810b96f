"""The page for staff and operators: its files, the data that it asks for, and the release of what is parked."""
