"""What `pyproject.toml` says is what the code is: its dependencies, its packages, its files."""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emulators.tests.sources import PACKAGE, imported, modules

PROJECT: dict[str, Any] = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = {Requirement(each).name for each in PROJECT["project"]["dependencies"]}
OPTIONAL = {Requirement(each).name for each in PROJECT["project"]["optional-dependencies"]["official"]}
OF_TESTS = {Requirement(each).name for each in PROJECT["project"]["optional-dependencies"]["test"]}
PLUGINS = {"pytest-asyncio", "pytest-timeout"}
"""Named by settings of pytest, not by an import."""

PACKAGES = set(PROJECT["tool"]["setuptools"]["packages"])
MODULES = modules(PACKAGE)
NOT_INSTALLED = ("emulators.tests", "emulators.bench")


def is_installed(module: str) -> bool:
    return not module.startswith(NOT_INSTALLED)


def distributions(file: Path) -> set[str]:
    """What has to be installed for the imports of a file."""
    return {
        canonicalize_name(distribution(parts))
        for parts in (module.split(".") for module, _ in imported(file))
        if parts[0] not in sys.stdlib_module_names and parts[0] != "emulators" and not is_beside(file, parts[0])
    }


def distribution(module: Sequence[str]) -> str:
    """The one that has a module, by the parts of its name: some share a package."""
    match module:
        case ["azure", part, *_]:
            return f"azure-{part}"
        case ["opentelemetry", "exporter", *parts]:
            return "-".join(["opentelemetry-exporter", *parts[:3]])
        case ["opentelemetry", *_]:
            return "opentelemetry-sdk"  # and the API that it comes with
    return module[0]


def is_beside(file: Path, name: str) -> bool:
    """A function app of the tests imports its own modules by their bare names, as the host has it."""
    return file.parent.name == "foreign_app" and (file.parent / f"{name}.py").exists()


def test_the_code_imports_what_is_declared_and_nothing_else() -> None:
    needed = {each for name, file in MODULES.items() if is_installed(name) for each in distributions(file)}
    assert DEPENDENCIES | OPTIONAL == needed


def test_tests_and_benches_import_what_is_declared_for_them_and_nothing_else() -> None:
    needed = {each for name, file in MODULES.items() if not is_installed(name) for each in distributions(file)}
    assert OF_TESTS - PLUGINS == needed - DEPENDENCIES


def test_what_is_installed_imports_nothing_that_is_not() -> None:
    files = [file for name, file in MODULES.items() if is_installed(name)]
    targets = {f"{module}.{name}" if name else module for file in files for module, name in imported(file)}
    assert set() == {target for target in targets if not is_installed(target)}


def test_every_package_is_installed() -> None:
    assert PACKAGES == {name for name, file in MODULES.items() if file.name == "__init__.py" and is_installed(name)}


def test_every_file_that_is_read_at_run_time_is_installed() -> None:
    declared = PROJECT["tool"]["setuptools"]["package-data"]
    for package in PACKAGES - {"emulators"}:
        folder = MODULES[package].parent
        data = sorted(each.name for each in folder.iterdir() if each.is_file() and each.suffix not in {".py", ".pyc"})
        assert data == declared.get(package, []), package
