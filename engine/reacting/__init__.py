"""What follows from events: messages on the bus, reactions of processes, notifications."""
