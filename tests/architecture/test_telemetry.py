"""docs/telemetry.md lists the metrics that there are, and telemetry is loaded only where it is asked for."""

import re

from engine.telemetry.instruments import INSTRUMENTS
from tests.architecture.existing import ROOT
from tests.architecture.test_module_sets import SETTINGS, loaded

METRIC = re.compile(r"^\| ([a-z_.]+) \| (counter|histogram|gauge) \| (\S+) \| (.+?) \| (.*?) \|$", re.MULTILINE)


def test_the_page_lists_every_metric_as_it_is_defined() -> None:
    listed = METRIC.findall((ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8"))
    assert listed == [
        (each.name, each.kind, each.unit, each.description, ", ".join(each.attributes)) for each in INSTRUMENTS
    ]


def test_nothing_of_opentelemetry_is_loaded_without_a_setting() -> None:
    for part in ("http", "feed", "bus", "timer"):
        modules = loaded(f"{SETTINGS}; from composition import wiring; asyncio.run(wiring.{part}())")
        assert not {name for name in modules if name.startswith("opentelemetry")}, part


def test_the_setting_loads_it_off_the_loop_before_the_first_function_is_served() -> None:
    use = f"{SETTINGS}; os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:1'"
    use += """
from composition import wiring
from engine.telemetry import spans

asyncio.run(wiring.http())
assert spans.are_traced()
"""
    modules = loaded(use)
    assert "opentelemetry.sdk.trace" in modules
    assert not {"google.protobuf", "grpc", "requests"} & modules
