"""`operate demo drill`: a disaster, and the way back from it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from composition.domain import READ_MODELS
from demo.drill.generations import add_next
from tests.operate.process import ROOT, operate

_ASK = """
from engine.projecting.registry import read_models
for each in read_models("projections"):
    print(each.name, *each.generations, len(each.queries))
"""


def test_the_next_generation_of_every_read_model_is_what_an_author_would_add(tmp_path: Path) -> None:
    for room in ("projections", "domain", "engine"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    added = add_next(tmp_path, READ_MODELS)
    assert added == {each.name: each.generations[-1] + 1 for each in READ_MODELS}
    asked = subprocess.run([sys.executable, "-c", _ASK], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert asked.stdout.splitlines() == [f"{name} {number - 1} {number} 2" for name, number in added.items()]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_the_service_comes_back_from_a_restore() -> None:
    """The drill itself fails where verify finds nothing after the restore, or something after the rebuild."""
    ended = await operate("demo", "drill")
    assert ended.status == 0, ended.out + ended.err
    assert re.findall(r"^(\d+)\. ", ended.out, re.MULTILINE) == [str(each) for each in range(1, 15)]
    for said in (
        "shipped; its events: OrderPlaced, OrderConfirmed\n",
        "404; its events: none\n",
        "shipment: shipped at version 3, by its events",
        "view-ahead",
        "view-differs",
        "view-without-stream",
        "all is as it must be",
        "6 of the 6 orders",
    ):
        assert said in ended.out, ended.out
    for left in ("the log names %s streams", "%s PaymentRequested", "%s PaymentExpired", "%s FactRemembered"):
        assert re.search(left % r"[1-9]\d*", ended.out), left
