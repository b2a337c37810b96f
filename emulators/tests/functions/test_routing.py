"""Which function answers which path."""

import re

import azure.functions as func
import pytest

from emulators.functions.http_routes import checked_routes, routes_of
from emulators.functions.routing import Route, RouteError, Router, RouteUnsupportedError
from emulators.tests.functions.apps import indexed

pytestmark = pytest.mark.usefixtures("engine")


def find(method: str, path: str, *templates: str) -> tuple[str, dict[str, str]] | None:
    """The template that answers; a template may be preceded by its methods, as in `GET,PUT a/{b}`."""
    routes = []
    for template in templates:
        methods, _, rest = template.rpartition(" ")
        routes.append(Route.parse(rest, methods.split(",") if methods else None, template))
    return Router(routes).find(method, path)


@pytest.mark.verified("trace", feature="HTTP routes")
@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/api/echo", "api/echo", {}),
        ("/API/Echo/", "api/echo", {}),
        ("/api/echo/abc%20d", "api/echo/{name?}", {"name": "abc d"}),
        ("/api/echo", "api/echo/{name?}", {}),
        ("/api/echo/a%2Fb", "api/echo/{name}", {"name": "a%2Fb"}),
        ("/api/files/a%2Fb/c%20d//e", "api/files/{*path}", {"path": "a%2Fb/c d//e"}),
        ("/api/files", "api/files/{*path}", {}),
        ("/api/n/%C3%BC", "api/n/{name}", {"name": "ü"}),
        ("/", "{*route}", {}),
    ],
)
def test_a_path_matches_and_gives_its_decoded_parameters(path: str, template: str, values: dict[str, str]) -> None:
    assert (template, values) == find("GET", path, template)


@pytest.mark.verified("trace", feature="HTTP routes")
@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/api/echo/a/b", "api/echo/{name}"),
        ("/api/echo", "api/echo/{name}"),
        ("/api/n/x", "api/n/{id:int}"),
        ("/api/n/2147483648", "api/n/{id:int}"),
        ("/api//x", "api/{a}/{b}"),
    ],
)
def test_other_paths_do_not_match(path: str, template: str) -> None:
    assert find("GET", path, template) is None


@pytest.mark.verified("trace", feature="HTTP routes")
@pytest.mark.parametrize(
    ("path", "best"), [("/a/1", "a/{id:int}"), ("/a/x", "a/{name}"), ("/a/x/y", "a/{*rest}"), ("/a/fixed", "a/fixed")]
)
def test_the_most_specific_template_wins_whatever_the_order(path: str, best: str) -> None:
    templates = ["a/{*rest}", "a/{name}", "a/{id:int}", "a/fixed"]
    for order in (templates, templates[::-1]):
        found = find("GET", path, *order)
        assert found is not None
        assert best == found[0]


@pytest.mark.verified("trace", feature="HTTP routes")
def test_one_template_may_have_a_function_per_method_and_no_other_method_is_answered() -> None:
    templates = ("GET orders/{id}", "PUT,DELETE orders/{id}")
    assert ("GET orders/{id}", {"id": "1"}) == find("get", "/orders/1", *templates)
    assert ("PUT,DELETE orders/{id}", {"id": "1"}) == find("DELETE", "/orders/1", *templates)
    assert find("POST", "/orders/1", *templates) is None


@pytest.mark.verified("docs", feature="HTTP routes")
@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", "-5", "5.0"),
        ("long", "9223372036854775807", "9223372036854775808"),
        ("bool", "True", "yes"),
        ("guid", "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b"),
        ("alpha", "abC", "ab1"),
        ("double", "-1.5e3", "abc"),
        ("datetime", "2026-11-23", "soon"),
        ("length(3)", "abc", "ab"),
        ("length(2,3)", "ab", "abcd"),
        ("minlength(2)", "ab", "a"),
        ("maxlength(2)", "ab", "abc"),
        ("min(10)", "10", "9"),
        ("max(10)", "10", "11"),
        ("range(1,3)", "3", "4"),
        ("regex(^x.z$)", "xyz", "xyzz"),
    ],
)
def test_constraints_of_aspnet_hold(constraint: str, good: str, bad: str) -> None:
    template = f"a/{{value:{constraint}}}"
    assert (template, {"value": good}) == find("GET", f"/a/{good}", template)
    assert find("GET", f"/a/{bad}", template) is None


