"""The local cloud, for development only: Cosmos DB, Service Bus and Functions hosts over their real protocols."""
