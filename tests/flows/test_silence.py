"""Zero rows are expected, late or lost; and a night that was cut off is ended under its own date."""

import dataclasses
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.harvest import Reader, judge_silence
from flows.planning import plan_round
from flows.running import run_nightly
from flows.runs import Harvest, OpenRun, Silent
from flows.settings import Settings, load_settings
from flows.source import ListSpec, Window, load_sources
from flows.sources import arxiv
from tests.flows.nights import rows
from warehouse.snapshots import Lake

WEEKDAYS = frozenset(range(5))
NIGHT = date(2026, 3, 10)  # a Tuesday


def judged(
    spec: ListSpec,
    start: date,
    by_day: dict[str, int],
    kind: str = "nightly",
    n_bad: int = 0,
    end: date = NIGHT,
) -> Harvest:
    """A harvest of the days from `start` to the night that brought so many rows for each list day."""
    source = load_sources()["huggingface"]
    harvest = Harvest(source, spec)
    now = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)
    window = Window(spec, start, end, end == NIGHT, now)
    n_sound = sum(by_day.values())
    reader = SimpleNamespace(
        by_list_day=Counter(by_day), n_records=n_sound + n_bad, n_sound=n_sound, first=None
    )
    run = SimpleNamespace(night_date=NIGHT, kind=kind)
    judge_silence(cast("OpenRun", run), harvest, window, cast("Reader", reader))
    return harvest


def daily(**options: Any) -> ListSpec:
    """A list judged day by day, read again for five days."""
    return ListSpec("daily", 30, 92, 5, WEEKDAYS, counts_by_list_day=True, **options)


def test_weekends_and_tonight_are_expected_to_be_empty() -> None:
    """No rows on Saturday and Sunday, nor yet for tonight, are nothing to tell."""
    harvest = judged(daily(), date(2026, 3, 6), {"2026-03-06": 3, "2026-03-09": 4})
    assert (harvest.outcome().state, harvest.outcome().late_days) == ("ok", ())


def test_an_empty_weekday_that_is_read_again_is_late() -> None:
    """An empty list day within the days that are read again is late."""
    harvest = judged(daily(), date(2026, 3, 6), {"2026-03-09": 4})
    assert harvest.outcome().state == "late"
    assert harvest.outcome().late_days == (date(2026, 3, 6),)


def test_an_empty_weekday_that_is_not_read_again_is_lost() -> None:
    """An empty list day beyond the days that are read again is lost."""
    days = {"2026-03-05": 1, "2026-03-06": 3, "2026-03-09": 4}
    harvest = judged(daily(), date(2026, 3, 4), days)
    assert harvest.outcome().state == "lost"
    assert harvest.outcome().lost_days == (date(2026, 3, 4),)


def test_a_quiet_day_is_no_wonder() -> None:
    """A declared quiet day may be empty."""
    harvest = judged(daily(quiet_days=frozenset({(3, 9)})), date(2026, 3, 6), {"2026-03-06": 3})
    assert harvest.outcome().state == "ok"


def test_an_empty_backfilled_day_is_lost() -> None:
    """In a backfill an empty list day is lost: nobody will read it again."""
    harvest = judged(daily(), date(2026, 3, 6), {"2026-03-09": 4}, kind="backfill")
    assert harvest.outcome().state == "lost"


def test_an_empty_window_does_not_move_the_watermark() -> None:
    """A window over weekdays without any record is late and asked for again from the same day."""
    spec = ListSpec("cs", 7, 31, 1, WEEKDAYS)
    harvest = judged(spec, date(2026, 3, 6), {})
    assert (harvest.outcome().state, harvest.watermark) == ("late", None)
    weekend = judged(spec, date(2026, 3, 10), {})
    assert weekend.outcome().state == "ok"


@pytest.mark.parametrize(
    ("n_sound", "n_bad", "state"),
    [(0, 1, "failed"), (20, 21, "failed"), (3, 5, "ok"), (200, 19, "ok")],
)
def test_records_that_cannot_be_trusted_are_no_success(
    n_sound: int, n_bad: int, state: str
) -> None:
    """Where no record, or not half of many, is sound, the list failed and its watermark stays."""
    harvest = judged(
        ListSpec("cs", 7, 31, 1, WEEKDAYS), date(2026, 3, 6), {"x": n_sound}, n_bad=n_bad
    )
    assert harvest.state == state
    assert (harvest.watermark is None) == (state == "failed")


