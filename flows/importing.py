"""Files instead of the network: one import is one snapshot, or none if nothing changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from flows.harvest import Reader
from flows.opening import chosen, new_id
from flows.pipeline import ended, settle
from flows.reading import day_in_name
from flows.runs import OPEN, Harvest, OpenRun, Reporter, Silent, close
from flows.settings import Settings
from flows.source import ListSpec
from schemas.errors import BrokenResponseError, UsageError
from schemas.paper import Run
from warehouse import decisions
from warehouse.responses import Response
from warehouse.snapshots import Lake
from warehouse.staging import Stage


def import_files(
    settings: Settings,
    source_name: str,
    paths: Sequence[Path],
    *,
    day: date | None = None,
    captured_at: datetime | None = None,
    overrides: Sequence[str] = (),
    report: Reporter | None = None,
) -> Run:
    """Read files of a source into the lake.

    Args:
        settings: the settings; no contact is needed.
        source_name: whose files they are.
        paths: files in any form the source reads.
        day: the list day of files that do not say it themselves.
        captured_at: when the files were captured (UTC); else see `capture_time`.
        overrides: checks that may fail.
        report: who watches.

    Returns:
        How it ended: published, unchanged, incomplete (a file could not be read) or blocked.

    Raises:
        UsageError: no such source or file; nothing was done.
    """
    sources = chosen([source_name])
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is no file {path}: check the name.")
        if not path.is_file():
            raise UsageError(f"{path} is no file: name the files themselves, as in {path}/*.")
    lake = Lake(settings.lake)
    now = datetime.now(UTC)
    if captured_at is not None and captured_at > now:
        raise UsageError(f"--captured-at {captured_at.isoformat()} lies in the future.")
    decisions.read(lake.root)
    lake.open_for_writing("paperlake import", "real", now)
    run = OpenRun(
        settings=settings,
        lake=lake,
        kind="import",
        run_id=new_id("import", now.date()),
        night_date=now.date(),
        started_at=now,
        sources=sources,
        report=report or Silent(),
        overrides=tuple(overrides),
    )
    OPEN[run.run_id] = run
    try:
        mark = run.pack(source_name).mark()
    except BaseException:
        close(run.run_id)
        raise
    try:
        stages: dict[str, Stage] = {}
        refused: dict[str, list[str]] = {}
        sound: Counter[str] = Counter()
        for path in paths:
            moment = captured_at or capture_time(path, now)
            options = {"date": day, "captured_at": captured_at}
            _read_file(run, path, options, moment, stages, refused, sound)
        for (_, list_name), harvest in run.harvests.items():
            if harvest.n_records and not sound[list_name]:
                harvest.state = "failed"
                harvest.problem = f"None of the {harvest.n_records} records could be trusted."
        for list_name, sentences in refused.items():
            more = f" {len(sentences) - 3} more could not be read either." if sentences[3:] else ""
            run.harvests[source_name, list_name].problem = " ".join(sentences[:3]) + more
        for stage in stages.values():
            stage.close()
        run.stages = list(stages.values())
        if refused and not any(harvest.n_records for harvest in run.harvests.values()):
            problem = " ".join(item.problem or "" for item in run.harvests.values())
            return ended(run, "failed", f"Nothing could be read. {problem}", 1)
        return settle(run)
    finally:
        if not run.published:
            run.pack(source_name).rewind(mark)
        close(run.run_id)


def capture_time(path: Path, now: datetime) -> datetime:
    """When a file was captured, as far as can be told (UTC), and never later than now.

    The day in its name at 23:59, else the file's own time. (The day given with --date is the day
    listed: an old day's page may be saved today.)
    """
    known = day_in_name(path)
    if known is not None:
        return min(datetime.combine(known, time(23, 59), UTC), now)
    return min(datetime.fromtimestamp(path.stat().st_mtime, UTC), now)


def _read_file(
    run: OpenRun,
    path: Path,
    options: Mapping[str, Any],
    moment: datetime,
    stages: dict[str, Stage],
    refused: dict[str, list[str]],
    sound: Counter[str],
) -> None:
    (source,) = run.sources.values()
    readers: dict[str, Reader] = {}
    is_refused = False
    for number, (body, context) in enumerate(source.read_file(path, options)):
        list_name = str(context.get("list") or "file")
        stage = stages.get(list_name)
        if stage is None:
            folder = run.lake.staging / f"import-{len(stages)}"
            stage = stages[list_name] = Stage(folder, source.name, list_name, len(stages))
            spec = ListSpec(list_name, first_days=0, slice_days=1, overlap_days=0)
            run.harvests[source.name, list_name] = Harvest(source, spec, is_done=True)
        reader = readers.get(list_name)
        if reader is None:
            reader = readers[list_name] = Reader(
                run, source, stage, is_capture=True, night_date=moment.date()
            )
        if is_refused:
            break  # what follows a part that is of no known form is of none either
        response = _keep(run, path, number, body, context, moment)
        harvest = run.harvests[source.name, list_name]
        harvest.n_responses += 1
        before = reader.n_sound
        try:
            records = reader.read(response)
        except BrokenResponseError as error:
            reader.refuse(response, error)
            is_refused = True
            harvest.state = "failed"
            refused.setdefault(list_name, []).append(f"{path.name} could not be read: {error}")
            continue
        harvest.n_records += records
        sound[list_name] += reader.n_sound - before
        run.report.received(source.name, list_name, records)
    for reader in readers.values():
        if reader.n_undated:
            run.warn(
                f"{path.name} does not say which day it lists, so the list day of "
                f"{reader.n_undated} entries stays empty: give it with --date."
            )
        for warning in reader.warnings:
            run.warn(warning)


def _keep(
    run: OpenRun, path: Path, number: int, body: bytes, context: Mapping[str, Any], moment: datetime
) -> Response:
    (name,) = run.sources
    return run.pack(name).keep(
        run.run_id,
        url=f"file:{path.name}" + (f"#{number}" if number else ""),
        status=200,
        headers={},
        body=body,
        fetched_at=moment,
        context=context,
    )
