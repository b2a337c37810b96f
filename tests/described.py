"""What the REST interface says of itself, and whether an answer is as it says."""

import functools
import json
from typing import Any, Final

import azure.functions as func
import jsonschema_rs

import function_app
from api.description import DESCRIPTION as DESCRIBED
from composition.domain import READ_MODELS
from engine.triggers.documentation import Documentation

DOCUMENTATION: Final = Documentation(DESCRIBED, READ_MODELS)
DESCRIPTION: Final = DOCUMENTATION.describe(function_app.app, function_app.READ_MODELS_OF)
OPERATIONS: Final[dict[str, Any]] = {
    operation["operationId"]: operation for path in DESCRIPTION["paths"].values() for operation in path.values()
}
"""By the names of function_app.py."""


def check(function: str, response: func.HttpResponse) -> None:
    """Raises AssertionError for an answer that is not described: by status, header, property, or kind of problem."""
    described = OPERATIONS[function]["responses"].get(str(response.status_code))
    assert described is not None, f"{function} does not say that it answers {response.status_code}"
    headers = set(dict(response.headers)) - set(described.get("headers", {}))
    assert not headers, f"{function} does not say that {response.status_code} has {headers}"
    if not (body := response.get_body()):
        assert "content" not in described, f"{function} says that {response.status_code} has a body"
        return
    content = described["content"]
    media = content.get(response.mimetype, content.get(f"{response.mimetype.partition('/')[0]}/*"))
    assert media is not None, f"{function} does not say that {response.status_code} is {response.mimetype}"
    if response.mimetype.startswith("text/"):
        return
    value = json.loads(body)
    found = _validator(_text(media["schema"])).iter_errors(value)
    errors = [f"{error.instance_path}: {error.message}"[:300] for error in found]
    assert not errors, f"{function} does not say that {response.status_code} is {body.decode()[:300]}: {errors}"
    if response.status_code >= 400:
        kind = value["type"].rpartition(":")[2]
        assert kind in media["examples"], f"{function} does not say that {response.status_code} may be {kind}"


@functools.cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator({**json.loads(schema), "components": {"schemas": _closed()}})


@functools.cache
def _closed() -> dict[str, Any]:
    """The schemas, which allow for properties to come, without that: here each property is to be said."""
    schemas = json.loads(_text(DESCRIPTION["components"]["schemas"]))
    for schema in schemas.values():
        schema.setdefault("additionalProperties", False)
    return dict(schemas)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
