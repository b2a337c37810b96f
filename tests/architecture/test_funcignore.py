"""What `.funcignore` leaves for Azure: the table of contents, and the packages that the service is made of."""

import subprocess
from pathlib import Path

from operate.package import ignored as left_out
from operate.package import packed

SHIPPED = {
    "function_app.py",
    "host.json",
    "requirements.txt",
    "api",
    "composition",
    "domain",
    "engine",
    "projections",
}
ROOT = Path(__file__).resolve().parent.parent.parent
IGNORED = (ROOT / ".funcignore").read_text(encoding="utf-8").split()
KINDS = ("--cached", "--others")


def listed(*options: str) -> set[str]:
    command = ["git", "ls-files", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


FILES = {name for name in listed(*KINDS, "--exclude-standard") if (ROOT / name).exists()}


def top_level(files: set[str]) -> set[str]:
    return {name.partition("/")[0] for name in files}


def test_read_as_git_reads_it_the_service_ships_and_nothing_else() -> None:
    ignored = {name for kind in KINDS for name in listed("--ignored", kind, "--exclude-from=.funcignore")}
    assert SHIPPED == top_level(FILES - ignored)


def test_read_as_the_core_tools_read_it_the_service_ships_and_nothing_else() -> None:
    """A line of theirs is the beginning of a path from the root: `docs` would ignore a package `docs_api` too."""
    beginning = left_out(IGNORED)
    assert SHIPPED == top_level({name for name in FILES if not beginning.match(name)})


def test_the_package_has_the_service_and_nothing_that_is_made_beside_it() -> None:
    inside = set(packed(ROOT))
    assert SHIPPED == top_level(inside)
    assert inside <= FILES, inside - FILES


def test_both_read_it_alike_so_that_no_part_of_a_package_is_left_behind() -> None:
    ignored = {name for kind in KINDS for name in listed("--ignored", kind, "--exclude-from=.funcignore")}
    of_parts = {name for name in ignored if name.partition("/")[0] in SHIPPED}
    # What runs leave behind is left out on purpose.
    assert set() == {name for name in of_parts if "__pycache__" not in name}


def test_what_is_for_development_alone_is_named() -> None:
    assert {"bench", "demo", "devstack", "docs", "emulators", "infra", "operate", "support", "tests"} <= set(IGNORED)
