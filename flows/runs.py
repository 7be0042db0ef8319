"""Runs under way: what a run holds, how it is opened or taken up again, and what it has left to do.

A run is a row of rounds. In each, every list of every source harvests one window (the next slice of
what is missing), the rows are merged, and one snapshot is published with the watermarks moved. A
night normally has one round; after a long pause, or in a backfill, it has as many as slices. Killed
anywhere, a run goes on from the last snapshot and from the responses it has kept.
"""

import json
import logging
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from flows.settings import Settings
from flows.source import ListSpec, Source, Window, load_sources
from schemas.errors import SettingsError, UsageError
from schemas.paper import Run, SourceOutcome
from warehouse.lake import Stage, Writer
from warehouse.manifest import Manifest
from warehouse.responses import Pack
from warehouse.snapshots import Lake

log = logging.getLogger("paperlake")


class Reporter(Protocol):
    """Who watches a run: the command line's progress bars, or nobody."""

    def say(self, text: str) -> None:
        """One line of what is going on."""

    def planned(self, source: str, list_name: str, window: Window, requests: int) -> None:
        """A harvest begins."""

    def received(self, source: str, list_name: str, records: int) -> None:
        """A response of a harvest was read."""

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """A harvest ended."""


class Silent:
    """Nobody watches."""

    def say(self, text: str) -> None:
        """Log it."""
        log.info(text)

    def planned(self, source: str, list_name: str, window: Window, requests: int) -> None:
        """Nothing."""

    def received(self, source: str, list_name: str, records: int) -> None:
        """Nothing."""

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The loopback internet a run talks to, at one night."""

    url: str
    origin: str
    night: int
    night_date: date
    now: datetime

    def base_url(self, source: Source) -> str:
        """Where the sandbox serves a source."""
        path = urllib.parse.urlsplit(source.base_url).path.rstrip("/")
        return f"{self.url}/night/{self.night}/{source.name}{path}"


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
    is_resumed: bool = False
    is_strict: bool = False
    overrides: tuple[str, ...] = ()
    harvests: dict[tuple[str, str], Harvest] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    writer: Writer | None = None
    warnings: list[str] = field(default_factory=list)
    known_extras: set[str] = field(default_factory=set)
    packs: dict[str, Pack] = field(default_factory=dict)
    slices_done: Counter[str] = field(default_factory=Counter)
    """List -> slices of a backfill that are committed or about to be."""
    published: list[int] = field(default_factory=list)
    result: Run | None = None

    def now(self) -> datetime:
        """The run's clock (UTC): the machine's, or the sandbox's."""
        return self.sandbox.now if self.sandbox else datetime.now(UTC)

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


# Opening


def open_nightly(
    settings: Settings,
    *,
    sandbox_url: str | None = None,
    source_names: Sequence[str] = (),
    is_strict: bool = False,
    overrides: Sequence[str] = (),
    report: Reporter | None = None,
) -> str:
    """Begin tonight's run, or go on with an unfinished one under its own date.

    Returns:
        The run_id; the run is in `OPEN` and holds the lake's lock until `close`.

    Raises:
        UsageError, SettingsError, OriginError: nothing was done.
        BusyError: another process writes the lake.
    """
    sources = chosen(source_names)
    lake = Lake(settings.lake)
    sandbox = read_sandbox(sandbox_url) if sandbox_url else None
    _require_contact(settings, sandbox, sources)
    origin = sandbox.origin if sandbox else "real"
    lake.open_for_writing("paperlake nightly", origin, datetime.now(UTC))
    try:
        state = _unfinished(lake, sandbox)
        newest = lake.manifest()
        if sandbox is not None:
            last = newest.last_night if newest else None
            night = (last - sandbox.night_date).days + 1 if last else 0
            if state:
                night = (date.fromisoformat(state["night_date"]) - sandbox.night_date).days
            sandbox = read_sandbox(sandbox.url, night)
        now = sandbox.now if sandbox else datetime.now(UTC)
        run = OpenRun(
            settings=settings,
            lake=lake,
            kind="nightly",
            run_id=state["run_id"] if state else new_id("nightly", now.date()),
            night_date=date.fromisoformat(state["night_date"]) if state else now.date(),
            started_at=datetime.fromisoformat(state["started_at"]) if state else now,
            sources=sources,
            report=report or Silent(),
            sandbox=sandbox,
            is_resumed=state is not None,
            is_strict=is_strict,
            overrides=tuple(overrides),
        )
        lake.set_state("nightly", _state_of(run))
        for source, spec in _lists(run):
            run.harvests[source.name, spec.name] = Harvest(source, spec)
        OPEN[run.run_id] = run
    except BaseException:
        lake.close()
        raise
    if run.is_resumed:
        run.report.say(f"Going on with the unfinished night of {run.night_date}.")
    _say_estimate(run)
    return run.run_id


