"""Queries for Application Insights name tables, columns, metrics and attributes that there are.

No parser of the language can be had from PyPI: what is checked is what a rename in the code would break.
"""

import re
from pathlib import Path
from typing import Final

import pytest

from engine.telemetry.instruments import INSTRUMENTS
from tests.architecture.existing import ROOT, code

QUERIES = sorted((ROOT / "infra" / "kql").rglob("*.kql"))

# https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete
TABLES: Final = {"customMetrics", "dependencies", "requests", "traces"}
COLUMNS: Final = {
    *("timestamp", "name", "customDimensions", "operation_Id", "cloud_RoleInstance"),
    *(
        "valueSum",
        "valueCount",
        "valueMax",
        "duration",
        "success",
        "message",
        "resultCode",
        "severityLevel",
        "itemType",
        "itemCount",
    ),
}
OPERATORS: Final = {"where", "extend", "summarize", "order", "project", "distinct"}
WORDS: Final = {
    *("let", "union", "by", "and", "or", "not", "in", "desc", "asc", "startswith", "has", "false", "true"),
    *("ago", "tostring", "toint", "strcat", "split", "isnotempty", "parse_json", "estimate_data_size"),
    *("sum", "sumif", "count", "dcount", "min", "max", "bin"),
}
# https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/monitor/azure-monitor-opentelemetry-exporter/azure/monitor/opentelemetry/exporter/export/trace/_exporter.py
LEFT_OUT_OF_SPANS: Final = re.compile(
    r"(http|db|message|messaging|rpc|enduser|net|peer|exception|thread|code)\..*|error\.type"
)
"""Microsoft's exporter has no such attributes among the custom dimensions of a span; of a metric it has all."""


def statements(path: Path) -> str:
    return "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("//"))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_name_in_a_query_is_one_of_the_data_or_defined_in_it(path: Path) -> None:
    query = re.sub(r'"[^"]*"', '""', statements(path))
    defined = set(re.findall(r"\b(\w+) = ", query))
    names = set(re.findall(r"(?<![\d.\w])[A-Za-z_]\w*", query))
    assert names <= TABLES | COLUMNS | OPERATORS | WORDS | defined
    assert all(line.split()[1] in OPERATORS for line in query.splitlines() if line.startswith("|"))
    assert query.count("(") == query.count(")")
    assert path.read_text(encoding="utf-8").startswith("// ")


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_metric_and_attribute_in_a_query_is_one_of_ours(path: Path) -> None:
    query = statements(path)
    metrics = {each.name: each for each in INSTRUMENTS}
    asked = re.findall(r'name == "([^"]+)"', query)
    asked += [name for names in re.findall(r"name in \(([^)]+)\)", query) for name in re.findall(r'"([^"]+)"', names)]
    attributes = set(re.findall(r'customDimensions\["([^"]+)"\]', query))
    assert set(asked) <= metrics.keys()
    if asked:
        assert attributes <= {name for each in asked for name in metrics[each].attributes}
    else:
        assert attributes <= code().strings
        assert not any(map(LEFT_OUT_OF_SPANS.fullmatch, attributes))
    facts = set(re.findall(r'line\["([^"]+)"\]', query))
    assert facts <= code().strings | code().names


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 28
