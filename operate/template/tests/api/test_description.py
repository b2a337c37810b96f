"""Every route is described: `GET /api/openapi.json` is made of the operations beside the handlers."""

import function_app
from api.description import DESCRIPTION
from composition.domain import READ_MODELS
from engine.triggers.documentation import Documentation
from engine.triggers.openapi import routes_of


def test_every_route_is_described_and_its_example_is_one_that_it_takes() -> None:
    documentation = Documentation(DESCRIPTION, READ_MODELS)
    described = documentation.describe(function_app.app, function_app.READ_MODELS_OF)
    assert {each.path for each in routes_of(function_app.app)} == set(described["paths"])
    for operation in documentation.operations(function_app.READ_MODELS_OF):
        if operation.model is not None:
            operation.model.model_validate(operation.example)
