"""The local cloud, for development only: Cosmos DB and Functions hosts over their real protocols."""
