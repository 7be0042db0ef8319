"""The writer of the tables: which record wins, what is written, and what the hashes say."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import record_batch, schema_of
from schemas.datasets import LISTINGS, MEMBERSHIPS, METRICS
from schemas.paper import Author, Identifier, Listing, Membership, Metric
from tests.warehouse.writing import NOW, Tables, manifest_of
from warehouse.lake import Writer
from warehouse.manifest import Manifest
from warehouse.merging import Moment
from warehouse.parquet import write_parquet

ALL = frozenset(Listing.model_fields) - {"is_withdrawn", "listing_id", "source", "source_id"}
LACKS = {
    "full": frozenset[str](),
    "thin": frozenset({"arxiv_version", "submitted_by"}),
    "deleted": ALL,
}


def listing(number: int, day: int, **values: Any) -> Listing:
    """A listing last modified on a day of March."""
    given = {
        "record_format": "full",
        "title": f"Title {number}",
        "raw_title": f"Title {number}",
        "source_modified_at": datetime(2026, 3, day, tzinfo=UTC),
        "fetched_at": NOW,
        **values,
    }
    return Listing(listing_id=f"arxiv:{number}", source="arxiv", source_id=str(number), **given)


@pytest.fixture
def table(tmp_path: Path) -> Tables:
    """An empty one."""
    return Tables(tmp_path, LACKS)


def test_a_newer_record_replaces_an_older_one(table: Tables) -> None:
    """The newest source_modified_at wins, and the row keeps when it was first seen."""
    table.write([listing(1, 1)])
    counts = table.write([listing(1, 2, title="New")])
    (row,) = table.rows()
    assert (counts.n_updated, row["title"]) == (1, "New")
    assert row["first_seen_date"] == date(2026, 3, 1)
    assert row["last_changed_at"] == NOW + timedelta(days=2)


def test_an_older_record_changes_nothing(table: Tables) -> None:
    """An older record imported after a newer one writes no row."""
    table.write([listing(1, 5)])
    before = table.content_hash
    counts = table.write([listing(1, 2, title="Old", arxiv_version=1)])
    assert (counts.n_unchanged, counts.n_updated) == (1, 0)
    assert (table.rows()[0]["title"], table.content_hash) == ("Title 1", before)
    assert table.manifest is not None
    assert len(table.manifest.tables["listings"].files) == 1


def test_the_same_record_again_writes_nothing(table: Tables) -> None:
    """A record seen again as it was is unchanged, also when it was fetched later."""
    table.write([listing(1, 1)])
    counts = table.write([listing(1, 1, fetched_at=NOW + timedelta(days=3))])
    assert counts.n_unchanged == 1
    assert table.manifest is not None
    assert len(table.manifest.tables["listings"].files) == 1


def test_a_new_stamp_on_the_same_content_is_remembered(table: Tables) -> None:
    """After a re-stamp to day 9, a record of day 5 is old, although the content never changed."""
    table.write([listing(1, 1)])
    before = table.content_hash
    assert table.write([listing(1, 9)]).n_unchanged == 1
    table.write([listing(1, 5, title="Between")])
    assert (table.rows()[0]["title"], table.content_hash) == ("Title 1", before)
    assert table.rows()[0]["last_changed_at"] == NOW + timedelta(days=1)


def test_a_format_keeps_what_it_cannot_carry(table: Tables) -> None:
    """A column that a format lacks keeps its value; one it carries becomes null."""
    table.write([listing(1, 1, arxiv_version=3, submitted_by="A", comments="5 pages")])
    table.write([listing(1, 2, record_format="thin", title="New")])
    (row,) = table.rows()
    assert (row["arxiv_version"], row["submitted_by"]) == (3, "A")
    assert (row["title"], row["comments"], row["record_format"]) == ("New", None, "thin")


def test_a_deletion_keeps_the_title(table: Tables) -> None:
    """A deleted record marks the listing withdrawn and changes nothing else."""
    table.write([listing(1, 1, authors=(Author(name="A B"),))])
    gone = listing(1, 2, record_format="deleted", title=None, raw_title=None, is_withdrawn=True)
    counts = table.write([gone])
    (row,) = table.rows()
    assert (row["is_withdrawn"], row["title"], counts.n_withdrawn) == (True, "Title 1", 1)
    assert row["authors"][0]["name"] == "A B"


def test_a_deletion_seen_first_is_filled_by_the_older_record(table: Tables) -> None:
    """Of a listing only known as deleted an older record tells the title; it stays withdrawn."""
    table.write(
        [listing(1, 9, record_format="deleted", title=None, raw_title=None, is_withdrawn=True)]
    )
    table.write([listing(1, 3)])
    (row,) = table.rows()
    assert (row["title"], row["is_withdrawn"]) == ("Title 1", True)


def test_formats_that_meet_in_one_night_are_merged(table: Tables) -> None:
    """Within one night, too, the newest record's missing columns come from the older format."""
    table.write(
        [
            listing(1, 2, record_format="thin", title="New"),
            listing(1, 1, arxiv_version=4, submitted_by="A"),
            listing(2, 1),
        ]
    )
    rows = table.rows()
    assert (rows[0]["title"], rows[0]["arxiv_version"], rows[0]["submitted_by"]) == ("New", 4, "A")
    assert len(rows) == 2


