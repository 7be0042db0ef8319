"""Whole nights against the sandbox over real HTTP."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from flows import watching
from flows.harvest import Reader
from flows.running import run_backfill, run_nightly
from flows.runs import OpenRun, Silent
from flows.sandbox import truth
from flows.sandbox.client import Sandbox
from flows.sandbox.server import run_in_thread
from flows.sandbox.universe import Universe
from flows.source import Fetch, Seen, Source, Window
from flows.sources import arxiv, huggingface
from schemas.errors import BusyError, FetchError, LakeError, OriginError, UsageError
from schemas.paper import Metric, Run
from tests import forked
from tests.flows.nights import content_hash, differences, night, rows, settings
from tests.scoring import score
from warehouse.audit import audit
from warehouse.manifest import Manifest, to_json
from warehouse.responses import Response
from warehouse.snapshots import Lake
from warehouse.staging import Stage

NIGHTS = 10


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str, universe: Universe) -> Path:
    """A lake of one night, to be copied."""
    lake = tmp_path_factory.mktemp("first") / "lake"
    run = night(lake, sandbox_url)
    assert run.state == "published", run.problem
    assert run.night_date == universe.night_date(0)
    return lake


@pytest.fixture
def begun(first: Path, lake_path: Path) -> Path:
    """A lake of one night."""
    shutil.copytree(first, lake_path, symlinks=True)
    return lake_path


@pytest.fixture(scope="module")
def ten_nights(
    tmp_path_factory: pytest.TempPathFactory, universe: Universe, sandbox_url: str, first: Path
) -> list[str]:
    """Ten nights in a row into one lake, compared with the truth after each; their content hashes."""
    lake = tmp_path_factory.mktemp("ten") / "lake"
    shutil.copytree(first, lake, symlinks=True)
    hashes = []
    for number in range(NIGHTS):
        if number:
            run = night(lake, sandbox_url)
            assert run.state == "published", run.problem
            assert run.night_date == universe.night_date(number)
        assert differences(lake, universe, number) == []
        hashes.append(content_hash(lake))
    manifest = Lake(lake).manifest()
    assert manifest is not None
    assert audit(Lake(lake), manifest) == []
    assert manifest.snapshot == NIGHTS
    return hashes


def test_ten_nights_equal_the_truth(ten_nights: list[str]) -> None:
    """After each of ten nights the lake equals what the sandbox says was listed, and each night differs."""
    assert len(set(ten_nights)) == NIGHTS


def test_the_same_nights_elsewhere_give_the_same_hash(
    ten_nights: list[str], lake_path: Path, sandbox_url: str
) -> None:
    """The first two of the same nights in another lake have the same content hashes."""
    hashes = []
    for _ in range(2):
        night(lake_path, sandbox_url)
        hashes.append(content_hash(lake_path))
    assert hashes == ten_nights[:2]


def test_papers_are_the_works_that_were_listed(begun: Path, universe: Universe) -> None:
    """Listings of one work are one paper, also where they share no identifier; no others are."""
    works = {
        row["listing_id"]: row["work_id"]
        for row in truth.listings(universe, 0)
        if row["title"] is not None
    }
    papers = {
        row["listing_id"]: row["paper_id"]
        for row in rows(begun, "select listing_id, paper_id from lake.memberships")
    }
    assert papers.keys() == works.keys()
    found = score([papers[key] for key in works], list(works.values()))
    assert found.false_merges == 0
    assert found.f1 >= 0.995
    by_likeness = rows(
        begun, "select count(*) as n from lake.memberships where matched_by = 'likeness'"
    )
    assert by_likeness[0]["n"] > 10


def test_a_night_writes_only_what_changed(begun: Path, sandbox_url: str) -> None:
    """The second night's delta holds what is new, updated, or newer by its source's own clock."""
    run = night(begun, sandbox_url)
    manifest = Lake(begun).manifest()
    assert manifest is not None
    delta = manifest.tables["listings"].deltas[-1]
    changed = sum(item.n_new + item.n_updated for item in run.outcomes)
    (dated,) = rows(
        begun,
        "select count(*) as n from lake.listings where changed_in_snapshot = 2 "
        "and last_changed_at < (select max(last_changed_at) from lake.listings)",
    )
    assert delta.rows == changed + dated["n"] < manifest.tables["listings"].rows / 2


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any, cast
from flows.settings import load_settings
from flows import running
from flows.harvest import Reader
from flows.running import run_backfill, run_nightly
from flows.runs import OpenRun, Silent
from warehouse import snapshots, lake as lake_module, responses

lake, url, place, after = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])

def dying(owner, name, count):
    real = getattr(owner, name)
    state = {"n": 0}
    def wrapped(*args, **kwargs):
        state["n"] += 1
        if state["n"] > count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(owner, name, wrapped)

places = {
    "keep": (responses.Pack, "keep"),
    "write": (lake_module.Writer, "_parquet"),
    "draft": (snapshots.Lake, "draft_warehouse"),
    "place": (snapshots.Lake, "_place"),
    "link": (os, "link"),
    "point": (snapshots.Lake, "_point_to"),
    "forget": (snapshots.Lake, "forget_runs"),
}
dying(*places[place], after)
run_nightly(load_settings(lake=lake, state_dir=lake.parent / "shared"), use_prefect=False, sandbox_url=url)
"""


