"""What the bodies of commands are made of: strict, unknown properties refused. pydantic serves this edge alone."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Room = Annotated[int, Field(ge=1, le=99)]


class Body(BaseModel):
    """As clients write it: camelCase, no coercion."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)
