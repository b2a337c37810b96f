"""A weather service: an app that knows nothing of devstack, for its tests."""

import json
import logging
import os
from typing import Any

import azure.functions as func
from alarms import alarms  # type: ignore[import-not-found]
from reports import reports  # type: ignore[import-not-found]

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(reports)
app.register_functions(alarms)

DATABASE = "%WEATHER_DATABASE%"
CONNECTION = "WEATHER"


def feed(prefix: str) -> dict[str, Any]:
    """The trigger settings that all functions on the feed of readings share."""
    return {
        "connection": CONNECTION,
        "database_name": DATABASE,
        "container_name": "readings",
        "lease_container_name": "leases",
        "lease_container_prefix": prefix,
        "create_lease_container_if_not_exists": True,
        "start_from_beginning": True,
    }


@app.route(route="readings", methods=["POST"])
@app.cosmos_db_output(arg_name="reading", connection=CONNECTION, database_name=DATABASE, container_name="readings")
def record_reading(req: func.HttpRequest, reading: func.Out[func.Document]) -> func.HttpResponse:
    """The item is written after this function has returned."""
    reading.set(func.Document.from_dict(req.get_json()))
    return func.HttpResponse(status_code=201)


@app.route(route="nowhere", methods=["POST"])
@app.cosmos_db_output(arg_name="reading", connection=CONNECTION, database_name=DATABASE, container_name="nowhere")
def record_nowhere(req: func.HttpRequest, reading: func.Out[func.Document]) -> func.HttpResponse:
    """The container does not exist: the 201 of this function never reaches the client."""
    reading.set(func.Document.from_dict({"id": "1"}))
    return func.HttpResponse(status_code=201)


@app.route(route="readings/{station}/{id}", methods=["GET"])
@app.cosmos_db_input(
    arg_name="found",
    connection=CONNECTION,
    database_name=DATABASE,
    container_name="readings",
    id="{id}",
    partition_key="{station}",
)
async def get_reading(req: func.HttpRequest, found: func.DocumentList) -> func.HttpResponse:
    if not found or found[0] is None:
        return func.HttpResponse(status_code=404)
    return func.HttpResponse(found[0].to_json(), mimetype="application/json")


@app.route(route="readings/{station}", methods=["GET"])
@app.cosmos_db_input(
    arg_name="found",
    connection=CONNECTION,
    database_name=DATABASE,
    container_name="readings",
    sql_query="SELECT c.id FROM c WHERE c.station = {station}",
)
async def list_readings(req: func.HttpRequest, found: func.DocumentList) -> func.HttpResponse:
    return func.HttpResponse(json.dumps([each["id"] for each in found]), mimetype="application/json")


@app.cosmos_db_trigger(arg_name="readings", **feed("warm-"))
@app.cosmos_db_output(arg_name="warmest", connection=CONNECTION, database_name=DATABASE, container_name="warmest")
@app.retry(
    strategy="exponential_backoff",
    max_retry_count="-1",
    minimum_interval="00:00:01",
    maximum_interval="00:00:10",
)
async def find_warm(readings: func.DocumentList, warmest: func.Out[func.DocumentList], context: func.Context) -> None:
    """Copies the warm readings; a reading with `fail` set fails so many times."""
    if any(reading.get("fail", 0) > context.retry_context.retry_count for reading in readings):
        raise ValueError("a sensor is wet")
    warm = [reading for reading in readings if reading.get("celsius", 0) > 25]
    logging.info("%d of %d are warm", len(warm), len(readings))
    warmest.set(func.DocumentList([func.Document.from_dict({"id": each["id"], "by": os.getpid()}) for each in warm]))


@app.cosmos_db_trigger(arg_name="readings", max_items_per_invocation=1, **feed("cold-"))
def find_cold(readings: func.DocumentList) -> None:
    """Has no retry policy: what it fails on is lost."""
    if "fail" in readings[0]:
        raise ValueError("this reading is lost")
    print("cold:", readings[0]["id"], flush=True)


@app.timer_trigger(arg_name="timer", schedule="%HEARTBEAT%")
def heartbeat(timer: func.TimerRequest) -> None:
    logging.info("alive in %d", os.getpid())
