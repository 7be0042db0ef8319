"""Which stored listings may be in some blocks: a look through the keys of all that is over soon.

Blocks are hashes, so a few of their bits tell most of them apart. Three small tables of bits let
through a block in a thousand that is not wanted, for half of what it costs to ask a database.
"""

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from warehouse.dedupe.arrays import distinct
from warehouse.dedupe.pairs import Flags, Numbers

_BITS = 22
"""Of so many bits a table stays in the processor's cache; half a million blocks fill a ninth of it."""
_SHIFTS = (0, 22, 38)
_ROWS = 100_000
_AT_ONCE = 300_000


def holders(db: duckdb.DuckDBPyConnection, stored: str, wanted: Numbers) -> Iterator[pa.Table]:
    """Stored listings that are in a wanted block, among a few that are not.

    Args:
        db: where the keys are; a cursor of its own is used.
        stored: a table, a view, or a select in brackets, with listing_id and blocks.
        wanted: the blocks.

    Returns:
        listing_id and blocks, many rows at a time.
    """
    tables = [_marked(_places(wanted, shift)) for shift in _SHIFTS]
    cursor = db.cursor()
    waiting: list[pa.RecordBatch] = []
    try:
        found = cursor.sql(f"select listing_id, blocks from {stored}")
        for batch in found.to_arrow_reader(_ROWS):
            waiting.append(batch.take(pa.array(_holding(batch.column(1), tables))))
            if sum(map(len, waiting)) >= _AT_ONCE:
                yield pa.Table.from_batches(waiting)
                waiting = []
    finally:
        cursor.close()
    if waiting:
        yield pa.Table.from_batches(waiting)


def _places(blocks: Numbers, shift: int) -> Numbers:
    return (blocks >> shift) & ((1 << _BITS) - 1)


def _marked(places: Numbers) -> Flags:
    table = np.zeros(1 << _BITS, bool)
    table[places] = True
    return table


def _holding(lists: Any, tables: list[Flags]) -> Numbers:
    """The rows with a block that every table knows."""
    offsets = lists.offsets.to_numpy()
    blocks = lists.values.to_numpy()[offsets[0] : offsets[-1]]
    # "clip" spares a look at each place: they are all within.
    known = np.flatnonzero(tables[0].take(_places(blocks, _SHIFTS[0]), mode="clip"))
    for table, shift in zip(tables[1:], _SHIFTS[1:], strict=True):
        known = known[table.take(_places(blocks[known], shift), mode="clip")]
    return distinct(np.searchsorted(offsets, known + offsets[0], side="right") - 1)
