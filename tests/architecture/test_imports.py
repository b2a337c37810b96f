"""What the linter of imports cannot see: files outside packages, and parts of a namespace package."""

import ast
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("domain", "projections", "api", "composition", "engine", "operate", "demo", "support")
SOURCES = [ROOT / "function_app.py", *(file for name in PACKAGES for file in sorted((ROOT / name).rglob("*.py")))]
SOURCES = [file for file in SOURCES if not file.is_relative_to(ROOT / "operate" / "template")]  # another service


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", [file for file in SOURCES if name_of(file).startswith("domain/")], ids=name_of)
def test_the_domain_imports_the_standard_library_and_its_contracts_alone(file: Path) -> None:
    known = {*sys.stdlib_module_names, "domain"}
    foreign = {name for name in imported(file) if name.split(".")[0] not in known}
    assert set() == {name for name in foreign if not name.startswith("engine.deciding.")}


@pytest.mark.parametrize("file", [*(ROOT / "engine" / "deciding").glob("*.py")], ids=name_of)
def test_the_contracts_of_a_domain_import_the_standard_library_alone(file: Path) -> None:
    foreign = {name for name in imported(file) if name.split(".")[0] not in sys.stdlib_module_names}
    assert set() == {name for name in foreign if not name.startswith("engine.deciding.")}


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_an_sdk_is_imported_by_its_adapters_alone(file: Path) -> None:
    modules = [name for name in imported(file) if name.startswith("azure.")]
    for module in modules:
        if module.startswith("azure.core"):
            assert file.name.startswith(("cosmos", "servicebus", "identity", "azure_monitor")), module
        elif module.startswith("azure.identity"):
            assert file.name == "identity.py", module
        elif module.startswith("azure.monitor"):
            assert file.name == "azure_monitor.py", module
        elif module.startswith("azure.cosmos"):
            assert file.name.startswith("cosmos"), module
        elif module.startswith("azure.servicebus"):
            assert file.name.startswith("servicebus"), module
        else:
            assert name_of(file).startswith(("api/", "engine/triggers/", "function_app.py")), module


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "engine").rglob("*.py")), ids=name_of)
def test_the_tests_of_the_engine_import_nothing_that_a_copy_of_it_does_not_have(file: Path) -> None:
    """They are copied with it, byte for byte, where neither our rooms nor our other tests are."""
    ours = {*PACKAGES, "devstack", "bench", "function_app", "tests"} - {"engine"}
    foreign = {name for name in imported(file) if name.split(".")[0] in ours}
    assert set() == {name for name in foreign if not name.startswith("tests.engine.")}


def test_the_table_of_contents_imports_the_library_and_the_wiring_alone() -> None:
    ours = {name for name in imported(ROOT / "function_app.py") if name.split(".")[0] not in sys.stdlib_module_names}
    assert {"azure.functions", "composition"} == ours


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_the_environment_is_read_at_the_edge_alone(file: Path) -> None:
    reads = "os.environ" in file.read_text(encoding="utf-8")
    assert not reads or name_of(file) in {"composition/wiring.py", "composition/dashboard.py", "operate/environment.py"}


@pytest.mark.parametrize("file", [file for file in SOURCES if file.name == "__init__.py"], ids=name_of)
def test_a_package_file_holds_a_docstring_only(file: Path) -> None:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    assert [ast.Expr] == [type(node) for node in body]


def test_every_package_is_known_to_the_linter_of_imports() -> None:
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"tests"}
    assert {*PACKAGES, "devstack", "emulators", "bench"} == packages


def test_no_package_shares_its_name_with_an_installed_distribution() -> None:
    """Functions puts the app and its dependencies on one path: the same name twice hides one of them."""
    installed = {name for name, owners in metadata.packages_distributions().items() if owners}
    library = {entry.stem for entry in Path(sysconfig.get_path("purelib")).iterdir()}
    assert set() == {*PACKAGES, "devstack", "emulators", "function_app"} & (
        installed | library | set(sys.stdlib_module_names)
    )
