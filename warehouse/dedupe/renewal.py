"""Brings the keys and matches of a lake up to date with the listings that changed.

Only what changed is compared, with what shares a block with it; yet the matches are afterwards the
same as if all listings had come at once.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa

from schemas.arrow import schema_of
from schemas.datasets import MATCH_KEYS, MATCHES
from schemas.matching import Match, MatchKeys
from warehouse.dedupe import learning, modelstore
from warehouse.dedupe.alone import LEARNT_FROM, MOST_IN_BLOCK
from warehouse.dedupe.decision import RELATIONS
from warehouse.dedupe.grouping import Compared, compare
from warehouse.dedupe.holders import holders
from warehouse.dedupe.keys import keys_of_all
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import COMPARED, KEYS_SCHEMA, Numbers, keys_table, ready
from warehouse.dedupe.records import records
from warehouse.dedupe.sifting import Sieve
from warehouse.lake import Writer, columns
from warehouse.manifest import sql_file, sql_type

_COMPARED = ", ".join(f'k."{name}"' for name in COMPARED)


def renew(writer: Writer, *, is_whole: bool) -> Model:
    """Make keys of the fresh listings, compare them, and write what changed of keys and matches.

    Args:
        writer: with the views and tables `fresh`, `living_match_keys`, `living_matches`.
        is_whole: whether the fresh listings are all there are, so that a new model is made and
            nothing stored is kept.

    Returns:
        The model. The tables `new_matches` and `ended_matches` say what changed.
    """
    db = writer.db
    model = _counted(writer) if is_whole else modelstore.load(writer)
    assert model is not None, "without a model everything is fresh"
    db.execute(
        "create or replace table renewed as select listing_id from "
        + ("living_match_keys" if is_whole else "fresh")
    )
    _make_keys(db, model)
    # A whole renewal compares the fresh listings with each other only.
    stored = "(select * from living_match_keys where false)" if is_whole else "living_match_keys"
    _note_stored_keys(db, stored)
    db.execute(sql_file("dedupe", "touched.sql"))
    _note_holders(db, stored)
    db.execute(sql_file("dedupe", "near.sql").format(most=MOST_IN_BLOCK))
    keys = ready(_keys(db, stored))
    sieve = Sieve(keys)
    if is_whole:
        model = _learnt(db, keys, sieve, model)
        modelstore.store(writer, model)
    # Comparing keeps one core busy, looking for lost matches the other.
    with ThreadPoolExecutor(1) as aside, db.cursor() as cursor:
        ending = aside.submit(_note_ended, cursor)
        pairs = _near(db, sieve)
        _note_matches(db, (compare(keys, left, right, model) for left, right in pairs), model)
        ending.result()
    _write(writer, is_whole=is_whole)
    return model


def _note_stored_keys(db: duckdb.DuckDBPyConnection, stored: str) -> None:
    """Table stored_keys: what is stored of the renewed listings, as far as it is needed.

    Most listings of many nights are new. So it is asked first for whom there is something.
    """
    db.execute(
        "create or replace temp table known as "
        f"select k.listing_id from {stored} as k semi join renewed as r on k.listing_id = r.listing_id"
    )
    is_any = db.execute("select 1 from known limit 1").fetchall()
    db.execute(
        f"""
        create or replace temp table stored_keys as
        select k.listing_id, k.blocks, k.row_hash, k.changed_in_snapshot
        from {stored} as k
        semi join known as n on k.listing_id = n.listing_id
        {"" if is_any else "where false"}
        """
    )


def _note_holders(db: duckdb.DuckDBPyConnection, stored: str) -> None:
    """Table holders: stored listings and their blocks, all that are in a touched block among them."""
    wanted = db.execute("select block from touched_blocks").fetchnumpy()["block"]
    db.execute("create or replace table holders (listing_id varchar, blocks bigint[])")
    for found in holders(db, stored, wanted) if len(wanted) else ():
        db.register("found", found)
        db.execute("insert into holders select * from found")
        db.unregister("found")


def _note_ended(db: duckdb.DuckDBPyConnection) -> None:
    """Table ended_matches: what is stored of listings that are compared anew, and what was lost.

    It runs beside the comparison, on a cursor of its own, so that no table it reads is temporary.
    """
    db.execute(sql_file("dedupe", "doubtful.sql").format(most=MOST_IN_BLOCK))
    # The keys of all listings are looked through again only where there is something to find.
    is_any = db.execute("select 1 from doubtful limit 1").fetchall()
    if is_any:
        db.execute(sql_file("dedupe", "lost.sql").format(most=MOST_IN_BLOCK))
    lost = "lost" if is_any else "doubtful"
    db.execute(
        f"""
        create or replace table ended_matches as
        select m.left_id, m.right_id from living_matches as m
        where m.left_id in (select listing_id from renewed)
            or m.right_id in (select listing_id from renewed)
        union
        select left_id, right_id from {lost}
        """
    )


def _counted(writer: Writer) -> Model:
    earlier = modelstore.load(writer)
    every = (record for batch in records(writer.db, "fresh") for _, record in batch)
    return learning.count(every, 1 + (earlier.number if earlier else 0))


def _make_keys(db: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Table fresh_keys: the keys of the fresh listings, numbered from 0."""
    names = ", ".join(f'"{item.name}" {sql_type(item.type)}' for item in KEYS_SCHEMA)
    db.execute(
        f"create or replace temp table fresh_keys (listing_id varchar, {names}, number bigint)"
    )
    number = 0
    for batch in records(db, "fresh"):
        table = keys_table(keys_of_all([record for _, record in batch], model))
        ids = pa.array([listing_id for listing_id, _ in batch], pa.string())
        table = table.add_column(0, "listing_id", ids)
        table = table.append_column("number", pa.array(np.arange(number, number + len(batch))))
        db.register("made", table)
        db.execute("insert into fresh_keys select * from made")
        db.unregister("made")
        number += len(batch)