def test_an_empty_slice_long_ago_is_lost_and_the_list_goes_on(
    lake_path: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice that is empty long after its end is told as lost (exit code 4); the last one waits."""
    (spec,) = arxiv.SOURCE.lists(load_settings(arxiv_sets=("eess",)))
    long_ago = dataclasses.replace(spec, first_days=80)
    monkeypatch.setattr(
        arxiv, "SOURCE", dataclasses.replace(arxiv.SOURCE, lists=lambda _: [long_ago])
    )
    run = run_nightly(real(lake_path, sandbox_url), use_prefect=False, source_names=["arxiv"])
    assert (run.exit_code, run.outcomes[0].state, run.outcomes[0].n_responses) == (4, "lost", 3)
    assert run.outcomes[0].late_days
    manifest = Lake(lake_path).manifest()
    assert manifest is not None
    age = datetime.now(UTC) - manifest.watermarks["arxiv"]["eess"]
    assert timedelta(days=7) < age < timedelta(days=60)


def test_an_empty_slice_of_late_stops_its_list() -> None:
    """A closed window that ended a few days ago and is empty is late: what follows must wait."""
    spec = ListSpec("cs", 7, 31, 1, WEEKDAYS)
    harvest = judged(spec, date(2026, 2, 20), {}, end=date(2026, 3, 5))
    assert (harvest.outcome().state, harvest.watermark) == ("late", None)
    harvest = judged(spec, date(2026, 1, 20), {}, end=date(2026, 2, 20))
    assert harvest.outcome().state == "lost"
    assert harvest.watermark is not None


def test_few_bad_records_are_too_many_where_nobody_asks_again() -> None:
    """Of a list that goes on from a watermark a tenth of bad records is too much."""
    spec = ListSpec("cs", 7, 31, 1, WEEKDAYS)
    assert judged(spec, date(2026, 3, 6), {"x": 85}, n_bad=15).state == "failed"
    assert judged(spec, date(2026, 3, 6), {"x": 95}, n_bad=5).state == "ok"
    by_day = {"2026-03-06": 45, "2026-03-09": 40}
    assert judged(daily(), date(2026, 3, 6), by_day, n_bad=15).state == "ok"


def test_todays_list_is_not_filed_under_an_earlier_night(lake_path: Path) -> None:
    """Of an unfinished earlier night a capture that was not kept is lost, and not taken today."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    source = load_sources()["huggingface"]
    run = OpenRun(
        settings=load_settings(lake=lake_path),
        lake=Lake(lake_path),
        kind="nightly",
        run_id="nightly-old",
        night_date=yesterday,
        started_at=datetime.now(UTC) - timedelta(days=1),
        sources={"huggingface": source},
        report=Silent(),
        is_resumed=True,
    )
    spec = ListSpec("trending", 1, 1, 0, is_capture=True, size=100)
    harvest = Harvest(source, spec)
    run.harvests["huggingface", "trending"] = harvest
    assert plan_round(run) == {}
    assert harvest.outcome().lost_days == (yesterday,)
    run.night_date = datetime.now(UTC).date()
    harvest.is_done = False
    assert "huggingface" in plan_round(run)


def test_an_empty_capture_fails() -> None:
    """A capture without entries is no capture."""
    harvest = judged(ListSpec("trending", 1, 1, 0, is_capture=True), NIGHT, {})
    assert harvest.outcome().state == "failed"


def real(lake: Path, sandbox_url: str) -> Settings:
    """Settings of a lake that holds itself for real, with arXiv served from loopback (and long ago)."""
    return load_settings(
        lake=lake,
        state_dir=lake.parent / "shared",
        base_urls={"arxiv": f"{sandbox_url}/night/0/arxiv/oai"},
        arxiv_sets=("eess",),
    )


@pytest.mark.parametrize(("is_strict", "code"), [(False, 0), (True, 4)])
def test_a_late_source_warns_or_fails_as_asked(
    is_strict: bool, code: int, lake_path: Path, sandbox_url: str
) -> None:
    """A late list is exit code 0 with a word about it, and 4 with --strict."""
    run = run_nightly(
        real(lake_path, sandbox_url), use_prefect=False, source_names=["arxiv"], is_strict=is_strict
    )
    assert (run.exit_code, run.outcomes[0].state) == (code, "late")
    (state,) = rows(lake_path, "from sources where source = 'arxiv'")
    assert (state["watermark"], state["last_success_date"]) == (None, None)


def test_an_unfinished_night_ends_under_its_own_date_then_tonight_runs(
    lake_path: Path, sandbox_url: str
) -> None:
    """A night killed yesterday is published as yesterday's, and tonight's follows in the same command."""
    settings = real(lake_path, sandbox_url)
    run_nightly(settings, use_prefect=False, source_names=["arxiv"])
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    state = {
        "run_id": f"nightly-{yesterday}-abcdef01",
        "night_date": yesterday.isoformat(),
        "started_at": f"{yesterday}T06:30:00+00:00",
    }
    (lake_path / "state" / "nightly.json").write_text(json.dumps(state))
    run_nightly(settings, use_prefect=False, source_names=["arxiv"])
    told = rows(lake_path, "select snapshot, night_date, run_id from snapshots order by snapshot")
    assert [row["night_date"] for row in told[1:]] == [yesterday, yesterday + timedelta(days=1)]
    assert told[1]["run_id"] == state["run_id"]
    assert not (lake_path / "state" / "nightly.json").exists()


def test_a_night_blocked_yesterday_is_not_taken_up(lake_path: Path, sandbox_url: str) -> None:
    """What a check refused yesterday is asked for anew tonight, under tonight's date."""
    settings = real(lake_path, sandbox_url)
    run_nightly(settings, use_prefect=False, source_names=["arxiv"])
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    state = {
        "run_id": "nightly-blocked",
        "night_date": yesterday.isoformat(),
        "started_at": f"{yesterday}T06:30:00+00:00",
        "is_blocked": True,
    }
    (lake_path / "state" / "nightly.json").write_text(json.dumps(state))
    run = run_nightly(settings, use_prefect=False, source_names=["arxiv"])
    assert run.run_id != "nightly-blocked"
    told = rows(lake_path, "select night_date from snapshots")
    assert yesterday not in {row["night_date"] for row in told}
