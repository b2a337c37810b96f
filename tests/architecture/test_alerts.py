"""The alerts are those of docs/operations.md, and the workbook shows the queries of infra/kql, as the plans have both.

That the queries name what there is, test_kql.py checks.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from engine.consuming.health import BEHIND_FROM
from engine.reacting.relay import CONSUMER
from tests.architecture.existing import ROOT
from tests.architecture.test_infra import PLANS, resources

KQL: Final = ROOT / "infra" / "kql"
PAGE: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LOG_ALERT: Final = "azurerm_monitor_scheduled_query_rules_alert_v2"
METRIC_ALERT: Final = "azurerm_monitor_metric_alert"
HEADINGS: Final = {
    re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-"): heading
    for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
}


def alerts(plan: str, kind: str) -> Mapping[str, Mapping[str, Any]]:
    """The alerts of a kind by name, each value as JSON has it, but for what is known once there are resources."""
    return {
        name: {path: json.loads(value) for path, value in each.items() if not value.startswith("(")}
        for name, each in resources(plan, kind).items()
    }


def row(name: str, alert: Mapping[str, Any]) -> str:
    means, _, anchor = alert["description"].partition(" docs/operations.md#")
    return f"| {name} | {alert['severity']} | {means} | [{HEADINGS[anchor]}](#{anchor}) |"


def test_the_page_lists_every_alert_as_it_is_planned() -> None:
    """The plan `ready` has the one that is asked for."""
    of_the_log, of_metrics = alerts("ready", LOG_ALERT), alerts("ready", METRIC_ALERT)
    rows = [row(name, each) for each_kind in (of_the_log, of_metrics) for name, each in each_kind.items()]
    table = PAGE.partition("| alert | severity | means | look at |\n|---|---|---|---|\n")[2].partition("\n\n")[0]
    assert sorted(rows) == sorted(table.splitlines())


@pytest.mark.parametrize("plan", PLANS)
def test_every_alert_of_the_log_asks_its_file_and_every_file_is_asked(plan: str) -> None:
    planned = {name: each["criteria[0].query"] for name, each in alerts(plan, LOG_ALERT).items()}
    assert {file.stem: file.read_text(encoding="utf-8") for file in KQL.glob("alerts/*.kql")} == planned


def test_what_an_alert_measures_and_tells_apart_is_what_its_query_gives() -> None:
    for name, alert in alerts("default", LOG_ALERT).items():
        last = alert["criteria[0].query"].strip().splitlines()[-1]
        wanted = [value for path, value in alert.items() if re.search(r"dimension\[\d+\]\.name", path)]
        column = alert.get("criteria[0].metric_measure_column")
        assert (column is None) == (alert["criteria[0].time_aggregation_method"] == "Count"), name
        if column is not None:
            assert last.startswith(f"| summarize {column} = "), name
            assert set(wanted) <= set(re.findall(r"\w+", last.rpartition(" by ")[2])), name


def test_a_consumer_is_behind_for_the_alert_when_it_is_for_the_health_of_the_service() -> None:
    lag = alerts("default", LOG_ALERT)["lag"]
    assert (lag["criteria[0].operator"], lag["criteria[0].threshold"]) == ("GreaterThanOrEqual", BEHIND_FROM)
    stands = (KQL / "alerts" / "relay-stands.kql").read_text(encoding="utf-8")
    assert f"shortest >= {BEHIND_FROM:g} " in stands
    assert f'== "{CONSUMER}"' in stands


@pytest.mark.parametrize("plan", PLANS)
def test_the_workbook_asks_every_query_but_those_that_have_to_be_told_a_stream(plan: str) -> None:
    (workbook,) = resources(plan, "azurerm_application_insights_workbook").values()
    shown = [json.loads(value) for path, value in workbook.items() if path.endswith(".content.query")]
    files = [file.read_text(encoding="utf-8") for file in KQL.glob("*.kql")]
    assert sorted(text for text in files if "\nlet stream = " not in text) == sorted(shown)


@pytest.mark.parametrize("plan", PLANS)
def test_the_plans_of_a_new_service_ask_the_same(plan: str) -> None:
    """They were written in a copy, which has the queries of this project; a change here has to be written there too."""
    ours, theirs = (
        {line for line in (folder / f"{plan}.txt").read_text(encoding="utf-8").splitlines() if "query = " in line}
        for folder in (ROOT / "infra" / "plans", ROOT / "operate" / "template" / "infra" / "plans")
    )
    assert ours == theirs
