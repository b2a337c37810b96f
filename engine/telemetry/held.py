"""A context variable that has a value for as long as a block runs."""

from contextvars import ContextVar, Token


class Held:
    """Gives the variable the value in the block. A generator would take twice as long, a dozen times in a command."""

    __slots__ = ("_token", "_value", "_variable")

    _token: Token[str]

    def __init__(self, variable: ContextVar[str], value: str) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
