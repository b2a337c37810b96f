"""The edge: types of azure.functions in, application or consumers called, types of azure.functions out."""