def open_backfill(
    settings: Settings,
    *,
    source_name: str,
    start: date,
    end: date,
    sandbox_url: str | None = None,
    overrides: Sequence[str] = (),
    report: Reporter | None = None,
) -> str:
    """Begin a backfill, or go on with an unfinished one of the same days; see `open_nightly`."""
    sources = chosen([source_name])
    if end < start:
        raise UsageError(f"The days run backwards: --from {start} is after --to {end}.")
    lake = Lake(settings.lake)
    sandbox = read_sandbox(sandbox_url) if sandbox_url else None
    _require_contact(settings, sandbox, sources)
    lake.open_for_writing(
        "paperlake backfill", sandbox.origin if sandbox else "real", datetime.now(UTC)
    )
    try:
        newest = lake.manifest()
        if sandbox is not None and newest is not None and newest.last_night is not None:
            sandbox = read_sandbox(sandbox.url, (newest.last_night - sandbox.night_date).days)
        now = sandbox.now if sandbox else datetime.now(UTC)
        if start > now.date():
            raise UsageError(f"--from {start} lies in the future: it is {now.date()} (UTC).")
        args = {
            "source": source_name,
            "from": start.isoformat(),
            "to": min(end, now.date()).isoformat(),
        }
        state = lake.state("backfill")
        if state is not None and state.get("args") != args:
            state = None
        run = OpenRun(
            settings=settings,
            lake=lake,
            kind="backfill",
            run_id=state["run_id"] if state else new_id("backfill", now.date()),
            night_date=date.fromisoformat(state["night_date"]) if state else now.date(),
            started_at=datetime.fromisoformat(state["started_at"]) if state else now,
            sources=sources,
            report=report or Silent(),
            sandbox=sandbox,
            is_resumed=state is not None,
            overrides=tuple(overrides),
        )
        earlier = lake.last_of_run(run.run_id) if state else None
        if earlier is not None:
            run.slices_done.update(earlier.slices_done)
        lake.set_state("backfill", {**_state_of(run), "args": args})
        for source, spec in _lists(run):
            if spec.is_capture:
                continue
            harvest = Harvest(source, spec)
            harvest.windows = _slices(spec, start, min(end, now.date()), now)[
                run.slices_done[spec.name] :
            ]
            run.harvests[source.name, spec.name] = harvest
        OPEN[run.run_id] = run
    except BaseException:
        lake.close()
        raise
    if run.is_resumed:
        run.report.say(
            f"Going on with the unfinished backfill, {run.slices_done.total()} slices are done."
        )
    _say_estimate(run)
    return run.run_id


def _state_of(run: OpenRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "night_date": run.night_date.isoformat(),
        "started_at": run.started_at.isoformat(),
    }


def _unfinished(lake: Lake, sandbox: Sandbox | None) -> dict[str, Any] | None:
    """The state of a night that was killed, or blocked and is retried on its own day."""
    state = lake.state("nightly")
    if state is None:
        return None
    published = lake.last_of_run(state["run_id"])
    if published is not None and published.is_run_complete:
        return None
    if state.get("is_blocked") and sandbox is None:
        # What blocked yesterday is asked for again tonight: the watermarks did not move.
        return state if state["night_date"] == datetime.now(UTC).date().isoformat() else None
    return state


def new_id(kind: str, day: date) -> str:
    """A run_id: kind, day and chance."""
    return f"{kind}-{day.isoformat()}-{uuid.uuid4().hex[:8]}"


def chosen(names: Sequence[str]) -> dict[str, Source]:
    """The sources of these names, or all; UsageError names the choice."""
    sources = load_sources()
    unknown = [name for name in names if name not in sources]
    if unknown:
        raise UsageError(
            f"There is no source '{unknown[0]}': choose among {', '.join(sorted(sources))}."
        )
    return {name: source for name, source in sources.items() if not names or name in names}


