"""Every golden file, by its name, and what makes its document out of today's code."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from tests.outside.asked_of_cosmos import (
    event_store,
    outcome_store,
    parked_store,
    rollup_store,
    snapshot_store,
    view_store,
)
from tests.outside.at_rest import event_items, snapshot_items, view_documents
from tests.outside.derived_ids import derived_ids
from tests.outside.infrastructure import bus_entities, container_definitions, functions, provisioned_containers
from tests.outside.notified import webhook_posts
from tests.outside.on_the_bus import (
    bus_messages,
    delayed_notifications,
    event_message_of_any_text,
    redriven_messages,
    service_bus_messages,
    stream_items,
)
from tests.outside.over_http import command_answers, failures, malformed_requests, query_answers, refusals

SAMPLES: Final[Mapping[str, Callable[[], Awaitable[Any]]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        event_items,
        snapshot_items,
        view_documents,
        stream_items,
        event_store,
        snapshot_store,
        view_store,
        rollup_store,
        parked_store,
        outcome_store,
        bus_messages,
        event_message_of_any_text,
        delayed_notifications,
        redriven_messages,
        service_bus_messages,
        webhook_posts,
        command_answers,
        query_answers,
        malformed_requests,
        refusals,
        failures,
        derived_ids,
        functions,
        bus_entities,
        container_definitions,
        provisioned_containers,
    )
}
