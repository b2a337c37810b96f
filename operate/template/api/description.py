"""The description of the REST interface is made of what stands beside the operations of its handlers, and of this."""

from typing import Final

from api.guests import GuestFunctions
from engine.triggers.operations import Description

DESCRIPTION: Final = Description(
    title="service-name",
    text="Commands append events to streams; queries answer from views of them. Errors are problems (RFC 9457).",
    parts=(GuestFunctions,),
)
