"""What a run has left to do: windows, slices, and how many requests and minutes that is."""

from collections import Counter
from datetime import date, datetime, timedelta

from flows.runs import Harvest, OpenRun
from flows.source import ListSpec, Source, Window
from warehouse.manifest import Manifest


def lists_of(run: OpenRun) -> list[tuple[Source, ListSpec]]:
    """Every list of every source of the run."""
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
        window = Window(spec, end, end, True, run.now())
        kept = run.pack(harvest.source.name).count(run.run_id, spec.name) if run.is_earlier else 0
        if run.is_earlier and kept < harvest.source.expected_requests(window):
            # The list of that night is gone; today's must not be filed under its day.
            harvest.is_done = True
            harvest.lost_days.add(run.night_date)
            return None
        return window
    start = harvest.next_start or _first_day(run, harvest)
    return slices(spec, min(start, end), end, run.now(), is_open=True)[0]


def _first_day(run: OpenRun, harvest: Harvest) -> date:
    watermark = _watermark(run.lake.manifest(), harvest)
    if watermark is None:
        return run.night_date - timedelta(days=harvest.spec.first_days)
    return watermark.date() - timedelta(days=harvest.spec.overlap_days)


def _watermark(manifest: Manifest | None, harvest: Harvest) -> datetime | None:
    if manifest is None:
        return None
    return manifest.watermarks.get(harvest.source.name, {}).get(harvest.spec.name)


def slices(
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


def say_estimate(run: OpenRun) -> None:
    """Say how many requests and minutes are expected, before the first is made.

    Not of a sandbox: what sources expect are the rates of the world.
    """
    if run.sandbox is not None:
        return
    requests: Counter[str] = Counter()
    for harvest in run.harvests.values():
        if harvest.is_done:
            continue
        if run.kind == "backfill":
            windows = harvest.windows
        elif harvest.spec.is_capture:
            windows = [Window(harvest.spec, run.night_date, run.night_date, True, run.now())]
        else:
            windows = slices(
                harvest.spec, _first_day(run, harvest), run.night_date, run.now(), is_open=True
            )
        requests[harvest.source.name] += sum(
            harvest.source.expected_requests(window) for window in windows
        )
    seconds = max(
        (count * _seconds_a_request(run.sources[name]) for name, count in requests.items()),
        default=0.0,
    )
    minutes = "under a minute" if seconds < 60 else f"about {seconds / 60:.0f} minutes"
    each = ", ".join(f"{name} {count}" for name, count in sorted(requests.items()))
    run.report.say(f"Expecting about {requests.total()} requests ({each}) and {minutes}.")


def _seconds_a_request(source: Source) -> float:
    return max(source.pause_seconds, source.expected_seconds)
