"""The one error of this package."""


class SqlError(ValueError):
    """An expression that is no filter; the message says where, or which part of the language is not supported."""
