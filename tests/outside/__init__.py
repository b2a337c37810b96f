"""What lies outside the code: at rest, on the bus and on the wire, byte for byte as it was."""
