"""What the reading commands ask of a lake. Every answer comes from a published snapshot."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from flows.published import reading
from schemas.errors import UsageError
from schemas.normalize import arxiv_id, doi
from schemas.paper import Run
from warehouse.exports import export
from warehouse.reading import Rows, select, single_select
from warehouse.snapshots import Lake

# Rows are held in memory before they are printed; DuckDB's own bound does not count them.
MOST_ROWS = 1_000_000


def query(
    lake: Lake, sql: str, snapshot: int | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """A query of somebody else: one that reads, on a connection that can do nothing else.

    Raises:
        UsageError: it is not one reading statement, or it fails; the message is DuckDB's.
    """
    only = single_select(sql)
    with reading(lake, snapshot, hardened=True) as connection:
        try:
            cursor = connection.execute(only)
            columns = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchmany(MOST_ROWS + 1)
        except duckdb.Error as error:
            raise UsageError(f"The query failed: {error}") from None
    if len(rows) > MOST_ROWS:
        raise UsageError(
            f"The query gives more than {MOST_ROWS:,} rows: add a limit, or use `paperlake export`."
        )
    return columns, rows


_TRENDING = """
select
    list_date, rank, title, authors_text, upvotes, upvotes_per_day, github_stars,
    github_stars_per_day, landing_page_url, pdf_url, code_url, paper_id, source, captured_at,
"""


def trending(lake: Lake, day: date | None = None) -> Rows:
    """The latest complete capture of the trending list, or the last of one day.

    Raises:
        UsageError: there is none; the message names the days there are.
    """
    with reading(lake) as connection:
        if day is None:
            rows = select(connection, _TRENDING + "from main.trending_papers order by rank")
        else:
            rows = select(
                connection,
                _TRENDING + "from main.trending_history where list_date = ? and is_last_of_day "
                "order by rank",
                [day],
            )
        if rows:
            return rows
        days = select(
            connection,
            "select distinct list_date from main.trending_history order by 1 desc limit 5",
        )
    known = ", ".join(str(item["list_date"]) for item in days) or "none yet"
    raise UsageError(
        f"There is no trending list{f' of {day}' if day else ''}: known days are {known}."
    )


def show(lake: Lake, key: str) -> dict[str, Any]:
    """One paper by paper_id, listing_id, DOI or arXiv id: best fields, listings, metrics.

    Raises:
        UsageError: nothing is known by that key.
    """
    with reading(lake) as connection:
        paper_id = _paper_id(connection, key.strip())
        if paper_id is None:
            raise UsageError(
                f"Nothing is known as '{key}': give a paper_id, a listing_id such as arxiv:2401.00001, "
                "a DOI or an arXiv id."
            )
        (paper,) = select(connection, "from main.papers where paper_id = ?", [paper_id])
        # One by one: DuckDB finds a listing by its key fast, the listings of a paper by a scan only.
        members = select(
            connection,
            "select listing_id from lake.memberships where paper_id = ? order by listing_id",
            [paper_id],
        )
        listings = [
            row
            for member in members
            for row in select(
                connection, "from main.listings where listing_id = ?", [member["listing_id"]]
            )
        ]
        metrics = select(
            connection,
            "from main.paper_metrics where paper_id = ? order by captured_at, list, list_date",
            [paper_id],
        )
    return {"paper": paper, "listings": listings, "metrics": metrics}


def _paper_id(connection: duckdb.DuckDBPyConnection, key: str) -> str | None:
    identifier = arxiv_id(key)
    tries: list[tuple[str, str | None]] = [
        ("select paper_id from lake.papers where paper_id = ?", key),
        ("select merged_into as paper_id from lake.redirects where paper_id = ?", key),
        ("select paper_id from lake.memberships where listing_id = ?", key),
        (
            "select paper_id from lake.papers where arxiv_id = ? order by paper_id",
            identifier.id if identifier else None,
        ),
        ("select paper_id from lake.papers where doi = ? order by paper_id", doi(key)),
        (
            "select paper_id from main.listings where landing_page_url = ? and paper_id is not null "
            "order by paper_id",
            key if "://" in key else None,
        ),
        (
            "select paper_id from main.identifiers where value = ? and paper_id is not null "
            "order by paper_id",
            (identifier.id if identifier else None) or doi(key) or key,
        ),
    ]
    for sql, value in tries:
        if value is None:
            continue
        row = connection.execute(sql, [value]).fetchone()
        if row is not None:
            return str(row[0])
    return None


def snapshots(lake: Lake) -> Rows:
    """Every published snapshot, oldest first, and whether it can still be read."""
    readable = {manifest.snapshot for manifest in lake.readable()}
    with reading(lake) as connection:
        rows = select(connection, "from main.snapshots order by snapshot")
    return [{**row, "is_readable": row["snapshot"] in readable} for row in rows]


def exported(lake: Lake, target: Path, views: Sequence[str] | None = None) -> dict[str, Any]:
    """Export the newest snapshot; see `warehouse.exports`."""
    info = lake.info()
    manifest = lake.manifest()
    if manifest is None:
        raise UsageError(
            f"The lake {lake.root} has no snapshot yet, so there is nothing to export."
        )
    return export(
        lake.root,
        manifest,
        lake.warehouse_file(manifest.snapshot),
        target,
        views=views or None,
        lake_id=info.lake_id,
    )


def after_run(lake: Lake, run: Run) -> dict[str, Any]:
    """What the summary tells of the lake after a run."""
    manifest = lake.manifest()
    return {
        "snapshot": manifest.snapshot if manifest else None,
        "content_hash": manifest.content_hash if manifest else None,
        "rows": {name: table.rows for name, table in (manifest.tables if manifest else {}).items()},
        "changed": _changed(lake, run),
        "quarantined": _quarantined(lake, run),
        "n_trending": _n_trending(lake) if manifest else 0,
    }


def _n_trending(lake: Lake) -> int:
    with reading(lake) as connection:
        sql = "select count(*) as n from lake.metrics where list = 'trending'"
        return int(select(connection, sql)[0]["n"])


def _changed(lake: Lake, run: Run) -> dict[str, int]:
    """Rows written by the run's last snapshot, a table."""
    if run.snapshot is None:
        return {}
    manifest = lake.manifest(run.snapshot)
    assert manifest is not None
    prefix = f"/{run.snapshot:06}-"
    return {
        name: sum(file.rows for file in table.data if prefix in file.path)
        for name, table in manifest.tables.items()
    }


def _quarantined(lake: Lake, run: Run) -> Rows:
    """The most frequent reasons of records that the run's last snapshot put into quarantine."""
    if run.snapshot is None or not any(outcome.n_quarantined for outcome in run.outcomes):
        return []
    with reading(lake, run.snapshot) as connection:
        return select(
            connection,
            'select source, reason, count(*) as n, min("where") as example from lake.quarantine '
            "where changed_in_snapshot = ? group by all order by n desc, reason",
            [run.snapshot],
        )
