"""The stock of one sku: what is on hand, and which orders have reserved some of it."""
