"""The payment of one order: what was asked for, what came, and what went back."""
