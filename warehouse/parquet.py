"""One immutable Parquet file of a table: sorted, with field ids and descriptions."""

import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.arrow import STORED_COLUMNS, fingerprint, schema_of
from schemas.datasets import Dataset
from warehouse.files import new_file, sha256_of
from warehouse.manifest import DataFile

ROW_GROUP = 100_000
"""Most rows that prune together."""
SORTED_BYTES = 8 << 20
"""Rows are sorted in memory up to so many bytes, then the next ones."""
_BATCH = 4_096


def write_parquet(
    db: duckdb.DuckDBPyConnection,
    root: Path,
    dataset: Dataset,
    snapshot: int,
    role: str,
    select: str,
    columns: Iterable[str] | None = None,
    *,
    sorted_bytes: int = SORTED_BYTES,
) -> DataFile | None:
    """Write the rows of a query as one file of a table.

    Each row group is sorted. So is the whole file, up to 8 MiB of rows; of more the order between
    groups is that of the query, which costs little (what comes in bulk comes by date) and keeps
    memory flat: DuckDB's own sort of wide rows fails within a few hundred megabytes.

    Args:
        db: the connection to ask.
        root: the lake's folder.
        dataset: the table.
        snapshot: number of the coming snapshot, which the file's name begins with.
        role: base, delta or delete.
        select: the query, with the model's columns and the stored ones.
        columns: of a file of superseded keys, the model's columns it has.
        sorted_bytes: how much is sorted in memory at once.

    Returns:
        The file; None if the query has no rows.

    Raises:
        duckdb.OutOfMemoryException: the connection's limit is too low for the query.
    """
    schema = schema_of(dataset.model)
    if columns is None:
        fields = [*schema, *STORED_COLUMNS]
    else:
        chosen = {*columns}
        fields = [*(field for field in schema if field.name in chosen), STORED_COLUMNS[1]]
    target = pa.schema(fields, metadata={"paperlake.table": dataset.name, "paperlake.role": role})
    names = ", ".join(f'"{field.name}"' for field in fields)
    order: list[tuple[str, Literal["ascending"]]] = [
        (name, "ascending") for name in dataset.sort if name in target.names
    ]
    relative = f"data/{dataset.name}/{snapshot:06}-{role}-{uuid.uuid4().hex[:8]}.parquet"
    path = root / relative
    reader = db.sql(f"select {names} from ({select})").to_arrow_reader(_BATCH)
    assert reader is not None
    chunks = _chunks(reader, sorted_bytes)
    first = next(chunks, None)
    if first is None:
        return None
    rows = 0
    with (
        new_file(path) as temporary,
        pq.ParquetWriter(
            temporary,
            target,
            compression="zstd",
            bloom_filter_options={
                name: {"ndv": min(first.num_rows, ROW_GROUP), "fpp": 0.01}
                for name in dataset.looked_up
                if name in target.names and role != "delete"
            },
        ) as writer,
    ):
        chunk: pa.Table | None = first
        del first
        while chunk is not None:
            # One name throughout, so that unsorted rows are freed before sorted ones are encoded.
            chunk = chunk.cast(target)
            chunk = chunk.take(pc.sort_indices(chunk, sort_keys=order))
            writer.write_table(chunk, row_group_size=ROW_GROUP)
            rows += chunk.num_rows
            del chunk
            chunk = next(chunks, None)
    size, sha256 = path.stat().st_size, sha256_of(path)
    return DataFile(relative, rows, size, sha256, fingerprint(fields))


def _chunks(reader: pa.RecordBatchReader, sorted_bytes: int) -> Iterator[pa.Table]:
    """The rows in tables small enough to be sorted in memory."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    while (batch := _next(reader)) is not None:
        waiting.append(batch)
        size += batch.nbytes
        if size >= sorted_bytes:
            table = pa.Table.from_batches(waiting)
            waiting, size = [], 0
            del batch
            yield table
            del table
    table = pa.Table.from_batches(waiting, reader.schema)
    if table.num_rows:
        yield table


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    """The next batch; Arrow tells every error of the query behind it as one of input and output."""
    try:
        return next(reader, None)
    except OSError as error:
        if "Out of Memory Error" in str(error):
            raise duckdb.OutOfMemoryException(str(error)) from error
        raise
