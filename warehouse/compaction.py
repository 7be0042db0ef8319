"""Compaction: the many small files of a table become few, and its content stays what it was.

A table is due for one of two things:

- *merge*, when it has more than 10 deltas, or more than 10 files of superseded keys. The small
  deltas become one, and so do the files of keys, without the keys of rows that went with the merge.
  Nothing of the base is read. A delta that holds more than twice as many rows as all smaller ones
  is left alone, so that a row is merged some log2(rows / rows a night) times and not every night.
- *fold*, when deltas and superseded keys together pass 5 % of the base: all living rows become the
  new base. That writes n rows once in 0.05 n changes, twenty for each changed row, however large
  the table is: at the same change a table of ten times the size is folded a tenth as often.

A small table passes 5 % every night. It is folded only when it has more than 10 deltas as well,
unless `SMALL` rows have changed: what is folded for the 5 % alone has grown by that much.

The base is written range by range of its first sort column, a file each of some 300,000 rows, so
that a table of any size is sorted in bounded memory; what does not fit goes to disk. Rows keep
`changed_in_snapshot`, so keys superseded before and after mean the same rows. Each new file is read
again, and its rows and the hashes of their content are compared with what they were made from.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow.parquet as pq

from schemas.datasets import DATASETS, Dataset
from schemas.errors import LakeError
from warehouse.audit import table_findings
from warehouse.hashing import moved, sums_sql
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted
from warehouse.parquet import write_parquet

MOST_DELTAS = 10
MOST_CHANGED = 0.05
SMALL = 20_000
"""Rows; fewer changes are no reason to fold by themselves."""
BASE_ROWS = 300_000
"""About how many rows a file of the base has."""
_MEMORY_MIB = 1024
# Some hundred thousand rows: a row group that is sorted as a whole.
SORTED_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class Due:
    """A table that is to be compacted."""

    dataset: Dataset
    how: Literal["merge", "fold"]
    data: tuple[DataFile, ...]
    """The files with rows that go."""
    deletes: tuple[DataFile, ...]
    """The files of superseded keys that go."""

    @property
    def files(self) -> tuple[DataFile, ...]:
        """All files that go."""
        return self.data + self.deletes

    @property
    def rows(self) -> int:
        """Rows that are read."""
        return sum(file.rows for file in self.files)


def due(manifest: Manifest) -> list[Due]:
    """The tables that are to be compacted, as the manifest alone can tell."""
    found = []
    for dataset in DATASETS:
        table = manifest.table(dataset)
        changed = sum(file.rows for file in (*table.deltas, *table.deletes))
        is_many = max(len(table.deltas), len(table.deletes)) > MOST_DELTAS
        is_much = changed > MOST_CHANGED * sum(file.rows for file in table.base)
        if is_much and (is_many or changed > SMALL):
            found.append(Due(dataset, "fold", table.data, table.deletes))
        elif is_many:
            found.append(Due(dataset, "merge", _small(table.deltas), table.deletes))
    return found


def _small(deltas: Sequence[DataFile]) -> tuple[DataFile, ...]:
    """The deltas to merge: from the smallest on, while none outweighs all before it by far."""
    taken: list[DataFile] = []
    for file in sorted(deltas, key=lambda item: item.rows):
        if len(taken) > 1 and file.rows > 2 * sum(item.rows for item in taken):
            break
        taken.append(file)
    return tuple(taken)


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A connection that compacts in bounded memory; what does not fit goes to `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect(
        config={
            "temp_directory": str(scratch),
            "preserve_insertion_order": "false",
            "memory_limit": f"{_MEMORY_MIB}MiB",
        }
    )
    db.execute("set timezone = 'UTC'")
    return db


def compact(
    db: duckdb.DuckDBPyConnection, root: Path, snapshot: int, table: Table, what: Due
) -> Table:
    """Write the new files of a table; the old ones stay where they are.

    Args:
        db: see `connect`.
        root: the lake's folder.
        snapshot: number of the coming snapshot.
        table: the table as it stands.
        what: what `due` says of it.

    Returns:
        The table with the same content in other files.

    Raises:
        LakeError: the new files do not hold what the old ones did; they must not be published.
    """
    dataset = what.dataset
    part = Table(base=what.data, deletes=what.deletes)
    if what.how == "fold":
        part = replace(part, rows=table.rows, content_hash=table.content_hash)
        new = Table(base=_written(db, root, snapshot, dataset, part, _ranges(root, dataset, table)))
    else:
        part = _counted(db, root, dataset, part)
        merged = _written(db, root, snapshot, dataset, part, ["true"], "delta")
        kept = tuple(file for file in table.deltas if file not in what.data)
        deletes = _left(db, root, snapshot, dataset, part)
        new = Table(base=table.base, deltas=(*kept, *merged), deletes=deletes)
    fresh = tuple(file for file in new.data if file not in table.data)
    written = Table(base=fresh, rows=part.rows, content_hash=part.content_hash)
    wrong = [item.what for item in table_findings(db, root, dataset, written)]
    n_ended = sum(file.rows for file in part.base) - part.rows
    n_left = sum(file.rows for file in part.deletes) - n_ended
    if n_left != sum(file.rows for file in new.deletes):
        wrong.append(f"{n_ended} superseded rows do not match their keys")
    if wrong:
        raise LakeError(
            f"Compaction would change the table {dataset.name} ({'; '.join(wrong)}), so nothing was "
            "published: `paperlake check` says whether the lake is sound.",
            path=str(root / "data" / dataset.name),
        )
    return replace(new, rows=table.rows, content_hash=table.content_hash)


def _written(
    db: duckdb.DuckDBPyConnection,
    root: Path,
    snapshot: int,
    dataset: Dataset,
    part: Table,
    ranges: Sequence[str],
    role: str = "base",
) -> tuple[DataFile, ...]:
    """The living rows of some files as new files, one a range; ranges without rows leave none."""
    living = living_rows_sql(dataset, part, quoted(str(root)))
    files: list[DataFile] = []
    for condition in ranges:
        select = f"select * from ({living}) as living where {condition}"
        file = write_parquet(db, root, dataset, snapshot, role, select, sorted_bytes=SORTED_BYTES)
        if file is not None:
            files.append(file)
    return tuple(files)


def _left(
    db: duckdb.DuckDBPyConnection, root: Path, snapshot: int, dataset: Dataset, part: Table
) -> tuple[DataFile, ...]:
    """The superseded keys whose rows are in none of the merged files, as at most one file."""
    if not part.deletes:
        return ()
    # The other way round: keys without a row among these rows.
    select = living_rows_sql(
        dataset, Table(base=part.deletes, deletes=part.base), quoted(str(root))
    )
    file = write_parquet(db, root, dataset, snapshot, "delete", select, dataset.key)
    return () if file is None else (file,)


def _counted(db: duckdb.DuckDBPyConnection, root: Path, dataset: Dataset, part: Table) -> Table:
    """A part of a table with the count and the hash of its living rows."""
    living = living_rows_sql(dataset, part, quoted(str(root)))
    ((rows, upper, lower),) = db.execute(
        f"select count(*), {sums_sql('row_hash')} from ({living}) as living"
    ).fetchall()
    return replace(part, rows=rows, content_hash=moved("0" * 32, (upper, lower), (0, 0)))


def _ranges(root: Path, dataset: Dataset, table: Table) -> list[str]:
    """Conditions that cut a table into ranges of the first sort column, along the base's row groups."""
    column = dataset.sort[0]
    bounds: list[Any] = []
    waiting = 0
    for start, rows in sorted(_row_groups(root, column, table.base), key=lambda item: item[0]):
        if waiting >= BASE_ROWS and (not bounds or start > bounds[-1]):
            bounds.append(start)
            waiting = 0
        waiting += rows
    literals = [_literal(bound) for bound in bounds]
    edges = [None, *literals, None]
    conditions = []
    for low, high in itertools.pairwise(edges):
        parts = [f'"{column}" >= {low}'] if low else []
        parts += [f'"{column}" < {high}'] if high else []
        condition = " and ".join(parts) or "true"
        # Nulls sort last.
        conditions.append(condition if high or not low else f'({condition} or "{column}" is null)')
    return conditions


def _row_groups(root: Path, column: str, files: Sequence[DataFile]) -> Iterator[tuple[Any, int]]:
    """Smallest value of a column and rows, of every row group that has a value."""
    for file in files:
        metadata = pq.read_metadata(root / file.path)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            for index in range(group.num_columns):
                chunk = group.column(index)
                told = chunk.statistics
                if chunk.path_in_schema == column and told is not None and told.has_min_max:
                    yield told.min, group.num_rows


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"timestamptz {quoted(value.isoformat())}"
    if isinstance(value, date):
        return f"date {quoted(value.isoformat())}"
    return quoted(value) if isinstance(value, str) else str(value)
