"""The queues, topics and subscriptions of the service, as its own code defines them, in a file for the local broker."""

import os
import subprocess
import sys

from devstack.up import data_folder, installer
from devstack.up.errors import StackError

_FILE = "servicebus.json"


def path(data: str) -> str:
    """Where they lie: beside the data, made anew at every start."""
    return os.path.join(data, _FILE)


def write(root: str, data: str) -> str:
    """Have `operate topology` tell them, and write them there; returns the path. Raises StackError."""
    data_folder.prepare(data)
    python = installer.interpreter(root)
    told = subprocess.run(
        [python if os.path.exists(python) else sys.executable, "-m", "operate", "topology"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    if told.returncode:
        last = (told.stderr.strip().splitlines() or ["status %d" % told.returncode])[-1]
        raise StackError("the queues and topics of this service are not known: %s" % last)
    file = path(data)
    with open(file + ".new", "w") as new:
        new.write(told.stdout)
    os.replace(file + ".new", file)
    return file
