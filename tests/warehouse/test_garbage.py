"""What is kept, what can go, and when."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from tests.warehouse.lakes import NOON, lake, small_rows
from warehouse.files import write_bytes
from warehouse.garbage import Policy, collect, find, stub
from warehouse.manifest import Manifest, to_json
from warehouse.responses import Pack, packs, read_pack, remove_pack
from warehouse.retention import Keep, keep
from warehouse.snapshots import Lake

NIGHTS = [date(2026, 3, day) for day in range(1, 11)]
HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", Keep()),
        (" ALL ", Keep()),
        ("1 night", Keep(1, "nights")),
        ("30  Nights", Keep(30, "nights")),
        ("12 months", Keep(12, "months")),
        ("2 years", Keep(2, "years")),
    ],
)
def test_a_time_to_keep_is_read(text: str, expected: Keep) -> None:
    """All, or so many nights, months or years, in either number and case."""
    assert keep(text) == expected


@given(st.text(max_size=20) | st.from_regex(r"-?\d{0,6} ?(night|month|year|day|week)s?"))
def test_what_is_no_time_to_keep_is_refused(text: str) -> None:
    """Any text is read as what it says, and says the same again, or is refused with the forms there are."""
    try:
        read = keep(text)
    except ValueError as error:
        assert "write all, 30 nights, 12 months or 2 years" in str(error)  # noqa: PT017 - either way is right
    else:
        assert keep(str(read)) == read


@given(st.integers(1, 99_999), st.sampled_from(["nights", "months", "years"]))
def test_more_is_never_less(count: int, unit: str) -> None:
    """Keeping more of a unit never begins later, and the newest night is always kept."""
    first = keep(f"{count} {unit}").first_night(NIGHTS) or date.min
    more = keep(f"{min(count + 1, 99_999)} {unit}").first_night(NIGHTS) or date.min
    assert more <= first <= NIGHTS[-1]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("all", None),
        ("3 nights", date(2026, 3, 8)),
        ("10 nights", None),
        ("1 month", date(2026, 2, 10)),
        ("2 years", date(2024, 3, 10)),
    ],
)
def test_the_first_night_that_is_kept(text: str, first: date | None) -> None:
    """Nights are counted as they were run, months and years back from the newest."""
    assert keep(text).first_night(reversed(NIGHTS)) == first


def test_a_month_back_ends_with_the_month() -> None:
    """From the 31st a month back is the last day of a shorter month."""
    assert keep("1 month").first_night([date(2026, 3, 31)]) == date(2026, 2, 28)


# A lake of ten snapshots, each with its own files


@pytest.fixture
def ten(tmp_path: Path) -> Lake:
    """Ten nights, each with files of its own; the files are an hour old for each night after them."""
    found = Lake(tmp_path / "lake")
    for number, night in enumerate(NIGHTS, start=1):
        whole = lake(found.root, small_rows(), snapshot=number)
        manifest = Manifest(
            number,
            number - 1 or None,
            NOON,
            f"run-{number}",
            "nightly",
            night,
            "0" * 32,
            whole.tables,
        )
        write_bytes(found.manifest_file(number), to_json(manifest))
        for suffix in (".duckdb", ".sql"):
            write_bytes(found.warehouse_file(number).with_suffix(suffix), b"views")
        ours = [found.manifest_file(number), *found.root.rglob(f"{number:06d}*")]
        for file in ours:
            os.utime(file, (number * HOUR, number * HOUR))
    found.lock.acquire("a test")
    return found


def policy(nights: int, grace_hours: float) -> Policy:
    """So many nights, and so much grace."""
    return Policy(Keep(nights, "nights"), Keep(), timedelta(hours=grace_hours))


def paths(found: Lake) -> set[str]:
    """Every file of tables and warehouses."""
    return {
        str(path.relative_to(found.root))
        for folder in ("data", "warehouse")
        for path in (found.root / folder).rglob("*")
        if path.is_file()
    }


def test_old_snapshots_go_with_what_only_they_need(ten: Lake) -> None:
    """Three nights are kept: stubs of the others tell what was, and no file of theirs is left."""
    before = {number: ten.manifest(number) for number in ten.numbers()}
    garbage = find(ten, policy(3, 0), now=20 * HOUR)
    assert [manifest.snapshot for manifest in garbage.snapshots] == [1, 2, 3, 4, 5, 6, 7]
    size = sum((ten.root / path).stat().st_size for path in paths(ten))
    collect(ten, garbage, NOON)
    assert size - sum((ten.root / path).stat().st_size for path in paths(ten)) == garbage.bytes
    assert [manifest.snapshot for manifest in ten.readable()] == [8, 9, 10]
    assert {path.rsplit("/", 1)[-1][:6] for path in paths(ten)} == {"000008", "000009", "000010"}
    for number in range(1, 8):
        old, new = before[number], ten.manifest(number)
        assert old is not None
        assert new == stub(old, NOON)
        assert (new.content_hash, new.run_id, new.parent) == (
            old.content_hash,
            old.run_id,
            old.parent,
        )
        assert new.tables["papers"].rows == old.tables["papers"].rows
        assert new.files() == []
    assert not find(ten, policy(3, 0), now=20 * HOUR)


def test_a_snapshot_is_spared_until_its_successor_has_stood_for_the_grace_time(ten: Lake) -> None:
    """At hour 12 with 5 hours of grace, only what was superseded by hour 7 goes; the rest waits."""
    garbage = find(ten, policy(3, 5), now=12 * HOUR)
    assert [manifest.snapshot for manifest in garbage.snapshots] == [1, 2, 3, 4, 5, 6]
    waiting = {file.path.name[:6] for file in garbage.waiting}
    assert waiting == {"000007"}
    collect(ten, garbage, NOON)
    later = find(ten, policy(3, 5), now=13 * HOUR)
    assert [manifest.snapshot for manifest in later.snapshots] == [7]


def test_what_nobody_ever_named_goes_after_the_grace_time(ten: Lake) -> None:
    """A stray file goes when it is old; one of a snapshot on its way is nobody's business."""
    stray = ten.root / "data" / "papers" / "000004-base-stray.parquet"
    coming = ten.root / "data" / "papers" / "000011-delta-coming.parquet"
    for path, hour in ((stray, 9), (coming, 1)):
        path.write_bytes(b"x")
        os.utime(path, (hour * HOUR, hour * HOUR))
    assert [file.path for file in find(ten, policy(99, 5), now=13 * HOUR).waiting] == [stray]
    assert [file.path for file in find(ten, policy(99, 5), now=15 * HOUR).files] == [stray]


