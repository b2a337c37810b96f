"""A verification reads all events and views, and finds what is not as the guarantees say."""
