"""The affected listings of a lake in groups: what joins them, and what speaks against it."""

from collections.abc import Collection

import duckdb
import numpy as np
import pyarrow as pa

from warehouse.dedupe.clusters import cluster, components
from warehouse.dedupe.decision import reasons_of
from warehouse.dedupe.grouping import Guard
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import COMPARED, Flags, Numbers, pairs_of
from warehouse.lake import columns


def join(db: duckdb.DuckDBPyConnection, model: Model, lists_once: Collection[str]) -> None:
    """Make the table components: of every affected listing its group, its edition, what it reaches.

    Args:
        db: with the tables affected, untitled, edges, verdicts, and those of keys.
        model: under which the edges were found.
        lists_once: sources in which a paper has one listing at most.
    """
    db.execute(
        """
        create or replace temp table joinable as
        with ends as (
            select unnest([e.left_id, e.right_id]) as listing_id from edges as e
        )
        select listing_id, row_number() over (order by listing_id) - 1 as number
        from (select distinct listing_id from ends)
        """
    )
    ids = db.execute("select listing_id from joinable order by number").fetchnumpy()["listing_id"]
    edges = _numbered(
        db,
        "select l.number as one, r.number as other, e.kind, e.relation, e.strength from edges as e "
        "join joinable as l on e.left_id = l.listing_id "
        "join joinable as r on e.right_id = r.listing_id order by all",
    )
    keys = _keys_of(db, "joinable")
    one, other, kind = edges["one"], edges["other"], edges["kind"]
    sound = np.ones(len(one), bool)
    linked = np.flatnonzero(kind == "link")
    sound[linked[_are_void(keys, one[linked], other[linked], model)]] = False
    reach = components(len(ids), one, other)
    one, other, kind = one[sound], other[sound], kind[sound]
    strength, relation = edges["strength"][sound], edges["relation"][sound]
    certain = kind != "likeness"
    guard = Guard(
        keys,
        model,
        sources=_source_numbers(ids, lists_once),
        apart=frozenset(_decided(db, "apart")),
        certain=components(len(ids), one[certain], other[certain]),
    )
    papers = cluster(len(ids), one, other, strength, guard.papers)
    same = (relation == "same") & (papers[one] == papers[other])
    editions = cluster(len(ids), one[same], other[same], strength[same], guard.editions)
    db.register(
        "grouped",
        pa.table(
            {
                "listing_id": pa.array(ids, pa.string()),
                "component": pa.array(ids[papers] if len(ids) else [], pa.string()),
                "edition_id": pa.array(ids[editions] if len(ids) else [], pa.string()),
                "reach_id": pa.array(ids[reach] if len(ids) else [], pa.string()),
            }
        ),
    )
    db.execute(
        """
        create or replace temp table components as
        select
            a.listing_id,
            coalesce(g.component, a.listing_id) as component,
            coalesce(g.edition_id, a.listing_id) as edition_id,
            coalesce(g.reach_id, a.listing_id) as reach_id,
        from affected as a
        left join grouped as g on a.listing_id = g.listing_id
        anti join untitled as u on a.listing_id = u.listing_id
        """
    )
    db.unregister("grouped")


def _numbered(db: duckdb.DuckDBPyConnection, sql: str) -> dict[str, np.ndarray]:
    found = db.execute(sql).fetchnumpy()
    return {name: np.asarray(values) for name, values in found.items()}


def _keys_of(db: duckdb.DuckDBPyConnection, numbered: str) -> pa.Table:
    """Keys of the listings of a table with listing_id and number, in its order.

    Most are at hand, those of the fresh listings and of what was compared with them.
    """
    names = ", ".join(f'k."{name}"' for name in COMPARED)
    db.execute(
        f"""
        create or replace temp table further_ids as
        select n.listing_id
        from {numbered} as n
        anti join keys_at_hand as k on n.listing_id = k.listing_id
        anti join renewed as r on n.listing_id = r.listing_id
        """
    )
    is_any = db.execute("select 1 from further_ids limit 1").fetchall()
    return columns(
        db,
        f"""
        select {names} from (
            select * exclude (number) from keys_at_hand
            union all by name
            select k.listing_id, {names}
            from living_match_keys as k
            semi join further_ids as i on k.listing_id = i.listing_id
            {"" if is_any else "where false"}
        ) as k
        join {numbered} as n on k.listing_id = n.listing_id
        order by n.number
        """,
    )


def _are_void(keys: pa.Table, one: Numbers, other: Numbers, model: Model) -> Flags:
    """Which pairs share an identifier by mistake: neither their titles nor their authors agree."""
    if not len(one):
        return np.zeros(0, bool)
    found: Flags = reasons_of(pairs_of(keys, one, other), model)["identifier_void"] > 0
    return found


def _decided(db: duckdb.DuckDBPyConnection, verdict: str) -> list[tuple[int, int]]:
    rows = db.execute(
        "select l.number, r.number from verdicts as d join joinable as l on d.left_id = l.listing_id "
        "join joinable as r on d.right_id = r.listing_id where d.verdict = ?",
        [verdict],
    ).fetchall()
    return [(min(row), max(row)) for row in rows]


def _source_numbers(ids: np.ndarray, lists_once: Collection[str]) -> Numbers:
    """The place of each listing's source in `lists_once`, -1 for other sources."""
    places = {source: place for place, source in enumerate(sorted(lists_once))}
    return np.array([places.get(item.partition(":")[0], -1) for item in ids], np.int64)
