"""How a lake is: what is configured and how far it is, who writes, how it matches, whether it is sound."""

from datetime import date
from typing import Any

import duckdb

from flows.leftovers import prefect_status
from flows.maintain import policy
from flows.published import readable, reading, tells_matches
from flows.settings import Settings
from flows.source import load_sources
from schemas.errors import SettingsError
from warehouse import decisions
from warehouse.audit import audit
from warehouse.disk import disk_use
from warehouse.reading import Rows, select
from warehouse.snapshots import KINDS, Lake
from warehouse.verify import run_checks


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


def check(lake: Lake, snapshot: int | None = None) -> dict[str, Any]:
    """Every check of a snapshot, and whether its files and hashes are what the manifest says."""
    manifest = readable(lake, snapshot)
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
