"""The emulators, judged by the official SDKs."""
