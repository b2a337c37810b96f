"""What operators are asked about an order, as commands of `operate`."""
