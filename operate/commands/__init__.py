"""Each module has the `COMMAND` that says what one command of `operate` takes on the command line."""
