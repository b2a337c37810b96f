"""A local Azure Cosmos DB account (NoSQL API) that speaks the gateway protocol over plain HTTP."""
