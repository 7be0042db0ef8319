"""Compaction: when it is due, and that it changes no content."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.arrow import STORED_COLUMNS, schema_of
from schemas.datasets import LISTINGS, MEMBERSHIPS, METRICS, PAPERS, Dataset
from schemas.errors import LakeError
from schemas.paper import Identifier, Listing, Metric
from tests.warehouse.test_lake import listing
from tests.warehouse.writing import NOW, Tables
from warehouse import compaction, parquet
from warehouse.audit import table_findings
from warehouse.compaction import Due, compact, connect, due
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted

UPSERTED = (LISTINGS, METRICS, PAPERS, MEMBERSHIPS)


def compacted(tables: Tables, how: str | None = None) -> list[Due]:
    """Compact what is due, or every table in one way, as the next snapshot; returns what was done."""
    manifest = tables.manifest
    assert manifest is not None
    dues = due(manifest)
    if how is not None:
        dues = [
            _whole(dataset, manifest.table(dataset), how)
            for dataset in UPSERTED
            if dataset.name in manifest.tables
        ]
    files = dict(manifest.tables)
    db = connect(tables.root / "scratch")
    for item in dues:
        name = item.dataset.name
        files[name] = compact(db, tables.root, manifest.snapshot + 1, files[name], item)
        assert table_findings(db, tables.root, item.dataset, files[name]) == []
    db.close()
    tables.manifest = replace(manifest, snapshot=manifest.snapshot + 1, tables=files)
    return dues


def _whole(dataset: Dataset, table: Table, how: Any) -> Due:
    data = table.data if how == "fold" else table.deltas
    return Due(dataset, how, data, table.deletes)


def contents(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """Every column of every living row, the stored ones too."""
    found = {}
    for dataset in UPSERTED:
        assert tables.manifest is not None
        db = connect(tables.root / "scratch")
        living = living_rows_sql(dataset, tables.manifest.table(dataset), quoted(str(tables.root)))
        keys = ", ".join(dataset.key)
        rows = db.sql(f"from ({living}) order by {keys}").to_arrow_table()
        assert rows is not None
        found[dataset.name] = rows.to_pylist()
        db.close()
    return found


def metric(number: int, upvotes: int, list_date: date | None) -> Metric:
    """What a list said of a listing."""
    return Metric(
        source="arxiv",
        list="daily",
        list_date=list_date,
        night_date=date(2026, 3, 3),
        listing_id=f"arxiv:{number}",
        upvotes=upvotes,
        captured_at=NOW.replace(minute=upvotes),
    )


def joined(number: int, tag: int) -> dict[str, Any]:
    """Identifiers that join listings of one tag to one paper: later tags move them, papers end."""
    return {"identifiers": (Identifier(scheme="doi", value=f"10.1/{tag}"),)}


def some_nights(tables: Tables, count: int) -> None:
    """Nights that add, change, and join listings, so that every table has deltas and deletes."""
    for number in range(1, count + 1):
        rows = [
            listing(5 * number + item, number, publication_date=date(2026, 1, item + 1))
            for item in range(5)
        ]
        rows.append(listing(5, number, title=f"Changed {number}"))
        rows.append(listing(5 * number + 9, number, **joined(number, number % 3)))
        tables.write(rows, [metric(5, number, None), metric(5 * number, 1, date(2026, 3, 3))])


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Twelve nights; compaction writes new files, so that tests can share them."""
    tables = Tables(tmp_path_factory.mktemp("twelve"))
    some_nights(tables, 12)
    return tables


@pytest.mark.parametrize("how", ["merge", "fold", None])
def test_every_column_of_every_row_is_kept(twelve: Tables, how: str | None) -> None:
    """Merged, folded or as is due: living rows are the same to the last column, in fewer files."""
    tables = Tables(twelve.root)
    tables.manifest = twelve.manifest
    before = contents(tables)
    assert tables.manifest is not None
    files = {name: len(table.files) for name, table in tables.manifest.tables.items()}
    done = compacted(tables, how)
    assert contents(tables) == before
    assert {item.dataset for item in done} >= {LISTINGS, PAPERS}
    for item in done:
        table = tables.manifest.tables[item.dataset.name]
        assert len(table.files) <= 3 < files[item.dataset.name]
        if how == "fold":
            assert (table.deltas, table.deletes) == ((), ())


HISTORY = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.integers(1, 6), st.integers(1, 9), st.sampled_from("ABC"), st.integers(1, 3)
            ),
            min_size=1,
            max_size=5,
        ),
        st.sampled_from([None, "merge", "fold"]),
    ),
    min_size=2,
    max_size=4,
)


# A night takes a good part of a second: few examples, and none is made smaller.
@pytest.mark.soak
@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(HISTORY)
def test_nights_after_a_compaction_mean_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[list[Any], str | None]]
) -> None:
    """Whenever compaction happens in between, the same records end as the same rows and hashes."""
    plain = Tables(tmp_path_factory.mktemp("plain"))
    other = Tables(tmp_path_factory.mktemp("other"))
    for records, how in history:
        rows: list[Listing] = [
            listing(number, day, title=title, **joined(number, tag))
            for number, day, title, tag in records
        ]
        for tables in (plain, other):
            tables.write(rows)
        # Snapshots are numbered alike in both, so that even changed_in_snapshot can be compared.
        assert plain.manifest is not None
        plain.manifest = replace(plain.manifest, snapshot=plain.manifest.snapshot + 1)
        if how:
            compacted(other, how)
        else:
            assert other.manifest is not None
            other.manifest = replace(other.manifest, snapshot=other.manifest.snapshot + 1)
    assert contents(other) == contents(plain)


