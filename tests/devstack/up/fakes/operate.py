"""Provisioning that only notes what it was given, and a bus without entities."""

import json
import os
import sys
from pathlib import Path

if sys.argv[1:] == ["topology"]:
    print("{}")
    sys.exit()
with Path("journal.jsonl").open("a") as journal:
    entry = {
        "name": "operate",
        "event": "start",
        "arguments": sys.argv[1:],
        "cosmos": os.environ.get("COSMOS"),
        "servicebus": os.environ.get("SERVICEBUS"),
    }
    journal.write(json.dumps(entry) + "\n")
sys.exit(json.loads(Path("faults.json").read_text()).get("operate", {}).get("status", 0))
