"""Small lakes for tests of what reads a lake: stored tables written by pyarrow, without the writer."""

import functools
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import STORED_COLUMNS, fingerprint, hashed_columns, record_batch, schema_of
from schemas.datasets import DATASETS, Dataset
from schemas.fields import Row
from schemas.paper import Author, Identifier, Listing, Membership, Metric, Paper
from warehouse.build import build
from warehouse.manifest import DataFile, Manifest, Table
from warehouse.reading import open_warehouse

NIGHT = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def lake(root: Path, rows: Mapping[str, Sequence[Row]], *, snapshot: int = 1) -> Manifest:
    """Write one file a table and return the manifest that lists them; tables left out are empty."""
    tables = {}
    for dataset in DATASETS:
        if dataset.name in rows:
            file = data_file(root, dataset, rows[dataset.name], snapshot=snapshot)
            tables[dataset.name] = Table(base=(file,), rows=file.rows)
    return Manifest(
        snapshot=snapshot,
        parent=snapshot - 1 or None,
        created_at=NOON,
        run_id=f"run-{snapshot}",
        kind="nightly",
        night_date=NIGHT,
        content_hash=f"{snapshot:032x}",
        tables=tables,
    )


def built(root: Path, manifest: Manifest) -> Path:
    """Build the warehouse of a manifest in the lake's folder, with its SQL text beside it."""
    path = root / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    path.with_suffix(".sql").write_text(build(manifest, root, path), encoding="utf-8")
    return path


def warehouse(root: Path, rows: Mapping[str, Sequence[Row]]) -> Path:
    """Write a lake and its warehouse; the path of the warehouse file."""
    root.mkdir(parents=True, exist_ok=True)
    return built(root, lake(root, rows))


def opened(root: Path, rows: Mapping[str, Sequence[Row]]) -> duckdb.DuckDBPyConnection:
    """Write a lake and open it with the one warehouse that fits every lake with a file a table.

    Building a warehouse takes longer than most tests; tables left out have a file without rows.
    """
    lake(root, {dataset.name: rows.get(dataset.name, ()) for dataset in DATASETS})
    return open_warehouse(Path(_template().name, "warehouse.duckdb"), lake=root)


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="paperlake-test-")
    warehouse(Path(folder.name), {dataset.name: () for dataset in DATASETS})
    return folder


def data_file(
    root: Path, dataset: Dataset, rows: Sequence[Row], *, snapshot: int = 1, stem: str = "base"
) -> DataFile:
    """Write rows of one table to one Parquet file, with the columns that the lake adds."""
    ordered = sorted(rows, key=lambda row: [str(getattr(row, name)) for name in dataset.key])
    columns = record_batch(ordered, dataset.model).columns
    hashes = pa.array([_row_hash(row) for row in ordered], pa.string())
    numbers = pa.array([snapshot] * len(ordered), pa.int64())
    schema = pa.schema([*schema_of(dataset.model), *STORED_COLUMNS])
    return _written(
        root,
        f"data/{dataset.name}/{snapshot:06d}-{stem}.parquet",
        pa.Table.from_arrays([*columns, hashes, numbers], schema=schema),
    )


def delete_file(
    root: Path, dataset: Dataset, gone: Sequence[Row], *, snapshot: int, stem: str = "deletes"
) -> DataFile:
    """Write the keys of rows that are gone; `snapshot` is the one that wrote those rows."""
    fields = [f for f in schema_of(dataset.model) if f.name in dataset.key]
    columns = [pa.array([getattr(row, f.name) for row in gone], f.type) for f in fields]
    columns.append(pa.array([snapshot] * len(gone), pa.int64()))
    schema = pa.schema([*fields, STORED_COLUMNS[1]])
    return _written(
        root,
        f"data/{dataset.name}/{snapshot:06d}-{stem}.parquet",
        pa.Table.from_arrays(columns, schema=schema),
    )


