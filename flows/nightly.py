"""The night as Prefect flows and tasks; the only importer of prefect.

Prefect schedules, shows and retries whole steps, and never carries correctness: each task calls the
same function as a night without Prefect, retries nothing by itself, and stores no result.
"""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import opening, pipeline, planning, runs
from flows.harvest import harvest_source
from flows.report import markdown
from flows.settings import load_settings
from schemas.paper import Run


@task(
    name="harvest",
    task_run_name="harvest {source_name} {window}",
    retries=0,
    persist_result=False,
)
async def harvest_task(run_id: str, source_name: str, window: str) -> dict[str, Any]:  # noqa: ARG001 - the window is there to be seen in the name
    """Harvest this round's windows of one source."""
    return await harvest_source(run_id, source_name)


@task(name="merge", task_run_name="merge", retries=0, persist_result=False)
async def merge_task(run_id: str) -> dict[str, int]:
    """Merge the round's rows into the tables."""
    return await asyncio.to_thread(pipeline.merge, run_id)


@task(name="publish", task_run_name="publish", retries=0, persist_result=False)
async def publish_task(run_id: str) -> int | None:
    """Check and publish the snapshot."""
    return await asyncio.to_thread(pipeline.publish, run_id)


def _nightly_name() -> str:
    given = flow_run.parameters
    sources = "+".join(given.get("sources") or ["all"])
    return f"nightly {sources} {_night_of(given)}"


def _backfill_name() -> str:
    given = flow_run.parameters
    return f"backfill {given.get('source')} {given.get('start')}..{given.get('end')}"


def _night_of(given: dict[str, Any]) -> str:
    run = runs.OPEN.get(given.get("run_id") or "")
    if run is not None:
        return run.night_date.isoformat()
    return "sandbox" if given.get("sandbox") else datetime.now(UTC).date().isoformat()


@flow(name="nightly", flow_run_name=_nightly_name, persist_result=False, retries=0)
async def nightly(
    lake: str = "lake",
    sources: list[str] | None = None,
    sandbox: str | None = None,
    strict: bool = False,
    allow: list[str] | None = None,
    run_id: str | None = None,
) -> State[Any]:
    """A night: harvest every source, join papers, publish one snapshot.

    Args:
        lake: folder of the lake.
        sources: names of sources; none means all.
        sandbox: address of a sandbox to talk to instead of the real sources.
        strict: whether late lists make the night incomplete.
        allow: checks that may fail.
        run_id: a run that this process has opened already (the command line does).

    Returns:
        Completed; Completed named Incomplete when a source failed or a day is lost; Failed when
        nothing could be harvested or a check refused the snapshot.
    """
    if run_id is not None:
        return await _conduct(run_id)
    while True:
        opened = await asyncio.to_thread(
            opening.open_nightly,
            load_settings(lake=Path(lake)),
            sandbox_url=sandbox,
            source_names=sources or [],
            is_strict=strict,
            overrides=allow or [],
        )
        run = runs.OPEN[opened]
        state = await _conduct(opened)
        # An unfinished night is ended under its own date; tonight's comes after it.
        if not run.is_earlier or run.result is None or run.result.state == "blocked":
            return state


@flow(name="backfill", flow_run_name=_backfill_name, persist_result=False, retries=0)
async def backfill(
    source: str,
    start: date,
    end: date,
    lake: str = "lake",
    sandbox: str | None = None,
    allow: list[str] | None = None,
    run_id: str | None = None,
) -> State[Any]:
    """Older days of one source, in slices, each a snapshot; a killed one goes on.

    Args:
        source: name of the source.
        start: first day.
        end: last day, included.
        lake: folder of the lake.
        sandbox: address of a sandbox to talk to instead of the real source.
        allow: checks that may fail.
        run_id: a run that this process has opened already (the command line does).

    Returns:
        As `nightly`.
    """
    if run_id is None:
        run_id = await asyncio.to_thread(
            opening.open_backfill,
            load_settings(lake=Path(lake)),
            source_name=source,
            start=start,
            end=end,
            sandbox_url=sandbox,
            overrides=allow or [],
        )
    return await _conduct(run_id)


async def _conduct(run_id: str) -> State[Any]:
    """All rounds as tasks, the report as an artifact, and the state that tells how it ended."""

    async def harvest(run_id: str, source_name: str) -> dict[str, Any]:
        windows = planning.plan_round(runs.OPEN[run_id]).get(source_name, [])
        first = min((window.start for window in windows), default=None)
        last = max((window.end for window in windows), default=None)
        return await harvest_task(run_id, source_name, f"{first}..{last}")

    result = await pipeline.conduct(
        run_id, harvest=harvest, merge_step=merge_task, publish_step=publish_task
    )
    await _leave_report(result)
    return _state_of(result)


async def _leave_report(result: Run) -> None:
    """The artifact; the snapshot stands already, so a server that is gone costs nothing."""
    try:
        await acreate_markdown_artifact(
            key=f"{result.kind}-report",
            markdown=markdown(result),
            description=f"{result.kind} {result.night_date}: {result.state}",
        )
    except Exception as error:
        runs.log.warning("The report could not be left with Prefect: %s", error)


def _state_of(result: Run) -> State[Any]:
    if result.exit_code == 0:
        return Completed(message=f"snapshot {result.snapshot}")
    if result.exit_code == 4:
        return Completed(name="Incomplete", message=_problem(result))
    return Failed(message=_problem(result))


def _problem(result: Run) -> str:
    problems = [result.problem, *(outcome.problem for outcome in result.outcomes)]
    return "; ".join(text for text in problems if text) or result.state