@pytest.mark.parametrize(
    ("place", "after"),
    [
        ("keep", 1),
        pytest.param("keep", 9, marks=pytest.mark.soak),
        pytest.param("write", 0, marks=pytest.mark.soak),
        ("write", 3),
        pytest.param("write", 6, marks=pytest.mark.soak),
        pytest.param("draft", 0, marks=pytest.mark.soak),
        ("place", 0),
        ("link", 0),
        ("point", 1),
        pytest.param("forget", 0, marks=pytest.mark.soak),
    ],
)
def test_a_killed_night_goes_on_to_the_same_content(
    place: str, after: int, ten_nights: list[str], begun: Path, sandbox_url: str
) -> None:
    """Killed with SIGKILL at any step of the second night, the next run ends with the undisturbed hash."""
    lake = begun
    args = [str(lake), sandbox_url, place, str(after)]
    killed = forked.run(KILLED, args, lake.parent, os.environ)
    assert killed.returncode == -signal.SIGKILL
    newest = Lake(lake).manifest()
    assert newest is not None
    with duckdb.connect(lake / "warehouse.duckdb", read_only=True) as reader:
        reader.execute("set variable paperlake = $1", [str(lake)])
        assert reader.execute("select count(*) from papers").fetchall()[0][0] > 0
    if newest.snapshot == 1:
        run = night(lake, sandbox_url)
        assert run.state == "published", run.problem
        kept = sum(item.n_responses - item.n_fetched for item in run.outcomes)
        assert kept >= min(after, 1) if place == "keep" else kept > 0
    else:
        # The snapshot stood already: the next run is the next night, with nothing lost.
        run = night(lake, sandbox_url)
        assert content_hash(lake) == ten_nights[2]
        return
    assert content_hash(lake) == ten_nights[1]
    manifest = Lake(lake).manifest()
    assert manifest is not None
    assert audit(Lake(lake), manifest) == []
    assert not list(lake.rglob(".tmp-*"))
    named = {file.path for n in Lake(lake).numbers() for file in _manifest(lake, n).files()}
    assert {str(path.relative_to(lake)) for path in lake.rglob("data/*/*")} == named


def _manifest(lake: Path, number: int) -> Manifest:
    manifest = Lake(lake).manifest(number)
    assert manifest is not None
    return manifest


def test_a_second_writer_ends_at_once(begun: Path, sandbox_url: str) -> None:
    """While a lake is written, another night ends with exit code 3 and says who holds it, since when."""
    lake = Lake(begun)
    lake.lock.acquire("somebody's night")
    started = time.monotonic()
    with pytest.raises(BusyError, match=r"somebody's night.*process \d+.*since"):
        night(begun, sandbox_url)
    assert time.monotonic() - started < 5
    lake.lock.release()


def test_origins_do_not_mix(begun: Path) -> None:
    """Another sandbox's papers, or real ones, are refused with the remedy."""
    with (
        run_in_thread(Universe(seed=2, papers=100)) as other,
        pytest.raises(OriginError, match="choose another folder"),
    ):
        night(begun, other)


