"""The MCP extension: functions with its tool trigger are tools of a server of the Model Context Protocol."""
