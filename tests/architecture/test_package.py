"""What `operate package` makes indexes where nothing else of the project is, and holds no more than it has to."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from operate.__main__ import main
from operate.package import LARGEST, packed

ROOT = Path(__file__).resolve().parents[2]
MODEL = json.loads((ROOT / "infra" / "model.json").read_text(encoding="utf-8"))
SECRET = re.compile(rb"AccountKey=[A-Za-z0-9+/]|SharedAccessKey=[A-Za-z0-9+/]|BEGIN [A-Z ]*PRIVATE KEY")

# Without the folder that it is started in, which Python would put first, and without what .pth files add.
INDEX = """
import json, sys
sys.path.insert(0, sys.argv[1])
import function_app
functions = {str(each.get_function_name()): each for each in function_app.app.get_functions()}
ours = sorted({name.partition(".")[0] for name, module in sys.modules.items()
               if (getattr(module, "__file__", None) or "").startswith(sys.argv[1])})
print(json.dumps({"functions": sorted(functions), "ours": ours}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("package") / "app.zip"
    assert main(["package", "--output", str(made)]) == 0
    return made


def test_every_function_is_indexed_from_the_package_alone(package: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(package).extractall(tmp_path)
    command = [sys.executable, "-I", "-c", INDEX, str(tmp_path)]
    told = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    assert sorted(MODEL["functions"]) == told["functions"]
    assert ["composition", "engine", "function_app"] == told["ours"]


def test_it_holds_no_secret(package: Path) -> None:
    with zipfile.ZipFile(package) as made:
        assert [] == [name for name in made.namelist() if SECRET.search(made.read(name))]


def test_the_same_files_make_the_same_package(package: Path, tmp_path: Path) -> None:
    assert main(["package", "--output", str(tmp_path / "again.zip")]) == 0
    assert package.read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_its_bill_of_materials_has_every_requirement_and_what_that_needs(package: Path) -> None:
    bill = json.loads(package.with_suffix(".cdx.json").read_text(encoding="utf-8"))
    known = {each["bom-ref"] for each in bill["components"]} | {"app"}
    assert ("CycloneDX", "1.6") == (bill["bomFormat"], bill["specVersion"])
    assert known == {each["ref"] for each in bill["dependencies"]}
    assert {ref for each in bill["dependencies"] for ref in each["dependsOn"]} | {"app"} == known
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    asked = {f"pkg:pypi/{name}@{version}" for name, version in re.findall(r"^([\w-]+)==([\d.]+)", lines, re.MULTILINE)}
    assert asked - known <= {each for each in asked if "azure-functions@" in each}
    assert {"azure-core", "msal", "pydantic-core"} <= {each["name"] for each in bill["components"]}
    assert not {"click", "pytest"} & {each["name"] for each in bill["components"]}


def test_a_package_that_is_too_large_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operate.package.LARGEST", 1000)
    assert main(["package", "--output", str(tmp_path / "app.zip")]) == 1
    assert "more than 1,000" in capsys.readouterr().err
    assert LARGEST == 1_000_000


def test_without_a_list_of_what_to_leave_out_nothing_is_packed(tmp_path: Path) -> None:
    (tmp_path / "local.settings.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Exception, match="secrets too"):
        list(packed(tmp_path))
