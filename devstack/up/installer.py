"""Making the virtual environment: the two calls, of venv and of pip, that take long and may fail."""

import importlib.util
import os
import subprocess
import sys
import time
from typing import List

from devstack.up.console import Console
from devstack.up.errors import StackError

FOLDER = ".venv"
_REQUIREMENTS = "requirements-dev.txt"


def interpreter(root: str) -> str:
    """The Python of the environment."""
    return os.path.join(root, FOLDER, "bin", "python")


def create_venv(venv: str) -> None:
    """Make the folder `venv` an empty environment of the running Python. Raises StackError."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        # Debian packs both apart from python3.
        raise StackError(
            "this Python comes without venv or ensurepip; "
            "on Debian and Ubuntu: apt install python3-venv; then run it again"
        )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", venv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode != 0:
        raise StackError(
            "python -m venv failed (status %d): %s"
            % (made.returncode, _last_line(made.stdout.decode(errors="replace")))
        )


def install_requirements(root: str, console: Console) -> None:
    """Have pip install the requirements into the environment. Raises StackError that carries pip's own error."""
    console.say("installing %s into %s (a minute or so the first time)" % (_REQUIREMENTS, FOLDER))
    began = time.monotonic()
    command = [
        interpreter(root),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "-r",
        _REQUIREMENTS,
    ]
    said: List[str] = []
    with subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            said.append(line.strip())
            if line.startswith(("Collecting ", "Installing ")):
                console.passing("  " + line.strip())
        status = pip.wait()
    console.passing("")
    if status != 0:
        for line in said[-10:]:
            console.relay("pip", line)
        errors = [line for line in said if line.startswith("ERROR:")]
        raise StackError(
            "pip failed (status %d)%s; is the network or PIP_INDEX_URL as it should be? Then run it again"
            % (status, ": " + errors[-1][len("ERROR:") :].strip() if errors else "")
        )
    console.say("installed in %.0f s" % (time.monotonic() - began))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"
