"""What importing function_app.py loads: an exception there makes every function vanish, and imports are cold start."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_indexing_loads_the_library_and_nothing_of_ours_but_the_wiring() -> None:
    code = "import json, sys, function_app; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {name for name in json.loads(done.stdout) if (ROOT / name.split(".")[0]).is_dir()}
    assert {"composition", "composition.wiring", "engine", "engine.imports"} == ours