@pytest.mark.verified("docs", feature="HTTP routes")
def test_a_segment_may_mix_text_and_parameters() -> None:
    assert ("v{n:int}/{name}.{ext}", {"n": "2", "name": "a.b", "ext": "txt"}) == find(
        "GET", "/V2/a.b.txt", "v{n:int}/{name}.{ext}"
    )


@pytest.mark.verified("docs", feature="HTTP routes")
def test_a_parameter_may_have_a_default() -> None:
    assert ("a/{name=x}", {"name": "x"}) == find("GET", "/a", "a/{name=x}")


@pytest.mark.verified("docs", feature="HTTP routes: what stops the host")
@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("api//x", "The route template separator character '/' cannot appear consecutively"),
        ("api//{*route}", "cannot appear consecutively"),
        ("//x", "cannot appear consecutively"),
        ("a/x//", "cannot appear consecutively"),
        ("a/{", "cannot be read"),
        ("a/b?c", "cannot be read"),
        ("~a", "cannot start with a '~' character"),
        ("a/{id:nope}", "'nope' could not be resolved to a type"),
        ("a/{*rest}/b", "can only appear as the last segment"),
        ("a/{id:range(1)}", "is malformed"),
        ("{id}/{ID}", "'id' appears more than one time"),
    ],
)
def test_a_template_that_stops_the_host_is_quoted_with_the_reason(template: str, reason: str) -> None:
    with pytest.raises(RouteError) as refused:
        Route.parse(template, None, "f")
    assert f"creating the route with template '{template}'" in str(refused.value)
    assert reason in str(refused.value)


@pytest.mark.verified("docs", feature="HTTP routes")
@pytest.mark.parametrize("template", ["/a/b", "~/a/b", "a/b/", "/a/b/"])
def test_one_separator_at_either_end_does_not_count(template: str) -> None:
    assert (template, {}) == find("GET", "/a/b", template)


@pytest.mark.verified("docs", feature="HTTP routes")
def test_a_template_that_is_not_supported_here_says_so() -> None:
    with pytest.raises(RouteUnsupportedError, match="not supported by devstack"):
        Route.parse("a/x{y?}", None, "f")


def app_with(**route: str) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.route(**route)  # type: ignore[arg-type]
    def named(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse()

    return app


@pytest.mark.verified("docs", feature="HTTP routes: what stops the host")
@pytest.mark.parametrize(
    ("prefix", "route", "template"),
    [("api", "/x", "api//x"), ("v1/", "x", "v1//x"), ("api", "/{*route}", "api//{*route}")],
)
def test_a_route_is_joined_to_the_prefix_as_it_stands(prefix: str, route: str, template: str) -> None:
    with pytest.raises(
        RouteError,
        match=re.escape(f"the 'named' function: An error occurred while creating the route with template '{template}'"),
    ):
        checked_routes(indexed(app_with(route=route)).values(), prefix)


@pytest.mark.verified("docs", feature="HTTP routes")
@pytest.mark.parametrize(
    ("prefix", "route", "path"),
    [("", "/x", "/x"), ("/api", "x", "/api/x"), ("api", "", "/api/named"), ("", "", "/named")],
)
def test_what_aspnet_takes_is_served(prefix: str, route: str, path: str) -> None:
    functions = checked_routes(indexed(app_with(route=route)).values(), prefix)
    assert ("named", {}) == Router(routes_of(functions, prefix)).find("GET", path)
