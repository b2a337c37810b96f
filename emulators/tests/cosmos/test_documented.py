"""A stranger's script, written after the documentation of azure-cosmos, against a server from the command line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from emulators.tests.cosmos.raw import KEY
from emulators.tests.processes import serving

SCRIPT = Path(__file__).with_name("documented.py")
EXPECTED = """\
the database exists
the container exists
databases ['testDatabase']
containers ['products']
account {'defaultConsistencyLevel': 'Session'}
replaced Model 3 B True
changed by somebody else 412
exists 409
no response {}
new id 36
not found 404
by model [{'id': 'item7'}]
of a partition ['item9', 'item8', 'item7', 'item6', 'item5', 'item4', 'item3', 'item1']
count [10]
groups 8
groups of all 400 True
pages 3 [3, 2]
all 10
many ['item3', 'quiet']
charged True
patched {'id': 'item4', 'productName': 'Widget', 'count': 5, 'shade': 'red', 'tags': ['new', 'shiny']}
not patched 412
batch failed at 4 [424, 424, 424, 424, 412, 424]
batch [201, 201, 200, 200, 200, 204]
changes 11
from now []
of this hour 11
later ['late']
of a key ['quiet']
of a range 1 12
within True
all versions 501
throughput 400 500
autoscale 5000
default ttl 600
ttl 3600
place 9
of a state 1
left ['Nameless', 'Silence']
databases []
"""


@pytest.mark.verified("sdk", feature="A script after the documentation of azure-cosmos")
async def test_a_script_after_the_documentation_sees_what_the_documentation_says() -> None:
    async with serving("cosmos", "--port", "0", "--ephemeral") as server:
        script = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "error", str(SCRIPT), server.url, KEY),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(script.communicate(), 60)

    assert "" == errors.decode()
    assert EXPECTED == output.decode()
