"""What assistants may ask: they read what the dashboard reads, and get nothing that a user wrote."""
