"""The SQL of Cosmos DB: grammar, syntax tree, meaning."""
