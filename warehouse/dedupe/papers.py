"""The papers of a lake brought up to date: grouping, stable ids, best fields.

Only what the snapshot's changed listings can reach is looked at, so the cost follows the change.
"""

from collections.abc import Collection, Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from schemas.arrow import record_batch, schema_of
from schemas.datasets import (
    DECISIONS,
    LISTINGS,
    MATCH_KEYS,
    MATCHES,
    MEMBERSHIPS,
    PAPER_EVENTS,
    PAPERS,
    REDIRECTS,
)
from schemas.matching import Decided
from schemas.paper import Bibliography, Paper
from warehouse.dedupe import modelstore, precedence
from warehouse.dedupe.clusters import cluster, components
from warehouse.dedupe.decision import reasons_of
from warehouse.dedupe.grouping import Guard
from warehouse.dedupe.identifiers import links_sql
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import COMPARED, Flags, Numbers, pairs_of
from warehouse.dedupe.precedence import UNKNOWN, Ranks
from warehouse.dedupe.renewal import renew
from warehouse.lake import Writer
from warehouse.manifest import quoted, sql_file
from warehouse.merging import Lacks


def regroup(
    writer: Writer,
    ranks: Mapping[str, Ranks],
    lacks: Lacks | None = None,
    *,
    verdicts: Sequence[Decided] = (),
    lists_once: Collection[str] = (),
    with_new_model: bool = False,
) -> None:
    """Bring papers, memberships, matches and redirects up to date with the listings just written.

    Args:
        writer: of the coming snapshot.
        ranks: source -> its place where fields are taken from several listings.
        lacks: format -> columns it cannot carry, on which it has no say.
        verdicts: what people decided; together with what the lake remembers it tells what is new.
        lists_once: sources in which a paper has one listing at most.
        with_new_model: whether to make the model anew and compare all listings again.
    """
    db = writer.db
    fresh = writer.written_rows(LISTINGS)
    is_whole = bool(writer.table(LISTINGS).data) and (
        with_new_model or modelstore.load(writer) is None
    )
    is_decided_anew = _note_verdicts(writer, verdicts)
    if fresh is None and not (is_whole or is_decided_anew):
        return
    for dataset in (PAPERS, MEMBERSHIPS, REDIRECTS, MATCH_KEYS, MATCHES):
        db.execute(f"create or replace temp view living_{dataset.name} as {writer.living(dataset)}")
    if is_whole or fresh is None:
        nothing = "" if is_whole else " where false"
        fresh = f"select * from ({writer.living(LISTINGS)}){nothing}"
    db.execute(f"create or replace view fresh as {fresh}")
    model = renew(writer, is_whole=is_whole)
    db.execute(f"create or replace temp table fresh_links as {links_sql(db, 'fresh')}")
    db.execute(
        "create or replace temp table untitled as select listing_id from fresh where title is null"
    )
    db.execute(sql_file("dedupe", "affected.sql"))
    _find_siblings(writer)
    db.execute(sql_file("dedupe", "links.sql"))
    preprints = ", ".join(quoted(item) for item in precedence.PREPRINT_TYPES)
    db.execute(sql_file("dedupe", "edges.sql").format(preprints=preprints))
    _components(db, model, lists_once)
    db.execute(
        """
        create or replace temp table affected_papers as
        select p.paper_id, p.birth_listing_id, p.first_seen_date
        from living_papers as p
        where p.paper_id in (
            select m.paper_id from living_memberships as m
            semi join affected as a on m.listing_id = a.listing_id
        )
        """
    )
    db.execute(sql_file("dedupe", "assign.sql"))
    _rank(db, ranks)
    db.execute(sql_file("dedupe", "retire.sql"))
    # The new rows are made before any table changes, since the views read the old state.
    db.execute(f"create or replace temp table new_memberships as {_memberships_sql()}")
    db.execute(f"create or replace temp table new_papers as {_papers_sql(writer, lacks or {})}")
    db.execute(f"create or replace temp table new_events as {_events_sql(writer)}")
    writer.upsert(
        REDIRECTS,
        f"select paper_id, merged_into, date {quoted(writer.moment.night_date.isoformat())} "
        "as night_date from redirected",
        gone="select paper_id from assigned",
    )
    writer.upsert(MEMBERSHIPS, "select * from new_memberships")
    writer.upsert(PAPERS, "select * from new_papers", gone="select paper_id from retired")
    writer.upsert(PAPER_EVENTS, "select * from new_events")


def _note_verdicts(writer: Writer, verdicts: Sequence[Decided]) -> bool:
    """Tables verdicts and decided_anew: what people decided, and the listings of what changed in it."""
    db = writer.db
    db.register(
        "given", pa.Table.from_batches([record_batch(verdicts, Decided)], schema_of(Decided))
    )
    db.execute("create or replace temp table verdicts as select * from given")
    db.unregister("given")
    db.execute(
        f"""
        create or replace temp table decided_anew as
        with earlier as (select left_id, right_id, verdict from ({writer.living(DECISIONS)})),
        now as (select left_id, right_id, verdict from verdicts),
        changed as (
            (select * from earlier except select * from now)
            union (select * from now except select * from earlier)
        )
        select distinct unnest([left_id, right_id]) as listing_id from changed
        """
    )
    ((n_changed,),) = db.execute("select count(*) from decided_anew").fetchall()
    if {(row.left_id, row.right_id, row.verdict, row.who, row.why) for row in verdicts} != {
        (row["left_id"], row["right_id"], row["verdict"], row["who"], row["why"])
        for row in writer.rows(DECISIONS)
    }:
        writer.replace_rows(DECISIONS, verdicts)
        # Worth a snapshot even where no paper changes, so that it is known to have been heard.
        writer.changed.add(DECISIONS.name)
    return bool(n_changed)


