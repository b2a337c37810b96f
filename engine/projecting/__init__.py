"""Read models: from the change feed into views, and from views to the answers of queries."""
