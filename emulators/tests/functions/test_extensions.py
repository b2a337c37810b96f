"""Apps with types of the worker's extension packages: the functions concerned are in error, the others run."""

import sys
from types import ModuleType
from typing import Any, List  # noqa: UP035 - the worker knows no other generic

import aiohttp
import azure.functions as func
import pytest

from emulators.tests.functions.apps import indexed, served

pytestmark = pytest.mark.usefixtures("engine")

BASE = "azurefunctions.extensions.base"


class Request:
    """A request of a web framework."""


class Response:
    """An answer of it."""


class ContainerProxy:
    """An object of an SDK."""


class ServiceBusReceivedMessage:
    """Another one."""


class ServiceBusMessageActions:
    """For settling messages."""


class Converter:
    def __init__(self, *types: type) -> None:
        self.types = types

    def check_input_type_annotation(self, annotation: Any) -> bool:
        return annotation in self.types or annotation == List[ServiceBusReceivedMessage]  # noqa: UP006


class Registry:
    """What the packages have registered, as `azurefunctions.extensions.base` tells it."""

    def get_raw_bindings(self, function: Any, input_types: Any) -> tuple[list[str], dict[str, str]]:
        return function.get_raw_bindings(), {}

    def get(self, binding_type: str) -> Converter | None:
        known = {"cosmosDB": Converter(ContainerProxy), "serviceBusTrigger": Converter(ServiceBusReceivedMessage)}
        return known.get(binding_type)

    def check_supported_type(self, annotation: Any) -> bool:
        one = getattr(annotation, "__args__", (annotation,))[0]
        return one in (ContainerProxy, ServiceBusReceivedMessage)

    def check_supported_grpc_client_type(self, annotation: Any) -> bool:
        return annotation is ServiceBusMessageActions


class Checks:
    """The three checks of the module for HTTP."""

    def __init__(self, wanted: type, streams: bool) -> None:
        self.wanted, self.streams = wanted, streams

    def http_v2_enabled(self) -> bool:
        return self.streams

    def check_type(self, annotation: Any) -> bool:
        return annotation is self.wanted


@pytest.fixture(autouse=True)
def fresh(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app has a process of the runtime to itself, which looks for the packages once."""
    if engine == "official":
        from azure_functions_runtime.bindings import meta
        from azure_functions_runtime.http_v2 import HttpV2Registry

        monkeypatch.setattr(meta, "DEFERRED_BINDING_REGISTRY", None)
        monkeypatch.setattr(meta, "_DEFERRED_BINDING_REGISTRY_LOADED", False)
        monkeypatch.setattr(HttpV2Registry, "_http_v2_enabled_checked", False)


@pytest.fixture(params=[False])
def streams(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a web framework is among the packages that the app has imported."""
    base: Any = ModuleType(BASE)
    base.get_binding_registry = Registry
    base.HttpV2FeatureChecker = Checks(object, request.param)
    base.RequestTrackerMeta = Checks(Request, request.param)
    base.ResponseTrackerMeta = Checks(Response, request.param)
    package, extensions = ModuleType("azurefunctions"), ModuleType("azurefunctions.extensions")
    package.extensions, extensions.base = extensions, base  # type: ignore[attr-defined]
    for name, module in (("azurefunctions", package), ("azurefunctions.extensions", extensions), (BASE, base)):
        monkeypatch.setitem(sys.modules, name, module)
    return bool(request.param)


def app_with_a_timer() -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(timer: func.TimerRequest) -> None: ...

    return app


@pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
@pytest.mark.usefixtures("streams")
async def test_a_function_with_an_sdk_type_says_so_and_the_others_answer() -> None:
    app = app_with_a_timer()

    @app.route("sdk")
    @app.cosmos_db_input(arg_name="container", connection="COSMOS", database_name="d", container_name="c")
    def sdk(req: func.HttpRequest, container: ContainerProxy) -> func.HttpResponse:
        return func.HttpResponse()

    @app.route("plain")
    def plain(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("plain")

    async with served(app) as url, aiohttp.ClientSession() as client:
        async with client.get(f"{url}/api/plain") as answer:
            assert "plain" == await answer.text()
        async with client.get(f"{url}/api/sdk") as answer:
            assert 501 == answer.status
            assert "the type ContainerProxy of container" in await answer.text()


@pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize(
    "annotation",
    [ServiceBusReceivedMessage, List[ServiceBusReceivedMessage]],  # noqa: UP006
)
def test_so_does_a_trigger(annotation: Any) -> None:
    app = app_with_a_timer()

    def handle(message: Any) -> None: ...

    handle.__annotations__["message"] = annotation
    app.service_bus_queue_trigger(arg_name="message", connection="BUS", queue_name="q")(handle)
    functions = indexed(app)
    problem = str(functions["handle"].problem)
    assert "of message (azurefunctions.extensions.bindings) is not supported" in problem
    assert functions["tick"].problem is None


@pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
@pytest.mark.usefixtures("streams")
def test_so_does_the_parameter_that_settles_messages() -> None:
    app = app_with_a_timer()

    @app.service_bus_queue_trigger(arg_name="message", connection="BUS", queue_name="q")
    def handle(message: func.ServiceBusMessage, actions: ServiceBusMessageActions) -> None: ...

    functions = indexed(app)
    assert "the type ServiceBusMessageActions of actions" in str(functions["handle"].problem)
    assert functions["tick"].problem is None


@pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
@pytest.mark.usefixtures("streams")
def test_an_sdk_type_that_its_binding_does_not_make_costs_the_app_as_in_the_worker() -> None:
    app = app_with_a_timer()

    @app.service_bus_queue_trigger(arg_name="message", connection="BUS", queue_name="q")
    def handle(message: ContainerProxy) -> None: ...

    with pytest.raises(RuntimeError, match=r'match.* Python (type )?annotation "?ContainerProxy'):
        indexed(app)


class TestStreams:
    """With a web framework all HTTP functions of an app go by it."""

    @pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
    @pytest.mark.parametrize("streams", [True], indirect=True)
    def test_the_http_functions_say_so_and_the_others_run(self, streams: bool) -> None:
        app = app_with_a_timer()

        @app.route("annotated")
        async def annotated(req: Request) -> Response:
            return Response()

        @app.route("bare")
        async def bare(req):  # type: ignore[no-untyped-def]
            return Response()

        functions = indexed(app)
        for name in ("annotated", "bare"):
            assert "requests and answers of a web framework" in str(functions[name].problem)
        assert functions["tick"].problem is None

    @pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
    @pytest.mark.parametrize("streams", [True], indirect=True)
    def test_a_request_of_the_library_beside_them_costs_the_app_as_in_the_worker(self, streams: bool) -> None:
        app = app_with_a_timer()

        @app.route("plain")
        def plain(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse()

        with pytest.raises(RuntimeError, match=r'match.* Python (type )?annotation "?HttpRequest'):
            indexed(app)

    @pytest.mark.verified("docs", feature="Extension packages cost their functions alone")
    def test_without_the_package_its_types_are_wrong_types(self) -> None:
        app = app_with_a_timer()

        @app.route("annotated")
        async def annotated(req: Request) -> Response:
            return Response()

        with pytest.raises(RuntimeError):
            indexed(app)
