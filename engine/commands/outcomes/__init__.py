"""What became of clients' asynchronous commands."""
