"""The night as Prefect flows and tasks; the only importer of prefect.

Prefect schedules, shows and retries whole nights, and never carries correctness: the night is the
same as without Prefect and runs in a thread of its own; the flow watches it, and each task stands
for a step of it. Whatever becomes of Prefect, the night goes on.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import anyio
from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.context import refresh_global_settings_context
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed

from flows import leftovers, opening, runs, watching
from flows.report import markdown
from flows.settings import is_prefects_process, load_settings
from flows.showing import SHOWS, Show, Step, conduct
from schemas.errors import UsageError
from schemas.paper import Run

# The step that a task of this context stands for: a task's parameters are what Prefect shows.
_STEP: ContextVar[Step] = ContextVar("step")


def api_url() -> str | None:
    """The API that Prefect would talk to: of the environment, a profile or a file of settings."""
    return PREFECT_API_URL.value() or None


def talk_to(url: str) -> None:
    """From now on Prefect's API in this process is at `url`."""
    os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()


@task(
    name="harvest",
    task_run_name="harvest {source_name} {window}",
    retries=0,
    persist_result=False,
)
async def harvest_task(run_id: str, source_name: str, window: str) -> dict[str, Any]:  # noqa: ARG001 - they are there to be seen
    """Stands for the harvest of this round's windows of one source."""
    counts: dict[str, Any] = await _outcome()
    return counts


@task(name="merge", task_run_name="merge", retries=0, persist_result=False)
async def merge_task(run_id: str) -> dict[str, int]:  # noqa: ARG001 - as above
    """Stands for merging the round's rows into the tables."""
    counts: dict[str, int] = await _outcome()
    return counts


@task(name="publish", task_run_name="publish", retries=0, persist_result=False)
async def publish_task(run_id: str) -> int | None:  # noqa: ARG001 - as above
    """Stands for checking and publishing the snapshot."""
    snapshot: int | None = await _outcome()
    return snapshot


async def _outcome() -> Any:
    # Shielded, so that a task that Prefect cancels does not take the night's own future along.
    return await asyncio.shield(asyncio.wrap_future(_STEP.get().outcome))


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
        run_id: a run that this process conducts already (the command line does).

    Returns:
        Completed; Completed named Incomplete when a source failed or a day is lost; Failed when
        nothing could be harvested or a check refused the snapshot.
    """
    if run_id is not None:
        return await _show(_begun(run_id))
    while True:
        run = await _opened(
            opening.open_nightly,
            lake,
            sandbox_url=sandbox,
            source_names=sources or [],
            is_strict=strict,
            overrides=allow or [],
        )
        state = await _conduct(run)
        if not _is_followed(run):
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
        run_id: a run that this process conducts already (the command line does).

    Returns:
        As `nightly`.
    """
    if run_id is not None:
        return await _show(_begun(run_id))
    run = await _opened(
        opening.open_backfill,
        lake,
        source_name=source,
        start=start,
        end=end,
        sandbox_url=sandbox,
        overrides=allow or [],
    )
    return await _conduct(run)


def _begun(run_id: str) -> Show:
    if run_id not in SHOWS:
        raise UsageError(
            f"There is no run {run_id} in this process: leave the parameter run_id empty, it is "
            "for the command line."
        )
    return SHOWS[run_id]


async def _opened(open_it: Callable[..., str], lake: str, **options: Any) -> runs.OpenRun:
    """Open a run of a flow that Prefect started; a refusal ends the flow, and its process in time."""
    try:
        settings = load_settings(lake=Path(lake))
        return runs.OPEN[await asyncio.to_thread(open_it, settings, **options)]
    except BaseException:
        _end_in_time()
        raise


def _is_followed(run: runs.OpenRun) -> bool:
    """Whether tonight's run comes after it: an unfinished night is ended under its own date."""
    return run.is_earlier and run.result is not None and run.result.state != "blocked"


def _end_in_time() -> None:
    """A process that Prefect started for this run ends soon, whatever Prefect waits for."""
    if is_prefects_process():
        watching.end_without_prefect()


async def _conduct(run: runs.OpenRun) -> State[Any]:
    """Conduct an open run in a thread beside this flow, and show it."""
    show = Show(run.run_id)
    # A daemon: when Prefect cancels the flow, the process ends and the run with it, to be gone on with.
    threading.Thread(target=_conduct_quietly, args=(run, show), daemon=True).start()
    # A flow whose place among the deployment's runs could not be renewed is cancelled by Prefect,
    # which a server that is away brings about; the night is not cancelled for it.
    with anyio.CancelScope(shield=True):
        state = await _show(show)
    return state  # noqa: RET504 - mypy cannot know that the scope swallows no error


def _conduct_quietly(run: runs.OpenRun, show: Show) -> None:
    with suppress(BaseException):  # the show tells it
        conduct(show)
    if not _is_followed(run):
        # From here on, and not from the flow's end: the report waits for a server that is away.
        _end_in_time()


async def _show(show: Show) -> State[Any]:
    """All steps as tasks, the report as an artifact, and the state that tells how it ended."""
    run = runs.OPEN.get(show.run_id)
    if run is not None:
        # A disk that is full must not end the flow, and with it the night beside it.
        with contextlib.suppress(OSError):
            leftovers.note(run.lake.root, str(flow_run.id))
    steps: asyncio.Queue[Step | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    show.watch(lambda step: loop.call_soon_threadsafe(steps.put_nowait, step))
    drawn = []
    while (step := await steps.get()) is not None:
        drawn.append(asyncio.create_task(_draw(show.run_id, step)))
    await asyncio.gather(*drawn, return_exceptions=True)
    result = await asyncio.wrap_future(show.outcome)
    await _leave_report(result)
    return _state_of(result)


async def _draw(run_id: str, step: Step) -> None:
    _STEP.set(step)
    if step.name == "harvest":
        await harvest_task(run_id, step.source_name or "", step.window or "")
    elif step.name == "merge":
        await merge_task(run_id)
    else:
        await publish_task(run_id)


async def _leave_report(result: Run) -> None:
    """The artifact; the snapshot stands already, so a server that is gone costs nothing."""
    try:
        async with asyncio.timeout(watching.GOODBYE_SECONDS):
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
