"""Maintenance: compaction as a snapshot of its own, then what is kept no longer goes.

A night does it when it is due, after it has published and under the same lock. Compaction changes no
content: the snapshot has the hash of the one before. What fails here costs no night: it is told as
a run of its own and as a warning, and the next night tries again.
"""

import contextlib
import dataclasses
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flows.opening import new_id
from flows.publishing import tell_runs, tell_snapshot
from flows.runs import OpenRun, Reporter, Silent, log
from flows.settings import Settings
from schemas.paper import Run
from warehouse import compaction, garbage
from warehouse.compaction import Due
from warehouse.garbage import Garbage
from warehouse.lake import Writer
from warehouse.manifest import Manifest, Table
from warehouse.merging import Moment
from warehouse.snapshots import Lake

KIND = "maintain"


@dataclass(frozen=True, slots=True)
class Occasion:
    """Under which name and time a lake is maintained."""

    run_id: str
    night_date: date
    started_at: datetime


@dataclass(slots=True)
class Done:
    """What maintenance did, or would do."""

    before: Manifest | None
    dues: Sequence[Due] = ()
    after: Manifest | None = None
    """The snapshot that compaction published."""
    garbage: Garbage = dataclasses.field(default_factory=Garbage)


def policy(settings: Settings) -> garbage.Policy:
    """What is kept, as the settings say."""
    return garbage.Policy(
        settings.keep_snapshots, settings.keep_responses, timedelta(hours=settings.grace_hours)
    )


def maintain(
    settings: Settings, *, is_dry_run: bool = False, report: Reporter | None = None
) -> Done:
    """Compact what is due, and remove what is kept no longer.

    Args:
        settings: the settings.
        is_dry_run: only say what would be done; needs no lock.
        report: who watches.

    Raises:
        UsageError: there is no lake.
        BusyError: another process writes it.
        LakeError: its files are not as they must be; nothing was published.
    """
    lake = Lake(settings.lake)
    info = lake.info()
    if is_dry_run:
        newest = lake.manifest()
        dues = compaction.due(newest) if newest else []
        return Done(newest, dues, garbage=garbage.find(lake, policy(settings)))
    report = report or Silent()
    lake.open_for_writing("paperlake maintain", info.origin, datetime.now(UTC))
    try:
        newest = lake.manifest()
        if newest is None:
            return Done(None, garbage=_collect(lake, settings, datetime.now(UTC), report))
        # A sandbox has a clock of its own, which stands still between nights.
        now = datetime.now(UTC) if info.origin == "real" else newest.created_at
        occasion = Occasion(new_id(KIND, newest.night_date), newest.night_date, now)
        done = _compact(lake, newest, occasion, now, report)
        done.garbage = _collect(lake, settings, now, report)
        if done.garbage and done.after is None:
            lake.note_run(_row(occasion, "unchanged", now))
        return done
    finally:
        shutil.rmtree(lake.staging, ignore_errors=True)
        lake.close()


def maintain_after(run: OpenRun, *, is_last: bool) -> None:
    """What is due after a round of an open run; nothing that goes wrong here costs the run.

    Args:
        run: it has published, and holds the lock.
        is_last: whether it has no more rounds: only then garbage is collected.
    """
    if not run.settings.maintain or not run.published:
        return
    now = run.now()
    occasion = Occasion(new_id(KIND, run.night_date), run.night_date, now)
    try:
        newest = run.lake.manifest()
        assert newest is not None
        _compact(run.lake, newest, occasion, now, run.report)
        if is_last:
            _collect(run.lake, run.settings, now, run.report)
    except Exception as error:  # whatever it is, the night is published
        problem = f"Maintenance failed ({error}); the next night tries again."
        log.info("Where maintenance failed", exc_info=True)
        run.warn(problem)
        # On a full disk not even this may succeed; the next run recovers first of all.
        with contextlib.suppress(OSError):
            run.lake.recover()
            run.lake.note_run(_row(occasion, "failed", now, exit_code=1, problem=problem))


