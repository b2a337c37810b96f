"""Environments with what Azure has, and nothing of the checkout's."""

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.stack import ROOT


def environment(folder: Path, *files: str) -> Path:
    """The interpreter of an environment with these requirements; from 3.13 on Azure brings the worker's runtime too."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    interpreter = folder / "bin" / "python"
    development = (ROOT / "requirements-dev.txt").read_text("utf-8")
    brought = re.findall(r"^azure-functions-runtime.*$", development, re.MULTILINE)
    (folder / "brought.txt").write_text("\n".join(brought), encoding="utf-8")
    asked = [option for name in files for option in ("-r", str(ROOT / name))] + ["-r", str(folder / "brought.txt")]
    subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *asked], check=True)
    return interpreter
