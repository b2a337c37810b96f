"""A context variable that has a value for as long as a block runs."""

from contextvars import ContextVar, Token


class Held:
    """Gives the variable the value in the block. A generator would take twice as long, several times in a command."""

    __slots__ = ("_token", "_value", "_variable")

    _token: Token[str] | None

    def __init__(self, variable: ContextVar[str], value: str) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        # To set a variable copies a part of the context, and so does to reset it.
        self._token = None if self._variable.get() == self._value else self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            self._variable.reset(self._token)
