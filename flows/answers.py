"""What the reading commands ask of a lake. Every answer comes from a published snapshot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from flows.leftovers import prefect_status
from flows.maintain import policy
from flows.settings import Settings
from flows.source import load_sources
from schemas.errors import SettingsError, UsageError
from schemas.normalize import arxiv_id, doi
from schemas.paper import Run
from warehouse import decisions
from warehouse.audit import audit
from warehouse.disk import disk_use
from warehouse.exports import export
from warehouse.manifest import Manifest
from warehouse.reading import open_warehouse, single_select
from warehouse.snapshots import KINDS, Lake
from warehouse.verify import run_checks

Rows = list[dict[str, Any]]
# Rows are held in memory before they are printed; DuckDB's own bound does not count them.
MOST_ROWS = 1_000_000


@contextmanager
def reading(
    lake: Lake, snapshot: int | None = None, *, hardened: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a snapshot, by default the newest, wherever the lake lies now.

    Raises:
        UsageError: there is no lake, no snapshot yet, no such snapshot, or none that can be read.
    """
    manifest = _readable(lake, snapshot)
    connection = open_warehouse(
        lake.warehouse_file(manifest.snapshot), lake=lake.root, hardened=hardened
    )
    try:
        yield connection
    finally:
        connection.close()


def _readable(lake: Lake, snapshot: int | None) -> Manifest:
    """The manifest of a snapshot whose files are there; raises as `reading`."""
    lake.info()
    manifest = lake.manifest(snapshot)
    if manifest is None:
        raise UsageError(
            f"The lake {lake.root} has no snapshot yet: run `paperlake nightly` or `paperlake import`."
        )
    if manifest.thinned_at is not None:
        raise UsageError(
            f"Snapshot {manifest.snapshot} cannot be read any more: it was thinned on "
            f"{manifest.thinned_at:%Y-%m-%d}, as PAPERLAKE_KEEP_SNAPSHOTS says. `paperlake snapshots` "
            "tells which can be read."
        )
    return manifest


