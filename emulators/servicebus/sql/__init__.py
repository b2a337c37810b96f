"""The SQL of subscription rules, as the documentation of SQL filters has it, without the parts named in `parse`."""
