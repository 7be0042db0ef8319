"""How a run comes to be watched by Prefect, and how it gets rid of a Prefect that is gone.

Everything that waits for Prefect is here, and waits no longer than a bound.
"""

import asyncio
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows import embedded, runs
from flows.prefect_api import problem_of
from flows.settings import embedded_server_seconds, prefect_api_url, prefect_environment
from flows.showing import Show
from schemas.errors import PaperlakeError

# How long a night waits for Prefect to run its flow, which takes a second or two.
START_SECONDS = 20.0
# How long Prefect may take to say good-bye after the lake is given back; while it answers.
GOODBYE_SECONDS = 15.0
# The same for a process that Prefect started: there it is Prefect's to report the end.
FAREWELL_SECONDS = 60.0
# How often it is looked whether Prefect is still there.
_LOOK_SECONDS = 2.0

# Set when Prefect did not let go of a run of this process in time.
IS_GONE = threading.Event()


@dataclass(slots=True)
class Watching:
    """A flow that watches a run from a thread of its own."""

    url: str
    """The API it talks to."""
    is_over: threading.Event = field(default_factory=threading.Event)
    """Nothing more comes from it, in whatever way it ended."""
    error: BaseException | None = None


def begin_to_watch(
    run: runs.OpenRun, show: Show, flow_name: str, parameters: dict[str, Any]
) -> Watching | None:
    """Have Prefect watch, as soon as it does; None where it cannot be had."""
    try:
        url = _find_prefect(run)
        if url is None:
            return None
        from flows import nightly

        flow: Any = nightly.nightly if flow_name == "nightly" else nightly.backfill
    except Exception as error:  # whatever Prefect dies of, the night goes on
        run.report.say(f"warning: Prefect failed ({_told(error)}): going on without it.")
        return None
    watching = Watching(url)
    threading.Thread(
        target=_watch, args=(watching, flow, {**parameters, "run_id": run.run_id}), daemon=True
    ).start()
    deadline = time.monotonic() + START_SECONDS
    while not show.is_watched.wait(_LOOK_SECONDS):
        if watching.is_over.is_set():
            reason = _told(watching.error) if watching.error else "it did not run the flow"
            run.report.say(f"warning: Prefect failed ({reason}): going on without it.")
            return None
        problem = problem_of(url)
        if problem is not None or time.monotonic() > deadline:
            problem = problem or f"nothing begins within {START_SECONDS:.0f} s"
            run.report.say(
                f"warning: Prefect at {url} does not begin ({problem}): going on without waiting."
            )
            break
    return watching


def _find_prefect(run: runs.OpenRun) -> str | None:
    """The API of the user's own Prefect, else of a server started for this process; None if dead."""
    url = prefect_api_url()
    if url is not None and not _is_there(url, run.report):
        return None
    environment = prefect_environment(run.lake.root)
    if "PREFECT_HOME" in environment:
        Path(environment["PREFECT_HOME"]).mkdir(exist_ok=True)
    os.environ.update(environment)
    run.report.say("Starting Prefect ...")
    from flows import nightly  # importing Prefect costs a second and more

    found = url or nightly.api_url()
    if found is None:
        found = embedded.start(embedded_server_seconds())
        nightly.talk_to(found)
    elif url is None and not _is_there(found, run.report):
        return None
    return found


def _is_there(url: str, report: runs.Reporter) -> bool:
    problem = problem_of(url)
    if problem is not None:
        report.say(
            f"warning: the Prefect API at {url} does not answer ({problem}): going on without it."
        )
    return problem is None


def _watch(watching: Watching, flow: Any, parameters: dict[str, Any]) -> None:
    try:
        asyncio.run(flow(**parameters, return_state=True))
    except BaseException as error:  # told by whoever waits for it
        watching.error = error
    finally:
        watching.is_over.set()


def take_leave(watching: Watching, report: runs.Reporter) -> None:
    """Let Prefect take down how the night ended, as long as it is there and not for ever."""
    if _is_gone(watching.url, watching.is_over, GOODBYE_SECONDS):
        IS_GONE.set()
    elif watching.error is None:
        return
    reason = f" ({_told(watching.error)})" if watching.error else ""
    report.say(
        f"warning: Prefect at {watching.url} did not take down how the run ended{reason}; in the "
        "lake everything is in order."
    )


def _is_gone(url: str | None, is_over: threading.Event, seconds: float) -> bool:
    """Wait for an end; True when `seconds` pass before it, or the API does not answer any more."""
    deadline = time.monotonic() + seconds
    failures = 0
    while not is_over.wait(_LOOK_SECONDS):
        failures = failures + 1 if url is not None and problem_of(url) is not None else 0
        # One answer that did not come may be a server that was busy.
        if failures > 1 or time.monotonic() > deadline:
            # What was about to end just now is not gone.
            return not is_over.is_set()
    return False


def _told(error: BaseException) -> str:
    return str(error) if isinstance(error, PaperlakeError) else f"{type(error).__name__}: {error}"


def end_without_prefect() -> None:
    """From now on this process ends, with exit code 1, when Prefect is gone or holds it too long.

    For a process that Prefect started for one flow run: with a server that is away it would go on
    for minutes, deaf to SIGTERM.
    """
    arguments = (prefect_api_url(), threading.Event(), FAREWELL_SECONDS)
    threading.Thread(target=_end_when_gone, args=arguments, daemon=True).start()


def _end_when_gone(url: str | None, is_over: threading.Event, seconds: float) -> None:
    if _is_gone(url, is_over, seconds):
        os._exit(1)
