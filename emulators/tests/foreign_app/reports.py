"""The blueprint of the weather service."""

import os
import time

import azure.functions as func

reports = func.Blueprint()  # type: ignore[no-untyped-call]


@reports.route(route="process", auth_level=func.AuthLevel.ANONYMOUS)
def report_process(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(os.getpid()))


@reports.route(route="crash", auth_level=func.AuthLevel.ANONYMOUS)
def crash(req: func.HttpRequest) -> func.HttpResponse:
    raise SystemExit(4)


@reports.route(route="sleep/{seconds:int}", auth_level=func.AuthLevel.ANONYMOUS)
def sleep(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(int(req.route_params["seconds"]))
    return func.HttpResponse("slept")
