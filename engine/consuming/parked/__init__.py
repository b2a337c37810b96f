"""Messages that could not be handled, and those that wait behind them, until an operator releases them."""
