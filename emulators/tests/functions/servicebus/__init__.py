"""Tests of the Service Bus trigger of the Functions host."""
