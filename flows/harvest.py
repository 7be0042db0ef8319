"""One window of one source, from asking to staged rows; and what an empty answer means."""

import asyncio
import logging
import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flows.fetching import Fetcher, open_client
from flows.pacing import Pace
from flows.planning import plan_round
from flows.runs import OPEN, Harvest, OpenRun
from flows.sandbox.client import is_loopback
from flows.source import Seen, Source, Window
from flows.validate import Problem, validate
from schemas.datasets import LISTINGS, METRICS
from schemas.errors import PaperlakeError
from schemas.paper import Listing, Metric, Quarantined
from warehouse.responses import Response
from warehouse.staging import Stage

log = logging.getLogger("paperlake")
# From so many bad records on, a share of them is no accident.
_MANY_BAD = 10
# A window that is still empty so many days after its end will stay so.
_LATEST_DAYS = 7


async def harvest_source(run_id: str, source_name: str) -> dict[str, Any]:
    """Harvest this round's windows of one source, one list after the other.

    A list that fails is told in its outcome and leaves no rows; the others go on.

    Returns:
        Counts: responses, fetched.
    """
    run = OPEN[run_id]
    source = run.sources[source_name]
    base_url = run.settings.base_urls.get(source_name)
    if run.sandbox is not None:
        base_url = run.sandbox.base_url(source)
    # A sandbox's troubles stay in the lake: another sandbox may take its port tomorrow.
    shared = run.lake.root / "state" if run.sandbox else run.settings.shared_dir
    pace = Pace(shared / "pace")
    async with open_client(contact=run.settings.contact) as client:
        for window in plan_round(run).get(source_name, []):
            harvest = run.harvests[source_name, window.list.name]
            fetch = Fetcher(
                source=source,
                run_id=run_id,
                pack=run.pack(source_name),
                pace=pace,
                client=client,
                settings=run.settings,
                now=run.now,
                base_url=base_url,
                secrets=source.secrets(run.settings),
                pause_seconds=0.0 if base_url and is_loopback(base_url) else None,
            )
            expected = None if run.sandbox else source.expected_requests(window)
            run.report.planned(source_name, window.list.name, window, expected)
            await _harvest_window(run, harvest, window, fetch)
            harvest.n_responses += fetch.n_responses
            harvest.n_fetched += fetch.n_fetched
            run.report.finished(source_name, window.list.name, harvest.problem)
    mine = [item for (name, _), item in run.harvests.items() if name == source_name]
    return {
        "source": source_name,
        "responses": sum(item.n_responses for item in mine),
        "failed": [item.spec.name for item in mine if item.state == "failed"],
    }


async def _harvest_window(run: OpenRun, harvest: Harvest, window: Window, fetch: Fetcher) -> None:
    source, spec = harvest.source, harvest.spec
    order = sorted(run.harvests).index((source.name, spec.name))
    folder = (
        run.lake.staging / f"{source.name}.{spec.name.replace(':', '_')}.{uuid.uuid4().hex[:8]}"
    )
    reader = Reader(
        run, source, Stage(folder, source.name, spec.name, order), is_capture=spec.is_capture
    )
    waiting: asyncio.Queue[Response | None] = asyncio.Queue(maxsize=2)

    async def ask() -> None:
        async for response in source.requests(fetch, window):
            await waiting.put(response)
        await waiting.put(None)

    async def read() -> None:
        while (response := await waiting.get()) is not None:
            records = await asyncio.to_thread(reader.read, response)
            run.report.received(source.name, spec.name, records)

    problem: str | None = None
    fatal: OSError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
            group.create_task(read())
        await asyncio.to_thread(reader.stage.close)
    except* PaperlakeError as errors:
        problem = str(_first(errors))
    except* OSError as errors:
        # Not the source's doing: a full disk ends the night, which goes on when there is room.
        first = _first(errors)
        assert isinstance(first, OSError)
        fatal = first
    except* Exception as errors:
        # A fault of one source's code must not cost the others their night.
        log.exception("%s %s", source.name, spec.name, exc_info=_first(errors))
        problem = (
            f"{source.name}: {type(_first(errors)).__name__}: {_first(errors)}. This is a fault of "
            "Paperlake; report it with the log."
        )
    if fatal is not None:
        raise fatal
    if fetch.n_retries:
        run.warn(f"{source.name} {spec.name}: {fetch.n_retries} requests had to be repeated.")
    for warning in (*fetch.warnings, *reader.warnings):
        run.warn(warning)
    if problem is not None:
        harvest.state, harvest.problem = "failed", problem
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return
    run.stages.append(reader.stage)
    harvest.n_records += reader.n_records
    judge_silence(run, harvest, window, reader)
    if harvest.state == "failed":
        if spec.is_capture:
            # Half a list is no list: the one before stands.
            reader.stage.drop(LISTINGS)
            reader.stage.drop(METRICS)
        return
    if run.kind == "backfill":
        harvest.windows = harvest.windows[1:]
        run.slices_done[spec.name] += 1
        return
    harvest.next_start = window.end + timedelta(days=1)
    # Beyond a window that is asked for again nothing is harvested, else the watermark would pass it.
    harvest.is_done = window.is_open or harvest.watermark is None


def _first(errors: BaseException) -> BaseException:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors


