"""Large lakes, made in minutes, and what a night does to them.

The base of a large lake is not imported: DuckDB normalizes the lines (`snapshot.sql`), copies them
under other ids, and the lake's own writer turns the selects into its files, so that they are what
the project would have written. Every change after that goes the project's own way.
"""

import os
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.pipeline import ranks
from flows.source import Raw, Seen, load_sources
from flows.validate import validate
from schemas.arrow import schema_of
from schemas.datasets import LISTINGS, MEMBERSHIPS, METRICS, PAPERS, SNAPSHOTS, Dataset
from schemas.paper import Listing, Membership, Metric, Paper, SnapshotRow
from tests.bench import records
from warehouse import listings
from warehouse.compaction import SORTED_BYTES
from warehouse.dedupe import identifiers, papers
from warehouse.hashing import moved, row_hash_sql, sums_sql
from warehouse.lake import Writer
from warehouse.manifest import Manifest, Table, quoted
from warehouse.merging import Moment
from warehouse.parquet import write_parquet
from warehouse.responses import Response
from warehouse.snapshots import Lake
from warehouse.staging import Stage

_NIGHT = date(2026, 11, 1)
# Above what 300,000 records use of the serial numbers of a month: see `records`.
_STEPS = {3: 11, 4: 760, 5: 1_520}
# Sorting three million rows must leave room for others on the machine.
_MEMORY = "6GB"


def base(normalized: str, lake: str, copies: int) -> dict[str, int]:
    """Make a lake of one snapshot: the rows of a file of listings, so many times under other ids."""
    target = Path(lake)
    if (target / "manifests").exists():
        return {"listings": _manifest(target).table(LISTINGS).rows}
    shutil.rmtree(target, ignore_errors=True)
    opened = Lake(target)
    opened.open_for_writing("benchmark", "real", datetime.now(UTC))
    try:
        writer = _writer(opened, _NIGHT)
        writer.db.execute(f"set memory_limit = '{_MEMORY}'")
        _table(writer, LISTINGS, _copies(normalized, copies))
        living = writer.living(LISTINGS)
        _table(writer, MEMBERSHIPS, _memberships(writer, living))
        _table(writer, PAPERS, _papers(living))
        _table(writer, METRICS, _metrics(living))
        _publish(opened, writer, _NIGHT)
        return {"listings": writer.table(LISTINGS).rows}
    finally:
        opened.close()


