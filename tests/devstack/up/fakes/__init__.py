"""Modules that stand in for the services; a test's project gets copies of them."""
