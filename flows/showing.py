"""What a run shows of itself while it goes on: one thread does the night, another may watch.

The night never runs inside Prefect and never waits for it. It says which steps begin and how they
end; the flow (`flows.nightly`) hears it in its own thread and draws the steps as tasks. A watcher
that comes late is told from the beginning, one that dies is not missed.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flows import pipeline, planning, runs
from flows.harvest import harvest_source
from schemas.paper import Run


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run, under way or over."""

    name: str
    """`harvest`, `merge` or `publish`."""
    source_name: str | None = None
    window: str | None = None
    """First and last day of a harvest, `2026-03-01..2026-03-08`."""
    outcome: Future[Any] = field(default_factory=Future)
    """How it ended: small values to show, or the error."""


class Show:
    """The steps of one run, for whoever watches; made before the run is conducted."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.outcome: Future[Run] = Future()
        """How the run ended, when the lake is given back."""
        self.is_watched = threading.Event()
        self._lock = threading.Lock()
        self._told: list[Step | None] = []
        self._watcher: Callable[[Step | None], object] | None = None

    def watch(self, watcher: Callable[[Step | None], object]) -> None:
        """Have `watcher` called with every step as it begins, at last with None; it must not wait."""
        with self._lock:
            for step in self._told:
                watcher(step)
            self._watcher = watcher
        self.is_watched.set()

    def end(self, outcome: Run | BaseException) -> None:
        """The run is over."""
        _settle(self.outcome, outcome)
        self._tell(None)

    async def step(self, step: Step, work: Awaitable[Any]) -> Any:
        """Do a step, and tell that it begins and how it ends."""
        self._tell(step)
        try:
            result = await work
        except BaseException as error:
            _settle(step.outcome, error)
            raise
        _settle(step.outcome, result)
        return result

    def _tell(self, step: Step | None) -> None:
        with self._lock:
            self._told.append(step)
            if self._watcher is not None:
                # The loop of a watcher that has gone is closed.
                with suppress(RuntimeError):
                    self._watcher(step)


def _settle(future: Future[Any], outcome: object) -> None:
    # A watcher that was stopped may have cancelled what it waited for.
    with suppress(InvalidStateError):
        if isinstance(outcome, asyncio.CancelledError):
            future.cancel()
        elif isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


# Shows that a flow of this process may look up, by run_id: Prefect's parameters carry the id only.
SHOWS: dict[str, Show] = {}


def conduct(show: Show) -> Run:
    """Conduct an open run in this thread, and show it; see `flows.pipeline.conduct`."""
    try:
        result = asyncio.run(
            pipeline.conduct(
                show.run_id,
                harvest=partial(_harvest, show),
                merge_step=partial(_in_thread, show, "merge", pipeline.merge),
                publish_step=partial(_in_thread, show, "publish", pipeline.publish),
            )
        )
    except BaseException as error:
        show.end(error)
        raise
    show.end(result)
    return result


async def _harvest(show: Show, run_id: str, source_name: str) -> Any:
    windows = planning.plan_round(runs.OPEN[run_id]).get(source_name, [])
    first = min((window.start for window in windows), default=None)
    last = max((window.end for window in windows), default=None)
    step = Step("harvest", source_name, f"{first}..{last}")
    return await show.step(step, harvest_source(run_id, source_name))


async def _in_thread(show: Show, name: str, function: Callable[[str], Any], run_id: str) -> Any:
    return await show.step(Step(name), asyncio.to_thread(function, run_id))
