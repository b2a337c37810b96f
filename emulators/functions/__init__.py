"""A local Azure Functions host for apps of the Python v2 programming model, without func, Docker or Azure."""
