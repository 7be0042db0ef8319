"""What a snapshot tells beside its rows: the run that made it, how far each source is, what was before."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from flows.runs import OpenRun
from flows.source import lists_once, load_sources
from schemas.datasets import DATASETS, RUNS, SNAPSHOTS, SOURCES
from schemas.paper import Run, SnapshotRow, SourceOutcome, SourceState
from warehouse.dedupe.watched import watched
from warehouse.hashing import MODULUS
from warehouse.lake import Writer
from warehouse.manifest import Manifest


def tell_runs(writer: Writer, runs: Sequence[Run]) -> None:
    """Take up how runs ended; a note that a kill left behind does not outdo what a snapshot told."""
    told = {item["run_id"] for item in writer.rows(RUNS) if item["snapshot"] is not None}
    writer.upsert_rows(
        RUNS, [run for run in runs if run.snapshot is not None or run.run_id not in told]
    )


def manifest_of(run: OpenRun, writer: Writer, now: datetime, *, is_complete: bool) -> Manifest:
    """The coming snapshot, with the tables of sources and snapshots brought up to date."""
    parent = run.lake.manifest()
    watermarks = {
        source: dict(lists) for source, lists in (parent.watermarks if parent else {}).items()
    }
    for (source, list_name), harvest in run.harvests.items():
        if harvest.watermark is not None and run.kind == "nightly":
            old = watermarks.setdefault(source, {}).get(list_name)
            watermarks[source][list_name] = (
                max(old, harvest.watermark) if old else harvest.watermark
            )
    writer.replace_rows(SOURCES, _source_states(run, watermarks))
    content_hash = tell_snapshot(
        writer, run_id=run.run_id, kind=run.kind, night_date=run.night_date, now=now
    )
    last_night = parent.last_night if parent else None
    return Manifest(
        snapshot=writer.snapshot,
        parent=parent.snapshot if parent else None,
        created_at=now,
        run_id=run.run_id,
        kind=run.kind,
        night_date=run.night_date,
        content_hash=content_hash,
        tables=dict(writer.tables),
        watermarks=watermarks,
        overrides=run.overrides,
        is_run_complete=is_complete,
        last_night=run.night_date if run.kind == "nightly" and is_complete else last_night,
    )


def tell_snapshot(
    writer: Writer, *, run_id: str, kind: str, night_date: date, now: datetime
) -> str:
    """Add the coming snapshot to the table of snapshots; returns its content hash."""
    content = [writer.table(dataset) for dataset in DATASETS if dataset.in_content_hash]
    content_hash = f"{sum(int(table.content_hash, 16) for table in content) % MODULUS:032x}"
    counts = {name: table.rows for name, table in writer.tables.items()}
    snapshot = SnapshotRow(
        snapshot=writer.snapshot,
        created_at=now,
        content_hash=content_hash,
        run_id=run_id,
        kind=kind,
        night_date=night_date,
        n_listings=counts.get("listings", 0),
        n_metrics=counts.get("metrics", 0),
        n_papers=counts.get("papers", 0),
        n_memberships=counts.get("memberships", 0),
        n_quarantine=counts.get("quarantine", 0),
        **watched(writer, lists_once()),
    )
    earlier = [SnapshotRow(**item) for item in writer.rows(SNAPSHOTS)]
    writer.replace_rows(SNAPSHOTS, [*earlier, snapshot])
    return content_hash


def _source_states(
    run: OpenRun, watermarks: Mapping[str, Mapping[str, datetime]]
) -> list[SourceState]:
    assert run.writer is not None
    earlier = {
        (item["source"], item["list"]): item["last_success_date"]
        for item in run.writer.rows(SOURCES)
    }
    states = []
    for source in load_sources().values():
        for spec in source.lists(run.settings):
            harvest = run.harvests.get((source.name, spec.name))
            success = earlier.pop((source.name, spec.name), None)
            is_whole = harvest is not None and harvest.outcome().state == "ok"
            if is_whole and run.kind == "nightly":
                success = run.night_date
            states.append(
                SourceState(
                    source=source.name,
                    list=spec.name,
                    title=source.title,
                    homepage=source.homepage,
                    data_license=source.data_license,
                    watermark=watermarks.get(source.name, {}).get(spec.name),
                    last_success_date=success,
                )
            )
    return states


def run_row(
    run: OpenRun, *, snapshot: int | None, is_complete: bool, problem: str | None = None
) -> Run:
    """The row of `runs` that tells of a run as it stands."""
    outcomes = tuple(item.outcome() for item in run.harvests.values())
    code = exit_code(outcomes, is_strict=run.is_strict)
    state = "published" if code == 0 else "incomplete"
    if not is_complete:
        state = "running"
    return Run(
        run_id=run.run_id,
        kind=run.kind,
        night_date=run.night_date,
        started_at=run.started_at,
        ended_at=run.now() if is_complete else None,
        state=state,
        exit_code=code,
        snapshot=snapshot,
        outcomes=outcomes,
        problem=problem,
        overrides=run.overrides,
        warnings=tuple(run.warnings),
    )


def exit_code(outcomes: Sequence[SourceOutcome], *, is_strict: bool = False) -> int:
    """0 done; 4 published although a source failed or a day is lost (strict: or late)."""
    bad = {"failed", "lost", *(["late"] if is_strict else [])}
    return 4 if any(outcome.state in bad for outcome in outcomes) else 0
