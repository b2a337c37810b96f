"""What runs in a fresh process, so that it measures a process that is new."""
