"""`operate views` makes views afresh from the events."""

from collections.abc import Mapping

from composition.domain import READ_MODELS
from engine.commands.errors import UnknownStream
from engine.projecting.projection import Projection
from operate.failure import unknown
from operate.messages import connected
from operate.output import print_rows, say


async def refold(environment: Mapping[str, str], stream_id: str, *, as_json: bool) -> None:
    """Makes the views of one stream afresh, and prints a row per read model and generation. Raises CommandFailed."""
    async with connected(environment, changes=True) as services:
        try:
            kept = [kept for each in READ_MODELS for kept in await services.generations.kept(each)]
            projections = [each for each in kept if isinstance(each, Projection)]
            refolded = await services.refold.stream(projections, stream_id)
        except UnknownStream:
            raise unknown(f"there is no stream {stream_id!r}: `operate streams list` shows what there is") from None
    print_rows(
        [
            {
                "readModel": each.read_model,
                "generation": each.generation,
                "version": each.version,
                "deleted": each.deleted,
            }
            for each in refolded
        ],
        as_json=as_json,
    )
    if not refolded:
        say("no read model follows this stream; its snapshots are gone")
