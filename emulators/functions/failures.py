"""Errors of an app as the worker tells them to the host: two texts, made where the app's code runs."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OWN_FOLDER = Path(__file__).parent
_UNREADABLE = "Unhandled exception in function. Could not serialize original exception message."


class AppError(Exception):
    """Code of the app raised something. `message` and `stack` are the worker's report of it.

    The error itself stays with the app: to read it may run the app's code again, which may raise or never return.
    """

    def __init__(self, message: str, stack: str) -> None:
        super().__init__(message)
        self.message = message
        self.stack = stack

    @staticmethod
    def of(error: Exception) -> "AppError":
        """The report of an error. Whatever it does when it is read, there is one."""
        return AppError(message_of(error), stack_of(error))


@contextmanager
def reported() -> Iterator[None]:
    """What is raised in the block leaves it as an AppError."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the kind of an app's errors is the app's affair
        raise AppError.of(error) from None


def message_of(error: BaseException) -> str:
    """Type and text of an error in the worker's form, also of one that cannot be turned into text."""
    try:
        # Joined, because an addition would ask a text of the app's own class how to add.
        return "".join((type(error).__name__, ": ", str(error)))
    except Exception:  # noqa: BLE001 - as above
        return _UNREADABLE


def stack_of(error: BaseException) -> str:
    """The traceback's frames that belong to the app and its libraries, in the worker's form."""
    try:
        frames = traceback.extract_tb(error.__traceback__)
        own = [number for number, frame in enumerate(frames) if Path(frame.filename).parent == _OWN_FOLDER]
        return "".join(traceback.format_list(frames[own[-1] + 1 :] if own else frames))
    except Exception:  # noqa: BLE001 - a module of the app gives its source as it likes
        return ""
