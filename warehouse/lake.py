"""The only writer of Parquet: rows in, the files of one coming snapshot out.

Only rows that are new or changed are written, as one delta a table, with the keys of the rows they
supersede. How staged listings become such rows is said in `warehouse.listings`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from schemas.arrow import record_batch, schema_of
from schemas.datasets import Dataset
from schemas.fields import Row
from warehouse.hashing import moved, row_hash_sql, sums_sql
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted
from warehouse.merging import Moment
from warehouse.parquet import SORTED_BYTES, write_parquet
from warehouse.staging import Stage

MEMORY = "2GB"
"""What DuckDB may take beside the rest of the process; what does not fit goes to disk."""
DELTA_BYTES = 64 << 20
"""A night's rows are sorted as a whole up to so many bytes, 30,000 listings: days then prune in it."""


class Writer:
    """Writes the tables of one coming snapshot, on top of its parent."""

    def __init__(
        self, root: Path, parent: Manifest | None, snapshot: int, moment: Moment, scratch: Path
    ) -> None:
        self.root = root
        self.snapshot = snapshot
        self.moment = moment
        self.tables: dict[str, Table] = dict(parent.tables) if parent else {}
        self.changed: set[str] = set()
        scratch.mkdir(parents=True, exist_ok=True)
        # Arrow's own allocator keeps what is freed: some 40 MB more at the peak of an import.
        pa.set_memory_pool(pa.system_memory_pool())
        self.db = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "temp_directory": str(scratch),
                "preserve_insertion_order": "false",
            }
        )
        self.db.execute("set timezone = 'UTC'")

    def close(self) -> None:
        """Free the connection."""
        self.db.close()

    def table(self, dataset: Dataset) -> Table:
        """The table as it stands, with what was written so far."""
        return self.tables.get(dataset.name, Table())

    def living(self, dataset: Dataset) -> str:
        """SQL for the living rows of a table, with what was written so far."""
        return living_rows_sql(dataset, self.table(dataset), quoted(str(self.root)))

    def written_rows(self, dataset: Dataset) -> str | None:
        """SQL for the rows of a table that this snapshot has written; None when there are none."""
        mine = f"data/{dataset.name}/{self.snapshot:06}-"
        files = tuple(file for file in self.table(dataset).data if file.path.startswith(mine))
        if not files:
            return None
        return living_rows_sql(dataset, Table(base=files), quoted(str(self.root)))

    def upsert(
        self,
        dataset: Dataset,
        incoming: str,
        gone: str | None = None,
        within: str = "true",
        stored: str | None = None,
    ) -> int:
        """Write the rows that are new or differ, and end those whose keys are gone.

        In a table that is `dated_by` a column an older row changes nothing, and a newer one is
        written even where it is the same, so that its time is remembered.

        Args:
            dataset: the table.
            incoming: a select with the model's columns, one row a key.
            gone: for derived tables, a select with the key columns of rows to end.
            within: a condition that every stored row fulfils whose key comes in, so that a table
                that grows without end need not be read whole.
            stored: a relation with every stored row whose key comes in or is gone, where one is at
                hand: its key, row_hash and changed_in_snapshot. Else the table is read.

        Returns:
            How many rows were written or ended.
        """
        living = stored or f"({self.living(dataset)})"
        keys = ", ".join(f'fresh."{name}"' for name in dataset.key)
        row_hash = row_hash_sql(dataset.model, "fresh")
        dated_by = dataset.dated_by
        date = f", fresh.{dated_by}" if dated_by else ""
        differs = "living.row_hash <> fresh.row_hash"
        if dated_by is not None:
            differs = (
                f"fresh.{dated_by} > living.{dated_by} "
                f"or (fresh.{dated_by} = living.{dated_by} and {differs})"
            )
        # Keys and hashes alone are compared and kept; the rows are read again when they are written.
        self.db.execute(
            f"""
            create or replace temp table differing as
            with fresh as (select {keys}{date}, {row_hash} as row_hash from ({incoming}) as fresh)
            select {keys}, fresh.row_hash, living.row_hash as old_hash,
                living.changed_in_snapshot as old_snapshot,
            from fresh
            left join (select * from {living} where {within}) as living
                on {_same_key(dataset, "fresh", "living")}
            where living.row_hash is null or {differs}
            """
        )
        keys = ", ".join(f'd."{name}"' for name in dataset.key)
        superseded = (
            f"select {keys}, d.old_hash, d.old_snapshot from differing as d "
            "where d.old_hash is not null"
        )
        if gone is not None:
            assert dataset.derived, f"{dataset.name} never loses rows"
            superseded += f"""
                union all
                select {keys}, d.row_hash as old_hash, d.changed_in_snapshot as old_snapshot
                from {living} as d
                semi join ({gone}) as gone on {_same_key(dataset, "d", "gone")}
                """
        written = f"""
            select fresh.*, d.row_hash
            from ({incoming}) as fresh
            join differing as d on {_same_key(dataset, "fresh", "d")}
            """
        return self.write(dataset, written, superseded)

    def upsert_staged(self, dataset: Dataset, stages: Sequence[Stage]) -> int:
        """Upsert staged metrics or quarantine; of rows with one key the newest stays, else the last."""
        files = [path for stage in stages for path in stage.files(dataset)]
        if not files:
            return 0
        self.db.execute(f"create or replace temp view staged_rows as {read_sql(files)}")
        keys = ", ".join(f'"{name}"' for name in dataset.key)
        names = ", ".join(f'last."{name}"' for name in schema_of(dataset.model).names)
        newest = "r.staged_order"
        if dataset.dated_by is not None:
            newest = f"(r.{dataset.dated_by}, r.staged_order)"
        within = "true"
        if (lead := dataset.sort[0]) in dataset.key:
            days = self.db.execute(f"select distinct {lead} from staged_rows").fetchall()
            within = f"{lead} in ({', '.join(f'date {quoted(str(day))}' for (day,) in days)})"
        return self.upsert(
            dataset,
            f"select {names} from (select arg_max(r, {newest}) as last "
            f"from staged_rows as r group by {keys})",
            within=within,
        )

    def replace_rows(self, dataset: Dataset, rows: Sequence[Row]) -> None:
        """Write a small table anew."""
        assert dataset.mode == "replace"
        names = ", ".join(f'"{name}"' for name in schema_of(dataset.model).names)
        self._register(dataset, rows)
        file = self._parquet(
            dataset,
            "base",
            f"select {names}, {row_hash_sql(dataset.model, 'r')} as row_hash, "
            f"{self.snapshot}::bigint as changed_in_snapshot from given_rows as r",
        )
        self.tables[dataset.name] = Table(base=(file,), rows=file.rows) if file else Table()

    def upsert_rows(self, dataset: Dataset, rows: Sequence[Row]) -> int:
        """Upsert rows given as values; of several with one key the last stays."""
        rows = [*{tuple(getattr(row, name) for name in dataset.key): row for row in rows}.values()]
        if not rows:
            return 0
        self._register(dataset, rows)
        return self.upsert(dataset, "select * from given_rows")

    def rows(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The living rows of a small table, as dictionaries of the model's columns."""
        names = ", ".join(f'"{name}"' for name in schema_of(dataset.model).names)
        found: list[dict[str, Any]] = columns(
            self.db, f"select {names} from ({self.living(dataset)})"
        ).to_pylist()
        return found

    def _register(self, dataset: Dataset, rows: Sequence[Row]) -> None:
        self.db.register("given_rows", pa.Table.from_batches([record_batch(rows, dataset.model)]))

    def write(self, dataset: Dataset, rows: str, superseded: str | None) -> int:
        """Write rows as one delta, and the keys they supersede or end as one file of deletes.

        Args:
            dataset: the table.
            rows: a select with the model's columns and row_hash.
            superseded: a select with the key columns, old_hash and old_snapshot; None for none.

        Returns:
            How many rows were written or ended.
        """
        table = self.table(dataset)
        names = ", ".join(f'"{name}"' for name in [*schema_of(dataset.model).names, "row_hash"])
        keys = ", ".join(f'"{name}"' for name in dataset.key)
        role = "delta" if table.data else "base"
        written = self._parquet(
            dataset,
            role,
            f"select {names}, {self.snapshot}::bigint as changed_in_snapshot from ({rows})",
        )
        # A row may be superseded only in an earlier snapshot: within one, each key is written once.
        ended = None
        if superseded is not None:
            ended = self._parquet(
                dataset,
                "delete",
                f"select {keys}, old_snapshot as changed_in_snapshot from ({superseded})",
                [*dataset.key],
            )
        if written is None and ended is None:
            return 0
        added = removed = (0, 0)
        if written is not None:
            path = quoted(str(self.root / written.path))
            added = one(self.db, f"select {sums_sql('row_hash')} from read_parquet({path})")
            if table.data:
                table = replace(table, deltas=(*table.deltas, written))
            else:
                table = replace(table, base=(written,))
        if ended is not None:
            removed = one(self.db, f"select {sums_sql('old_hash')} from ({superseded})")
            table = replace(table, deletes=(*table.deletes, ended))
        n_written = written.rows if written else 0
        n_ended = ended.rows if ended else 0
        self.tables[dataset.name] = replace(
            table,
            rows=table.rows + n_written - n_ended,
            content_hash=moved(table.content_hash, added, removed),
        )
        self.changed.add(dataset.name)
        return n_written + n_ended

    def _parquet(
        self, dataset: Dataset, role: str, select: str, columns: Iterable[str] | None = None
    ) -> DataFile | None:
        return write_parquet(
            self.db,
            self.root,
            dataset,
            self.snapshot,
            role,
            select,
            columns,
            sorted_bytes=DELTA_BYTES if role == "delta" else SORTED_BYTES,
        )


def read_sql(files: Sequence[Path]) -> str:
    """SQL for the rows of Parquet files."""
    return f"select * from read_parquet([{', '.join(quoted(str(path)) for path in files)}])"


def _same_key(dataset: Dataset, left: str, right: str) -> str:
    schema = schema_of(dataset.model)
    return " and ".join(
        f'{left}."{name}" is not distinct from {right}."{name}"'
        if schema.field(name).nullable
        else f'{left}."{name}" = {right}."{name}"'
        for name in dataset.key
    )


def columns(db: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The rows of a query, as columns."""
    table: pa.Table | None = db.sql(sql).to_arrow_table()
    assert table is not None
    return table


def one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The only row of a query."""
    # fetchall and not fetchone: a result that is not read to its end keeps the connection busy.
    (row,) = db.execute(sql).fetchall()
    return tuple(row)
