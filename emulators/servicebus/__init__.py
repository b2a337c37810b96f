"""A local Azure Service Bus namespace that speaks AMQP 1.0 over plain TCP."""
