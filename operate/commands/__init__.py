"""What each command of `operate` takes on the command line, a module each with its `COMMAND`."""
