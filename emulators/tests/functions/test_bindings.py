"""Fields of bindings: what the real host knows, what this one resolves."""

from datetime import UTC, datetime

import azure.functions as func
import pytest

from emulators.functions.bindings import BindingError
from emulators.functions.cosmos_trigger import CosmosTriggerOptions
from emulators.tests.functions.apps import COSMOS, indexed, only_function

pytestmark = pytest.mark.usefixtures("engine")


def feed_function(**fields: object) -> func.FunctionApp:
    app = func.FunctionApp()
    wanted = {"connection": "COSMOS", "database_name": "%DB%", "container_name": "events", **fields}

    @app.cosmos_db_trigger(arg_name="docs", **wanted)  # type: ignore[arg-type]
    def project(docs: func.DocumentList) -> None: ...

    return app


def problem_of(app: func.FunctionApp, **environment: str) -> str:
    (function,) = indexed(app, environment or {"UNUSED": ""}).values()
    return str(function.problem)


@pytest.mark.verified("docs", feature="Unknown binding fields")
def test_a_misspelt_field_is_told_with_the_nearest_known_one_and_the_function_runs() -> None:
    function = only_function(feed_function(max_item_per_invocation=5), {"COSMOS": COSMOS, "DB": "orders"})
    assert function.problem is None
    (warning,) = function.warnings
    assert "no field 'maxItemPerInvocation'" in warning
    assert "it knows maxItemsPerInvocation)" in warning


@pytest.mark.verified("trace", feature="%SETTING% references")
def test_a_missing_setting_disables_the_function_with_the_words_of_the_host() -> None:
    assert "'%DB%' does not resolve to a value." in problem_of(feed_function())


@pytest.mark.verified("trace", feature="%SETTING% references")
def test_the_name_of_a_connection_is_no_reference() -> None:
    app = feed_function(connection="%COSMOS%")
    assert "None" == problem_of(app, DB="orders")


@pytest.mark.verified("docs", feature="Names of connections")
def test_a_reference_for_a_connection_of_cosmos_is_looked_up_as_it_stands() -> None:
    function = only_function(feed_function(connection="%COSMOS%"), {"COSMOS": COSMOS, "DB": "orders"})
    with pytest.raises(BindingError, match="'%COSMOS%' does not exist"):
        CosmosTriggerOptions.from_binding(function.trigger, {"COSMOS": COSMOS}, 1, datetime.now(UTC))


@pytest.mark.verified("trace", feature="Unknown binding types")
def test_a_binding_type_that_is_not_driven_disables_that_function_only() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="msg", queue_name="q", connection="C")
    def queued(msg: func.QueueMessage) -> None: ...

    assert "The binding type(s) 'queueTrigger' were not found" in str(only_function(app).problem)


@pytest.mark.verified("docs", feature="Warmup trigger")
def test_a_warmup_trigger_must_be_named_warmup() -> None:
    app = func.FunctionApp()

    @app.warm_up_trigger(arg_name="warmup")
    def other_name(warmup) -> None: ...  # type: ignore[no-untyped-def]

    assert "'warmup'" in str(only_function(app).problem)
