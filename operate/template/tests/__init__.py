"""The tests, by what they are about; those of the engine came with it."""