RECORDS = st.builds(
    lambda number, day, title, version: listing(number, day, title=title, arxiv_version=version),
    st.integers(1, 4),
    st.integers(1, 20),
    st.sampled_from(["A", "B", "C"]),
    st.none() | st.integers(1, 3),
)


@settings(max_examples=10)
@given(st.lists(st.lists(RECORDS, max_size=6), min_size=1, max_size=4))
def test_any_history_ends_with_the_newest_records(
    tmp_path_factory: pytest.TempPathFactory, nights: list[list[Listing]]
) -> None:
    """However records arrive, each listing ends as its newest record, and the hash follows the rows."""
    table = Tables(tmp_path_factory.mktemp("history"), LACKS)
    newest: dict[str, Listing] = {}
    for night in nights:
        for row in night:
            known = newest.get(row.listing_id)
            if known is None or row.source_modified_at >= known.source_modified_at:
                newest[row.listing_id] = row
        table.write(night)
    assert [(row["listing_id"], row["title"], row["arxiv_version"]) for row in table.rows()] == [
        (key, newest[key].title, newest[key].arxiv_version) for key in sorted(newest)
    ]
    again = Tables(tmp_path_factory.mktemp("again"), LACKS)
    if newest:
        again.write(list(newest.values()))
        assert again.content_hash == table.content_hash


def test_the_last_metric_of_a_night_wins(table: Tables) -> None:
    """Captured twice in a night, a list entry has the last value; another night is another row."""

    def metric(hour: int, upvotes: int, night: int = 3, list_date: date | None = None) -> Metric:
        return Metric(
            source="arxiv",
            list="daily",
            list_date=list_date,
            night_date=date(2026, 3, night),
            listing_id="arxiv:1",
            upvotes=upvotes,
            captured_at=datetime(2026, 3, night, hour, tzinfo=UTC),
        )

    table.write([listing(1, 1)], [metric(7, 5), metric(6, 4)])
    table.write([], [metric(8, 9)])
    table.write([], [metric(6, 1, night=4), metric(6, 2, list_date=date(2026, 3, 3))])
    table.write([], [metric(7, 1)])  # an older capture of the same night changes nothing
    found = {
        (row["night_date"].day, row["list_date"], row["upvotes"]) for row in table.rows(METRICS)
    }
    assert found == {(3, date(2026, 3, 3), 2), (3, None, 9), (4, None, 1)}


def test_row_hashes_do_not_depend_on_provenance(tmp_path: Path) -> None:
    """The same content fetched elsewhere at another time has the same content hash."""
    one, two = Tables(tmp_path / "one"), Tables(tmp_path / "two")
    tags = (Identifier(scheme="doi", value="10.1/x"),)
    one.write([listing(1, 1, identifiers=tags)])
    two.write(
        [listing(1, 2, identifiers=tags, fetched_at=NOW + timedelta(hours=5), response_sha256="f")]
    )
    assert one.content_hash == two.content_hash


def test_a_newer_capture_with_the_same_numbers_is_remembered(table: Tables) -> None:
    """Captured again with the same numbers, a list entry has the newer time and the same hash."""
    entry = Metric(
        source="arxiv",
        list="trending",
        night_date=date(2026, 3, 3),
        listing_id="arxiv:1",
        rank=1,
        captured_at=NOW,
    )
    table.write([listing(1, 1)], [entry])
    assert table.manifest is not None
    before = table.manifest.tables["metrics"].content_hash
    later = NOW + timedelta(hours=3)
    table.write([], [entry.model_copy(update={"captured_at": later})])
    assert table.rows(METRICS)[0]["captured_at"] == later
    assert table.manifest.tables["metrics"].content_hash == before


def test_no_element_is_not_an_empty_one(tmp_path: Path) -> None:
    """A list without elements and one whose element is empty are different content."""
    none, empty = Tables(tmp_path / "none"), Tables(tmp_path / "empty")
    none.write([listing(1, 1, keywords=())])
    empty.write([listing(1, 1, keywords=("",))])
    assert none.content_hash != empty.content_hash


