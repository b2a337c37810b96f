"""The stock of one sku as an aggregate: its streams are `stock-<sku>`. They grow long, and have snapshots."""

from typing import Final

from domain.stock.commands import VOCABULARY, StockCommand
from domain.stock.decisions import decide
from domain.stock.events import StockEvent
from domain.stock.snapshot import from_data, to_data
from domain.stock.state import FOLD, INITIAL, StockState, evolve
from engine.deciding.aggregate import Aggregate, SnapshotFormat
from engine.deciding.decider import Decider

STOCK: Final[Aggregate[StockCommand, StockEvent, StockState]] = Aggregate(
    "stock",
    Decider(INITIAL, decide, evolve),
    events=StockEvent,
    commands=StockCommand,
    snapshots=SnapshotFormat(FOLD, to_data, from_data),
    vocabulary=VOCABULARY,
)