def _require_contact(
    settings: Settings, sandbox: Sandbox | None, sources: Mapping[str, Source]
) -> None:
    if sandbox is not None or all(
        is_loopback(settings.base_urls.get(name, source.base_url))
        for name, source in sources.items()
    ):
        return
    contact = settings.contact or ""
    if "@" in contact or contact.startswith(("https://", "http://")):
        return
    raise SettingsError(
        "The sources ask who is calling: set PAPERLAKE_CONTACT to your mail address or a URL, "
        "for example `export PAPERLAKE_CONTACT=me@example.org`."
    )


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def read_sandbox(url: str, night: int | None = None) -> Sandbox:
    """What a running sandbox says of itself: at a night, or of its first night.

    Raises:
        UsageError: it is not on this machine, or does not answer as a sandbox.
    """
    url = url.rstrip("/")
    if not is_loopback(url) or not url.startswith("http://"):
        raise UsageError(
            f"{url} is not on this machine: a sandbox listens on http://127.0.0.1:PORT."
        )
    try:
        with urllib.request.urlopen(f"{url}/night/{night or 0}/", timeout=30) as answer:  # noqa: S310 - the scheme was checked
            facts = json.loads(answer.read(65536))
        return Sandbox(
            url=url,
            origin=facts["origin"],
            night=facts["night"],
            night_date=date.fromisoformat(facts["night_date"]),
            now=datetime.fromisoformat(facts["now"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"No sandbox answers at {url} ({error}): start one with `paperlake sandbox serve`."
        ) from None


# Planning


def _lists(run: OpenRun) -> list[tuple[Source, ListSpec]]:
    return [
        (source, spec) for source in run.sources.values() for spec in source.lists(run.settings)
    ]


def plan_round(run: OpenRun) -> dict[str, list[Window]]:
    """The windows of the next round: for each source, one for each list that has something left."""
    plan: dict[str, list[Window]] = {}
    for harvest in run.harvests.values():
        window = _next_window(run, harvest)
        if window is not None:
            plan.setdefault(harvest.source.name, []).append(window)
    return plan


def _next_window(run: OpenRun, harvest: Harvest) -> Window | None:
    if harvest.is_done or harvest.state == "failed":
        return None
    if run.kind == "backfill":
        return harvest.windows[0] if harvest.windows else None
    spec, end = harvest.spec, run.night_date
    if spec.is_capture:
        return Window(spec, end, end, True, run.now())
    start = harvest.next_start or _first_day(run, harvest)
    return _slices(spec, min(start, end), end, run.now(), is_open=True)[0]


def _first_day(run: OpenRun, harvest: Harvest) -> date:
    watermark = _watermark(run.lake.manifest(), harvest)
    if watermark is None:
        return run.night_date - timedelta(days=harvest.spec.first_days)
    return watermark.date() - timedelta(days=harvest.spec.overlap_days)


def _watermark(manifest: Manifest | None, harvest: Harvest) -> datetime | None:
    if manifest is None:
        return None
    return manifest.watermarks.get(harvest.source.name, {}).get(harvest.spec.name)


def _slices(
    spec: ListSpec, start: date, end: date, now: datetime, *, is_open: bool = False
) -> list[Window]:
    """A span of days cut into windows no longer than a slice; only the last may be open."""
    windows = []
    first = start
    while first <= end:
        last = min(first + timedelta(days=max(spec.slice_days, 1) - 1), end)
        windows.append(Window(spec, first, last, is_open and last == end, now))
        first = last + timedelta(days=1)
    return windows


def _say_estimate(run: OpenRun) -> None:
    """Say how many requests and minutes are expected, before the first is made."""
    requests: Counter[str] = Counter()
    for harvest in run.harvests.values():
        if run.kind == "backfill":
            windows = harvest.windows
        elif harvest.spec.is_capture:
            windows = [Window(harvest.spec, run.night_date, run.night_date, True, run.now())]
        else:
            windows = _slices(
                harvest.spec, _first_day(run, harvest), run.night_date, run.now(), is_open=True
            )
        requests[harvest.source.name] += sum(
            harvest.source.expected_requests(window) for window in windows
        )
    seconds = max(
        (count * _seconds_a_request(run, run.sources[name]) for name, count in requests.items()),
        default=0.0,
    )
    minutes = "under a minute" if seconds < 60 else f"about {seconds / 60:.0f} minutes"
    each = ", ".join(f"{name} {count}" for name, count in sorted(requests.items()))
    run.report.say(f"Expecting about {requests.total()} requests ({each}) and {minutes}.")


def _seconds_a_request(run: OpenRun, source: Source) -> float:
    if run.sandbox is not None:
        return 0.05
    return max(source.pause_seconds, source.expected_seconds)


def close(run_id: str) -> None:
    """Give the lake back; harmless when it was given back already."""
    run = OPEN.pop(run_id, None)
    if run is None:
        return
    for pack in run.packs.values():
        pack.close()
    if run.writer is not None:
        run.writer.close()
    run.lake.close()
