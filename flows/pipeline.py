"""The night as plain functions, without Prefect: harvest, merge, publish, round after round.

`flows.nightly` runs the same functions as Prefect tasks. They take and return small values; the open
run itself is looked up by its id (`flows.runs.OPEN`).
"""

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from flows.harvest import harvest_source
from flows.maintain import maintain_after
from flows.opening import note_progress
from flows.planning import plan_round
from flows.publishing import exit_code, manifest_of, run_row, tell_runs
from flows.runs import OPEN, Harvest, OpenRun, close
from flows.source import lists_once, load_sources
from schemas.datasets import METRICS, QUARANTINE
from schemas.errors import BlockedError, LakeError
from schemas.paper import Run
from warehouse import decisions, listings
from warehouse.dedupe import papers
from warehouse.dedupe.precedence import Ranks
from warehouse.lake import Writer
from warehouse.merging import Moment
from warehouse.reading import open_warehouse
from warehouse.verify import miscounted, run_checks


def merge(run_id: str) -> dict[str, int]:
    """Merge the round's staged rows into the tables of the coming snapshot.

    Returns:
        Counts: new, updated, papers (written or ended).
    """
    run = OPEN[run_id]
    parent = run.lake.manifest()
    writer = Writer(
        run.lake.root,
        parent,
        1 + (parent.snapshot if parent else 0),
        Moment(run.kind, run.night_date, run.now()),
        run.lake.staging / "scratch",
    )
    run.writer = writer
    lacks = {item.name: item.lacks for source in load_sources().values() for item in source.formats}
    counts = listings.upsert(writer, run.stages, lacks)
    verdicts = decisions.read(run.lake.root)
    papers.regroup(
        writer,
        ranks(),
        lacks,
        verdicts=verdicts,
        lists_once=lists_once(),
        with_new_model=run.kind == "model",
    )
    if unknown := decisions.unknown(writer, verdicts):
        run.warn(decisions.unknown_sentence(unknown))
    writer.upsert_staged(METRICS, run.stages)
    quarantined = writer.upsert_staged(QUARANTINE, run.stages)
    for (source_name, list_name), count in counts.items():
        harvest = _harvest_of(run, source_name, list_name)
        harvest.n_new += count.n_new
        harvest.n_updated += count.n_updated
        harvest.n_unchanged += count.n_unchanged
        harvest.n_withdrawn += count.n_withdrawn
    for stage in run.stages:
        n_quarantined = stage.n_rows(QUARANTINE)
        if n_quarantined:
            _harvest_of(run, stage.source, stage.list_name).n_quarantined += n_quarantined
    return {
        "new": sum(count.n_new for count in counts.values()),
        "updated": sum(count.n_updated for count in counts.values()),
        "quarantined": quarantined,
    }


def ranks() -> dict[str, Ranks]:
    """The places of every source, and of the other names its listings may stand under, behind it."""
    found = {}
    for source in load_sources().values():
        found[source.name] = Ranks(source.work_rank, source.page_rank)
        for place, alias in enumerate(source.aliases, 1):
            found[alias] = Ranks(source.work_rank + place, source.page_rank + place)
    return found


def _harvest_of(run: OpenRun, source_name: str, list_name: str) -> Harvest:
    """The harvest a row belongs to; listings may stand under an alias of their source."""
    for source in run.sources.values():
        if source_name == source.name or source_name in source.aliases:
            found = run.harvests.get((source.name, list_name))
            if found is not None:
                return found
    raise KeyError(f"{source_name}/{list_name}")


def publish(run_id: str) -> int | None:
    """Check the coming snapshot and make it the newest.

    Returns:
        Its number; None where a backfill's slice changed nothing, so that there is none.

    Raises:
        BlockedError: a check found failing rows that nobody allowed; nothing was published.
    """
    run = OPEN[run_id]
    assert run.writer is not None, "merge comes first"
    is_complete = not plan_round(run)
    if run.kind == "backfill" and not run.writer.changed:
        _clear(run)
        return None
    now = run.now()
    row = run_row(run, snapshot=run.writer.snapshot, is_complete=is_complete)
    noted = run.lake.noted_runs()
    tell_runs(run.writer, [*noted, row])
    manifest = manifest_of(run, run.writer, now, is_complete=is_complete)
    draft = run.lake.draft_warehouse(manifest)
    with contextlib.closing(open_warehouse(draft, lake=run.lake.root)) as connection:
        failing = run_checks(connection, manifest.snapshot if manifest.parent else None)
        wrong = miscounted(connection, manifest.tables)
    if wrong is not None:
        raise LakeError(
            f"{wrong} This is a fault of Paperlake, so nothing was published: report it with the log."
        )
    refused = {n: rows for n, rows in failing.items() if rows and n not in run.overrides}
    if refused:
        raise BlockedError(_blocked_sentence(refused), checks=refused)
    run.lake.publish(manifest, draft)
    run.lake.forget_runs(noted)
    run.published.append(manifest.snapshot)
    _clear(run)
    if is_complete:
        run.told = row
    return manifest.snapshot


def settle(run: OpenRun) -> Run:
    """Merge and publish what an open run brought, in one round, and look after the lake.

    Returns:
        How it ended: published, unchanged (there was nothing to publish) or blocked. The run stays open.
    """
    merge(run.run_id)
    assert run.writer is not None
    if not run.writer.changed:
        return ended(run, "unchanged")
    try:
        publish(run.run_id)
    except BlockedError as error:
        return ended(run, "blocked", str(error), error.exit_code)
    assert run.told is not None
    maintain_after(run, is_last=True)
    return run.told.model_copy(update={"warnings": tuple(run.warnings)})


