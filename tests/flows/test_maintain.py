"""Maintenance of a whole lake: by the night, by the command, killed at every step."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows import answers, health, maintain
from flows.running import run_nightly
from flows.sandbox.universe import Universe
from flows.settings import Settings, load_settings
from schemas.errors import BusyError, LakeError, SettingsError, UsageError
from tests import forked
from tests.bench.nights import Night, faults, growth, run_nights, unkept
from tests.flows.nights import content_hash, night, rows, settings
from warehouse import compaction
from warehouse.audit import audit
from warehouse.manifest import Manifest
from warehouse.snapshots import Lake

NIGHTS = 5
PAPERLAKE = Path(sys.executable).with_name("paperlake")


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> Path:
    """A lake of five nights that nobody maintained."""
    lake = tmp_path_factory.mktemp("five") / "lake"
    unkept = settings(lake).model_copy(update={"maintain": False})
    for _ in range(NIGHTS):
        run_nightly(unkept, use_prefect=False, sandbox_url=sandbox_url)
    return lake


@pytest.fixture
def lake(five: Path, lake_path: Path) -> Lake:
    """A copy of the lake of five nights."""
    shutil.copytree(five, lake_path, symlinks=True)
    return Lake(lake_path)


@pytest.fixture
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction is due past three deltas."""
    monkeypatch.setattr(compaction, "MOST_DELTAS", 3)


def short(lake: Path, **values: Any) -> Settings:
    """Two nights of everything are kept, without grace."""
    kept = {"keep_snapshots": "2 nights", "keep_responses": "2 nights", "grace_hours": 0}
    return load_settings(lake=lake, state_dir=lake.parent / "shared", **{**kept, **values})


def newest(lake: Lake) -> Manifest:
    """The newest manifest."""
    manifest = lake.manifest()
    assert manifest is not None
    return manifest


def unowned(lake: Lake) -> set[str]:
    """Files of tables and warehouses that no readable snapshot needs, and leftovers of writers."""
    needed = {file.path for manifest in lake.readable() for file in manifest.files()}
    for manifest in lake.readable():
        path = lake.warehouse_file(manifest.snapshot).relative_to(lake.root)
        needed |= {str(path), str(path.with_suffix(".sql"))}
    found = {
        str(path.relative_to(lake.root))
        for folder in ("data", "warehouse", "staging")
        for path in (lake.root / folder).rglob("*")
        if path.is_file()
    }
    assert needed <= found
    return (found - needed) | {str(path) for path in lake.root.rglob(".tmp-*")}


@pytest.mark.usefixtures("_eager")
def test_the_night_maintains_when_it_is_due(lake: Lake, sandbox_url: str) -> None:
    """After its own snapshot the night publishes a compacted one of the same content, told as a run."""
    run = run_nightly(short(lake.root), use_prefect=False, sandbox_url=sandbox_url)
    assert (run.state, run.snapshot) == ("published", 6)
    assert not [text for text in run.warnings if "Maintenance" in text]
    own, manifest = lake.manifest(6), newest(lake)
    assert own is not None
    assert (manifest.snapshot, manifest.kind, manifest.parent) == (7, "maintain", 6)
    assert (manifest.content_hash, manifest.last_night) == (own.content_hash, own.last_night)
    assert manifest.watermarks == own.watermarks
    assert max(len(table.deltas) for table in own.tables.values()) == 5
    assert max(len(table.deltas) for table in manifest.tables.values()) <= 3
    assert audit(lake, manifest) == []
    told = rows(lake.root, "select kind, state, snapshot from runs order by snapshot desc limit 2")
    assert [(row["kind"], row["snapshot"]) for row in told] == [("maintain", 7), ("nightly", 6)]
    assert [manifest.snapshot for manifest in lake.readable()] == [5, 6, 7]
    assert unowned(lake) == set()
    after = night(lake.root, sandbox_url)
    assert (after.state, after.snapshot) == ("published", 8)