def test_what_little_memory_cannot_hold_is_done_with_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge that a small limit refuses, also in the middle of writing, is done again with a larger one."""
    seen: list[str] = []

    def refusing(db: Any, *args: Any, **options: Any) -> Any:
        ((limit,),) = db.execute("select current_setting('memory_limit')").fetchall()
        seen.append(limit)
        if len(set(seen)) == 1:
            raise duckdb.OutOfMemoryException("too little")
        return write_parquet(db, *args, **options)

    monkeypatch.setattr("warehouse.lake.write_parquet", refusing)
    tables = Tables(tmp_path)
    assert tables.write([listing(1, 1)]).n_new == 1
    assert len(set(seen)) > 1
    assert len(tables.by_key(LISTINGS)) == 1


def test_an_update_and_a_deletion_of_one_round_are_both_kept(tmp_path: Path) -> None:
    """What a newer record changed is not lost when a still newer one of the round cannot carry it."""
    tables = Tables(tmp_path, {"deleted": frozenset({"title", "raw_title"})})
    tables.write([listing(1, 1, title="A", raw_title="A")])
    gone = listing(1, 3, title=None, raw_title=None, record_format="deleted", is_withdrawn=True)
    tables.write([listing(1, 2, title="B", raw_title="B"), gone])
    (row,) = tables.by_key(LISTINGS).values()
    assert (row["title"], row["is_withdrawn"]) == ("B", True)


def test_an_older_record_of_the_round_changes_nothing(tmp_path: Path) -> None:
    """A record older than the stored row does not come in through a newer one that lacks its columns."""
    tables = Tables(tmp_path, {"deleted": frozenset({"title", "raw_title"})})
    tables.write([listing(1, 2, title="B", raw_title="B")])
    gone = listing(1, 3, title=None, raw_title=None, record_format="deleted", is_withdrawn=True)
    tables.write([listing(1, 1, title="A", raw_title="A"), gone])
    (row,) = tables.by_key(LISTINGS).values()
    assert (row["title"], row["is_withdrawn"]) == ("B", True)


def test_columns_that_are_looked_up_have_bloom_filters(table: Tables) -> None:
    """In base and deltas a reader sees which row groups cannot hold a value; keys that ended have none."""
    table.write([listing(1, 1, arxiv_id="2601.00001", doi="10.1/a")])
    table.write([listing(1, 2, arxiv_id="2601.00001", doi="10.1/b")])
    assert table.manifest is not None
    told = "select distinct path_in_schema from parquet_metadata(?) where bloom_filter_length > 0"
    with duckdb.connect() as db:
        for file in table.manifest.tables["listings"].files:
            found = {name for (name,) in db.execute(told, [str(table.root / file.path)]).fetchall()}
            assert found == (set() if "-delete-" in file.path else {*LISTINGS.looked_up})


def test_stored_rows_at_hand_spare_reading_the_table(tmp_path: Path) -> None:
    """Told what is stored of the keys that come in or go, an upsert does what it does by reading."""
    by_id = "(select * from ({living}) where listing_id in ('a:1', 'a:2'))"
    tables = []
    for name, stored in (("read", None), ("told", by_id)):
        root = tmp_path / name
        rows = [member("a:1", "p1"), member("a:2", "p2"), member("a:3", "p3")]
        first = written(root, None, rows)
        second = written(
            root, first, [member("a:1", "p1"), member("a:4", "p2")], gone="a:2", stored=stored
        )
        tables.append(second.table(MEMBERSHIPS))
    read, told = tables
    assert (read.rows, read.content_hash) == (told.rows, told.content_hash)
    assert [file.rows for file in read.files] == [file.rows for file in told.files] == [3, 1, 1]


def member(listing_id: str, paper_id: str) -> Membership:
    """A membership."""
    return Membership(listing_id=listing_id, paper_id=paper_id, relation="same")


def written(
    root: Path,
    parent: Manifest | None,
    rows: list[Membership],
    gone: str | None = None,
    stored: str | None = None,
) -> Manifest:
    """The manifest after these memberships came in and one was ended."""
    number = 1 + (parent.snapshot if parent else 0)
    writer = Writer(root, parent, number, Moment("run", date(2026, 3, 3), NOW), root / "scratch")
    writer.db.register(
        "given", pa.Table.from_batches([record_batch(rows, Membership)], schema_of(Membership))
    )
    writer.upsert(
        MEMBERSHIPS,
        "select * from given",
        gone=f"select '{gone}' as listing_id" if gone else None,
        stored=stored.format(living=writer.living(MEMBERSHIPS)) if stored else None,
    )
    manifest = manifest_of(writer)
    writer.close()
    return manifest
