"""What stops a command: one line for the user that says what to do."""

FAILED = 1
PORT_TAKEN = 3
OTHER_FORMAT = 4


class StackError(Exception):
    """Ends the command with `status`; its text is the line that the user reads."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status