READER = """
import sys, time, duckdb
from pathlib import Path
path, mode, stop = sys.argv[1], sys.argv[2], Path(sys.argv[3])
sql = '''select
    (select count(*) from listings where title is not null),
    (select count(*) from lake.memberships),
    (select count(*) from papers), (select sum(listings_count) from papers),
    (select max(snapshot) from snapshots)'''
seen, is_over = set(), False
one = {"threads": 1}
kept = duckdb.connect(path, read_only=True, config=one) if mode == "kept" else None
while not is_over:
    # It reads once more after the end.
    is_over = stop.exists()
    connection = kept or duckdb.connect(path, read_only=True, config=one)
    titled, members, papers, counted, snapshot = connection.execute(sql).fetchall()[0]
    assert titled == members == counted, (titled, members, counted)
    if not seen:
        print("reading", flush=True)
    seen.add(snapshot)
    if kept is None:
        connection.close()
    # The nights need the processor, too.
    time.sleep(0.02)
print(*sorted(seen))
"""


def test_readers_see_whole_snapshots_while_nights_publish(
    lake_path: Path, tmp_path: Path, sandbox_url: str
) -> None:
    """A reader that stays and one that opens anew query through two nights: no error, nothing half."""
    night(lake_path, sandbox_url)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", READER, str(lake_path / "warehouse.duckdb")]
    readers = [
        subprocess.Popen([*command, mode, str(stop)], stdout=subprocess.PIPE, text=True)
        for mode in ("kept", "anew")
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reading\n"
        for _ in range(2):
            night(lake_path, sandbox_url)
        stop.touch()
        told = [reader.communicate(timeout=60)[0].split() for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
    assert [reader.returncode for reader in readers] == [0, 0]
    kept, anew = told
    assert kept == ["1"]
    assert {"1", "3"} <= set(anew)


def test_a_moved_lake_answers(lake_path: Path, sandbox_url: str, tmp_path: Path) -> None:
    """In another folder the warehouse answers after `set variable paperlake`, and nights go on there."""
    night(lake_path, sandbox_url)
    moved = tmp_path / "else where's"
    shutil.move(lake_path, moved)
    with duckdb.connect(moved / "warehouse.duckdb", read_only=True) as reader:
        reader.execute("set variable paperlake = $1", [str(moved)])
        assert reader.execute("select count(*) from papers").fetchall()[0][0] > 0
    assert night(moved, sandbox_url).state == "published"


def test_a_failing_source_costs_only_itself(
    begun: Path, sandbox_url: str, universe: Universe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One source down: the night is published with exit code 4, and the next night catches up."""
    own = Sandbox.base_url

    def down(sandbox: Sandbox, source: Source) -> str:
        return "http://127.0.0.1:9/oai" if source.name == "arxiv" else own(sandbox, source)

    monkeypatch.setattr(Sandbox, "base_url", down)
    impatient = settings(begun).model_copy(update={"attempts": 1})
    run = run_nightly(impatient, use_prefect=False, sandbox_url=sandbox_url)
    assert (run.exit_code, run.state) == (4, "incomplete")
    states = {item.source: item.state for item in run.outcomes}
    assert states.pop("arxiv") == "failed"
    assert set(states.values()) == {"ok"}
    monkeypatch.undo()
    assert night(begun, sandbox_url).exit_code == 0
    assert differences(begun, universe, 2) == []


def test_a_night_without_any_source_fails(
    lake_path: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every source down: exit code 1, nothing published, the run is told by the next snapshot."""
    monkeypatch.setattr(Sandbox, "base_url", lambda *_: "http://127.0.0.1:9/none")
    impatient = settings(lake_path).model_copy(update={"attempts": 1})
    run = run_nightly(impatient, use_prefect=False, sandbox_url=sandbox_url)
    assert (run.exit_code, run.state) == (1, "failed")
    assert Lake(lake_path).manifest() is None
    monkeypatch.undo()
    night(lake_path, sandbox_url)
    told = rows(lake_path, "select state from runs order by started_at, state")
    assert sorted(row["state"] for row in told) == ["failed", "published"]


def test_an_unknown_run_leaves_no_lock(lake_path: Path) -> None:
    """A night that cannot begin leaves no lake and no lock behind."""
    with pytest.raises(UsageError, match="No sandbox answers"):
        night(lake_path, "http://127.0.0.1:9")
    assert not lake_path.exists()


def test_the_environment_is_not_needed(lake_path: Path) -> None:
    """Settings of a test come from its arguments alone."""
    assert settings(lake_path).lake == lake_path
    assert not [name for name in os.environ if name.startswith("PAPERLAKE_")]


def test_a_backfill_goes_on_where_it_was_killed(
    begun: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that failed in a backfill is gone on with by the same command; finished slices are not repeated."""

    def backfill() -> Run:
        return run_backfill(
            settings(begun).model_copy(update={"attempts": 1}),
            source_name="arxiv",
            start=date(2025, 12, 1),
            end=date(2026, 2, 20),
            use_prefect=False,
            sandbox_url=sandbox_url,
        )

    before = _manifest(begun, 1).watermarks
    asked: list[str] = []
    own = arxiv.requests

    async def failing(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
        asked.append(f"{window.list.name} {window.start}")
        if window.list.name == "stat" and window.start.month == 1:
            raise FetchError("stat is ill.")
        async for response in own(fetch, window):
            yield response

    source = dataclasses.replace(arxiv.SOURCE, requests=failing)
    monkeypatch.setattr(arxiv, "SOURCE", source)
    first = backfill()
    assert (first.exit_code, first.state) == (4, "incomplete")
    assert asked.count("cs 2025-12-01") == asked.count("stat 2025-12-01") == 1
    asked.clear()

    async def noted(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
        asked.append(f"{window.list.name} {window.start}")
        async for response in own(fetch, window):
            yield response

    monkeypatch.setattr(arxiv, "SOURCE", dataclasses.replace(source, requests=noted))
    again = backfill()
    # Under another run_id: a broken answer that was kept is asked for again.
    assert again.run_id != first.run_id
    assert asked
    assert not [item for item in asked if item.startswith(("cs", "eess"))]
    assert {item.state for item in again.outcomes} == {"ok"}
    assert Lake(begun).state("backfill") is None
    newest = Lake(begun).manifest()
    assert newest is not None
    assert newest.watermarks == before
    # Listings of the days before the first night are there now, and tonight's are untouched.
    (old,) = rows(
        begun,
        "select count(*) as n from listings where source = 'arxiv' and source_modified_at < '2026-02-21'",
    )
    assert old["n"] > 0
    assert night(begun, sandbox_url).state == "published"


def test_a_backfill_that_was_through_begins_anew(
    lake_path: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after its last slice, before it could say so, the same backfill runs again and ends."""

    # Into a new lake: a backfill says nothing of how far the nights are.
    def backfill() -> Run:
        return run_backfill(
            settings(lake_path),
            source_name="huggingface",
            start=date(2026, 2, 9),
            end=date(2026, 2, 13),
            use_prefect=False,
            sandbox_url=sandbox_url,
        )

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "set_state", _set_no_end(Lake.set_state))
        first = backfill()
    assert Lake(lake_path).state("backfill") is not None
    assert not _manifest(lake_path, 1).watermarks
    again = backfill()
    assert again.run_id != first.run_id
    assert (again.exit_code, again.state) == (0, "unchanged")
    assert Lake(lake_path).state("backfill") is None


def _set_no_end(own: Callable[..., None]) -> Callable[..., None]:
    """A `set_state` that forgets to strike out."""

    def set_state(lake: Lake, name: str, state: object) -> None:
        if state is not None:
            own(lake, name, state)

    return set_state


def test_asking_who_writes_does_not_get_in_a_writers_way(begun: Path) -> None:
    """While somebody asks again and again who holds the lock, a writer still gets it."""
    lake = Lake(begun)
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            lake.holder()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(300):
            lake.lock.acquire("a test")
            lake.lock.release()
    finally:
        stop.set()
        asking.join()


def test_a_note_left_by_a_kill_does_not_outdo_the_snapshot(
    begun: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run noted as failed, then published, is told as published, also when the note was left lying."""
    lake = Lake(begun)
    (row,) = rows(begun, "from lake.runs")
    names = set(Run.model_fields)
    run = Run(**{name: value for name, value in row.items() if name in names})
    lake.note_run(run.model_copy(update={"state": "blocked", "exit_code": 5, "snapshot": None}))
    night(begun, sandbox_url)
    told = rows(begun, "select state, snapshot from runs order by snapshot")
    assert [(item["state"], item["snapshot"]) for item in told] == [
        ("published", 1),
        ("published", 2),
    ]
    assert lake.noted_runs() == []


def test_a_watermark_never_goes_back(
    begun: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source whose clock is set back does not make the lake forget how far it was."""
    before = _manifest(begun, 1).watermarks["arxiv"]["cs"]
    back = dataclasses.replace(arxiv.SOURCE, watermark=lambda *_: before - timedelta(days=9))
    monkeypatch.setattr(arxiv, "SOURCE", back)
    night(begun, sandbox_url)
    assert _manifest(begun, 2).watermarks["arxiv"]["cs"] == before


def test_a_capture_that_cannot_be_trusted_leaves_the_last_one_standing(
    begun: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a trending list that is mostly damaged nothing but the quarantine is published."""
    before = rows(begun, "select rank, paper_id, list_date from trending_papers")
    own = huggingface.SOURCE.listing
    broken: list[str] = []

    def listing(record: Any, seen: Seen) -> Any:
        if seen.context["list"] == "trending" and seen.position % 3:
            raise ValueError("damaged")
        if seen.context["list"] == "trending":
            row, said = own(record, seen)
            broken.append(f"huggingface:{row.source_id}x")
            return row.model_copy(update={"listing_id": broken[-1]}), said
        return own(record, seen)

    monkeypatch.setattr(
        huggingface, "SOURCE", dataclasses.replace(huggingface.SOURCE, listing=listing)
    )
    run = night(begun, sandbox_url)
    assert run.exit_code == 4
    assert {(item.list, item.state) for item in run.outcomes} >= {
        ("trending", "failed"),
        ("daily", "ok"),
    }
    assert rows(begun, "select rank, paper_id, list_date from trending_papers") == before
    known = {row["listing_id"] for row in rows(begun, "from lake.listings")}
    assert broken
    assert not known & set(broken)


class Told(Silent):
    """Somebody who takes down what is said of a run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def say(self, text: str) -> None:
        self.texts.append(text)


def test_a_prefect_that_breaks_does_not_end_the_night(
    lake_path: Path, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Prefect dies of before it watches, it is told, and the night goes on without it."""

    def broken(*_: object) -> None:
        raise RuntimeError("no server")

    monkeypatch.setattr(watching, "_find_prefect", broken)
    told = Told()
    run = run_nightly(settings(lake_path), sandbox_url=sandbox_url, report=told)
    assert (run.state, run.snapshot) == ("published", 1)
    assert "warning: Prefect failed (RuntimeError: no server): going on without it." in told.texts


def test_a_number_that_was_passed_is_not_published(begun: Path) -> None:
    """Where a higher snapshot exists, somebody wrote without the lock: nothing is published."""
    lake = Lake(begun)
    manifest = _manifest(begun, 1)
    (begun / "manifests" / "000007.json").write_bytes(to_json(manifest))
    lake.lock.acquire("a test")
    try:
        draft = lake.draft_warehouse(dataclasses.replace(manifest, snapshot=2))
        with pytest.raises(LakeError, match="without the lock"):
            lake.publish(dataclasses.replace(manifest, snapshot=2), draft)
    finally:
        lake.lock.release()
    assert lake.numbers() == [1, 7]


def test_the_first_rank_counts_where_paging_shifts() -> None:
    """An entry that comes on two pages of a capture keeps its first rank, and the capture one moment."""
    moments = [datetime(2026, 3, 3, 6, minute, tzinfo=UTC) for minute in (30, 31)]
    reader = Reader(cast("OpenRun", None), huggingface.SOURCE, cast("Stage", None), is_capture=True)
    reader.first = Response("u", 200, {}, b"", "s", moments[0], {})
    said = [
        Metric(
            source="huggingface",
            list="trending",
            night_date=date(2026, 3, 3),
            listing_id="huggingface:1",
            rank=rank,
            captured_at=moment,
        )
        for rank, moment in zip((50, 51), moments, strict=True)
    ]
    kept = [metric for one in said for metric in reader.first_of_each([one])]
    assert [(metric.rank, metric.captured_at) for metric in kept] == [(50, moments[0])]