@pytest.mark.usefixtures("_eager")
def test_maintenance_that_fails_costs_no_night(
    lake: Lake, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The night is published with a warning, nothing is left behind, and the next one tells of it and succeeds."""
    own = compaction.compact
    counted = []

    def failing(*given: Any) -> Any:
        counted.append(own(*given))
        if len(counted) == 2:
            raise OSError(28, "No space left on device")
        return counted[-1]

    monkeypatch.setattr(compaction, "compact", failing)
    run = run_nightly(short(lake.root), use_prefect=False, sandbox_url=sandbox_url)
    assert (run.state, run.exit_code, run.snapshot) == ("published", 0, 6)
    assert "No space left on device" in run.warnings[-1]
    assert (newest(lake).snapshot, unowned(lake)) == (6, set())
    assert lake.holder() is None
    run = run_nightly(short(lake.root), use_prefect=False, sandbox_url=sandbox_url)
    assert (run.state, newest(lake).kind) == ("published", "maintain")
    told = rows(lake.root, "select state, problem from runs where kind = 'maintain' order by state")
    assert [row["state"] for row in told] == ["failed", "published"]


@pytest.mark.usefixtures("_eager")
def test_a_night_can_leave_it(lake: Lake, sandbox_url: str) -> None:
    """Without the setting a night only publishes its own snapshot."""
    left = short(lake.root, maintain=False)
    run_nightly(left, use_prefect=False, sandbox_url=sandbox_url)
    assert (newest(lake).kind, len(lake.readable())) == ("nightly", 6)


KILLED = """
import os, pathlib, signal, sys
from pathlib import Path
from flows import maintain
from flows.settings import load_settings
from warehouse import compaction, garbage, responses, snapshots

lake, place, after = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
compaction.MOST_DELTAS = 3

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
    "write": (compaction, "write_parquet"),
    "read again": (compaction, "table_findings"),
    "draft": (snapshots.Lake, "draft_warehouse"),
    "place": (snapshots.Lake, "_place"),
    "link": (os, "link"),
    "point": (snapshots.Lake, "_point_to"),
    "forget": (snapshots.Lake, "forget_runs"),
    "stub": (garbage, "write_bytes"),
    "unlink": (pathlib.Path, "unlink"),
    "pack": (garbage, "remove_pack"),
    "told": (responses, "write_json"),
}
dying(*places[place], after)
maintain.maintain(load_settings(
    lake=lake, state_dir=lake.parent / "shared", grace_hours=0,
    keep_snapshots="2 nights", keep_responses="2 nights",
))
"""


@pytest.mark.parametrize(
    ("place", "after"),
    [
        ("write", 0),
        ("write", 2),
        ("read again", 1),
        ("draft", 0),
        ("place", 0),
        ("link", 0),
        ("point", 1),
        ("forget", 0),
        ("stub", 0),
        ("stub", 2),
        ("unlink", 8),
        ("unlink", 20),
        ("pack", 0),
        ("pack", 1),
        ("told", 1),
    ],
)
@pytest.mark.usefixtures("_eager")
def test_killed_anywhere_nothing_is_lost(lake: Lake, place: str, after: int) -> None:
    """Killed with SIGKILL at any step, every readable snapshot is whole, and once more ends what was begun."""
    before = content_hash(lake.root)
    args = [str(lake.root), place, str(after)]
    killed = forked.run(KILLED, args, lake.root.parent, os.environ)
    assert killed.returncode == -signal.SIGKILL
    for manifest in lake.readable():
        assert list(lake.damaged_files(manifest)) == []
    with duckdb.connect(lake.root / "warehouse.duckdb", read_only=True) as reader:
        reader.execute("set variable paperlake = $1", [str(lake.root)])
        assert reader.execute("select count(*) from papers").fetchall()[0][0] > 0
    maintain.maintain(short(lake.root))
    assert content_hash(lake.root) == before
    assert (newest(lake).snapshot, newest(lake).kind) == (6, "maintain")
    assert audit(lake, newest(lake)) == []
    assert [manifest.snapshot for manifest in lake.readable()] == [4, 5, 6]
    assert unowned(lake) == set()
    packs = {path.name for path in lake.responses.glob("arxiv/2026*")}
    assert len(packs) == 4


@pytest.mark.usefixtures("_eager")
def test_a_backfill_compacts_between_its_slices(
    lake: Lake, sandbox_url: str, universe: Universe
) -> None:
    """Many slices do not pile up: what is due is compacted as soon as a slice is published."""
    from datetime import timedelta

    from flows.running import run_backfill

    end = universe.night_date(0) - timedelta(days=40)
    run = run_backfill(
        short(lake.root),
        source_name="huggingface",
        start=end - timedelta(days=100),
        end=end,
        use_prefect=False,
        sandbox_url=sandbox_url,
    )
    assert run.snapshot is not None
    kinds = [item.kind for item in lake.readable()]
    assert kinds.count("backfill") > 1
    first = kinds.index("backfill")
    assert kinds[first + 1] == "maintain"


# The command


def command(lake: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `paperlake` against a lake."""
    return subprocess.run(
        [PAPERLAKE, *arguments, "--lake", str(lake)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


SHORT = {"PAPERLAKE_KEEP_SNAPSHOTS": "2 nights", "PAPERLAKE_GRACE_HOURS": "0"}


def test_the_command_says_what_it_would_do_and_then_does_it(lake: Lake) -> None:
    """A dry run changes nothing and names what the run then does; afterwards nothing is due."""
    files = sorted(lake.root.rglob("*"))
    would = command(lake.root, "maintain", "--dry-run", "--json", **SHORT)
    assert sorted(lake.root.rglob("*")) == files
    did = command(lake.root, "maintain", "--json", **SHORT)
    assert (would.returncode, did.returncode) == (0, 0)
    planned, done = json.loads(would.stdout), json.loads(did.stdout)
    assert planned.pop("is_dry_run") is not done.pop("is_dry_run")
    assert planned == done
    assert done["snapshots_thinned"] == [1, 2, 3]
    assert done["freed_bytes"] > 0
    again = command(lake.root, "maintain", **SHORT)
    assert again.stdout == "Nothing is due.\n"


@pytest.mark.usefixtures("_eager")
def test_what_compaction_did_is_told_table_by_table(lake: Lake) -> None:
    """Files and bytes before and after, and the number of the snapshot."""
    done = maintain.told(maintain.maintain(settings(lake.root)), is_dry_run=False)
    assert done["snapshot"] == 6
    tables = {row["table"]: row for row in done["tables"]}
    assert tables["listings"]["compaction"] == "fold"
    assert tables["listings"]["files_after"] == 1 < tables["listings"]["files"]
    assert 0 < tables["listings"]["bytes_after"] < tables["listings"]["bytes"]
    assert done["snapshots_thinned"] == []


def test_a_thinned_snapshot_is_said_to_be_gone(lake: Lake) -> None:
    """Asked for a thinned snapshot, commands say since when it is gone; `snapshots` says which can be read."""
    maintain.maintain(short(lake.root))
    for ask in (lambda: answers.query(lake, "from papers", 2), lambda: health.check(lake, 2)):
        with pytest.raises(
            UsageError, match=r"Snapshot 2 cannot be read any more.*paperlake snapshots"
        ):
            ask()
    flags = {row["snapshot"]: row["is_readable"] for row in answers.snapshots(lake)}
    assert flags == {1: False, 2: False, 3: False, 4: True, 5: True}


def test_status_accounts_for_every_byte(lake: Lake) -> None:
    """Tables, what only earlier snapshots need, warehouses and responses add up to what is on disk."""
    told = health.status(short(lake.root), lake)
    parts = [row["bytes"] + row["earlier_bytes"] for row in told["tables"]]
    total = sum(parts) + told["responses_bytes"] + told["warehouse_bytes"]
    folders = ("data", "responses", "warehouse")
    assert (
        total
        == told["total_bytes"]
        == sum(
            path.stat().st_size
            for folder in folders
            for path in (lake.root / folder).rglob("*")
            if path.is_file()
        )
    )
    for row in told["tables"]:
        assert row["bytes"] == row["base_bytes"] + row["delta_bytes"] + row["delete_bytes"]
    assert told["garbage_bytes"] > told["waiting_bytes"] == 0
    freed = maintain.told(
        maintain.maintain(short(lake.root, keep_responses="all")), is_dry_run=False
    )
    assert freed["freed_bytes"] == told["garbage_bytes"]
    patient = health.status(short(lake.root, grace_hours=1), lake)
    assert (patient["garbage_bytes"], patient["n_readable_snapshots"]) == (0, 2)


def test_a_reader_of_the_last_snapshot_goes_on(lake: Lake, sandbox_url: str) -> None:
    """Within the grace time, whoever has an earlier snapshot open can still read all of it."""
    with duckdb.connect(lake.root / "warehouse.duckdb", read_only=True) as reader:
        reader.execute("set variable paperlake = $1", [str(lake.root)])
        before = reader.execute("select count(*) from papers").fetchall()
        patient = short(lake.root, grace_hours=1, keep_snapshots="1 night")
        run_nightly(patient, use_prefect=False, sandbox_url=sandbox_url)
        assert reader.execute("select count(*) from papers").fetchall() == before


def test_a_busy_lake_and_no_lake(lake: Lake, tmp_path: Path) -> None:
    """While somebody writes, maintenance ends with exit code 3, but a dry run answers; without a lake it is 2."""
    lake.lock.acquire("somebody's night")
    with pytest.raises(BusyError, match="somebody's night"):
        maintain.maintain(short(lake.root))
    maintain.maintain(short(lake.root), is_dry_run=True)
    lake.lock.release()
    with pytest.raises(UsageError, match="There is no lake"):
        maintain.maintain(short(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("_eager")
def test_a_damaged_lake_is_not_compacted(lake: Lake) -> None:
    """Where a file does not hold what the manifest says, the command fails and publishes nothing."""
    table = newest(lake).tables["listings"]
    two = [lake.root / file.path for file in (table.deltas[0], table.deltas[1])]
    shutil.copyfile(*two)
    with pytest.raises(LakeError, match=r"nothing was published: `paperlake check`"):
        maintain.maintain(short(lake.root))
    assert newest(lake).snapshot == NIGHTS


def test_a_wrong_setting_is_named() -> None:
    """A time to keep that cannot be read names its variable and the forms there are."""
    with pytest.raises(SettingsError, match=r"PAPERLAKE_KEEP_RESPONSES: '3 weeks'.*12 months"):
        load_settings(keep_responses="3 weeks")


# Many nights


@pytest.mark.soak
@pytest.mark.usefixtures("_eager")
def test_many_nights_equal_the_truth(tmp_path: Path, universe: Universe, sandbox_url: str) -> None:
    """Seven maintained nights: the content is the sandbox's truth, and old snapshots are gone."""
    nights = run_nights(tmp_path / "lake", universe, sandbox_url, 7, keep_snapshots="2 nights")
    assert len(nights) == 7
    assert faults(tmp_path / "lake", universe, 7) + unkept(tmp_path / "lake") == []
    kept = Lake(tmp_path / "lake").readable()
    assert len({manifest.night_date for manifest in kept}) == 2


def test_a_ratio_of_one_is_flat() -> None:
    """Nights that all take the same are flat, and nights that take double are not."""
    one = Night(2.0, 1.0, 50, disk=1000, responses=400, listings=10, metrics=20)
    two = Night(4.0, 2.0, 100, disk=1600, responses=400, listings=10, metrics=20)
    assert set(growth([one] * 80, 20).values()) == {1}
    found = growth([one] * 50 + [two] * 30, 20)
    assert found.pop("cpu seconds a record") == 1
    assert set(found.values()) == {2}
