"""Local stand-ins for Cosmos DB, Service Bus and the Functions host, over the real protocols. For development."""
