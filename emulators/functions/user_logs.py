"""The logs of an app, as the host passes them on."""

import logging
from collections.abc import Mapping

from emulators.functions.console import Console
from emulators.functions.engine import Engine

_LEVELS = {
    "Trace": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
    "None": logging.CRITICAL + 1,
}


class UserLogs(logging.Handler):
    """Shows what an app logs during an invocation. The host drops every other record without a word."""

    def __init__(
        self,
        console: Console,
        engine: Engine,
        running: Mapping[str, str],
        levels: Mapping[str, str],
        *,
        debug: bool = False,
    ) -> None:
        # The worker forwards nothing below INFO unless PYTHON_ENABLE_DEBUG_LOGGING is set.
        super().__init__(logging.DEBUG if debug else logging.INFO)
        self._console = console
        self._engine = engine
        self._running = running
        self._levels = {category: _LEVELS.get(level, logging.INFO) for category, level in levels.items()}

    def emit(self, record: logging.LogRecord) -> None:
        function = self._running.get(self._engine.current_invocation() or "")
        # Worker and SDK loggers are system logs, which the host keeps to itself.
        if function is None or record.name.startswith(("azure_functions_worker", "azure.functions")):
            return
        if record.levelno >= self._threshold(f"Function.{function}.User"):
            text = self.format(record).splitlines() or [""]
            self._console.line(f"{function} {record.levelname.lower()}: {text[0]}", "\n".join(text[1:]))

    def _threshold(self, category: str) -> int:
        """The level of the longest entry of `logging.logLevel` that the category starts with."""
        while category:
            if category in self._levels:
                return self._levels[category]
            category = category.rpartition(".")[0]
        return self._levels.get("default", logging.INFO)
