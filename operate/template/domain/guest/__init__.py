"""A guest of the house: here, or not."""
