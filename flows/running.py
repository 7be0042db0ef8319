"""A run from the command line: with Prefect where it can be had, without it where not."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from flows import opening, pipeline, runs
from flows.settings import Settings
from flows.showing import SHOWS, Show, conduct
from flows.watching import IS_GONE, begin_to_watch, take_leave
from schemas.paper import Run
from warehouse.files import absolute

# How long the process may take to end after its run, while Prefect sends what it has left.
END_SECONDS = 10.0


def run_nightly(
    settings: Settings,
    *,
    use_prefect: bool = True,
    sandbox_url: str | None = None,
    source_names: Sequence[str] = (),
    is_strict: bool = False,
    overrides: Sequence[str] = (),
    report: runs.Reporter | None = None,
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

    Returns:
        How the (last) night ended.

    Raises:
        PaperlakeError: nothing could be begun.
    """
    while True:
        run_id = opening.open_nightly(
            settings,
            sandbox_url=sandbox_url,
            source_names=source_names,
            is_strict=is_strict,
            overrides=overrides,
            report=report,
        )
        run = runs.OPEN[run_id]
        parameters = {"lake": absolute(settings.lake), "sources": list(source_names) or None}
        result = _conduct(run_id, "nightly", parameters, use_prefect)
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
) -> Run:
    """Older days of one source, in slices; arguments as in `run_nightly`."""
    run_id = opening.open_backfill(
        settings,
        source_name=source_name,
        start=start,
        end=end,
        sandbox_url=sandbox_url,
        overrides=overrides,
        report=report,
    )
    parameters = {
        "source": source_name,
        "start": start,
        "end": end,
        "lake": absolute(settings.lake),
    }
    return _conduct(run_id, "backfill", parameters, use_prefect)


def _conduct(run_id: str, flow_name: str, parameters: dict[str, Any], use_prefect: bool) -> Run:
    """Conduct an open run in this thread; where Prefect can be had, it watches from another."""
    if not use_prefect:
        return asyncio.run(pipeline.conduct(run_id))
    run = runs.OPEN[run_id]
    show = SHOWS[run_id] = Show(run_id)
    watching = begin_to_watch(run, show, flow_name, parameters)
    try:
        return conduct(show)
    finally:
        if watching is not None:
            take_leave(watching, run.report)
        del SHOWS[run_id]


@contextmanager
def ending_at_once(say: Callable[[str], None]) -> Iterator[None]:
    """End on SIGINT and SIGTERM at once, and take along what this process started.

    A run may be killed anywhere, so there is nothing to wait for; Prefect's temporary server would
    otherwise be waited for after the same Ctrl-C has ended it, or be left behind by SIGTERM.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        say("Interrupted. Nothing is lost: the same command goes on from here.")
        _end(128 + number)

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


def end_in_time(code: int, seconds: float = END_SECONDS) -> None:
    """From now on the process may take so many seconds to end, whatever threads are left."""
    if IS_GONE.is_set():
        # What Prefect has not sent to a server that is gone, it will not send any more.
        seconds = 0.5
    timer = threading.Timer(seconds, _end, args=(code,))
    timer.daemon = True
    timer.start()


def _end(code: int) -> None:
    for child in _children():
        with suppress(OSError):
            os.kill(child, signal.SIGTERM)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