def test_a_shared_file_stays_while_one_snapshot_needs_it(ten: Lake) -> None:
    """A base that old and new snapshots name outlives the old ones."""
    oldest, newest = ten.manifest(1), ten.manifest(10)
    assert oldest is not None
    assert newest is not None
    shared = oldest.tables["papers"].base[0].path
    tables = {**newest.tables, "papers": oldest.tables["papers"]}
    fields = {name: getattr(newest, name) for name in newest.__slots__} | {"tables": tables}
    write_bytes(ten.manifest_file(10), to_json(Manifest(**fields)))
    collect(ten, find(ten, policy(1, 0), now=1e12), NOON)
    assert [manifest.snapshot for manifest in ten.readable()] == [10]
    assert (ten.root / shared).exists()
    assert list(ten.damaged_files(ten.readable()[0])) == []


def test_all_keeps_all(ten: Lake) -> None:
    """With `all` nothing is garbage, however old."""
    assert not find(ten, Policy(keep("all"), keep("all"), timedelta(0)), now=1e12)


# Responses


def kept(folder: Path, source: str, night: date) -> None:
    """Keep one answer."""
    pack = Pack(folder, source, night)
    pack.keep(
        "run", url="u", status=200, headers={}, body=b"{}", fetched_at=NOON, context={"list": "x"}
    )
    pack.close()


def test_responses_go_night_by_night(ten: Lake) -> None:
    """Kept for two nights, older packs go whole; reading them again says so, and those left can be read."""
    for night in NIGHTS[:4]:
        kept(ten.responses, "arxiv", night)
    kept(ten.responses, "huggingface", NIGHTS[0])
    garbage = find(ten, Policy(Keep(), Keep(2, "nights"), timedelta(0)))
    assert [(pack.source, pack.night_date.day) for pack in garbage.packs] == [
        ("arxiv", 1),
        ("arxiv", 2),
        ("huggingface", 1),
    ]
    assert garbage.bytes == sum(pack.bytes for pack in garbage.packs) > 0
    collect(ten, garbage, NOON)
    assert [pack.night_date.day for pack in packs(ten.responses)] == [3, 4]
    with pytest.raises(
        UsageError, match=r"arxiv of 2026-03-01 were removed on 2026-11-20.*KEEP_RESP"
    ):
        list(read_pack(ten.responses, "arxiv", NIGHTS[0]))
    assert [response.body for response in read_pack(ten.responses, "arxiv", NIGHTS[2])] == [b"{}"]
    assert list(read_pack(ten.responses, "arxiv", NIGHTS[9])) == []


def test_an_unfinished_run_keeps_its_responses(ten: Lake) -> None:
    """What an unfinished backfill has kept is still needed, however old its night is."""
    for night in NIGHTS[:4]:
        kept(ten.responses, "arxiv", night)
    state = {"run_id": "r", "night_date": "2026-03-01", "started_at": NOON.isoformat()}
    ten.set_state("backfill", state)
    garbage = find(ten, Policy(Keep(), Keep(2, "nights"), timedelta(0)))
    assert [pack.night_date.day for pack in garbage.packs] == [2]


def test_a_removal_that_was_killed_half_way_is_ended(ten: Lake) -> None:
    """Bytes that lost their index to a kill are found again and removed."""
    for night in NIGHTS[:2]:
        kept(ten.responses, "arxiv", night)
    (ten.responses / "arxiv" / "2026-03-01.jsonl").unlink()
    (pack,) = find(ten, Policy(Keep(), Keep(1, "nights"), timedelta(0))).packs
    remove_pack(pack, NOON)
    assert sorted(path.name for path in (ten.responses / "arxiv").iterdir()) == [
        "2026-03-02.jsonl",
        "2026-03-02.pack",
        "removed.json",
    ]
