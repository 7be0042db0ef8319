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
from schemas.paper import Listing
from warehouse.hashing import moved, row_hash_sql, sums_sql
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted
from warehouse.merging import (
    KNOWN_SQL,
    PATCHED,
    SINGLE_SQL,
    WHOLE,
    WOVEN,
    Lacks,
    Moment,
    changed_at_sql,
    current_sql,
    decided_sql,
    incoming_sql,
    merged_sql,
    new_sql,
    newest_sql,
    patch_columns,
    whole_sql,
)
from warehouse.parquet import write_parquet
from warehouse.staging import Stage

MEMORY = ("64MB", "512MB", "2GB")
"""What DuckDB may take beside the rest of the process; more only where less was not enough."""


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
        self._fresh: DataFile | None = None
        scratch.mkdir(parents=True, exist_ok=True)
        # Arrow's own allocator keeps what is freed: some 40 MB more at the peak of an import.
        pa.set_memory_pool(pa.system_memory_pool())
        self.db = duckdb.connect(
            config={
                "memory_limit": MEMORY[-1],
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

    def upsert_listings(
        self, stages: Sequence[Stage], lacks: Lacks
    ) -> dict[tuple[str, str], Counts]:
        """Merge staged listings into the table, in as little memory as that can be done.

        See `_upsert_listings`.
        """
        # Where nothing is stored yet, rows pass through; else they meet what is there.
        for limit in MEMORY[1:] if self.table(LISTINGS).data else MEMORY:
            self.db.execute(f"set memory_limit = '{limit}'")
            before = (dict(self.tables), set(self.changed), self._fresh)
            try:
                return self._upsert_listings(stages, lacks)
            except duckdb.OutOfMemoryException:
                if limit == MEMORY[-1]:
                    raise
                # As if nothing had been tried; a file that was written is in no table and goes
                # with what else an unpublished snapshot leaves.
                self.tables, self.changed, self._fresh = before
            finally:
                self.db.execute(f"set memory_limit = '{MEMORY[-1]}'")
        raise AssertionError

    def _upsert_listings(
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
        db = self.db
        files = [path for stage in stages for path in stage.files(LISTINGS)]
        db.execute("create or replace temp table changed_keys (listing_id varchar)")
        db.execute("create or replace temp view changed_listings as select * from changed_keys")
        if not files:
            return {}
        db.execute(f"create or replace temp view staged as {_read(files)}")
        repeated = "select hash(listing_id) from staged group by all having count(*) > 1 limit 1"
        is_plain = db.execute(repeated).fetchall() == []
        newest = SINGLE_SQL
        if not is_plain:
            db.execute(f"create or replace temp table newest_of_many as {newest_sql()}")
            newest = "select * from newest_of_many"
        db.execute(f"create or replace temp view newest_records as {newest}")
        known = KNOWN_SQL.format(living=self.living(LISTINGS))
        db.execute(f"create or replace temp table known_listings as {known}")
        if is_plain and _one(db, "select count(*) from known_listings") == (0,):
            return self._insert_listings()
        decided = decided_sql(lacks, self.living(METRICS))
        db.execute(f"create or replace temp table decided as {decided}")
        # New rows need no hash to be seen as new: it is made when they are written.
        db.execute(
            f"""
            create or replace temp table hashed as
            select d.newest, d.is_withdrawn, null::varchar as row_hash
            from decided as d
            where d.verdict = {quoted(WHOLE)} and d.is_new
            union all
            select d.newest, d.is_withdrawn, {row_hash_sql(Listing, "r")} as row_hash
            from staged as r
            join decided as d on r.staged_order = d.newest
            where d.verdict = {quoted(WHOLE)} and not d.is_new
            """
        )
        merged = [
            self._merge_listings(verdict, columns, lacks)
            for verdict, columns in ((PATCHED, patch_columns(lacks)), (WOVEN, None))
        ]
        # A new time stamp of the source's own is remembered even where the content is the same,
        # else a record between the two stamps could pass for newer.
        db.execute(
            """
            create or replace temp table compared_listings as
            select
                d.* exclude (is_withdrawn),
                h.is_withdrawn,
                h.row_hash,
                d.is_new
                    or h.row_hash <> d.old_hash
                    or (
                        d.is_newer
                        and d.source_modified_at > d.old_modified_at
                        and d.source_modified_at <> d.fetched_at
                    ) as is_written,
            from decided as d
            join hashed as h on d.newest = h.newest
            """
        )
        names = ", ".join(
            changed_at_sql("d", self.moment) if name == "last_changed_at" else f'm."{name}"'
            for name in schema_of(Listing).names
        )
        woven = "".join(
            f"""
            union all
            select {names}, m.row_hash
            from {table} as m
            join compared_listings as d on m.listing_id = d.listing_id
            where d.is_written
            """
            for table in merged
            if table is not None
        )
        self._write(
            LISTINGS,
            whole_sql(self.moment) + woven,
            "select listing_id, old_hash, old_snapshot from compared_listings "
            "where is_written and not is_new",
        )
        if LISTINGS.name in self.changed:
            self._fresh = self.table(LISTINGS).data[-1]
        db.execute(
            "insert into changed_keys select listing_id from compared_listings where is_written"
        )
        return self._count_listings()

    def _insert_listings(self) -> dict[tuple[str, str], Counts]:
        """Write staged listings of which none is known and none comes twice: nothing is compared."""
        self._write(LISTINGS, new_sql(self.moment), None)
        self._fresh = self.table(LISTINGS).data[-1]
        self.db.execute(
            "create or replace temp view changed_listings as select listing_id from staged"
        )
        rows = self.db.execute(
            "select source, staged_list, count(*), count(*) filter (is_withdrawn) "
            "from staged group by all"
        ).fetchall()
        return {
            (source, list_name): Counts(n_new=new, n_withdrawn=withdrawn)
            for source, list_name, new, withdrawn in rows
        }

    def _merge_listings(
        self, verdict: str, columns: Iterable[str] | None, lacks: Lacks
    ) -> str | None:
        """Merge the records of one verdict with their stored rows; the table with the result.

        Args:
            verdict: PATCHED or WOVEN.
            columns: what is needed of the stored rows; None for all.
            lacks: format -> columns of Listing it cannot carry.
        """
        db, table = self.db, f"merged_{verdict}"
        db.execute(
            "create or replace temp table resting as "
            f"select * from decided where verdict = {quoted(verdict)}"
        )
        if _one(db, "select count(*) from resting") == (0,):
            return None
        current = current_sql(columns, self.living(LISTINGS))
        db.execute(f"create or replace temp table current_listings as {current}")
        db.execute(f"create or replace temp table incoming_listings as {incoming_sql(lacks)}")
        db.execute(f"create or replace temp table {table} as {merged_sql(lacks, self.moment)}")
        db.execute(
            f"insert into hashed select t.newest, m.is_withdrawn, m.row_hash "
            f"from {table} as m join resting as t on m.listing_id = t.listing_id"
        )
        return table

    def fresh_listings(self) -> str:
        """SQL for the listings that this snapshot writes, whole."""
        if self._fresh is None:
            return living_rows_sql(LISTINGS, Table(), quoted(str(self.root)))
        return living_rows_sql(LISTINGS, Table(base=(self._fresh,)), quoted(str(self.root)))

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
            left join ({self.living(dataset)}) as living
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
                from ({self.living(dataset)}) as d
                semi join ({gone}) as gone on {_same_key(dataset, "d", "gone")}
                """
        written = f"""
            select fresh.*, d.row_hash
            from ({incoming}) as fresh
            join differing as d on {_same_key(dataset, "fresh", "d")}
            """
        return self._write(dataset, written, superseded)

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
                n.source,
                n.staged_list,
                count(*) filter (c.is_new),
                count(*) filter (not c.is_new and c.row_hash <> c.old_hash),
                count(*) filter (c.listing_id is null or c.row_hash = c.old_hash),
                count(*) filter (c.is_withdrawn and not coalesce(c.was_withdrawn, false)),
            from newest_records as n
            left join compared_listings as c on n.listing_id = c.listing_id
            group by all
            """
        ).fetchall()
        return {
            (source, list_name): Counts(new, updated, unchanged, withdrawn)
            for source, list_name, new, updated, unchanged, withdrawn in rows
        }

    def _write(self, dataset: Dataset, rows: str, superseded: str | None) -> int:
        """Write rows as one delta, and the keys they supersede or end as one file of deletes.

        Args:
            dataset: the table.
            rows: a select with the model's columns and row_hash.
            superseded: a select with the key columns, old_hash and old_snapshot; None for none.
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
            added = _one(self.db, f"select {sums_sql('row_hash')} from read_parquet({path})")
            if table.data:
                table = replace(table, deltas=(*table.deltas, written))
            else:
                table = replace(table, base=(written,))
        if ended is not None:
            removed = _one(self.db, f"select {sums_sql('old_hash')} from ({superseded})")
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
