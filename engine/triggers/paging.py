"""Where a page of views begins is read from the continuation of the page before, which carries its generation."""

import re
from typing import Any, Final, NamedTuple

import azure.functions as func

from engine.projecting.generations.known import query_of
from engine.projecting.generations.port import Generations
from engine.projecting.query import PageQuery, ReadModel
from engine.triggers.http_requests import read_continuation
from engine.triggers.problems import BadRequest

_OF_A_GENERATION: Final = re.compile(r"\d{1,9}~.*", re.ASCII)


class Place(NamedTuple):
    """Holds the sort keys between which the views of a page lie: the first one, and the one that is no more in it."""

    sort_from: str
    sort_below: str


def read_place(req: func.HttpRequest, read_model: ReadModel, generations: Generations) -> tuple[PageQuery[Any], Place]:
    """Returns the query of the generation whose pages the request turns, and where the page lies: at first, the first.

    Raises BadRequest, also for a generation that is gone.
    """
    continued = read_continuation(req, _OF_A_GENERATION)
    generation = generations.serving if continued is None else int(continued.partition("~")[0])
    if generation not in generations.whole:
        raise BadRequest("continuation is one of pages that are gone: begin with the first page.")
    query = query_of(read_model, generation)
    assert isinstance(query, PageQuery), "all generations are asked alike"
    sort_key = re.compile(rf"{generation}~(?:{query.sort_key.pattern})", query.sort_key.flags)
    below = read_continuation(req, sort_key) or f"{generation}\x7f"
    return query, Place(f"{generation}~", below)
