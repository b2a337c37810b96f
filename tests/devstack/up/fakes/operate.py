"""Provisioning that only notes what it was given."""

import json
import os
import sys
from pathlib import Path

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
