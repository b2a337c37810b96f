"""`serviceBusTrigger` as the decorators write it, and the connection that it names."""

from typing import Any

import azure.functions as func
import pytest

from emulators.functions.bindings import BindingError
from emulators.functions.servicebus.binding_data import DataType
from emulators.functions.servicebus.clients import ServiceBusClients
from emulators.functions.servicebus.namespace import Namespace
from emulators.functions.servicebus.options import ServiceBusOptions
from emulators.functions.servicebus.trigger import ServiceBusTriggerOptions
from emulators.tests.functions.apps import indexed, only_function

pytestmark = pytest.mark.usefixtures("engine")

BUS = (
    "Endpoint=sb://localhost:5673;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=a2V5;"
    "UseDevelopmentEmulator=true;"
)


def queue_app(**trigger: Any) -> func.FunctionApp:
    app = func.FunctionApp()
    wanted = {"connection": "BUS", "queue_name": "%QUEUE%", **trigger}

    @app.service_bus_queue_trigger(arg_name="message", **wanted)
    def handle(message: func.ServiceBusMessage) -> None: ...

    return app


def options_of(
    app: func.FunctionApp, host: ServiceBusOptions | None = None, **environment: str
) -> ServiceBusTriggerOptions:
    settings = {"BUS": BUS, "QUEUE": "orders", **environment}
    function = only_function(app, settings)
    assert function.problem is None
    return ServiceBusTriggerOptions.from_binding(function.trigger, settings, host or ServiceBusOptions())


@pytest.mark.verified("docs", feature="Service Bus trigger: binding fields")
def test_a_queue_trigger_is_read_with_its_defaults() -> None:
    options = options_of(queue_app())
    assert Namespace("localhost", 5673, "RootManageSharedAccessKey", "a2V5") == options.namespace
    assert ("orders", False, False, DataType.UNDEFINED) == (
        options.entity,
        options.sessions,
        options.many,
        options.data_type,
    )
    assert (True, 1000) == (options.host.auto_complete, options.host.max_batch_size)


@pytest.mark.verified("docs", feature="Service Bus trigger: binding fields")
def test_every_field_of_the_decorator_is_read_and_wins_over_host_json() -> None:
    app = queue_app(
        data_type=func.DataType.BINARY,
        access_rights=func.AccessRights.LISTEN,
        is_sessions_enabled=True,
        cardinality="many",
        auto_complete_messages=False,
        max_message_batch_size=5,
    )
    options = options_of(app, ServiceBusOptions(auto_complete=True, max_batch_size=50))
    assert (True, True, DataType.BINARY) == (options.sessions, options.many, options.data_type)
    assert (False, 5) == (options.host.auto_complete, options.host.max_batch_size)


@pytest.mark.verified("docs", feature="Service Bus trigger: binding fields")
def test_a_topic_trigger_is_read() -> None:
    app = func.FunctionApp()

    @app.service_bus_topic_trigger(
        arg_name="message", connection="BUS", topic_name="%TOPIC%", subscription_name="audit"
    )
    def handle(message: func.ServiceBusMessage) -> None: ...

    assert "events/Subscriptions/audit" == options_of(app, TOPIC="events").entity


@pytest.mark.verified("docs", feature="Unknown binding fields")
def test_a_misspelt_field_is_told_with_the_nearest_known_one() -> None:
    function = only_function(queue_app(sessions_enabled=True), {"QUEUE": "q"})
    assert function.problem is None
    (warning,) = function.warnings
    assert "serviceBusTrigger 'message' has no field 'sessionsEnabled'" in warning
    assert "it knows isSessionsEnabled)" in warning


def found_by(name: str, **environment: str) -> str:
    """The host of the namespace that a name of a connection leads to; each setting holds a host."""
    settings = {key: BUS.replace("localhost", value) for key, value in environment.items() if key != "BUSNAME"}
    settings |= {"QUEUE": "q", "BUSNAME": environment.get("BUSNAME", "")}
    function = only_function(queue_app(connection=name), settings)
    assert function.problem is None
    return ServiceBusTriggerOptions.from_binding(function.trigger, settings, ServiceBusOptions()).namespace.host


@pytest.mark.verified("docs", feature="Names of connections")
@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("MyBus", {"AzureWebJobsMyBus": "right"}),
        ("MyBus", {"MyBus": "right", "AzureWebJobsMyBus": "wrong"}),
        ("%BUSNAME%", {"BUSNAME": "MyBus", "MyBus": "right"}),
        ("%busname%", {"BUSNAME": "MyBus", "AzureWebJobsMyBus": "right"}),
        ("mybus", {"MYBUS": "right"}),
        ("Bus", {"ConnectionStrings__Bus": "right", "Bus": "wrong"}),
        ("Bus", {"ConnectionStrings:AzureWebJobsBus": "right"}),
        ("Bus", {"CUSTOMCONNSTR_Bus": "right"}),
        ("ConnectionStrings:Bus", {"ConnectionStrings__Bus": "right"}),
        ("ConnectionStrings__Bus", {"ConnectionStrings:Bus": "right"}),
        ("Buses:One", {"Buses__One": "right"}),
    ],
)
def test_a_connection_is_found_as_the_configuration_of_dotnet_finds_it(name: str, environment: dict[str, str]) -> None:
    assert "right" == found_by(name, **environment)


