"""Tests of the local Cosmos DB."""