def _find_siblings(writer: Writer) -> None:
    """The affected listings that did not change, whole, as table siblings.

    Few if any; yet the lake may be large. So it is asked first when they were published, and only
    the row groups of that time are read.
    """
    db = writer.db
    living = writer.living(LISTINGS)
    db.execute(
        "create or replace temp table sibling_ids as "
        "select listing_id from affected anti join fresh using (listing_id)"
    )
    within = "false"
    if db.execute("select count(*) from sibling_ids").fetchall() != [(0,)]:
        ((first, last, is_undated),) = db.execute(
            "select min(l.publication_date), max(l.publication_date), "
            "bool_or(l.publication_date is null) "
            f"from (select listing_id, publication_date from ({living})) as l "
            "semi join sibling_ids as s on l.listing_id = s.listing_id"
        ).fetchall()
        within = "true"
        if first is not None and not is_undated:
            within = f"l.publication_date between date '{first}' and date '{last}'"
    db.execute(
        f"create or replace temp table siblings as select l.* from ({living}) as l "
        f"semi join sibling_ids as s on l.listing_id = s.listing_id where {within}"
    )


def _components(db: duckdb.DuckDBPyConnection, model: Model, lists_once: Collection[str]) -> None:
    """Table components: of every affected listing its group, its edition, and what it reaches."""
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
    """Keys of the listings of a table with listing_id and number, in its order."""
    columns = ", ".join(f'k."{name}"' for name in COMPARED)
    table: pa.Table | None = db.sql(
        f"""
        select {columns} from (
            select * exclude (number) from fresh_keys
            union all by name
            select * from living_match_keys anti join renewed using (listing_id)
        ) as k
        join {numbered} as n on k.listing_id = n.listing_id
        order by n.number
        """
    ).to_arrow_table()
    assert table is not None
    return table


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


def _rank(db: duckdb.DuckDBPyConnection, ranks: Mapping[str, Ranks]) -> None:
    """The affected listings in their component, with their places in the two orders."""
    preprints = ", ".join(quoted(item) for item in precedence.PREPRINT_TYPES)
    published = f"coalesce(l.type not in ({preprints}), false)"
    db.execute(
        f"""
        create or replace temp view ranked as
        select
            c.component,
            l.*,
            {published} as is_published,
            {_order_sql({source: item.work for source, item in ranks.items()}, UNKNOWN.work)}
                as work_rank,
            {_order_sql({source: item.page for source, item in ranks.items()}, UNKNOWN.page)}
                as page_rank,
        from (select * from fresh union all by name select * from siblings) as l
        join components as c on l.listing_id = c.listing_id
        """
    )


def _events_sql(writer: Writer) -> str:
    return sql_file("dedupe", "events.sql").format(
        snapshot=writer.snapshot, night_date=quoted(writer.moment.night_date.isoformat())
    )


def _memberships_sql() -> str:
    return sql_file("dedupe", "memberships.sql")


def _papers_sql(writer: Writer, lacks: Lacks) -> str:
    names = ", ".join(f'p."{name}"' for name in schema_of(Paper).names if name != "last_changed_at")
    now = f"timestamptz {quoted(writer.moment.now.isoformat())}"
    silent = ", ".join(
        quoted(name) for name, gone in sorted(lacks.items()) if "is_withdrawn" in gone
    )
    made = (
        sql_file("dedupe", "papers.sql")
        .replace("{best_columns}", _best_columns())
        .replace("{own_columns}", _own_columns())
        .replace("{silent_on_withdrawal}", silent)
    )
    return f"select {names}, {now} as last_changed_at from ({made}) as p"


def _own_columns() -> str:
    """The columns of a paper that has a single listing."""
    return "\n        ".join(f"r.{name}," for name in _taken_columns())


def _taken_columns() -> list[str]:
    return [name for name in Bibliography.model_fields if name not in precedence.BY_RULE]


def _best_columns() -> str:
    lines = []
    for name in _taken_columns():
        source = precedence.FOLLOWS.get(name, name)
        order = "page_rank" if source in precedence.PAGE_COLUMNS else "work_rank"
        is_list = pa.types.is_list(schema_of(Paper).field(source).type)
        present = f"len(r.{source}) > 0" if is_list else f"r.{source} is not null"
        best = (
            f"arg_min(r.{name}, (r.{order}, not r.is_published, r.listing_id)) filter ({present})"
        )
        lines.append(f"coalesce({best}, []) as {name}," if is_list else f"{best} as {name},")
    return "\n        ".join(lines)


def _order_sql(table: Mapping[str, int], otherwise: int) -> str:
    cases = " ".join(f"when {quoted(source)} then {rank}" for source, rank in table.items())
    return f"case l.source {cases} else {otherwise} end" if cases else str(otherwise)
