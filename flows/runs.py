"""Runs under way: what a run holds while it is open.

A run is a row of rounds. In each, every list of every source harvests one window (the next slice of
what is missing), the rows are merged, and one snapshot is published with the watermarks moved. A
night normally has one round; after a long pause, or in a backfill, it has as many as slices. Killed
anywhere, a run goes on from the last snapshot and from the responses it has kept.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from flows.sandbox.client import Sandbox
from flows.settings import Settings
from flows.source import ListSpec, Source, Window
from schemas.paper import Run, SourceOutcome
from warehouse.lake import Writer
from warehouse.responses import Pack
from warehouse.snapshots import Lake
from warehouse.staging import Stage

log = logging.getLogger("paperlake")


class Reporter(Protocol):
    """Who watches a run: the command line's progress bars, or nobody."""

    def say(self, text: str) -> None:
        """One line of what is going on."""

    def planned(self, source: str, list_name: str, window: Window, requests: int | None) -> None:
        """A harvest begins, of about so many requests; None where that is not known, as of a sandbox."""

    def received(self, source: str, list_name: str, records: int) -> None:
        """A response of a harvest was read."""

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """A harvest ended."""


class Silent:
    """Nobody watches."""

    def say(self, text: str) -> None:
        """Log it."""
        log.info(text)

    def planned(self, source: str, list_name: str, window: Window, requests: int | None) -> None:
        """Nothing."""

    def received(self, source: str, list_name: str, records: int) -> None:
        """Nothing."""

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """Nothing."""


@dataclass(slots=True)
class Harvest:
    """One list of one source in this run: how far it is, and what came of it."""

    source: Source
    spec: ListSpec
    state: str = "ok"
    problem: str | None = None
    is_done: bool = False
    next_start: date | None = None
    windows: list[Window] = field(default_factory=list)
    """Remaining windows of a backfill."""
    watermark: datetime | None = None
    """To be published with the round."""
    n_responses: int = 0
    n_records: int = 0
    n_fetched: int = 0
    n_new: int = 0
    n_updated: int = 0
    n_unchanged: int = 0
    n_withdrawn: int = 0
    n_quarantined: int = 0
    late_days: set[date] = field(default_factory=set)
    lost_days: set[date] = field(default_factory=set)

    def outcome(self) -> SourceOutcome:
        """The row that tells of it."""
        state = self.state
        if state == "ok" and self.lost_days:
            state = "lost"
        elif state == "ok" and self.late_days:
            state = "late"
        return SourceOutcome(
            source=self.source.name,
            list=self.spec.name,
            state=state,
            n_responses=self.n_responses,
            n_records=self.n_records,
            n_fetched=self.n_fetched,
            n_new=self.n_new,
            n_updated=self.n_updated,
            n_unchanged=self.n_unchanged,
            n_withdrawn=self.n_withdrawn,
            n_quarantined=self.n_quarantined,
            late_days=tuple(sorted(self.late_days)),
            lost_days=tuple(sorted(self.lost_days)),
            problem=self.problem,
        )


@dataclass(slots=True)
class OpenRun:
    """A run under way: it holds the lake's lock."""

    settings: Settings
    lake: Lake
    kind: str
    run_id: str
    night_date: date
    started_at: datetime
    sources: Mapping[str, Source]
    report: Reporter
    sandbox: Sandbox | None = None
    clock: datetime | None = None
    """Time of a run that asks nobody in a lake of a sandbox, whose clock stands still between nights."""
    is_resumed: bool = False
    is_strict: bool = False
    overrides: tuple[str, ...] = ()
    harvests: dict[tuple[str, str], Harvest] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    writer: Writer | None = None
    warnings: list[str] = field(default_factory=list)
    known_extras: set[str] = field(default_factory=set)
    packs: dict[str, Pack] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    """What a backfill was asked for: only the same is gone on with."""
    slices_done: Counter[str] = field(default_factory=Counter)
    """List -> slices of a backfill that are committed or about to be."""
    published: list[int] = field(default_factory=list)
    told: Run | None = None
    """How it ended, as its last snapshot tells; it is not over before `result` is set."""
    result: Run | None = None

    def now(self) -> datetime:
        """The run's clock (UTC): the machine's, or the sandbox's."""
        if self.sandbox is not None:
            return self.sandbox.now
        return self.clock or datetime.now(UTC)

    @property
    def is_earlier(self) -> bool:
        """Whether this is the unfinished night of an earlier day, ended before tonight's."""
        is_old = self.night_date < datetime.now(UTC).date()
        return self.is_resumed and self.sandbox is None and self.kind == "nightly" and is_old

    def pack(self, source: str) -> Pack:
        """Where the responses of a source are kept in this run."""
        if source not in self.packs:
            self.packs[source] = Pack(self.lake.responses, source, self.night_date)
        return self.packs[source]

    def warn(self, text: str) -> None:
        """A signal that loses nothing; the same one is told once a run."""
        if text not in self.warnings:
            self.warnings.append(text)
            log.warning(text)


# Runs under way in this process, by run_id: Prefect tasks carry the id, not the run.
OPEN: dict[str, OpenRun] = {}


def close(run_id: str) -> None:
    """Give the lake back; harmless when it was given back already."""
    run = OPEN.pop(run_id, None)
    if run is None:
        return
    for pack in run.packs.values():
        pack.close()
    if run.writer is not None:
        run.writer.close()
    shutil.rmtree(run.lake.staging, ignore_errors=True)
    run.lake.close()
