"""The papers of a lake brought up to date: grouping, stable ids, best fields.

Only what the snapshot's changed listings can reach is looked at, so the cost follows the change.
"""

from collections.abc import Collection, Mapping, Sequence

import duckdb
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
from schemas.paper import Bibliography, Listing, Paper
from warehouse.dedupe import modelstore, precedence
from warehouse.dedupe.identifiers import links_sql
from warehouse.dedupe.joining import join
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
        with_new_model or not modelstore.is_there(writer)
    )
    is_decided_anew = _note_verdicts(writer, verdicts)
    if fresh is None and not (is_whole or is_decided_anew):
        return
    for dataset in (PAPERS, MEMBERSHIPS, REDIRECTS, MATCH_KEYS, MATCHES):
        # Not temporary: cursors of their own read some of them.
        db.execute(f"create or replace view living_{dataset.name} as {writer.living(dataset)}")
    if is_whole or fresh is None:
        nothing = "" if is_whole else " where false"
        fresh = f"select * from ({writer.living(LISTINGS)}){nothing}"
    db.execute(f"create or replace view fresh as {fresh}")
    model = renew(writer, is_whole=is_whole)
    db.execute(
        f"create or replace temp table fresh_links as {links_sql(db, 'fresh', model.shared_dois)}"
    )
    db.execute(
        "create or replace temp table untitled as select listing_id from fresh where title is null"
    )
    db.execute(sql_file("dedupe", "affected.sql"))
    _find_siblings(writer)
    db.execute(sql_file("dedupe", "links.sql"))
    preprints = ", ".join(quoted(item) for item in precedence.PREPRINT_TYPES)
    db.execute(sql_file("dedupe", "edges.sql").format(preprints=preprints))
    join(db, model, lists_once)
    db.execute(
        """
        create or replace temp table affected_papers as
        select p.paper_id, p.birth_listing_id, p.first_seen_date, p.row_hash, p.changed_in_snapshot
        from living_papers as p
        semi join affected_memberships as m on p.paper_id = m.paper_id
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
    writer.upsert(MEMBERSHIPS, "select * from new_memberships", stored="affected_memberships")
    # A new paper's id that is stored is that of a paper with an affected listing, so no other is read.
    writer.upsert(
        PAPERS,
        "select * from new_papers",
        gone="select paper_id from retired",
        stored="affected_papers",
    )
    writer.upsert(PAPER_EVENTS, "select * from new_events")


def _note_verdicts(writer: Writer, verdicts: Sequence[Decided]) -> bool:
    """Tables verdicts and decided_anew: what people decided, and the listings of what changed in it."""
    db = writer.db
    earlier = [Decided(**row) for row in writer.rows(DECISIONS)]
    pairs = {row[:3] for row in map(_words, earlier)} ^ {row[:3] for row in map(_words, verdicts)}
    ids = sorted({listing_id for left, right, _ in pairs for listing_id in (left, right)})
    given = pa.Table.from_batches([record_batch(verdicts, Decided)], schema_of(Decided))
    for name, table in (
        ("verdicts", given),
        ("decided_anew", pa.table({"listing_id": pa.array(ids, pa.string())})),
    ):
        db.register("given", table)
        db.execute(f"create or replace temp table {name} as select * from given")
        db.unregister("given")
    if {*map(_words, earlier)} != {*map(_words, verdicts)}:
        writer.replace_rows(DECISIONS, verdicts)
        # Worth a snapshot even where no paper changes, so that it is known to have been heard.
        writer.changed.add(DECISIONS.name)
    return bool(ids)


def _words(row: Decided) -> tuple[str, str, str, str, str]:
    return row.left_id, row.right_id, row.verdict, row.who, row.why


def _find_siblings(writer: Writer) -> None:
    """The affected listings that did not change, as table siblings: what papers take from them.

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
    taken = {*schema_of(Paper).names, "listing_id", "source", "record_format"}
    names = ", ".join(f'l."{name}"' for name in schema_of(Listing).names if name in taken)
    db.execute(
        f"create or replace temp table siblings as select {names} from ({living}) as l "
        f"semi join sibling_ids as s on l.listing_id = s.listing_id where {within}"
    )


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
