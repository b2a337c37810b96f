"""`python -m operate` starts here."""

import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; 0 when it is done, 1 with one line on stderr when it failed, 2 for bad arguments.

    130 when it was interrupted. A Python without what the command needs is a failure that names the one which has it.
    """
    try:
        from operate.command_line import run

        return run(sys.argv[1:] if arguments is None else arguments, _ROOT)
    except ModuleNotFoundError as missing:
        if (_ROOT / str(missing.name).split(".")[0]).exists():
            raise
        python = ".venv/bin/python -m operate, which `make setup` prepares by requirements-operate.txt"
        print(f"operate: this Python has no {missing.name}; run {python}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("operate: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