@pytest.mark.verified("docs", feature="Names of connections")
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("%NOPE%", "'%NOPE%' does not resolve to a value."),
        (BUS, "with name '<< REDACTED >> .a full connection string"),
        ("Section", "the setting Section has no value"),
        ("Identity", "Identity__fullyQualifiedNamespace: identity-based connections are not supported"),
    ],
)
def test_a_connection_that_is_not_there_says_why(name: str, complaint: str) -> None:
    settings = {"QUEUE": "q", "Section__of": "others", "Identity__fullyQualifiedNamespace": "ns"}
    function = only_function(queue_app(connection=name), settings)
    with pytest.raises(BindingError, match=complaint):
        ServiceBusTriggerOptions.from_binding(function.trigger, settings, ServiceBusOptions())


@pytest.mark.verified("docs", feature="Service Bus trigger: binding fields")
@pytest.mark.parametrize(
    ("trigger", "complaint"),
    [
        ({"data_type": "stream"}, "dataType STREAM is not supported by devstack"),
        ({"is_sessions_enabled": "perhaps"}, "isSessionsEnabled must be true or false"),
        ({"max_message_batch_size": 0}, "maxMessageBatchSize must be a positive number"),
        ({"topic_name": "t"}, "needs either queueName, or topicName and subscriptionName"),
    ],
)
def test_what_the_extension_refuses_is_an_error(trigger: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BindingError, match=complaint):
        options_of(queue_app(**trigger))


@pytest.mark.verified("docs", feature="Service Bus output: binding fields")
def test_an_output_is_a_binding_like_others() -> None:
    app = queue_app()

    @app.route("send")
    @app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="%QUEUE%")
    def send(req: func.HttpRequest, out: func.Out[str]) -> func.HttpResponse:
        return func.HttpResponse()

    function = indexed(app, {"QUEUE": "q"})["send"]
    output = next(binding for binding in function.bindings if binding.type == "serviceBus")
    assert (None, (), "q") == (function.problem, function.warnings, output.fields["queueName"])


@pytest.mark.verified("docs", feature="Service Bus connection strings")
@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (None, "connection string with name 'BUS' does not exist in the settings"),
        ("Endpoint=sb://localhost;SharedAccessKeyName=k;", "the setting BUS must hold Endpoint=sb://"),
        ("localhost:5672", "the setting BUS must hold Endpoint=sb://"),
        (BUS.replace("sb://", "http://"), "the setting BUS must hold Endpoint=sb://"),
        (BUS.replace(":5673", ":port"), "the setting BUS must hold Endpoint=sb://"),
        (BUS.replace("UseDevelopmentEmulator=true;", ""), "BUS has no UseDevelopmentEmulator=true"),
        (BUS + "EntityPath=orders", "BUS has an EntityPath"),
    ],
)
def test_a_connection_that_cannot_be_used_is_an_error_that_says_why(setting: str | None, complaint: str) -> None:
    settings = {} if setting is None else {"BUS": setting}
    function = only_function(queue_app(), {"QUEUE": "q"})
    with pytest.raises(BindingError, match=complaint):
        ServiceBusTriggerOptions.from_binding(function.trigger, settings, ServiceBusOptions())


@pytest.mark.verified("docs", feature="Service Bus connection strings")
def test_an_identity_based_connection_is_refused_by_name() -> None:
    function = only_function(queue_app(), {"QUEUE": "q"})
    settings = {"BUS__fullyQualifiedNamespace": "ns.servicebus.windows.net"}
    with pytest.raises(BindingError, match="identity-based connections are not supported by devstack; set BUS"):
        ServiceBusTriggerOptions.from_binding(function.trigger, settings, ServiceBusOptions())


@pytest.mark.verified("docs", feature="Service Bus connection strings")
def test_the_port_is_5672_unless_said_otherwise() -> None:
    assert 5672 == options_of(queue_app(), BUS=BUS.replace(":5673", "")).namespace.port


@pytest.mark.verified("docs", feature="Service Bus trigger: one connection per namespace")
def test_functions_of_one_namespace_share_a_client() -> None:
    clients = ServiceBusClients(60)
    one, two = (options_of(queue_app(), BUS=BUS, QUEUE=queue).namespace for queue in ("a", "b"))
    assert clients.of(one) is clients.of(two)
    assert clients.of(one) is not clients.of(Namespace("localhost", 1, "k", "a2V5"))
