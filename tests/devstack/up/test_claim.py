"""Who runs over a data folder."""

import os
import shutil
from pathlib import Path

import pytest

from devstack.up import claim
from devstack.up.claim import Claim, Running, Stack
from devstack.up.errors import StackError


def take(folder: Path, patience: float = 0.0) -> Claim:
    return Claim.take(str(folder), lambda: None, patience)


def test_a_claim_is_seen_from_its_first_moment(tmp_path: Path) -> None:
    """Before anything of the stack runs, `status` and `down` know its pid."""
    assert None is claim.running(str(tmp_path))
    with take(tmp_path):
        assert Stack(os.getpid()) == claim.running(str(tmp_path))
    assert None is claim.running(str(tmp_path))


def test_what_is_published_is_what_others_read(tmp_path: Path) -> None:
    """A shorter description leaves nothing of the longer one before it."""
    long = Stack(os.getpid(), True, {"cosmos": Running(1, "http://localhost:8081"), "functions": Running(2)})
    with take(tmp_path) as mine:
        for stack in (long, Stack(os.getpid())):
            mine.publish(stack)

            assert stack == claim.running(str(tmp_path))


def test_a_folder_that_is_claimed_is_refused_to_others(tmp_path: Path) -> None:
    with take(tmp_path), pytest.raises(StackError, match=rf"already runs over {tmp_path} \(pid {os.getpid()}\)"):
        take(tmp_path)
    take(tmp_path).release()


def test_services_that_keep_the_folder_are_waited_for_only_so_long(tmp_path: Path) -> None:
    """They inherited the open folder, and may hang."""
    first = take(tmp_path)
    inherited = os.dup(first.inheritance)
    first.release()

    with pytest.raises(StackError, match="services of an earlier stack still hold"):
        take(tmp_path)
    os.close(inherited)
    take(tmp_path).release()


def test_a_claim_survives_the_removal_of_its_folder(tmp_path: Path) -> None:
    """`reset` removes the folder under its own claim."""
    folder = tmp_path / "data"
    folder.mkdir()
    with take(folder):
        shutil.rmtree(folder)
