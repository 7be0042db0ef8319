"""What a night looks up in the stored keys: who holds its blocks, and which matches it may undo."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.dedupe import holders as module
from warehouse.dedupe.holders import holders
from warehouse.manifest import sql_file

BLOCKS = st.integers(0, (1 << 60) - 1) | st.integers(0, 20)


def found(rows: list[list[int]], wanted: set[int]) -> dict[int, list[int]]:
    """The rows that are found, by their place."""
    stored = pa.table(
        {
            "listing_id": pa.array([str(place) for place in range(len(rows))], pa.string()),
            "blocks": pa.array(rows, pa.list_(pa.int64())),
        }
    )
    with duckdb.connect() as connection:
        connection.register("given", stored)
        connection.execute("create table stored as select * from given")
        tables = list(holders(connection, "stored", np.array(sorted(wanted), np.int64)))
    told = [row for table in tables for row in table.to_pylist()]
    assert len({row["listing_id"] for row in told}) == len(told)
    return {int(row["listing_id"]): row["blocks"] for row in told}


@given(
    rows=st.lists(st.lists(BLOCKS, max_size=5), max_size=12),
    others=st.sets(BLOCKS, max_size=5),
    data=st.data(),
)
def test_no_holder_is_missed(rows: list[list[int]], others: set[int], data: st.DataObject) -> None:
    """Whoever has a wanted block is found once, with all blocks; who has none is found by chance only."""
    there = sorted({block for row in rows for block in row})
    chosen = data.draw(st.sets(st.sampled_from(there))) if there else set()
    wanted = chosen | others
    told = found(rows, wanted)
    assert all(told[place] == rows[place] for place in told)
    assert {place for place, row in enumerate(rows) if wanted & {*row}} <= told.keys()


def test_few_are_found_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many listings, read in several parts, the holders are found, and few besides."""
    monkeypatch.setattr(module, "_ROWS", 3_000)
    monkeypatch.setattr(module, "_AT_ONCE", 50)
    blocks = np.random.default_rng(1).integers(0, 1 << 60, (20_000, 5))
    told = found(blocks.tolist(), set(blocks[::100, 2].tolist()))
    assert {*range(0, 20_000, 100)} <= told.keys()
    assert len(told) < 210


# Blocks of at most 2 are used. Block 1 has outgrown that; 2 was touched and is small; 3 is small and
# 4 large, both untouched.
STATE = """
create temp table given as
select * from (values
    ('a', [1, 2]), ('b', [1, 2]),
    ('c', [1, 3]), ('d', [1, 3]),
    ('e', [1, 4]), ('f', [1, 4]),
    ('g', [1]), ('h', [1, 4]),
    ('i', [1]), ('j', [9])
) as row (listing_id, blocks);
create view living_match_keys as from given;
create temp table renewed as select 'i' as listing_id;
create temp table touched_blocks as select unnest([1, 2, 9]) as block;
create temp table populations as
select * from (values (1, 2, 9), (2, 1, 2), (9, 1, 3)) as row (block, n_before, n_after);
create temp table holders as from given;
create temp table sharing as
select g.listing_id, g.block, g.listing_id = 'i' as is_renewed
from (select listing_id, unnest(blocks) as block from given) as g
semi join touched_blocks as t on g.block = t.block;
create temp table living_matches as
select * from (values
    ('a', 'b'), ('c', 'd'), ('e', 'f'), ('g', 'h'), ('g', 'i'), ('g', 'j')
) as row (left_id, right_id)
"""


def test_matches_are_lost_with_their_last_small_block() -> None:
    """Doubtful is what met in the outgrown block and no touched one; lost, what no small block holds.

    Neither is a match of a listing that is compared anew, nor one whose sides share no outgrown block.
    """
    with duckdb.connect() as connection:
        connection.execute(STATE)
        connection.execute(sql_file("dedupe", "doubtful.sql").format(most=2))
        doubtful = connection.execute("from doubtful order by all").fetchall()
        connection.execute(sql_file("dedupe", "lost.sql").format(most=2))
        lost = connection.execute("from lost order by all").fetchall()
    assert doubtful == [("c", "d"), ("e", "f"), ("g", "h")]
    assert lost == [("e", "f"), ("g", "h")]
