"""Asking others to act: messages, the bus that carries them, and the webhook that is told."""
