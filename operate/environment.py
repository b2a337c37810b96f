"""The settings that a command runs with: the environment, over the local settings file if there is one."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def environment(folder: Path) -> Mapping[str, str]:
    """As the Functions host reads them: a variable of the environment wins over local.settings.json."""
    file = folder / "local.settings.json"
    values = json.loads(file.read_text(encoding="utf-8")).get("Values", {}) if file.exists() else {}
    return {**values, **os.environ}
