"""`python -m operate` starts here."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from operate.exit_status import ExitStatus

_ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> ExitStatus:
    """Runs one command; where it has failed, one line on stderr says why.

    A Python without what the command needs is a failure that names the one which has it.
    """
    try:
        from operate.command_line import run

        return run(sys.argv[1:] if arguments is None else arguments, _ROOT)
    except ModuleNotFoundError as missing:
        if (_ROOT / str(missing.name).split(".")[0]).exists():
            raise
        python = ".venv/bin/python -m operate, which `make setup` prepares by requirements-operate.txt"
        print(f"operate: this Python has no {missing.name}; run {python}", file=sys.stderr)
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        print("operate: interrupted", file=sys.stderr)
        return ExitStatus.INTERRUPTED


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What the output cannot encode is shown escaped.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
