"""Staged listings merged into their table, at the end of a round.

Which record counts, and why text is read so late, is said in `warehouse.merging`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from schemas.arrow import schema_of
from schemas.datasets import LISTINGS, METRICS
from schemas.paper import Listing
from warehouse.lake import MEMORY, Writer, one, read_sql
from warehouse.manifest import quoted
from warehouse.merging import (
    COMPARED_SQL,
    KNOWN_SQL,
    PATCHED,
    SINGLE_SQL,
    WOVEN,
    Lacks,
    changed_at_sql,
    current_sql,
    decided_sql,
    hashed_sql,
    incoming_sql,
    merged_sql,
    new_sql,
    newest_sql,
    patch_columns,
    whole_sql,
)
from warehouse.staging import Stage

LITTLE = "64MB"
"""Enough where rows only pass through, so that an import of any size takes little memory."""
SOME = "512MB"
"""Enough where a night's rows meet those that are stored."""


@dataclass(slots=True)
class Counts:
    """What became of the listings of one source and list."""

    n_new: int = 0
    n_updated: int = 0
    n_unchanged: int = 0
    n_withdrawn: int = 0


def upsert(writer: Writer, stages: Sequence[Stage], lacks: Lacks) -> dict[tuple[str, str], Counts]:
    """Merge staged listings into the table, in as little memory as that can be done.

    Args:
        writer: of the coming snapshot.
        stages: closed stages.
        lacks: format -> columns of Listing it cannot carry.

    Returns:
        Counts by source and list.
    """
    files = [path for stage in stages for path in stage.files(LISTINGS)]
    if not files:
        return {}
    writer.db.execute(f"create or replace temp view staged as {read_sql(files)}")
    for limit in (SOME,) if writer.table(LISTINGS).data else (LITTLE, SOME):
        before = dict(writer.tables), set(writer.changed)
        writer.db.execute(f"set memory_limit = '{limit}'")
        try:
            return _upsert(writer, lacks)
        except duckdb.OutOfMemoryException:
            # As if nothing had been tried; a file that was written is in no table and goes with
            # what else an unpublished snapshot leaves.
            writer.tables, writer.changed = before
        finally:
            writer.db.execute(f"set memory_limit = '{MEMORY}'")
    return _upsert(writer, lacks)


def _upsert(writer: Writer, lacks: Lacks) -> dict[tuple[str, str], Counts]:
    db = writer.db
    repeated = "select hash(listing_id) from staged group by all having count(*) > 1 limit 1"
    is_plain = db.execute(repeated).fetchall() == []
    newest = SINGLE_SQL
    if not is_plain:
        db.execute(f"create or replace temp table newest_of_many as {newest_sql()}")
        newest = "select * from newest_of_many"
    db.execute(f"create or replace temp view newest_records as {newest}")
    known = KNOWN_SQL.format(living=writer.living(LISTINGS))
    db.execute(f"create or replace temp table known_listings as {known}")
    if is_plain and one(db, "select count(*) from known_listings") == (0,):
        return _insert(writer)
    # From when on lists may have said more than tonight's records: mostly there is nothing.
    (earliest,) = one(db, "select min(fetched_at) from newest_records")
    decided = decided_sql(lacks, writer.living(METRICS), earliest)
    db.execute(f"create or replace temp table decided as {decided}")
    db.execute(f"create or replace temp table hashed as {hashed_sql()}")
    merged = [
        _merge(writer, verdict, columns, lacks)
        for verdict, columns in ((PATCHED, patch_columns(lacks)), (WOVEN, None))
    ]
    db.execute(f"create or replace temp table compared_listings as {COMPARED_SQL}")
    names = ", ".join(
        changed_at_sql("d", writer.moment) if name == "last_changed_at" else f'm."{name}"'
        for name in schema_of(Listing).names
    )
    woven = "".join(
        f"""
        union all
        select {names}, m.row_hash
        from {table} as m
        join compared_listings as d on m.listing_id = d.listing_id
        where d.is_written
        """
        for table in merged
        if table is not None
    )
    writer.write(
        LISTINGS,
        whole_sql(writer.moment) + woven,
        "select listing_id, old_hash, old_snapshot from compared_listings "
        "where is_written and not is_new",
    )
    return _counts(db)


def _insert(writer: Writer) -> dict[tuple[str, str], Counts]:
    """Write staged listings of which none is known and none comes twice: nothing is compared."""
    writer.write(LISTINGS, new_sql(writer.moment), None)
    rows = writer.db.execute(
        "select source, staged_list, count(*), count(*) filter (is_withdrawn) "
        "from staged group by all"
    ).fetchall()
    return {
        (source, list_name): Counts(n_new=new, n_withdrawn=withdrawn)
        for source, list_name, new, withdrawn in rows
    }


def _merge(writer: Writer, verdict: str, columns: Iterable[str] | None, lacks: Lacks) -> str | None:
    """Merge the records of one verdict with their stored rows; the table with the result.

    Args:
        writer: of the coming snapshot.
        verdict: PATCHED or WOVEN.
        columns: what is needed of the stored rows; None for all.
        lacks: format -> columns of Listing it cannot carry.
    """
    db, table = writer.db, f"merged_{verdict}"
    db.execute(
        "create or replace temp table resting as "
        f"select * from decided where verdict = {quoted(verdict)}"
    )
    if one(db, "select count(*) from resting") == (0,):
        return None
    current = current_sql(columns, writer.living(LISTINGS))
    db.execute(f"create or replace temp table current_listings as {current}")
    db.execute(f"create or replace temp table incoming_listings as {incoming_sql(lacks)}")
    db.execute(f"create or replace temp table {table} as {merged_sql(lacks, writer.moment)}")
    db.execute(
        "insert into hashed select t.newest, m.is_withdrawn, m.row_hash "
        f"from {table} as m join resting as t on m.listing_id = t.listing_id"
    )
    return table


def _counts(db: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Counts]:
    """Counts by source and list; what was seen and not chosen is unchanged."""
    rows = db.execute(
        """
        select
            n.source,
            n.staged_list,
            count(*) filter (c.is_new),
            count(*) filter (not c.is_new and c.row_hash <> c.old_hash),
            count(*) filter (c.listing_id is null or c.row_hash = c.old_hash),
            count(*) filter (c.is_withdrawn and not coalesce(c.was_withdrawn, false)),
        from newest_records as n
        left join compared_listings as c on n.listing_id = c.listing_id
        group by all
        """
    ).fetchall()
    return {
        (source, list_name): Counts(new, updated, unchanged, withdrawn)
        for source, list_name, new, updated, unchanged, withdrawn in rows
    }
