"""Requests that schemathesis makes of the description, as it allows them and as it does not, and the answers to them.

They are the same in every run.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.dashboard.readers import readers
from tests.api.host import Host
from tests.described import OPERATIONS
from tests.outside.stories import ORDER, dispatched
from tests.outside.world import World

EXAMPLES: Final = 100
"""Of each kind, for each operation."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

Known = dict[str, list[str]]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def host(world: World) -> Iterator[Host]:
    host = Host(world.functions)
    yield host
    host.close()


@pytest.fixture(scope="module")
def known(world: World, host: Host) -> Known:
    """The ids of what there is: an order that is shipped, and one that is placed."""

    async def placed(**headers: str) -> dict[str, Any]:
        answer = await world.ask("place_order", ORDER, headers=headers)
        return dict(json.loads(answer.get_body()))

    async def begin() -> Known:
        await dispatched(world)
        shipped, waiting = await placed(**{"Idempotency-Key": "place"}), await placed()
        accepted = await placed(Prefer="respond-async")
        await world.settle()
        return {
            "orderId": [shipped["orderId"], waiting["orderId"]],
            "sku": ["mug"],
            "customerId": ["c-1"],
            "commandId": [accepted["commandId"]],
            "what": [each.what for each in readers(())],
            "file": ["index.html"],
        }

    return host.loop.run_until_complete(begin())


@pytest.fixture(scope="module")
def schema(host: Host) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", host)


def _can_be_wrong(operation: Any) -> bool:
    return "requestBody" in operation or any(each["in"] == "path" for each in operation["parameters"])


@pytest.mark.parametrize(
    ("function", "mode"),
    [
        (name, mode)
        for name, operation in OPERATIONS.items()
        # What a description says of itself is not asked by it.
        if name != "get_openapi"
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or _can_be_wrong(operation)
    ],
)
def test_whatever_is_asked_the_answer_is_described(
    schema: Any, known: Known, function: str, mode: GenerationMode
) -> None:
    operation = schema.find_operation_by_id(function)

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy(generation_mode=mode), of_what_there_is=st.integers(0, 3))
    def ask(case: Any, of_what_there_is: int) -> None:
        if mode is GenerationMode.POSITIVE and of_what_there_is:
            there = {name: known[name][of_what_there_is % len(known[name])] for name in case.path_parameters}
            case.path_parameters.update(there)
        case.call_and_validate(checks=CHECKS)

    ask()
