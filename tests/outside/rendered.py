"""How a golden file is written: JSON for people to read, every key where the code has put it."""

import json
from pathlib import Path
from typing import Any, Final

GOLDEN: Final = Path(__file__).parent / "golden"


def golden_of(name: str) -> Path:
    return GOLDEN / f"{name}.json"


def rendered(document: Any) -> str:
    """Keys are not sorted: their order is a part of the bytes. Raises TypeError for what is no JSON."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def text_of(body: bytes) -> str:
    """A body as its exact text; in hexadecimal, and saying so, where it is no UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return f"hex:{body.hex()}"