def _compact(
    lake: Lake, newest: Manifest, occasion: Occasion, now: datetime, report: Reporter
) -> Done:
    """Compact the tables that are due, and publish that as one snapshot; needs the lock."""
    dues = compaction.due(newest)
    done = Done(newest, dues)
    if not dues:
        return done
    number = newest.snapshot + 1
    tables: dict[str, Table] = dict(newest.tables)
    with contextlib.closing(compaction.connect(lake.staging / "scratch")) as db:
        for due in dues:
            report.say(
                f"Compacting {due.dataset.name}: {due.rows:,} rows in {len(due.files)} files."
            )
            name = due.dataset.name
            tables[name] = compaction.compact(db, lake.root, number, tables[name], due)
    moment = Moment(KIND, occasion.night_date, now)
    writer = Writer(
        lake.root,
        dataclasses.replace(newest, tables=tables),
        number,
        moment,
        lake.staging / "scratch",
    )
    with contextlib.closing(writer):
        noted = lake.noted_runs()
        tell_runs(writer, [*noted, _row(occasion, "published", now, snapshot=number)])
        content_hash = tell_snapshot(
            writer,
            run_id=occasion.run_id,
            kind=KIND,
            night_date=occasion.night_date,
            now=now,
        )
        assert content_hash == newest.content_hash, "compaction keeps the content"
        done.after = dataclasses.replace(
            newest,
            run_id=occasion.run_id,
            kind=KIND,
            night_date=occasion.night_date,
            snapshot=number,
            parent=newest.snapshot,
            created_at=now,
            tables=dict(writer.tables),
            is_run_complete=True,
        )
        lake.publish(done.after, lake.draft_warehouse(done.after))
    lake.forget_runs(noted)
    shutil.rmtree(lake.staging, ignore_errors=True)
    return done


def _collect(lake: Lake, settings: Settings, now: datetime, report: Reporter) -> Garbage:
    found = garbage.find(lake, policy(settings))
    garbage.collect(lake, found, now, report.say)
    return found


def _row(
    occasion: Occasion,
    state: str,
    now: datetime,
    *,
    snapshot: int | None = None,
    exit_code: int = 0,
    problem: str | None = None,
) -> Run:
    return Run(
        run_id=occasion.run_id,
        kind=KIND,
        night_date=occasion.night_date,
        started_at=occasion.started_at,
        ended_at=now,
        state=state,
        exit_code=exit_code,
        snapshot=snapshot,
        problem=problem,
    )


def told(done: Done, *, is_dry_run: bool) -> dict[str, Any]:
    """What was done, or would be, as the command tells it: files, rows and bytes, table by table."""
    freed_files: Counter[str] = Counter()
    freed_bytes: Counter[str] = Counter()
    for file in done.garbage.files:
        freed_files[file.room] += 1
        freed_bytes[file.room] += file.bytes
    dues = {due.dataset.name: due for due in done.dues}
    return {
        "is_dry_run": is_dry_run,
        "snapshot": done.after.snapshot if done.after else None,
        "tables": [
            {
                "table": name,
                "compaction": dues[name].how if name in dues else None,
                **_sizes(done, name),
                "freed_files": freed_files[name],
                "freed_bytes": freed_bytes[name],
            }
            for name in sorted({*dues, *freed_files} - {"warehouse"})
        ],
        "snapshots_thinned": [manifest.snapshot for manifest in done.garbage.snapshots],
        "responses_removed": [
            {"source": pack.source, "night_date": pack.night_date, "bytes": pack.bytes}
            for pack in done.garbage.packs
        ],
        "freed_files": len(done.garbage.files),
        "freed_bytes": done.garbage.bytes,
        "waiting_bytes": sum(file.bytes for file in done.garbage.waiting),
    }


def _sizes(done: Done, name: str) -> dict[str, Any]:
    """A table before and after; nothing after where nothing was published."""
    before = done.before.tables.get(name, Table()) if done.before else Table()
    after = done.after.tables[name] if done.after else None
    return {
        "rows": before.rows,
        "files": len(before.files),
        "bytes": sum(file.bytes for file in before.files),
        "files_after": len(after.files) if after else None,
        "bytes_after": sum(file.bytes for file in after.files) if after else None,
    }
