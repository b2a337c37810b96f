"""How a command fails: in one line that says what to do."""


class CommandFailed(Exception):
    pass
