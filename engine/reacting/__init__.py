"""Events lead to messages on the bus, reactions of processes, and notifications."""
