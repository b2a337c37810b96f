"""An app is loaded as the Python worker loads it: whole, or not at all."""

import sys
import sysconfig
import textwrap
from pathlib import Path

import azure.functions as func
import pytest

from emulators.functions.engine import IndexingError
from emulators.functions.indexing import Function, load_app, use_app_directory
from emulators.tests.functions.apps import indexed, only_function
from emulators.tests.functions.corpus import messages
from emulators.tests.functions.engines import engine as current_engine

pytestmark = pytest.mark.usefixtures("engine")

_NAMES = iter(range(1_000_000))


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Loads an app from source, with settings."""

    def load(source: str, **environment: str) -> list[Function]:
        # A name of its own, because modules stay imported.
        script = f"function_app_{next(_NAMES)}.py"
        (tmp_path / script).write_text("import azure.functions as func\n" + textwrap.dedent(source))
        monkeypatch.syspath_prepend(tmp_path)
        return load_app(current_engine(), {"PYTHON_SCRIPT_FILE_NAME": script, **environment})

    return load


@pytest.mark.verified("trace", feature="Indexing")
def test_functions_of_the_app_and_of_its_blueprints_are_found_in_alphabetical_order(load) -> None:  # type: ignore[no-untyped-def]
    functions = load(
        """
        app = func.FunctionApp()
        blueprint = func.Blueprint()

        @blueprint.route(route="b")
        def second(req: func.HttpRequest) -> func.HttpResponse: ...

        @app.function_name("First")
        @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
        async def tick(timer: func.TimerRequest) -> None: ...

        app.register_functions(blueprint)
        """
    )
    assert ["First", "second"] == [function.name for function in functions]


@pytest.mark.verified("trace", feature="Indexing")
@pytest.mark.differs(
    "What is said of an app that cannot be loaded",
    own="… declared in Python but not in function.json, and its like",
    official="… but not in the function definition (function.json or function decorators), and its like",
    why="the newer worker",
)
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError.*Please check the requirements.txt"),
        ("1 / 0", "ZeroDivisionError"),
        ("", "Could not find top level function app instances"),
        ("a = func.FunctionApp()\nb = func.FunctionApp()", "More than one FunctionApp"),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            def bad(req: func.HttpRequest, extra) -> func.HttpResponse: ...
            """,
            r"the bad function: the following parameters are declared in Python but not in .*: +\{'extra'\}",
        ),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            def bad() -> func.HttpResponse: ...
            """,
            r"(declared in function.json|declared as bindings) but .* (in|not present in) Python: \{'req'\}",
        ),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            def bad(req: func.HttpRequest) -> bytes: ...
            """,
            'Python return annotation "bytes" does not match binding type "http"',
        ),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            def bad(req: func.TimerRequest) -> func.HttpResponse: ...
            """,
            """'req'.* dataType ("None" in function.json|"httpTrigger" in the binding decorator) do not match""",
        ),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            def bad(req: func.HttpRequest, context: str) -> func.HttpResponse: ...
            """,
            'the "context" parameter is expected to be of type azure.functions.Context',
        ),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            @app.cosmos_db_output(arg_name="out", connection="C", database_name="d", container_name="c")
            def bad(req: func.HttpRequest, out: func.Document) -> func.HttpResponse: ...
            """,
            "its annotation in Python is not a subclass of azure.functions.Out",
        ),
        (
            """
            app = func.FunctionApp()
            @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
            @app.generic_input_binding(arg_name="$return", type="cosmosDB")
            def bad(timer: func.TimerRequest) -> str: ...
            """,
            r'"\$return" binding must have direction set to "out"',
        ),
        (
            """
            app = func.FunctionApp()
            @app.route(route="x")
            def same(req: func.HttpRequest) -> func.HttpResponse: ...
            @app.route(route="y")
            def same(req: func.HttpRequest) -> func.HttpResponse: ...
            """,
            "does not have a unique function name",
        ),
    ],
)
def test_one_thing_wrong_and_the_worker_reports_no_function_at_all(load, source: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(IndexingError, match=reason):
        load(source)


@pytest.mark.verified("docs", feature="Indexing")
def test_the_script_has_a_name_that_can_be_imported() -> None:
    with pytest.raises(IndexingError, match="Invalid file name"):
        load_app(current_engine(), {"PYTHON_SCRIPT_FILE_NAME": "function.app.py"})


@pytest.mark.verified("docs", feature="Indexing")
@pytest.mark.differs(
    "An ImportError of a class of its own, which does not take one text",
    own="itself, with the worker's advice",
    official="a TypeError of the runtime, which makes a new error of the class",
    why="a defect, of both generations of the worker",
)
def test_an_import_error_of_the_apps_own_costs_the_app(engine: str, load) -> None:  # type: ignore[no-untyped-def]
    source = """
        class Missing(ImportError):
            def __init__(self, name, version):
                super().__init__(f"{name} {version}")
        raise Missing("library", 2)
        """
    said = {"own": "Missing: library 2. Cannot find module", "official": "TypeError: .*__init__.*'version'"}[engine]
    with pytest.raises(IndexingError, match=said):
        load(source)


@pytest.mark.verified("trace", feature="Indexing")
def test_the_report_of_a_broken_app_shows_the_apps_own_lines(load) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(IndexingError) as caught:
        load("def broken():\n    raise KeyError('here')\nbroken()")
    assert "in broken" in caught.value.detail
    assert "functions/indexing.py" not in caught.value.detail
    assert "loader.py" not in caught.value.detail


@pytest.mark.verified("trace", feature="Indexing")
def test_a_function_that_is_disabled_by_a_setting_says_so(load) -> None:  # type: ignore[no-untyped-def]
    source = """
        app = func.FunctionApp()
        @app.route(route="x")
        def off(req: func.HttpRequest) -> func.HttpResponse: ...
        """
    (function,) = load(source, **{"AzureWebJobs.off.Disabled": "true"})
    assert function.disabled


@pytest.mark.verified("trace", feature="Indexing")
def test_metadata_is_what_the_worker_sent_to_the_host() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route(route="orders/{orderId}", methods=["GET"])
    def get_order(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    @app.cosmos_db_trigger(
        arg_name="documents",
        connection="COSMOS",
        database_name="%COSMOS_DATABASE%",
        container_name="events",
        lease_container_name="leases",
        create_lease_container_if_not_exists=True,
        lease_container_prefix="orders-",
        feed_poll_delay=500,
        max_items_per_invocation=100,
        start_from_beginning=True,  # type: ignore[arg-type]
    )
    @app.retry(
        strategy="exponential_backoff",
        max_retry_count="-1",
        minimum_interval="00:00:01",
        maximum_interval="00:00:30",
    )
    def project_orders(documents: func.DocumentList) -> None: ...

    functions = indexed(app, {"COSMOS_DATABASE": "orders"})
    sent = {each["name"]: each for each in messages()["metadata"]["function_metadata_results"]}
    for name, function in functions.items():
        assert sent[name]["function_id"] == function.id
        assert set(sent[name]["bindings"]) == {binding.name for binding in function.bindings}
    assert (-1, 1.0, 30.0) == (
        (retry := functions["project_orders"].retry) and (retry.max_retry_count, retry.minimum, retry.maximum)
    )
    assert "orders" == functions["project_orders"].trigger.fields["databaseName"]


def places(monkeypatch: pytest.MonkeyPatch, app_dir: Path, launched_from: Path) -> list[str]:
    """Where an app is imported from, by a host that `-m` has started in a folder."""
    monkeypatch.chdir(app_dir)
    monkeypatch.setattr(sys, "path", [str(launched_from), *filter(None, sys.path)])
    use_app_directory(app_dir, launched_from)
    return sys.path


def test_an_app_finds_nothing_in_the_folder_that_the_host_was_launched_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [each for each in sys.path if each]
    assert [str(tmp_path), *before] == places(monkeypatch, tmp_path, tmp_path / "checkout")


def test_an_app_finds_the_library_also_where_the_host_is_installed_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = sysconfig.get_path("purelib")
    others = [each for each in sys.path if each and Path(each).resolve() != Path(library).resolve()]
    assert [str(tmp_path), *others, library] == places(monkeypatch, tmp_path, Path(library))


@pytest.mark.verified("docs", feature="Names that the host refuses")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("with space", "'with space' is not a valid function name."),
        ("GET /orders", "is not a valid function name."),
        ("1st", "is not a valid function name."),
        ("host", "'host' is not a valid function name."),
        ("n" * 129, "is not a valid function name."),
        ("order-details_2", "None"),
    ],
)
def test_a_name_of_a_function_is_the_hosts_to_allow(name: str, problem: str) -> None:
    app = func.FunctionApp()

    @app.function_name(name)
    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(timer: func.TimerRequest) -> None: ...

    assert problem in str(only_function(app).problem)


@pytest.mark.verified("docs", feature="Names that the host refuses")
def test_a_name_of_a_binding_has_no_underscore_and_costs_its_function_alone() -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="my_timer", schedule="0 * * * * *")
    def tick(my_timer: func.TimerRequest) -> None: ...

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tock(timer: func.TimerRequest) -> None: ...

    functions = indexed(app)
    said = "The binding name my_timer is invalid. Please assign a valid name to the binding."
    assert (said, None) == (functions["tick"].problem, functions["tock"].problem)
