"""The infrastructure code is what the service is: code, model, plans, examples and pages say the same.

That the plans are those of the Terraform code is checked by `make infra-check`, which needs Terraform.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from devstack.up import python_version

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
MODEL = json.loads((INFRA / "model.json").read_text(encoding="utf-8"))
EXAMPLE = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
PLANS = {file.stem: file.read_text(encoding="utf-8") for file in (INFRA / "plans").glob("*.txt")}
OF_THE_HOST = {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "AzureWebJobsStorage__accountName"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def variables() -> str:
    """Those of the infrastructure, and those of this service."""
    return read("infra/variables.tf") + read("infra/own.tf")


def resources(plan: str, kind: str) -> Mapping[str, Mapping[str, str]]:
    """The attributes of each resource of a kind, by the key that it has among them, or by its name."""
    found = {}
    for block in PLANS[plan].split("\n\n"):
        address, *lines = block.strip().splitlines() or [""]
        if match := re.fullmatch(rf'{kind}\.(\w+)(?:\["(.+)"\])?', address):
            found[match[2] or match[1]] = dict(line.strip().split(" = ", 1) for line in lines)
    return found


def numbered(attributes: Mapping[str, str], pattern: str) -> list[Any]:
    return [json.loads(value) for name, value in attributes.items() if re.fullmatch(pattern, name)]


def test_the_model_is_what_the_code_defines() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "operate", "infra"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == read("infra/model.json"), "make infra-plans"


def test_there_is_a_plan_for_each_set_of_parameters() -> None:
    assert set(re.findall(r'^run "(\w+)"', read("infra/tests/plans.tftest.hcl"), re.MULTILINE)) == PLANS.keys()


@pytest.mark.parametrize("plan", PLANS)
def test_every_container_is_planned_as_the_code_has_it(plan: str) -> None:
    planned = resources(plan, "azurerm_cosmosdb_sql_container")
    assert {
        name: (
            [each["partitionKey"]],
            each["uniqueKeys"],
            each["includedPaths"],
            each["excludedPaths"],
            each["defaultTtl"],
        )
        for name, each in MODEL["containers"].items()
    } == {
        name: (
            json.loads(each["partition_key_paths"]),
            numbered(each, r"unique_key\[\d+\]\.paths"),
            numbered(each, r"indexing_policy\[0\]\.included_path\[\d+\]\.path"),
            numbered(each, r"indexing_policy\[0\]\.excluded_path\[\d+\]\.path"),
            json.loads(each.get("default_ttl", "null")),
        )
        for name, each in planned.items()
    }


@pytest.mark.parametrize("plan", PLANS)
def test_every_entity_of_the_bus_is_planned_as_the_code_has_it(plan: str) -> None:
    bus = MODEL["bus"]
    queues = resources(plan, "azurerm_servicebus_queue")
    assert {name: each["sessions"] for name, each in bus["queues"].items()} == {
        name: each["requires_session"] == "true" for name, each in queues.items()
    }
    subscriptions = resources(plan, "azurerm_servicebus_subscription")
    assert bus["subscriptions"].keys() == subscriptions.keys()
    (topic,) = resources(plan, "azurerm_servicebus_topic").values()
    assert json.dumps(bus["topic"]) == topic["name"]
    for each in (*queues.values(), topic):
        assert json.dumps(bus["detectionWindow"]) == each["duplicate_detection_history_time_window"]
    for each in (*queues.values(), *subscriptions.values()):
        delivered = each["lock_duration"], each["max_delivery_count"]
        assert (json.dumps(bus["lockDuration"]), json.dumps(bus["maxDeliveries"])) == delivered
    rules = resources(plan, "azurerm_servicebus_subscription_rule")
    assert {f"{name}/{each}" for name, one in bus["subscriptions"].items() for each in one["subjects"]} == rules.keys()


@pytest.mark.parametrize("plan", PLANS)
def test_the_app_is_told_every_setting_that_the_service_reads_and_no_other(plan: str) -> None:
    (app,) = resources(plan, "azurerm_function_app_flex_consumption").values()
    told = {name.removeprefix("app_settings.") for name in app if name.startswith("app_settings.")}
    connections = ("AzureWebJobsStorage", "COSMOS", "SERVICEBUS")
    by_identity = {f"{each}__{what}" for each in connections for what in ("credential", "clientId")}
    # The provider makes a setting of its own of the connection string.
    assert app["site_config[0].application_insights_connection_string"]
    settings = {*MODEL["settings"]} - {"APPLICATIONINSIGHTS_CONNECTION_STRING"}
    assert {*settings, *OF_THE_HOST, *by_identity} == told
    assert json.dumps(MODEL["python"]) == app["runtime_version"]


@pytest.mark.parametrize(("plan", "holders"), [("default", {"app"}), ("ready", {"app", "operator"})])
def test_every_role_is_planned_as_the_code_has_it(plan: str, holders: set[str]) -> None:
    """On which resource each is, infra/tests/applied.tftest.hcl says: here, no resource has an id yet."""
    wanted = [each for each in MODEL["roles"] if each["who"] in holders]
    assert {each["role"] for each in wanted if each["on"] != "cosmos"} == {
        json.loads(each["role_definition_name"]) for each in resources(plan, "azurerm_role_assignment").values()
    }
    assert {each["who"] for each in wanted if each["on"] == "cosmos"} == resources(
        plan, "azurerm_cosmosdb_sql_role_assignment"
    ).keys()


def test_the_page_lists_every_role() -> None:
    head = "| who | on | role | why |\n|---|---|---|---|\n"
    rows = read("docs/security.md").partition(head)[2].partition("\n\n")[0].splitlines()
    assert [f"| {each['who']} | {each['on']} | {each['role']} | {each['why']} |" for each in MODEL["roles"]] == rows


@pytest.mark.parametrize("plan", PLANS)
def test_no_resource_takes_a_key(plan: str) -> None:
    for kind, switch in {
        "azurerm_cosmosdb_account": "local_authentication_enabled",
        "azurerm_servicebus_namespace": "local_auth_enabled",
        "azurerm_storage_account": "shared_access_key_enabled",
        "azurerm_application_insights": "local_authentication_enabled",
        "azurerm_log_analytics_workspace": "local_authentication_enabled",
        "azurerm_function_app_flex_consumption": "webdeploy_publish_basic_authentication_enabled",
    }.items():
        (each,) = resources(plan, kind).values()
        assert each[switch] == "false", kind


def test_what_is_always_ready_are_functions_that_there_are() -> None:
    (app,) = resources("ready", "azurerm_function_app_flex_consumption").values()
    ready = numbered(app, r"always_ready\[\d+\]\.name")
    assert len(ready) == 4
    assert {name.removeprefix("function:") for name in ready} <= {"http", *MODEL["functions"]}


def test_azd_fills_in_every_variable_and_with_the_same_defaults() -> None:
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', variables(), re.DOTALL | re.MULTILINE)
    defaults = {}
    for name, block in blocks:
        default = re.search(r"^  default     = (.+)$", block, re.MULTILINE)
        defaults[name] = None if default is None else str(json.loads(default[1])).replace("False", "false")
        assert re.search(r'^  description = ".+"$', block, re.MULTILINE), name
    filled = json.loads(read("infra/main.tfvars.json"))
    given = {name: re.fullmatch(r"\$\{(\w+)(?:=(.+))?\}", value) for name, value in filled.items()}
    names = {"environment_name": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
    for name, match in given.items():
        assert match is not None, name
        expected = "AZURE_SUBSCRIPTION_ID" if name == "subscription_id" else names.get(name, name.upper())
        assert expected == match[1]
    assert {name: default or "" for name, default in defaults.items()} == {
        name: match[2] or "" for name, match in given.items() if match
    }


@pytest.mark.parametrize("hook", ["after-provisioning.sh", "after-provisioning.ps1"])
def test_the_hook_asks_for_what_azd_knows(hook: str) -> None:
    asked = set(re.findall(r"\$(?:env:)?([A-Z][A-Z_]+)", read(f"infra/hooks/{hook}"))) - {"LASTEXITCODE"}
    assert asked <= {*re.findall(r'^output "(\w+)"', read("infra/outputs.tf"), re.MULTILINE), "AZURE_SUBSCRIPTION_ID"}


def test_the_hook_says_what_the_provider_cannot(tmp_path: Path) -> None:
    az = tmp_path / "az"
    az.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\n', encoding="utf-8")
    az.chmod(0o755)
    names = {"AZURE_SUBSCRIPTION_ID": "s", "AZURE_RESOURCE_GROUP": "g", "SERVICE_API_NAME": "n"}
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **names}
    subprocess.run([str(INFRA / "hooks" / "after-provisioning.sh")], env=environment, check=True)
    app = "--subscription s --resource-group g --name n"
    assert (tmp_path / "asked").read_text(encoding="utf-8").splitlines() == [
        f"functionapp update-strategy config set {app} --type RollingUpdate --output none",
        f"functionapp config appsettings delete {app} --setting-names AzureWebJobsStorage --output none",
    ]


def test_every_input_is_explained_where_one_deploys() -> None:
    page = read("docs/deploying.md")
    for name in json.loads(read("infra/main.tfvars.json")).values():
        variable = re.match(r"\$\{(\w+)", name)
        assert variable is not None
        assert f"`{variable[1]}`" in page, variable[1]


def test_the_local_settings_have_every_setting_that_the_service_reads() -> None:
    assert {name for name in MODEL["settings"] if "__" not in name} <= EXAMPLE.keys()


def test_the_compose_file_has_the_local_settings() -> None:
    services = YAML(typ="safe").load(read("docker-compose.yml"))["services"]
    told = dict(services["functions"]["environment"])
    del told["ASPNETCORE_URLS"]
    assert told == EXAMPLE
    ports = {each.split(":")[-2] for one in services.values() for each in one.get("ports", ())}
    assert {"8081", "5672", "10000"} <= ports


def test_the_python_of_azure_is_one_that_is_run_here() -> None:
    """It stands in operate/infra.py; Terraform reads the model. These say it where nothing can be read."""
    version = MODEL["python"]
    assert tuple(map(int, version.split("."))) == python_version.NEWEST
    for name, said in {
        ".devcontainer/devcontainer.json": f"devcontainers/python:{version}",
        "docker-compose.yml": f"azure-functions/python:4-python{version}",
        ".ci/run": f"newest={version}",
        ".github/workflows/ci.yml": f'python-version: "{version}"',
    }.items():
        assert said in read(name), name
