"""How a run is opened, or taken up again where a killed one stopped."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from flows.contact import is_contact
from flows.planning import lists_of, say_estimate, slices
from flows.runs import OPEN, Harvest, OpenRun, Reporter, Silent
from flows.sandbox.client import Sandbox, is_loopback, read_sandbox
from flows.settings import Settings
from flows.source import Source, load_sources
from schemas.errors import SettingsError, UsageError
from warehouse import decisions
from warehouse.snapshots import Lake, ResumableKind


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
    # Broken decisions would be met only after everything has been fetched.
    decisions.read(lake.root)
    _refuse_unknown_urls(settings)
    sandbox = read_sandbox(sandbox_url) if sandbox_url else None
    _refuse_off(settings, [sources[name] for name in source_names], sandbox)
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
        run = OpenRun(
            **_identity("nightly", state, sandbox),
            settings=settings,
            lake=lake,
            sources=sources,
            report=report or Silent(),
            sandbox=sandbox,
            is_strict=is_strict,
            overrides=tuple(overrides),
        )
        lake.set_state("nightly", _state_of(run))
        for source, spec in lists_of(run):
            harvest = run.harvests[source.name, spec.name] = Harvest(source, spec)
            reason = _why_off(settings, source, sandbox)
            if reason is not None:
                harvest.state, harvest.problem, harvest.is_done = "off", reason, True
        OPEN[run.run_id] = run
    except BaseException:
        lake.close()
        raise
    if run.is_resumed:
        run.report.say(f"Going on with the unfinished night of {run.night_date}.")
    say_estimate(run)
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
    first_day = sources[source_name].first_day
    if first_day is not None and start < first_day:
        raise UsageError(
            f"{source_name} lists nothing before {first_day}: begin with --from {first_day}."
        )
    lake = Lake(settings.lake)
    decisions.read(lake.root)
    sandbox = read_sandbox(sandbox_url) if sandbox_url else None
    today = sandbox.now.date() if sandbox else datetime.now(UTC).date()
    if sandbox is None and start > today:
        raise UsageError(f"--from {start} lies in the future: it is {today} (UTC).")
    _refuse_off(settings, list(sources.values()), sandbox)
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
            "to": end.isoformat(),
        }
        state = lake.state("backfill")
        if state is not None and not _has_slices_left(settings, sources, state, args, now):
            state = None
        run = OpenRun(
            **_identity("backfill", state, sandbox),
            settings=settings,
            lake=lake,
            sources=sources,
            report=report or Silent(),
            sandbox=sandbox,
            overrides=tuple(overrides),
        )
        run.args = args
        run.slices_done.update(state.get("slices_done", {}) if state else {})
        note_progress(run)
        for source, spec in lists_of(run):
            if spec.is_capture:
                continue
            harvest = Harvest(source, spec)
            harvest.windows = slices(spec, start, min(end, now.date()), now)[
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
    say_estimate(run)
    return run.run_id


def _identity(
    kind: ResumableKind, state: Mapping[str, Any] | None, sandbox: Sandbox | None
) -> dict[str, Any]:
    """What a run is called and dated by: a new one, or one taken up again as it was."""
    now = sandbox.now if sandbox else datetime.now(UTC)
    return {
        "kind": kind,
        "run_id": state["run_id"] if state else new_id(kind, now.date()),
        "night_date": date.fromisoformat(state["night_date"]) if state else now.date(),
        "started_at": datetime.fromisoformat(state["started_at"]) if state else now,
        "is_resumed": state is not None,
    }


def _has_slices_left(
    settings: Settings,
    sources: Mapping[str, Source],
    state: Mapping[str, Any],
    args: Mapping[str, str],
    now: datetime,
) -> bool:
    """Whether a backfill that was written down is the one asked for, and not through."""
    if state.get("args") != args:
        return False
    done = state.get("slices_done", {})
    first = date.fromisoformat(args["from"])
    last = min(date.fromisoformat(args["to"]), now.date())
    return any(
        len(slices(spec, first, last, now)) > done.get(spec.name, 0)
        for source in sources.values()
        for spec in source.lists(settings)
        if not spec.is_capture
    )


def note_progress(run: OpenRun, *, is_ended: bool = False) -> None:
    """Write down how far a backfill is: a slice that is noted is not repeated, others may be.

    One that ended with a failure goes on under a new run_id, so that a broken answer, which was
    kept like any other, is asked for again and not read again.
    """
    state = _state_of(run)
    if is_ended:
        state["run_id"] = new_id(run.kind, run.night_date)
    run.lake.set_state(
        "backfill", {**state, "args": run.args, "slices_done": dict(run.slices_done)}
    )


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


def unknown_urls(settings: Settings) -> list[str]:
    """Names that PAPERLAKE_BASE_URLS gives an address to, and that no source has."""
    return [name for name in settings.base_urls if name not in load_sources()]


def _refuse_unknown_urls(settings: Settings) -> None:
    for name in unknown_urls(settings):
        raise SettingsError(f"PAPERLAKE_BASE_URLS names '{name}', which is no source: correct it.")


def needs_contact(settings: Settings, sources: Mapping[str, Source]) -> bool:
    """Whether one of the sources, as they are set, is not on this machine."""
    return not all(
        is_loopback(settings.base_urls.get(name, source.base_url))
        for name, source in sources.items()
    )


def _why_off(settings: Settings, source: Source, sandbox: Sandbox | None) -> str | None:
    """Why a source is not harvested; a sandbox asks for no key."""
    return source.off(settings) if sandbox is None else None


def _refuse_off(settings: Settings, asked_for: Sequence[Source], sandbox: Sandbox | None) -> None:
    """A source that somebody names must be one that can be harvested."""
    for source in asked_for:
        reason = _why_off(settings, source, sandbox)
        if reason is not None:
            raise SettingsError(reason)


def _require_contact(
    settings: Settings, sandbox: Sandbox | None, sources: Mapping[str, Source]
) -> None:
    if sandbox is not None or not needs_contact(settings, sources):
        return
    if is_contact(settings.contact or ""):
        return
    raise SettingsError(
        "The sources ask who is calling: set PAPERLAKE_CONTACT to your mail address or a URL, "
        "for example `export PAPERLAKE_CONTACT=me@example.org`."
    )
