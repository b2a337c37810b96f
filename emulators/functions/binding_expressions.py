"""Binding expressions: `{orderId}`, `{Query.x}`, `{Headers.x}` in the fields of a binding."""

import json
import re
from collections.abc import Mapping

from azure.functions.meta import Datum

from emulators.functions.bindings import BindingError

EXPRESSION = re.compile(r"\{([^{}]+)\}")


def evaluate(template: str, trigger_metadata: Mapping[str, Datum]) -> str:
    """A template with its expressions replaced. Raises BindingError for a name that the trigger does not give."""
    return EXPRESSION.sub(lambda match: lookup(match[1], trigger_metadata), template)


def lookup(expression: str, trigger_metadata: Mapping[str, Datum]) -> str:
    """The value of one expression. Raises BindingError for a name that the trigger does not give."""
    head, _, rest = expression.partition(".")
    by_name = {name.lower(): datum for name, datum in trigger_metadata.items()}
    datum = by_name.get(head.lower())
    if datum is None:
        raise BindingError(f"No value for named parameter '{expression}'.")
    if not rest:
        return str(datum.value)
    fields = {name.lower(): value for name, value in json.loads(datum.value).items()}
    if rest.lower() not in fields:
        raise BindingError(f"No value for named parameter '{expression}'.")
    return str(fields[rest.lower()])
