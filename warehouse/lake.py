"""The only writer of Parquet: staged rows in, the files of one coming snapshot out.

At the end of a round the staged rows are merged into the tables: only rows that are new or changed
are written, as one delta a table, with the keys of the rows they supersede.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from schemas.arrow import record_batch, schema_of
from schemas.datasets import LISTINGS, METRICS, Dataset
from schemas.fields import Row
from warehouse.hashing import moved, row_hash_sql, sums_sql
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted
from warehouse.merging import Lacks, Moment, incoming_sql, merged_sql
from warehouse.parquet import write_parquet
from warehouse.staging import Stage


@dataclass(slots=True)
class Counts:
    """What became of the listings of one source and list."""

    n_new: int = 0
    n_updated: int = 0
    n_unchanged: int = 0
    n_withdrawn: int = 0


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
        self.db = duckdb.connect(
            config={"temp_directory": str(scratch), "preserve_insertion_order": "false"}
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

    def upsert_listings(
        self, stages: Sequence[Stage], lacks: Lacks
    ) -> dict[tuple[str, str], Counts]:
        """Merge staged listings into the table.

        Which record counts is said in `warehouse.merging`.

        Args:
            stages: closed stages.
            lacks: format -> columns of Listing it cannot carry.

        Returns:
            Counts by source and list. The keys written are left in the temporary table
            `changed_listings` (listing_id), for what is derived from listings.
        """
        files = [path for stage in stages for path in stage.files(LISTINGS)]
        self.db.execute("create or replace temp table changed_listings (listing_id varchar)")
        if not files:
            return {}
        self.db.execute(f"create or replace temp view staged as {_read(files)}")
        self.db.execute(f"create or replace temp table incoming as {incoming_sql(lacks)}")
        self.db.execute(
            "create or replace temp table current_listings as "
            f"select * from ({self.living(LISTINGS)}) as living "
            "where listing_id in (select listing_id from incoming)"
        )
        merged = merged_sql(lacks, self.moment, self.living(METRICS))
        self.db.execute(f"create or replace temp table merged as {merged}")
        counts = self._count_listings()
        # A new time stamp of the source's own is remembered even where the content is the same,
        # else a record between the two stamps could pass for newer.
        self.db.execute(
            """
            create or replace temp table written as
            select * replace (
                case when row_hash is distinct from old_hash then last_changed_at
                    else old_changed_at end as last_changed_at
            )
            from merged
            where is_new
                or row_hash <> old_hash
                or (source_modified_at > old_modified_at and source_modified_at <> fetched_at)
            """
        )
        self.db.execute("insert into changed_listings select listing_id from written")
        self._write(LISTINGS, "written")
        return counts

    def upsert(self, dataset: Dataset, incoming: str, gone: str | None = None) -> int:
        """Write the rows that are new or differ, and end those whose keys are gone.

        In a table that is `dated_by` a column an older row changes nothing, and a newer one is
        written even where it is the same, so that its time is remembered.

        Args:
            dataset: the table.
            incoming: a select with the model's columns, one row a key.
            gone: for derived tables, a select with the key columns of rows to end.

        Returns:
            How many rows were written or ended.
        """
        columns = ", ".join(f'fresh."{name}"' for name in schema_of(dataset.model).names)
        differs = "living.row_hash <> fresh.row_hash"
        if (dated_by := dataset.dated_by) is not None:
            differs = (
                f"fresh.{dated_by} > living.{dated_by} "
                f"or (fresh.{dated_by} = living.{dated_by} and {differs})"
            )
        self.db.execute(
            f"""
            create or replace temp table written as
            with hashed as (
                select fresh.*, {row_hash_sql(dataset.model, "fresh")} as row_hash
                from ({incoming}) as fresh
            )
            select {columns}, fresh.row_hash, living.row_hash as old_hash,
                living.changed_in_snapshot as old_snapshot,
            from hashed as fresh
            left join ({self.living(dataset)}) as living
                on {_same_key(dataset, "fresh", "living")}
            where living.row_hash is null or {differs}
            """
        )
        if gone is not None:
            assert dataset.derived, f"{dataset.name} never loses rows"
            keys = ", ".join(f'living."{name}"' for name in dataset.key)
            self.db.execute(
                f"""
                create or replace temp table ended as
                select {keys}, living.row_hash as old_hash,
                    living.changed_in_snapshot as old_snapshot,
                from ({self.living(dataset)}) as living
                semi join ({gone}) as gone on {_same_key(dataset, "living", "gone")}
                """
            )
        return self._write(dataset, "written", "ended" if gone is not None else None)

    def upsert_staged(self, dataset: Dataset, stages: Sequence[Stage]) -> int:
        """Upsert staged metrics or quarantine; of rows with one key the newest stays, else the last."""
        files = [path for stage in stages for path in stage.files(dataset)]
        if not files:
            return 0
        self.db.execute(f"create or replace temp view staged_rows as {_read(files)}")
        keys = ", ".join(f'"{name}"' for name in dataset.key)
        names = ", ".join(f'last."{name}"' for name in schema_of(dataset.model).names)
        newest = "r.staged_order"
        if dataset.dated_by is not None:
            newest = f"(r.{dataset.dated_by}, r.staged_order)"
        return self.upsert(
            dataset,
            f"select {names} from (select arg_max(r, {newest}) as last "
            f"from staged_rows as r group by {keys})",
        )

    def replace_rows(self, dataset: Dataset, rows: Sequence[Row]) -> None:
        """Write a small table anew."""
        assert dataset.mode == "replace"
        names = ", ".join(f'"{name}"' for name in schema_of(dataset.model).names)
        self._register(dataset, rows)
        file = self._parquet(
            dataset,
            "base",
            f"select {names}, {row_hash_sql(dataset.model, 'r')} as row_hash from given_rows as r",
        )
        self.tables[dataset.name] = Table(base=(file,), rows=file.rows)

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
        table = self.db.sql(f"select {names} from ({self.living(dataset)})").to_arrow_table()
        assert table is not None
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def _register(self, dataset: Dataset, rows: Sequence[Row]) -> None:
        self.db.register("given_rows", pa.Table.from_batches([record_batch(rows, dataset.model)]))

    def _count_listings(self) -> dict[tuple[str, str], Counts]:
        """Counts by source and list; what was seen and not chosen is unchanged."""
        rows = self.db.execute(
            """
            select
                i.source,
                i.staged_list,
                count(*) filter (m.is_new),
                count(*) filter (not m.is_new and m.row_hash <> m.old_hash),
                count(*) filter (m.listing_id is null or m.row_hash = m.old_hash),
                count(*) filter (m.is_withdrawn and not coalesce(m.was_withdrawn, false)),
            from incoming as i
            left join merged as m on i.listing_id = m.listing_id
            group by all
            """
        ).fetchall()
        return {
            (source, list_name): Counts(new, updated, unchanged, withdrawn)
            for source, list_name, new, updated, unchanged, withdrawn in rows
        }

    def _write(self, dataset: Dataset, written: str, ended: str | None = None) -> int:
        """Turn the temporary tables of changes into one delta and one file of superseded keys."""
        names = ", ".join(f'"{name}"' for name in [*schema_of(dataset.model).names, "row_hash"])
        n_written = _one(self.db, f"select count(*) from {written}")[0]
        keys = ", ".join(f'"{name}"' for name in dataset.key)
        superseded = (
            f"select {keys}, old_hash, old_snapshot from {written} where old_hash is not null"
        )
        if ended is not None:
            superseded += f" union all select {keys}, old_hash, old_snapshot from {ended}"
        n_superseded = _one(self.db, f"select count(*) from ({superseded})")[0]
        if not n_written and not n_superseded:
            return 0
        table = self.table(dataset)
        added = _one(self.db, f"select {sums_sql('row_hash')} from {written}")
        removed = _one(self.db, f"select {sums_sql('old_hash')} from ({superseded})")
        if n_written:
            role = "delta" if table.data else "base"
            file = self._parquet(dataset, role, f"select {names} from {written}")
            if table.data:
                table = replace(table, deltas=(*table.deltas, file))
            else:
                table = replace(table, base=(file,))
        if n_superseded:
            # A row may be superseded only in an earlier snapshot: within one, each key is written once.
            file = self._parquet(
                dataset,
                "delete",
                f"select {keys}, old_snapshot as changed_in_snapshot from ({superseded})",
                [*dataset.key],
            )
            table = replace(table, deletes=(*table.deletes, file))
        self.tables[dataset.name] = replace(
            table,
            rows=table.rows + n_written - n_superseded,
            content_hash=moved(table.content_hash, added, removed),
        )
        self.changed.add(dataset.name)
        return int(n_written + n_superseded)

    def _parquet(
        self, dataset: Dataset, role: str, select: str, columns: Iterable[str] | None = None
    ) -> DataFile:
        if columns is None:
            select = f"select *, {self.snapshot}::bigint as changed_in_snapshot from ({select})"
        return write_parquet(self.db, self.root, dataset, self.snapshot, role, select, columns)


def _read(files: Sequence[Path]) -> str:
    return f"select * from read_parquet([{', '.join(quoted(str(path)) for path in files)}])"


def _same_key(dataset: Dataset, left: str, right: str) -> str:
    schema = schema_of(dataset.model)
    return " and ".join(
        f'{left}."{name}" is not distinct from {right}."{name}"'
        if schema.field(name).nullable
        else f'{left}."{name}" = {right}."{name}"'
        for name in dataset.key
    )


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    # fetchall and not fetchone: a result that is not read to its end keeps the connection busy.
    (row,) = db.execute(sql).fetchall()
    return tuple(row)
