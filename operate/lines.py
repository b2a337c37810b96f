"""How commands speak: results on stdout, progress on stderr. Standard library alone."""

import json
import sys
from collections.abc import Mapping
from typing import Any


def print_line(line: Mapping[str, Any], *, as_json: bool) -> None:
    """One JSON object, or `name=value` for people."""
    in_words = "  ".join(f"{name}={value}" for name, value in line.items() if value is not None)
    print(json.dumps(line, ensure_ascii=False) if as_json else in_words, flush=True)


def print_progress(text: str) -> None:
    """For whoever watches: not among the results."""
    print(text, file=sys.stderr, flush=True)
