"""The Service Bus trigger of the Functions host: an AMQP client, processors, and what functions are given."""
