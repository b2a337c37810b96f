"""What the checker of the azd gallery looks for, and what it does not: files, headings, workflows by their schemas."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.architecture import existing

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def yaml(name: str) -> object:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "SECURITY.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "azure.yaml",
        "infra/main.tf",
        ".devcontainer/devcontainer.json",
        ".github/ISSUE_TEMPLATE",
        ".github/PULL_REQUEST_TEMPLATE.md",
        ".github/workflows/azure-dev.yml",
    ],
)
def test_it_is_there(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("heading", ["## Features", "## Getting Started", "## Guidance", "## Resources"])
def test_the_readme_has_the_heading(heading: str) -> None:
    assert f"\n{heading}\n" in README


def test_the_gallery_finds_a_title_a_picture_and_what_it_is_made_of() -> None:
    front, _, rest = README.removeprefix("---\n").partition("\n---\n")
    said = YAML(typ="safe").load(front)
    assert {"name", "description", "page_type", "products", "languages", "urlFragment"} == said.keys()
    assert said["page_type"] == "sample"
    title = re.search(r"^# (.+)$", rest, re.MULTILINE)
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", rest)
    assert title is not None
    assert picture is not None
    assert (ROOT / picture[1]).exists()


def test_azd_deploys_this_folder_to_what_terraform_makes() -> None:
    project = yaml("azure.yaml")
    assert isinstance(project, dict)
    assert project["services"] == {"api": {"project": ".", "language": "python", "host": "function"}}
    assert project["infra"]["provider"] == "terraform"
    assert 'azd-service-name = "api"' in (ROOT / "infra" / "app.tf").read_text(encoding="utf-8")
    for shell in project["hooks"]["postprovision"].values():
        assert (ROOT / shell["run"]).exists()


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("github-workflows", ".github/workflows/ci.yml"),
        ("github-workflows", ".github/workflows/azure-dev.yml"),
        ("github-workflows", "operate/template/as-.github/workflows/ci.yml"),
        ("dependabot", ".github/dependabot.yml"),
        ("compose-spec", "docker-compose.yml"),
    ],
)
def test_it_is_of_its_schema(schema: str, name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(ROOT / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_runs_every_python_that_is_supported() -> None:
    workflow = yaml(".github/workflows/ci.yml")
    assert isinstance(workflow, dict)
    assert workflow["jobs"]["service"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / ".vscode").glob("*.json")))
def test_the_settings_of_the_editor_can_be_read(name: str) -> None:
    assert json.loads((ROOT / ".vscode" / name).read_text(encoding="utf-8"))


def test_test_http_asks_every_route_once_and_no_other() -> None:
    requests = re.findall(
        r"^(GET|POST) \{\{api\}\}(/\S+)", (ROOT / "test.http").read_text(encoding="utf-8"), re.MULTILINE
    )
    paths = sorted((method, re.sub(r"\{\{[\w.]+\}\}", "{}", path.partition("?")[0])) for method, path in requests)
    routes = sorted((method, re.sub(r"\{\w+\}", "{}", f"/{route}")) for method, route in existing.routes())
    assert routes == paths
