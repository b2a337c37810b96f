"""Every trigger of the service."""

import azure.functions as func

from composition import wiring

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.function_name("arrive")
@app.route("guests/{guest}/arrival", methods=["POST"])
async def arrive(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).arrive(req)


@app.function_name("leave")
@app.route("guests/{guest}/departure", methods=["POST"])
async def leave(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).leave(req)


@app.function_name("project_guest_book")
@app.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:00:30")
@app.cosmos_db_trigger(
    arg_name="documents",
    connection="COSMOS",
    database_name="%COSMOS_DATABASE%",
    container_name="events",
    lease_container_name="leases",
    lease_container_prefix="guest-book-",
    feed_poll_delay=500,
    start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time by mistake
)
async def project_guest_book(documents: func.DocumentList) -> None:
    await (await wiring.feed()).project("guest-book", documents)


@app.function_name("get_guest")
@app.route("guests/{guest}", methods=["GET"])
async def get_guest(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_guest(req)