def copy(lake: str, target: str) -> None:
    """A lake of its own with the same immutable files: linked, not written again."""
    source = Path(lake)
    shutil.copytree(
        source,
        target,
        symlinks=True,
        ignore=lambda folder, _: ["data"] if Path(folder) == source else [],
    )
    shutil.copytree(source / "data", Path(target) / "data", copy_function=_linked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def nights(lake: str, changes: int, count: int, offset: int = 0) -> list[dict[str, Any]]:
    """So many nights, each of so many listings; tells what the last did. See `_night`."""
    return [_night(lake, turn, count, offset) for turn in range(changes)]


def _night(lake: str, turn: int, count: int, offset: int) -> dict[str, Any]:
    """One night of `count` listings, two thirds of them revised and one third new.

    Returns:
        Seconds of wall and CPU time of the listings, the papers and the publishing; bytes written
        for each table; bytes that the listings take in a file of their own.
    """
    opened = Lake(Path(lake))
    opened.open_for_writing("benchmark", "real", datetime.now(UTC))
    try:
        manifest = _manifest(Path(lake))
        night = manifest.night_date + timedelta(days=1)
        n_new = count // 3
        first_new = 3_200_000 + offset + turn * n_new
        old = 2 * turn * count
        rows = [
            *_normalized(range(old, old + (count - n_new) * 2, 2), 1 + turn, night),
            *_normalized(range(first_new, first_new + n_new), 0, night),
        ]
        stage = Stage(opened.staging / "bench", "arxiv", "cs", 0)
        for start in range(0, len(rows), 1_000):
            stage.add(rows[start : start + 1_000], [], [])
        stage.close()
        before = {file.path for file in manifest.files()}
        writer = _writer(opened, night)
        clock = _Clock()
        counts = listings.upsert(writer, [stage], _lacks())
        found: dict[str, Any] = {"listings": clock.lap()}
        papers.regroup(writer, ranks(), _lacks())
        found["papers"] = clock.lap()
        _publish(opened, writer, night)
        found["publish"] = clock.lap()
        tables = _manifest(Path(lake)).tables
        found["bytes"] = {
            name: sum(file.bytes for file in table.files if file.path not in before)
            for name, table in tables.items()
        }
        found["own_bytes"] = _own_bytes(stage, opened.staging / "own.parquet")
        ((_, told),) = counts.items()
        found["new"], found["updated"] = told.n_new, told.n_updated
        return found
    finally:
        shutil.rmtree(opened.staging, ignore_errors=True)
        opened.close()


class _Clock:
    def __init__(self) -> None:
        self._last = (time.perf_counter(), time.process_time())

    def lap(self) -> dict[str, float]:
        now = (time.perf_counter(), time.process_time())
        wall, cpu = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now
        return {"wall": wall, "cpu": cpu}


def _normalized(numbers: Sequence[int], revision: int, night: date) -> list[Listing]:
    source = load_sources()["arxiv"]
    formats = {item.name: item for item in source.formats}
    raws = [
        Raw("arxiv-snapshot", place, records.record(number, revision))
        for place, number in enumerate(numbers)
    ]
    sound, problems, _ = validate(raws, formats, set())
    assert not problems
    fetched = datetime(night.year, night.month, night.day, 6, tzinfo=UTC)
    response = Response("file:bench", 200, {}, b"", "0" * 64, fetched, {})
    return [
        source.listing(record, Seen(response, raw.format, raw.position, night, 1))[0]
        for raw, record in sound
    ]


def _lacks() -> dict[str, frozenset[str]]:
    return {item.name: item.lacks for source in load_sources().values() for item in source.formats}


def _own_bytes(stage: Stage, path: Path) -> int:
    """Bytes of the staged listings as one Parquet file of the same compression, sorted the same."""
    import duckdb

    files = ", ".join(quoted(str(file)) for file in stage.files(LISTINGS))
    names = ", ".join(f'"{name}"' for name in schema_of(Listing).names)
    duckdb.connect().execute(
        f"copy (select {names} from read_parquet([{files}]) order by publication_date, listing_id) "
        f"to {quoted(str(path))} (format parquet, compression zstd)"
    )
    return path.stat().st_size


def _writer(lake: Lake, night: date) -> Writer:
    parent = lake.manifest()
    moment = Moment("nightly", night, datetime(night.year, night.month, night.day, 7, tzinfo=UTC))
    number = 1 + (parent.snapshot if parent else 0)
    return Writer(lake.root, parent, number, moment, lake.staging / "scratch")


def _manifest(lake: Path) -> Manifest:
    found = Lake(lake).manifest()
    assert found is not None
    return found


def _table(writer: Writer, dataset: Dataset, select: str) -> None:
    """One base file of a table, as compaction makes it, with its content hash."""
    names = ", ".join(f'"{name}"' for name in schema_of(dataset.model).names)
    hashed = (
        f"select {names}, {row_hash_sql(dataset.model, 'r')} as row_hash, "
        f"{writer.snapshot}::bigint as changed_in_snapshot from ({select}) as r "
        f"order by {', '.join(dataset.sort)}"
    )
    file = write_parquet(
        writer.db, writer.root, dataset, writer.snapshot, "base", hashed, sorted_bytes=SORTED_BYTES
    )
    assert file is not None
    (sums,) = writer.db.execute(
        f"select {sums_sql('row_hash')} from read_parquet({quoted(str(writer.root / file.path))})"
    ).fetchall()
    content = moved("0" * 32, (int(sums[0]), int(sums[1])), (0, 0))
    writer.tables[dataset.name] = Table(base=(file,), rows=file.rows, content_hash=content)


def _copies(normalized: str, copies: int) -> str:
    """The listings of a file, and copies of them under other ids, with other titles."""
    step = " ".join(f"when {digits} then {step}" for digits, step in _STEPS.items())
    new = {
        "source_id": "new_id",
        "arxiv_id": "new_id",
        "listing_id": "'arxiv:' || new_id",
        "title": "case when n = 0 then title else title || ' ' || n end",
        "raw_title": "case when n = 0 then raw_title else raw_title || ' ' || n end",
        "title_key": "case when n = 0 then title_key else title_key || n end",
        "doi": "case when n = 0 then doi else doi || '.' || n end",
        "identifiers": "list_transform(identifiers, lambda i: {scheme: i.scheme, value: case when "
        "n = 0 then i.value when i.scheme = 'arxiv' then new_id else i.value || '.' || n end})",
        "landing_page_url": "'https://arxiv.org/abs/' || new_id",
        "pdf_url": "'https://arxiv.org/pdf/' || new_id",
        "fetched_at": "timestamptz '2026-11-01 06:00:00+00'",
        "first_seen_at": "timestamptz '2026-11-01 07:00:00+00'",
        "last_changed_at": "timestamptz '2026-11-01 07:00:00+00'",
        "first_seen_date": "date '2026-11-01'",
    }
    replaced = ", ".join(f'{value} as "{name}"' for name, value in new.items())
    return f"""
        with numbered as (
            select
                r.*,
                n,
                case when contains(source_id, '/') then 3 else len(split_part(source_id, '.', 2)) end
                    as digits,
            from read_parquet({quoted(normalized)}) as r
            cross join range({copies}) as copies(n)
        ),
        named as (
            select
                *,
                source_id[1:len(source_id) - digits] || lpad(
                    (source_id[-digits:]::int + n * case digits {step} end)::varchar, digits::int, '0'
                ) as new_id,
            from numbered
        )
        select * replace ({replaced}) from named
        """


def _memberships(writer: Writer, living: str) -> str:
    """Each listing in a paper of its own, with the numbers of its identifiers."""
    writer.db.execute(
        "create or replace temp table numbered as select listing_id, list_sort(list(link_key)) as "
        f"link_keys from ({identifiers.links_sql(writer.db, f'({living})')}) group by listing_id"
    )
    given = {
        "listing_id": "listing_id",
        "paper_id": "'p' || sha256(listing_id)[1:16]",
        "relation": "'same'",
        "score": "1.0::double",
        "link_keys": "link_keys",
    }
    return _projected(Membership, given, "select * from numbered")


def _papers(living: str) -> str:
    """One paper for each listing, as the lake makes it of a listing that stands alone."""
    given = {
        "paper_id": "'p' || sha256(listing_id)[1:16]",
        "birth_listing_id": "listing_id",
        "best_listing_id": "listing_id",
        "listings_count": "1::bigint",
        "sources": "[source]",
    }
    shared = set(schema_of(Listing).names)
    given |= {name: f'"{name}"' for name in schema_of(Paper).names if name in shared}
    return _projected(Paper, given, living)


def _metrics(living: str) -> str:
    """Votes of the last two nights for one listing in sixty, about as many as Hugging Face lists."""
    given = {
        "source": "source",
        "list": "'daily'",
        "list_date": "date '2026-11-01'",
        "night_date": "night_date",
        "listing_id": "listing_id",
        "rank": "1::bigint",
        "upvotes": "(hash(listing_id) % 100)::bigint",
        "captured_at": "timestamptz '2026-11-01 06:00:00+00'",
    }
    nights = "(values (date '2026-10-31'), (date '2026-11-01')) as nights(night_date)"
    listed = f"select * from ({living}) as l cross join {nights} where hash(listing_id) % 60 = 0"
    return _projected(Metric, given, listed)


def _projected(model: Any, given: dict[str, str], living: str) -> str:
    from warehouse.manifest import sql_type

    columns = ", ".join(
        f'{given.get(field.name, f"null::{sql_type(field.type)}")} as "{field.name}"'
        for field in schema_of(model)
    )
    return f"select {columns} from ({living}) as l"


def _publish(lake: Lake, writer: Writer, night: date) -> None:
    """Publish what the writer wrote, without a run's row and without checks."""
    now = writer.moment.now
    counts = {name: table.rows for name, table in writer.tables.items()}
    snapshot = SnapshotRow(
        snapshot=writer.snapshot,
        created_at=now,
        content_hash="0" * 32,
        run_id=f"bench-{writer.snapshot}",
        kind="nightly",
        night_date=night,
        n_listings=counts.get("listings", 0),
        n_metrics=counts.get("metrics", 0),
        n_papers=counts.get("papers", 0),
        n_memberships=counts.get("memberships", 0),
        n_quarantine=counts.get("quarantine", 0),
    )
    earlier = [SnapshotRow(**item) for item in writer.rows(SNAPSHOTS)]
    writer.replace_rows(SNAPSHOTS, [*earlier, snapshot])
    parent = lake.manifest()
    manifest = Manifest(
        snapshot=writer.snapshot,
        parent=parent.snapshot if parent else None,
        created_at=now,
        run_id=snapshot.run_id,
        kind="nightly",
        night_date=night,
        content_hash=snapshot.content_hash,
        tables=dict(writer.tables),
        last_night=night,
    )
    lake.publish(manifest, lake.draft_warehouse(manifest))
    writer.close()