class Reader:
    """Turns the responses of one harvest into staged rows, one response after the other."""

    def __init__(
        self,
        run: OpenRun,
        source: Source,
        stage: Stage,
        *,
        is_capture: bool,
        night_date: date | None = None,
    ) -> None:
        self.run = run
        self.source = source
        self.stage = stage
        self.is_capture = is_capture
        self.night_date = night_date
        self.formats = {item.name: item for item in source.formats}
        self.warnings: list[str] = []
        self.by_list_day: Counter[str] = Counter()
        self.n_records = 0
        self.n_sound = 0
        self.n_undated = 0
        self.first: Response | None = None
        self._entries: set[tuple[str, date | None, str]] = set()

    def read(self, response: Response) -> int:
        """Parse, validate and normalize one response; returns how many records it held."""
        if self.first is None:
            self.first = response
        raws = self.source.parse(response.body)
        sound, problems, warnings = validate(raws, self.formats, self.run.known_extras)
        self.warnings.extend(f"{self.source.name}: {text}" for text in warnings)
        listings: list[Listing] = []
        metrics: list[Metric] = []
        for raw, record in sound:
            seen = Seen(
                response=response,
                format=raw.format,
                position=raw.position,
                night_date=self.night_date or self.run.night_date,
                parser_version=self.source.parser_version,
            )
            try:
                listing, said = self.source.listing(record, seen)
            except Exception as error:  # one odd record must not stop a source
                reason = f"cannot be normalized: {type(error).__name__}: {error}"
                problems.append(Problem(raw.position, reason, raw.where, None))
                continue
            if not _is_seen(listing.title) and "title" not in self.formats[raw.format].lacks:
                problems.append(Problem(raw.position, "title: is empty", raw.where, None))
                continue
            listings.append(listing)
            metrics.extend(self.first_of_each(said))
            # A count is of the night; only a place in a list is of the list's day.
            self.n_undated += sum(m.rank is not None and m.list_date is None for m in said)
        self.n_records += len(raws)
        self.n_sound += len(listings)
        self.by_list_day[str(response.context.get("list_date"))] += len(listings)
        self.stage.add(listings, metrics, [self._quarantined(response, item) for item in problems])
        return len(raws)

    def refuse(self, response: Response, error: PaperlakeError) -> None:
        """Quarantine a response as a whole."""
        problem = Problem(-1, str(error), str(error.facts.get("where") or ""), None)
        self.stage.add([], [], [self._quarantined(response, problem)])

    def first_of_each(self, metrics: Sequence[Metric]) -> list[Metric]:
        """Where paging shifts an entry comes twice: its first rank counts. A capture has one moment."""
        kept = []
        for metric in metrics:
            entry = (metric.list, metric.list_date, metric.listing_id)
            if entry in self._entries:
                continue
            self._entries.add(entry)
            if self.is_capture and self.first is not None:
                metric = metric.model_copy(update={"captured_at": self.first.fetched_at})
            kept.append(metric)
        return kept

    def _quarantined(self, response: Response, problem: Problem) -> Quarantined:
        return Quarantined(
            response_sha256=response.sha256,
            position=problem.position,
            source=self.source.name,
            reason=problem.reason,
            where=f"{response.url} {problem.where}".strip(),
            excerpt=problem.excerpt,
            night_date=self.night_date or self.run.night_date,
            quarantined_at=self.run.now(),
        )


def _is_seen(title: str | None) -> bool:
    """Whether a title has anything to be seen, beside blanks and zero-width characters."""
    return title is not None and any(c.isprintable() and not c.isspace() for c in title)


def judge_silence(run: OpenRun, harvest: Harvest, window: Window, reader: Reader) -> None:
    """Tell expected silence from late and lost lists, and move the watermark where that is safe."""
    spec = harvest.spec
    n_bad = reader.n_records - reader.n_sound
    # What is read again tomorrow may have many bad records, what is not asked for again only few.
    most = 0.5 if spec.is_capture or spec.counts_by_list_day else 0.1
    is_many = n_bad >= _MANY_BAD and n_bad > most * reader.n_records
    if n_bad and (not reader.n_sound or is_many):
        harvest.state = "failed"
        harvest.problem = (
            f"{harvest.source.name}: {n_bad} of the {reader.n_records} records of {spec.name} could "
            "not be trusted, so the source may have changed: see the view quarantine. The same days "
            "are asked for again by the next run."
        )
        return
    harvest.watermark = harvest.source.watermark(window, reader.first)
    if spec.is_capture:
        if not reader.n_records:
            harvest.state = "failed"
            harvest.problem = (
                f"{harvest.source.name}: the {spec.name} list came back empty, which it never is; "
                "it is taken again next night."
            )
        return
    due = [
        day
        for day in _days(window)
        if day.weekday() in spec.listing_weekdays
        and (day.month, day.day) not in spec.quiet_days
        and day < run.night_date
    ]
    if not spec.counts_by_list_day:
        if not due or reader.n_records or run.kind == "backfill":
            return
        if not window.is_open and window.end < run.night_date - timedelta(days=_LATEST_DAYS):
            # It will not come any more; said aloud, since nobody will ask again.
            harvest.lost_days.update(due)
            return
        harvest.late_days.update(due)
        # Asked again tomorrow from the same day on: nothing can be missed.
        harvest.watermark = None
        return
    oldest_reread = run.night_date - timedelta(days=spec.overlap_days)
    for day in due:
        if reader.by_list_day[day.isoformat()]:
            continue
        is_late = run.kind != "backfill" and day > oldest_reread
        (harvest.late_days if is_late else harvest.lost_days).add(day)


def _days(window: Window) -> list[date]:
    return [window.start + timedelta(days=n) for n in range((window.end - window.start).days + 1)]
