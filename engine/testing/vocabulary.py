"""The vocabulary of a domain is what its events and commands can say; a golden file notices when it changes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from engine.assembly import Domain
from engine.deciding.aggregate import Aggregate
from engine.storing.shapes import shape_of


def vocabulary_of(domain: Domain) -> Mapping[str, Any]:
    """Returns the vocabulary of each aggregate: its number, a digest of what is said under it, and all names.

    If the digest changes, a build from before will meet what it does not know: raise the number in the aggregate.
    """
    names = {cls: name for each in domain.aggregates for name, cls in each.event_classes.items()}
    inputs = {
        each.aggregate.category: sorted(names[cls] for cls in get_args(each.inputs) or (each.inputs,))
        for each in domain.processes
    }
    return {each.category: _of(each, inputs.get(each.category, ())) for each in domain.aggregates}


def _of(aggregate: Aggregate[Any, Any, Any], inputs: Sequence[str]) -> Mapping[str, Any]:
    classes = {**aggregate.event_classes, **aggregate.command_classes}
    said = {name: {**shape_of(cls), "class": name, "schema": _schema(aggregate, cls)} for name, cls in classes.items()}
    text = json.dumps([said, inputs], sort_keys=True)
    return {
        "vocabulary": aggregate.vocabulary,
        "says": hashlib.sha256(text.encode()).hexdigest()[:12],
        "events": list(aggregate.event_classes),
        "commands": list(aggregate.command_classes),
    }


def _schema(aggregate: Aggregate[Any, Any, Any], cls: type) -> int:
    return len(aggregate.upcasters.get(cls, ())) + 1