def test_a_base_is_written_in_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large base becomes several files that do not overlap in their order, nulls in the last."""
    monkeypatch.setattr(parquet, "ROW_GROUP", 10)
    monkeypatch.setattr(compaction, "BASE_ROWS", 20)
    tables = Tables(tmp_path)
    tables.write(
        [
            listing(n, 1, publication_date=None if n % 9 == 0 else date(2026, 1, 1 + n % 28))
            for n in range(100)
        ]
    )
    tables.write([listing(n, 2, title="New", publication_date=date(2026, 1, 9)) for n in range(5)])
    before = contents(tables)
    compacted(tables, "fold")
    assert contents(tables) == before
    assert tables.manifest is not None
    files = [
        pq.read_table(tmp_path / file.path) for file in tables.manifest.tables["listings"].base
    ]
    assert len(files) > 3
    rows = [row for table in files for row in table.select(["publication_date"]).to_pylist()]
    days = [row["publication_date"] for row in rows]
    assert days == sorted(days, key=lambda day: (day is None, day))
    expected = [*schema_of(Listing), *STORED_COLUMNS]
    for table in files:
        assert [field.metadata for field in table.schema] == [field.metadata for field in expected]


def test_what_would_change_the_content_is_refused(twelve: Tables, tmp_path: Path) -> None:
    """Where the files do not hold what the manifest says, compaction raises instead of writing it down."""
    assert twelve.manifest is not None
    table = twelve.manifest.tables["listings"]
    db = connect(tmp_path / "scratch")
    for wrong in (replace(table, rows=table.rows + 1), replace(table, content_hash="0" * 32)):
        with pytest.raises(LakeError, match="nothing was published"):
            compact(db, twelve.root, 13, wrong, _whole(LISTINGS, wrong, "fold"))
    doubled = replace(table, deletes=(*table.deletes, *table.deletes))
    with pytest.raises(LakeError, match="do not match their keys"):
        compact(db, twelve.root, 13, doubled, _whole(LISTINGS, doubled, "merge"))
    db.close()


# When it is due


def files(*rows: int) -> tuple[DataFile, ...]:
    """Files of so many rows."""
    return tuple(DataFile(f"{number}-{n}", n, n, "") for number, n in enumerate(rows))


def manifest(table: Table) -> Manifest:
    """A snapshot with one table."""
    return Manifest(1, None, NOW, "run", "nightly", NOW.date(), "", {"listings": table})


@pytest.mark.parametrize(
    ("table", "how"),
    [
        (Table(), None),
        (Table(base=files(100), deltas=files(*[50] * 10)), None),
        (Table(base=files(100), deltas=files(*[50] * 11)), "fold"),
        (Table(base=files(10**6), deltas=files(*[50] * 11)), "merge"),
        (Table(base=files(10**6), deltas=files(50), deletes=files(*[1] * 11)), "merge"),
        (Table(base=files(10**6), deltas=files(50_000)), None),
        (Table(base=files(10**6), deltas=files(50_001)), "fold"),
        (Table(base=files(10**6), deltas=files(30_000), deletes=files(20_001)), "fold"),
    ],
)
def test_what_is_due(table: Table, how: str | None) -> None:
    """Past ten deltas or five per cent a table is due; a small one for its number of files only."""
    assert [item.how for item in due(manifest(table))] == ([how] if how else [])


def test_large_deltas_are_not_merged_every_time() -> None:
    """A delta that outweighs all smaller ones stays as it is."""
    table = Table(base=files(10**6), deltas=files(40_000, *[100] * 11))
    (item,) = due(manifest(table))
    assert [file.rows for file in item.data] == [100] * 11


def written(
    n_rows: int, change: int, nights: int, due_of: Callable[[Manifest], list[Due]]
) -> float:
    """Rows that compaction writes for each changed row, over so many nights of inserts."""
    table, n_written = Table(base=files(n_rows)), 0
    for night in range(nights):
        fresh = DataFile(f"night-{night}", change, change, "")
        table = replace(table, deltas=(*table.deltas, fresh))
        for item in due_of(manifest(table)):
            rows = sum(file.rows for file in item.data)
            n_written += rows
            new = DataFile(f"compacted-{night}", rows, rows, "")
            rest = tuple(file for file in table.deltas if file not in item.data)
            table = (
                replace(table, base=(new,), deltas=())
                if item.how == "fold"
                else replace(table, deltas=(*rest, new))
            )
        assert len(table.deltas) <= 10
    return n_written / (change * nights)


@pytest.mark.parametrize("change", [300, 3_000, 30_000])
def test_a_changed_row_costs_the_same_in_a_lake_of_any_size(change: int) -> None:
    """Averaged over the nights, compaction writes at most some twenty rows for each changed one."""
    nights = 400
    for n_rows in (300_000, 3_000_000, 30_000_000):
        assert written(n_rows, change, nights, due) < 24
