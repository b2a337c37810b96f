"""The process of an order: reserve, charge, confirm, dispatch, or take back what was done."""