def _keys(db: duckdb.DuckDBPyConnection, stored: str) -> pa.Table:
    """The keys of the fresh listings and of those near them, in the order of their numbers.

    View keys_at_hand holds them with their listing_id, for who needs them again.
    """
    db.execute(
        f"""
        create or replace temp table near_keys as
        select k.listing_id, n.number, {_COMPARED}
        from {stored} as k
        join numbered as n on k.listing_id = n.listing_id
        where not n.is_fresh
        """
    )
    db.execute(
        """
        create or replace temp view keys_at_hand as
        select * exclude (blocks) from fresh_keys
        union all by name
        select * from near_keys
        """
    )
    return columns(db, f"select {_COMPARED} from keys_at_hand as k order by k.number")


_PAIRS_AT_ONCE = 2_000_000


def _near(db: duckdb.DuckDBPyConnection, sieve: Sieve) -> Iterator[tuple[Numbers, Numbers]]:
    """The pairs that are worth comparing, a part at a time."""
    cursor = db.cursor()
    try:
        found = cursor.sql("select left_number, right_number from near")
        for batch in found.to_arrow_reader(_PAIRS_AT_ONCE):
            left, right = (column.to_numpy() for column in batch.columns)
            kept = sieve.sifted(left, right)
            yield left[kept], right[kept]
    finally:
        cursor.close()


def _learnt(db: duckdb.DuckDBPyConnection, keys: pa.Table, sieve: Sieve, model: Model) -> Model:
    """The model with what a sample of pairs shows."""
    sample = db.execute(
        "select left_number, right_number from near "
        f"order by hash(left_number, right_number) limit {LEARNT_FROM}"
    ).fetchnumpy()
    anchors = learning.Anchors()
    left, right = sample["left_number"], sample["right_number"]
    kept = sieve.sifted(left, right)
    compare(keys, left[kept], right[kept], model, seen=anchors.add)
    return anchors.taught(model)


def _note_matches(db: duckdb.DuckDBPyConnection, found: Iterable[Compared], model: Model) -> None:
    """Table new_matches: the columns of `Match`, the smaller listing_id on the left."""
    names = ", ".join(f'"{item.name}" {sql_type(item.type)}' for item in schema_of(Match))
    db.execute(f"create or replace temp table new_matches ({names})")
    for compared in found:
        db.register("told", _told(compared))
        db.execute(
            f"""
            insert into new_matches
            select
                least(l.listing_id, r.listing_id) as left_id,
                greatest(l.listing_id, r.listing_id) as right_id,
                t.relation, t.score, t.evidence, {model.number} as model,
            from told as t
            join numbered as l on t.one = l.number
            join numbered as r on t.other = r.number
            """
        )
        db.unregister("told")


def _told(compared: Compared) -> pa.Table:
    """Matches as columns; the evidence of each the strongest first."""
    relations = pa.array(RELATIONS, pa.string()).take(compared.relation.astype(np.int64))
    return pa.table(
        {
            "one": compared.left,
            "other": compared.right,
            "relation": relations,
            "score": compared.score.astype(float).round(3),
            "evidence": compared.evidence(schema_of(Match).field("evidence").type),
        }
    )


def _write(writer: Writer, *, is_whole: bool) -> None:
    names = ", ".join(f'"{name}"' for name in schema_of(MatchKeys).names)
    writer.upsert(
        MATCH_KEYS,
        f"select {names} from fresh_keys",
        gone="select listing_id from renewed where listing_id not in (select listing_id from fresh_keys)",
        stored=None if is_whole else "stored_keys",
    )
    writer.upsert(
        MATCHES,
        "select * from new_matches",
        gone="select left_id, right_id from ended_matches anti join new_matches using (left_id, right_id)",
    )
