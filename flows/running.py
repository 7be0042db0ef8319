"""A run from the command line: with Prefect where it can be had, without it where not."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from flows import opening, pipeline, prefect_api, runs
from flows.settings import Settings, prefect_api_url, prefect_environment
from schemas.errors import PaperlakeError
from schemas.paper import Run

# How long Prefect may take to say good-bye after the night is published.
GOODBYE_SECONDS = 30.0


def run_nightly(
    settings: Settings,
    *,
    use_prefect: bool = True,
    sandbox_url: str | None = None,
    source_names: Sequence[str] = (),
    is_strict: bool = False,
    overrides: Sequence[str] = (),
    report: runs.Reporter | None = None,
    on_stuck: Callable[[Run], None] | None = None,
) -> Run:
    """Tonight's run; an unfinished earlier night is ended first, under its own date.

    Args:
        settings: the settings.
        use_prefect: show the run to Prefect.
        sandbox_url: a sandbox to talk to instead of the real sources.
        source_names: sources to harvest; none means all.
        is_strict: whether late lists make the night incomplete.
        overrides: checks that may fail.
        report: who watches.
        on_stuck: called with the finished run when Prefect does not let the process end.

    Returns:
        How the (last) night ended.

    Raises:
        PaperlakeError: nothing could be begun.
    """

    def open_it() -> str:
        return opening.open_nightly(
            settings,
            sandbox_url=sandbox_url,
            source_names=source_names,
            is_strict=is_strict,
            overrides=overrides,
            report=report,
        )

    while True:
        run_id = open_it()
        run = runs.OPEN[run_id]
        parameters = {"lake": str(settings.lake), "sources": list(source_names) or None}
        result = _conduct(run_id, "nightly", parameters, open_it, use_prefect, on_stuck)
        if not run.is_earlier or result.state == "blocked":
            return result
        run.report.say(f"The unfinished night of {run.night_date} is ended; now tonight's.")


def run_backfill(
    settings: Settings,
    *,
    source_name: str,
    start: date,
    end: date,
    use_prefect: bool = True,
    sandbox_url: str | None = None,
    overrides: Sequence[str] = (),
    report: runs.Reporter | None = None,
    on_stuck: Callable[[Run], None] | None = None,
) -> Run:
    """Older days of one source, in slices; arguments as in `run_nightly`."""

    def open_it() -> str:
        return opening.open_backfill(
            settings,
            source_name=source_name,
            start=start,
            end=end,
            sandbox_url=sandbox_url,
            overrides=overrides,
            report=report,
        )

    parameters = {"source": source_name, "start": start, "end": end, "lake": str(settings.lake)}
    return _conduct(open_it(), "backfill", parameters, open_it, use_prefect, on_stuck)


def _conduct(
    run_id: str,
    flow_name: str,
    parameters: dict[str, Any],
    reopen: Callable[[], str],
    use_prefect: bool,
    on_stuck: Callable[[Run], None] | None,
) -> Run:
    run = runs.OPEN[run_id]
    if use_prefect and _is_prefect_there(run):
        try:
            _with_prefect(run, flow_name, parameters, on_stuck)
        except (PaperlakeError, OSError):
            raise
        except Exception as error:  # whatever Prefect dies of, the night goes on
            run.report.say(f"warning: Prefect failed ({type(error).__name__}: {error}).")
        if run.result is not None:
            return run.result
        run.report.say("warning: going on without Prefect, from what is kept.")
        runs.close(run_id)
        run_id = reopen()
    return asyncio.run(pipeline.conduct(run_id))


def _is_prefect_there(run: runs.OpenRun) -> bool:
    """Whether the user's own Prefect API answers; without one, an embedded server is used."""
    url = prefect_api_url()
    if url is None:
        return True
    try:
        prefect_api.ask(url, "/health")
        return True
    except (OSError, ValueError) as error:
        run.report.say(
            f"warning: the Prefect API at {url} does not answer ({error}): going on without it."
        )
        return False


def _with_prefect(
    run: runs.OpenRun,
    flow_name: str,
    parameters: dict[str, Any],
    on_stuck: Callable[[Run], None] | None,
) -> None:
    environment = prefect_environment(run.lake.root)
    if "PREFECT_HOME" in environment:
        Path(environment["PREFECT_HOME"]).mkdir(exist_ok=True)
    os.environ.update(environment)
    run.report.say("Starting Prefect ...")
    from flows import nightly  # importing Prefect costs a second and more

    ended = threading.Event()
    threading.Thread(target=_watch, args=(run, ended, on_stuck), daemon=True).start()
    try:
        flow: Any = nightly.nightly if flow_name == "nightly" else nightly.backfill
        state = asyncio.run(flow(**parameters, run_id=run.run_id, return_state=True))
    finally:
        ended.set()
    if run.result is None and state.is_failed():
        error = state.result(raise_on_failure=False)
        if isinstance(error, BaseException):
            raise error


def _watch(
    run: runs.OpenRun, ended: threading.Event, on_stuck: Callable[[Run], None] | None
) -> None:
    """End the process when Prefect holds it long after the night is over: a dead server does that."""
    while not ended.wait(0.2):
        if run.result is not None:
            if ended.wait(GOODBYE_SECONDS):
                return
            if on_stuck is not None:
                on_stuck(run.result)
            os._exit(run.result.exit_code)


@contextmanager
def ending_at_once(say: Callable[[str], None]) -> Iterator[None]:
    """End on SIGINT and SIGTERM at once, and take along what this process started.

    A run may be killed anywhere, so there is nothing to wait for; Prefect's temporary server would
    otherwise be waited for after the same Ctrl-C has ended it, or be left behind by SIGTERM.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        say("Interrupted. Nothing is lost: the same command goes on from here.")
        for child in _children():
            with suppress(OSError):
                os.kill(child, signal.SIGTERM)
        os._exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _children() -> list[int]:
    """Processes that this one started (Linux; elsewhere none are known)."""
    found = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found


def end_in_time(code: int, seconds: float = GOODBYE_SECONDS) -> None:
    """From now on the process may take so long to end, whatever threads are left."""
    timer = threading.Timer(seconds, os._exit, args=(code,))
    timer.daemon = True
    timer.start()
