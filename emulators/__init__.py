"""Local stand-ins for Cosmos DB, Service Bus, the Functions host and a collector of traces, over the real protocols."""