def select(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> Rows:
    """The rows of a query, as dictionaries."""
    cursor = connection.execute(sql, list(values))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


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


def sources(settings: Settings, lake: Lake) -> Rows:
    """What is configured, and how far each list is."""
    manifest = lake.manifest() if lake.exists else None
    watermarks = manifest.watermarks if manifest else {}
    is_sandbox = lake.exists and lake.info().origin != "real"
    successes: dict[tuple[str, str], date | None] = {}
    counts: dict[str, int] = {}
    if manifest is not None:
        with reading(lake) as connection:
            for row in select(connection, "from lake.sources"):
                successes[row["source"], row["list"]] = row["last_success_date"]
            for row in select(
                connection, "select source, count(*) as n from lake.listings group by 1"
            ):
                counts[row["source"]] = row["n"]
    return [
        {
            "source": source.name,
            "list": spec.name,
            "title": source.title,
            "homepage": source.homepage,
            "data_license": source.data_license,
            "base_url": "the sandbox"
            if is_sandbox
            else settings.base_urls.get(source.name, source.base_url),
            "n_listings": sum(counts.get(name, 0) for name in (source.name, *source.aliases)),
            "off": None if is_sandbox else source.off(settings),
            "pause_seconds": source.pause_seconds,
            "watermark": watermarks.get(source.name, {}).get(spec.name),
            "last_success_date": successes.get((source.name, spec.name)),
        }
        for source in load_sources().values()
        for spec in source.lists(settings)
    ]


def status(settings: Settings, lake: Lake) -> dict[str, Any]:
    """The health of a lake: newest snapshot, last runs, who writes, what is unfinished, sizes."""
    info = lake.info()
    manifest = lake.manifest()
    noted = lake.noted_runs()
    runs: Rows = []
    made: dict[str, Any] | None = None
    if manifest is not None:
        with reading(lake) as connection:
            made = matching(connection, lake)
            runs = select(
                connection,
                "select run_id, kind, night_date, started_at, ended_at, state, exit_code, snapshot, "
                # What is switched off is told last: it must not hide what went wrong.
                "coalesce(problem, "
                "[o.problem for o in outcomes if o.problem is not null and o.state <> 'off'][1], "
                "[o.source || ' ' || o.list || ' is ' || o.state for o in outcomes "
                "if o.state not in ('ok', 'off')][1], "
                "[o.problem for o in outcomes if o.state = 'off'][1]) as problem "
                "from main.runs order by started_at desc, snapshot desc limit 5",
            )
    noted_rows = [
        {name: getattr(run, name) for name in runs[0]}
        if runs
        else run.model_dump(exclude={"outcomes", "warnings", "overrides"})
        for run in reversed(noted)
    ]
    return {
        "lake": str(lake.root),
        "lake_id": info.lake_id,
        "origin": info.origin,
        "snapshot": manifest.snapshot if manifest else None,
        "created_at": manifest.created_at if manifest else None,
        "content_hash": manifest.content_hash if manifest else None,
        "written_by": lake.holder(),
        "matching": made,
        "unfinished": {kind: state for kind in KINDS if (state := lake.state(kind)) is not None},
        **disk_use(lake, policy(settings)),
        "last_runs": noted_rows + runs,
        "prefect": prefect_status(lake),
    }


def matching(connection: duckdb.DuckDBPyConnection, lake: Lake) -> dict[str, Any] | None:
    """How papers are made here: the model and its age, what is undecided, what people decided.

    None for a snapshot of an earlier version, which made papers of identifiers only.
    """
    if not tells_matches(connection):
        return None
    ((model, n_records),) = connection.execute(
        "select max(model), max(value) filter (where kind = 'records')::bigint from lake.dedupe_model"
    ).fetchall()
    ((n_listings,),) = connection.execute(
        "select count(*) from lake.listings where title is not null"
    ).fetchall()
    ((n_undecided,),) = connection.execute(
        "select count(*) from main.match_evidence where relation = 'undecided' "
        "and not is_joined and decision is null"
    ).fetchall()
    applied = {
        (row["left_id"], row["right_id"], row["verdict"])
        for row in select(connection, "select left_id, right_id, verdict from lake.decisions")
    }
    answer: dict[str, Any] = {
        "model": model,
        "n_records": n_records,
        "n_listings": n_listings,
        "is_model_outgrown": n_records is not None and n_listings > 2 * max(n_records, 1),
        "n_undecided": n_undecided,
        "n_decisions": None,
        "n_decisions_to_apply": None,
        "problem": None,
    }
    try:
        now = {(row.left_id, row.right_id, row.verdict) for row in decisions.read(lake.root)}
    except SettingsError as error:
        answer["problem"] = str(error)
    else:
        answer |= {"n_decisions": len(now), "n_decisions_to_apply": len(now ^ applied)}
    return answer


def tells_matches(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a snapshot's warehouse has the views of matches; those of earlier versions have not."""
    found = connection.execute(
        "select 1 from duckdb_views() where database_name = current_database() "
        "and schema_name = 'main' and view_name = 'match_evidence'"
    ).fetchall()
    return bool(found)


def check(lake: Lake, snapshot: int | None = None) -> dict[str, Any]:
    """Every check of a snapshot, and whether its files and hashes are what the manifest says."""
    manifest = _readable(lake, snapshot)
    findings = [{"what": item.what, "where": item.where} for item in audit(lake, manifest)]
    checks: dict[str, Rows] = {}
    if not findings:
        with reading(lake, manifest.snapshot) as connection:
            checks = run_checks(connection)
    return {
        "snapshot": manifest.snapshot,
        "is_sound": not findings and not any(checks.values()),
        "findings": findings,
        "checks": checks,
        "n_files": len(manifest.files()),
    }


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