def ended(run: OpenRun, state: str, problem: str | None = None, code: int | None = None) -> Run:
    """Note a run that published nothing, until a snapshot takes it up; `code` where not its sources' own."""
    row = run_row(run, snapshot=None, is_complete=True, problem=problem)
    row = row.model_copy(
        update={"state": state, "exit_code": row.exit_code if code is None else code}
    )
    run.lake.note_run(row)
    return row


def _clear(run: OpenRun) -> None:
    """Forget a round that is through."""
    if run.writer is not None:
        run.writer.close()
    run.writer = None
    run.stages = []
    shutil.rmtree(run.lake.staging, ignore_errors=True)
    for harvest in run.harvests.values():
        harvest.watermark = None


def _blocked_sentence(refused: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    name, rows = next(iter(refused.items()))
    more = f" and {len(refused) - 1} more checks fail" if len(refused) > 1 else ""
    return (
        f"The check '{name}' refuses the snapshot: {rows[0].get('what', rows[0])}{more}. Nothing was "
        f"published; readers keep the last snapshot. If it is right so, run again with --allow {name}."
    )


# Conducting

HarvestStep = Callable[[str, str], Awaitable[Any]]
Step = Callable[[str], Awaitable[Any]]


async def _in_thread_merge(run_id: str) -> dict[str, int]:
    return await asyncio.to_thread(merge, run_id)


async def _in_thread_publish(run_id: str) -> int | None:
    return await asyncio.to_thread(publish, run_id)


async def conduct(
    run_id: str,
    *,
    harvest: HarvestStep = harvest_source,
    merge_step: Step = _in_thread_merge,
    publish_step: Step = _in_thread_publish,
) -> Run:
    """All rounds of an open run, sources side by side. The steps may be Prefect tasks.

    Returns:
        How it ended; the run is closed and the lake's lock given back.
    """
    run = OPEN[run_id]
    try:
        for round_number in itertools.count(1):
            plan = plan_round(run)
            if not plan:
                break
            await _all([harvest(run_id, name) for name in plan])
            if not run.stages:
                break
            merged = await merge_step(run_id)
            snapshot = await publish_step(run_id)
            if run.kind == "backfill":
                note_progress(run)
                run.report.say(
                    f"Slice {round_number}: "
                    + (f"snapshot {snapshot}, " if snapshot else "no snapshot, ")
                    + f"{merged['new']} new and {merged['updated']} updated listings."
                )
            await asyncio.to_thread(maintain_after, run, is_last=not plan_round(run))
        return _finish(run)
    except BlockedError as error:
        state = run.lake.state("nightly") if run.kind == "nightly" else None
        if state is not None:
            run.lake.set_state("nightly", {**state, "is_blocked": True})
        return _end(run, "blocked", error.exit_code, str(error))
    except asyncio.CancelledError:
        # A step may still be writing in its thread: whoever cancelled closes the run after it, or
        # the lock goes with the process.
        raise
    except BaseException as error:
        # The night stays unfinished and is gone on with; that it failed is told until then.
        note = run_row(
            run, snapshot=None, is_complete=True, problem=f"{type(error).__name__}: {error}"
        )
        with contextlib.suppress(OSError):
            run.lake.note_run(note.model_copy(update={"state": "failed", "exit_code": 1}))
        close(run_id)
        raise
    finally:
        if run.result is not None:
            close(run_id)


async def _all(steps: Sequence[Awaitable[Any]]) -> None:
    """Side by side; if one ends the run, the others have stopped before anybody closes it."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _finish(run: OpenRun) -> Run:
    """End a run whose rounds are through."""
    if run.kind == "backfill":
        # A list that failed keeps the backfill unfinished: the same command goes on with it.
        if _failures(run):
            note_progress(run, is_ended=True)
        else:
            run.lake.set_state("backfill", None)
    if run.told is None and run.slices_done and not _failures(run):
        code = exit_code([item.outcome() for item in run.harvests.values()])
        return _end(run, "unchanged" if code == 0 else "incomplete", code, None)
    if run.published and run.told is None:
        # The last round failed everywhere: earlier rounds stand, the run row tells of the failure.
        return _end(run, "incomplete", 4, _failures(run))
    if run.told is None:
        return _end(run, "failed", 1, _failures(run) or "Nothing was harvested.")
    if run.kind == "nightly":
        run.lake.set_state("nightly", None)
    run.result = run.told.model_copy(update={"warnings": tuple(run.warnings)})
    return run.result


def _failures(run: OpenRun) -> str | None:
    harvests = (item for item in run.harvests.values() if item.state != "off")
    problems = dict.fromkeys(item.problem for item in harvests if item.problem)
    return " ".join(problems) or None


def _end(run: OpenRun, state: str, code: int, problem: str | None) -> Run:
    """End a run that published nothing, or not its last part: noted until a snapshot takes it up."""
    row = run_row(
        run,
        snapshot=run.published[-1] if run.published else None,
        is_complete=True,
        problem=problem,
    ).model_copy(update={"state": state, "exit_code": code})
    run.lake.note_run(row)
    if run.kind == "nightly" and state != "blocked":
        # Tonight is over; the watermarks did not move, so the next night asks for the same days.
        run.lake.set_state("nightly", None)
    run.result = row
    return row