def listing(listing_id: str, **values: Any) -> Listing:
    """A listing with the columns that must be there filled in."""
    source, source_id = listing_id.split(":", 1)
    return Listing(
        **{
            "listing_id": listing_id,
            "source": source,
            "source_id": source_id,
            "title": f"Title of {source_id}",
            "record_format": "json",
            "source_modified_at": NOON,
            "fetched_at": NOON,
            "first_seen_at": NOON,
            "first_seen_date": NIGHT,
            "first_seen_kind": "nightly",
            "last_changed_at": NOON,
            **values,
        }
    )


def paper(paper_id: str, listing_id: str, **values: Any) -> Paper:
    """A paper of one listing, with the columns that must be there filled in."""
    return Paper(
        **{
            "paper_id": paper_id,
            "birth_listing_id": listing_id,
            "best_listing_id": listing_id,
            "listings_count": 1,
            "sources": (listing_id.split(":", 1)[0],),
            "title": f"Title of {paper_id}",
            "first_seen_at": NOON,
            "first_seen_date": NIGHT,
            "first_seen_kind": "nightly",
            "last_changed_at": NOON,
            **values,
        }
    )


def member(listing_id: str, paper_id: str, **values: Any) -> Membership:
    """Which paper a listing belongs to."""
    return Membership(
        **{"listing_id": listing_id, "paper_id": paper_id, "relation": "same", **values}
    )


def metric(listing_id: str, captured_at: datetime, **values: Any) -> Metric:
    """What a list said at one moment; the list's day and the night are the moment's day."""
    return Metric(
        **{
            "source": listing_id.split(":", 1)[0],
            "list": "daily",
            "list_date": captured_at.date(),
            "night_date": captured_at.date(),
            "listing_id": listing_id,
            "captured_at": captured_at,
            **values,
        }
    )


def small_rows() -> dict[str, list[Row]]:
    """Three papers of four listings, and a withdrawn listing that never had a title."""
    authors = (
        Author(name="Ada Lovelace", given="Ada", family="Lovelace"),
        Author(name="Jürgen O'Neil", orcid="0000-0002-1825-0097"),
    )
    found = {
        "authors": authors,
        "title": "Engines that Weave",
        "abstract": "We weave.",
        "publication_date": date(2026, 11, 18),
        "submitted_date": date(2026, 11, 17),
        "categories": ("cs.CL", "cs.LG"),
        "primary_category": "cs.CL",
        "arxiv_id": "2611.00001",
    }
    arxiv = (Identifier(scheme="arxiv", value="2611.00001"),)
    both = (*arxiv, Identifier(scheme="doi", value="10.1000/x"))
    return {
        "listings": [
            listing("arxiv:2611.00001", **found, identifiers=both, raw_title="Engines  that Weave"),
            listing("huggingface:2611.00001", **found, identifiers=arxiv),
            listing("arxiv:math/0309136", publication_date=date(2003, 9, 8)),
            listing("huggingface:2611.00003", publication_date=date(2026, 11, 19)),
            listing("arxiv:2611.00009", title=None, is_withdrawn=True),
        ],
        "papers": [
            paper(
                "p1",
                "arxiv:2611.00001",
                **found,
                identifiers=both,
                listings_count=2,
                sources=("arxiv", "huggingface"),
            ),
            paper("p2", "arxiv:math/0309136", publication_date=date(2003, 9, 8)),
            paper("p3", "huggingface:2611.00003", publication_date=date(2026, 11, 19)),
        ],
        "memberships": [
            member("arxiv:2611.00001", "p1", matched_by="arxiv"),
            member("huggingface:2611.00001", "p1", matched_by="arxiv"),
            member("arxiv:math/0309136", "p2"),
            member("huggingface:2611.00003", "p3"),
        ],
    }


def _written(root: Path, name: str, table: pa.Table) -> DataFile:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    return DataFile(name, table.num_rows, len(data), sha256, fingerprint(table.schema))


def _row_hash(row: Row) -> str:
    values = row.model_dump(mode="json", include=set(hashed_columns(type(row))))
    return hashlib.md5(json.dumps(values, sort_keys=True).encode()).hexdigest()
