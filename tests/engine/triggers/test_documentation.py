"""The description of an interface, of the toy domain: what is there is described, and what is described is there."""

from typing import Any

import azure.functions as func
import pytest

from engine.triggers.docs_page import page
from engine.triggers.documentation import Documentation
from engine.triggers.operations import Description
from tests.engine.toy.interface import Interface
from tests.engine.toy.registry import READ_MODELS

DESCRIBED = Description("Guests <b>and</b> houses", "What `they` share.", (Interface,))
QUERIES = {
    "get_guest": "guest-details",
    "get_guests": "house-guests",
    "get_beds": "house-beds",
    "get_visits": "house-visits",
}
ROUTES = {
    "invite": ("POST", "guests"),
    "dismiss": ("POST", "guests/{guestId}/dismissal"),
    "get_guest_events": ("GET", "guests/{guestId}/events"),
    "get_guest": ("GET", "guests/{guestId}"),
    "get_guests": ("GET", "houses/{houseId}/guests"),
    "get_beds": ("GET", "houses/{houseId}/beds"),
    "get_visits": ("GET", "visits"),
    "get_command": ("GET", "commands/{commandId}"),
    "health": ("GET", "health"),
    "health_details": ("GET", "health/details"),
    "get_openapi": ("GET", "openapi.json"),
    "get_docs": ("GET", "docs"),
}


def app_of(routes: dict[str, tuple[str, str]]) -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
    for name, (method, route) in routes.items():
        level = func.AuthLevel.ANONYMOUS if name == "health" else None

        async def handler(req: func.HttpRequest) -> func.HttpResponse:
            raise AssertionError("nobody asks")

        app.function_name(name)(app.route(route, methods=[method], auth_level=level)(handler))
    return app


def describe(routes: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return Documentation(DESCRIBED, READ_MODELS).describe(app_of(routes), QUERIES)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return describe(ROUTES)


@pytest.fixture(scope="module")
def schemas(description: dict[str, Any]) -> Any:
    return description["components"]["schemas"]


def parameters(operation: dict[str, Any]) -> list[str]:
    return [each["name"] for each in operation["parameters"]]


def test_a_route_that_nothing_describes_is_named() -> None:
    with pytest.raises(LookupError, match=r"^new_one has no operation"):
        describe({**ROUTES, "new_one": ("POST", "new")})


def test_a_description_of_no_route_is_named() -> None:
    with pytest.raises(LookupError, match=r"^dismiss: there is no such function of HTTP"):
        describe({name: route for name, route in ROUTES.items() if name != "dismiss"})


def test_an_app_may_be_described_after_its_functions_were_listed_and_before() -> None:
    app = app_of(ROUTES)
    app.get_functions()
    Documentation(DESCRIBED, READ_MODELS).describe(app, QUERIES)
    assert len(ROUTES) == len(app.get_functions())


def test_a_command(description: dict[str, Any]) -> None:
    dismiss = description["paths"]["/api/guests/{guestId}/dismissal"]["post"]
    assert ["guestId", "Idempotency-Key", "If-Match", "Prefer", "traceparent"] == parameters(dismiss)
    assert {"$ref": "#/components/schemas/DismissalBody"} == dismiss["requestBody"]["content"]["application/json"][
        "schema"
    ]
    problems = dismiss["responses"]["409"]["content"]["application/problem+json"]["examples"]
    assert {"guest-has-left", "stream-full"} == set(problems)
    assert ["ETag"] == list(dismiss["responses"]["200"]["headers"])
    assert ["Location", "Preference-Applied"] == list(dismiss["responses"]["202"]["headers"])
    assert ["Retry-After"] == list(dismiss["responses"]["503"]["headers"])
    assert {"key": []} in dismiss["security"]


def test_one_without_a_key_has_no_401(description: dict[str, Any]) -> None:
    health = description["paths"]["/api/health"]["get"]
    assert ([], False) == (health["security"], "401" in health["responses"])


def test_a_view_has_its_version_and_what_is_computed(description: dict[str, Any], schemas: Any) -> None:
    assert {"houseId", "beds", "taken", "free", "version"} == set(schemas["HouseBeds"]["required"])
    beds = description["paths"]["/api/houses/{houseId}/beds"]["get"]
    assert "Shows how many beds a house has, and how many of them are taken." == beds["summary"]
    assert {"200", "304", "400", "401", "404", "412", "500", "503"} == set(beds["responses"])


def test_a_page_of_views_may_have_a_continuation(schemas: Any, description: dict[str, Any]) -> None:
    assert ["guests"] == schemas["PageOfHouseGuest"]["required"]
    assert "continuation" in schemas["PageOfHouseGuest"]["properties"]
    guests = description["paths"]["/api/houses/{houseId}/guests"]["get"]
    assert ["houseId", "limit", "continuation"] == parameters(guests)


def test_sums_have_their_minute_and_their_series(description: dict[str, Any], schemas: Any) -> None:
    assert ["from", "to", "If-None-Match"] == parameters(description["paths"]["/api/visits"]["get"])
    assert ["minute", "houseId", "arrivals", "departures", "beds"] == schemas["HouseVisitsOfAMinute"]["required"]
    assert ["from", "to", "minutes", "totals"] == [*schemas["HouseVisits"]["properties"]]


def test_a_status_of_an_answer_and_of_a_problem_has_both(description: dict[str, Any]) -> None:
    answers = description["paths"]["/api/health/details"]["get"]["responses"]
    assert {"application/json", "application/problem+json"} == set(answers["503"]["content"])


def test_events_are_told_apart_by_their_type(schemas: Any) -> None:
    items = schemas["GuestEvents"]["properties"]["events"]["items"]
    assert {"GuestInvited", "GuestArrived", "GuestLeft", "GuestDismissed"} == set(items["discriminator"]["mapping"])
    left = schemas["GuestLeftEvent"]["properties"]
    assert ("GuestLeft", "#/components/schemas/GuestLeft") == (left["type"]["const"], left["data"]["$ref"])
    assert {"guestId", "houseId", "destination"} == set(schemas["GuestLeft"]["properties"])


def test_what_a_page_says_is_shown_as_text(description: dict[str, Any]) -> None:
    shown = page(description)
    assert "<h1>Guests &lt;b&gt;and&lt;/b&gt; houses</h1>" in shown
    assert "<p>What <code>they</code> share.</p>" in shown
