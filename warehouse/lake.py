"""The only writer of Parquet: staged rows in, the files of one coming snapshot out.

Records are staged as Parquet while they arrive, so a harvest of any size needs little memory. At
the end of a round they are merged into the tables: only rows that are new or changed are written,
as one delta a table, with the keys of the rows they supersede.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import STORED_COLUMNS, hashed_columns, record_batch, schema_of
from schemas.datasets import LISTINGS, METRICS, QUARANTINE, Dataset
from schemas.fields import Row
from schemas.paper import Listing, Metric, Quarantined
from warehouse.files import new_file, sha256_of
from warehouse.hashing import moved, row_hash_sql, sums_sql
from warehouse.manifest import DataFile, Manifest, Table, living_rows_sql, quoted

ROW_GROUP = 100_000
_BATCH = 20_000

# Provenance of a staged row that is not part of any table.
_STAGED = (
    pa.field("staged_list", pa.string()),
    pa.field("staged_order", pa.int64()),
)


class Stage:
    """Rows of one harvest on their way: kept or dropped as a whole."""

    def __init__(self, folder: Path, source: str, list_name: str, ordinal: int) -> None:
        self.folder = folder
        self.source = source
        self.list_name = list_name
        folder.mkdir(parents=True)
        self._ordinal = ordinal << 40
        self._count = 0
        self._n_rows: dict[Dataset, int] = dict.fromkeys((LISTINGS, METRICS, QUARANTINE), 0)
        self._waiting: dict[Dataset, list[Row]] = {LISTINGS: [], METRICS: [], QUARANTINE: []}
        self._files: dict[Dataset, list[Path]] = {LISTINGS: [], METRICS: [], QUARANTINE: []}

    def add(
        self,
        listings: Sequence[Listing],
        metrics: Sequence[Metric],
        quarantined: Sequence[Quarantined],
    ) -> None:
        """Stage the rows of one response."""
        for dataset, rows in ((LISTINGS, listings), (METRICS, metrics), (QUARANTINE, quarantined)):
            waiting = self._waiting[dataset]
            waiting.extend(rows)
            self._n_rows[dataset] += len(rows)
            if len(waiting) >= _BATCH:
                self._flush(dataset)

    def close(self) -> None:
        """Write what is waiting."""
        for dataset in self._waiting:
            self._flush(dataset)

    def files(self, dataset: Dataset) -> list[Path]:
        """The staged files of a table."""
        return self._files[dataset]

    def drop(self, dataset: Dataset) -> None:
        """Forget the rows staged for a table."""
        self._waiting[dataset], self._files[dataset], self._n_rows[dataset] = [], [], 0

    def n_rows(self, dataset: Dataset) -> int:
        """How many rows of a table were staged."""
        return self._n_rows[dataset]

    def _flush(self, dataset: Dataset) -> None:
        rows = self._waiting[dataset]
        if not rows:
            return
        batch = record_batch(rows, dataset.model)
        order = range(self._ordinal + self._count, self._ordinal + self._count + len(rows))
        self._count += len(rows)
        table = pa.Table.from_batches([batch])
        table = table.append_column(_STAGED[0], pa.array([self.list_name] * len(rows)))
        table = table.append_column(_STAGED[1], pa.array(order, pa.int64()))
        path = self.folder / f"{dataset.name}-{len(self._files[dataset]):05}.parquet"
        pq.write_table(table, path, compression="lz4")
        self._files[dataset].append(path)
        self._waiting[dataset] = []


@dataclass(slots=True)
class Counts:
    """What became of the listings of one source and list."""

    n_new: int = 0
    n_updated: int = 0
    n_unchanged: int = 0
    n_withdrawn: int = 0
    n_quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """The run on whose behalf rows are written."""

    run_id: str
    kind: str
    night_date: date
    now: datetime


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
        self, stages: Sequence[Stage], lacks: Mapping[str, frozenset[str]]
    ) -> dict[tuple[str, str], Counts]:
        """Merge staged listings into the table.

        The newest `source_modified_at` wins, then `fetched_at`, then the order of arrival. A column
        that a record's format lacks keeps its value. An older record changes nothing, except that
        it fills a listing of which only the deletion was known.

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
        columns = list(schema_of(Listing).names)
        hashed = set(hashed_columns(Listing))
        held = ("first_seen_at", "first_seen_date", "first_seen_kind", "last_changed_at")
        self.db.execute(f"create or replace temp view staged as {_read(files)}")
        self._lacks_table(lacks)
        self.db.execute(_incoming_sql(columns, hashed, lacks))
        self.db.execute(
            f"create or replace temp table current_listings as "
            f"select * from ({self.living(LISTINGS)}) as living "
            "where listing_id in (select listing_id from incoming)"
        )
        merged = ", ".join(
            _merged_column(name, hashed, lacks, held, self.moment) for name in columns
        )
        self.db.execute(
            f"""
            create or replace temp table merged as
            with sightings as (
                -- Of a source without modification times a listing that is seen again as it was is
                -- not written; that it was seen is known from what its lists said.
                select m.listing_id, max(m.captured_at) as seen_at,
                from ({self.living(METRICS)}) as m
                semi join incoming as i on m.listing_id = i.listing_id
                group by m.listing_id
            ),
            paired as (
                select
                    i as i,
                    c as c,
                    c.listing_id is null as is_new,
                    c.listing_id is null
                        or (
                            (i.source_modified_at, i.fetched_at)
                                >= (c.source_modified_at, c.fetched_at)
                            and (
                                i.source_modified_at <> i.fetched_at
                                or i.fetched_at >= coalesce(s.seen_at, i.fetched_at)
                            )
                        ) as is_newer,
                from incoming as i
                left join current_listings as c on i.listing_id = c.listing_id
                left join sightings as s on i.listing_id = s.listing_id
            ),
            chosen as (
                select {merged}, i.staged_list, is_new, is_newer, c.row_hash as old_hash,
                    c.changed_in_snapshot as old_snapshot, c.is_withdrawn as was_withdrawn,
                    c.source_modified_at as old_modified_at, c.last_changed_at as old_changed_at,
                from paired
                where is_newer or c.raw_title is null
            )
            select *, {row_hash_sql(Listing, "chosen")} as row_hash
            from chosen
            """
        )
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

    def upsert(
        self, dataset: Dataset, incoming: str, gone: str | None = None, dated_by: str | None = None
    ) -> int:
        """Write the rows that are new or differ, and end those whose keys are gone.

        Args:
            dataset: the table.
            incoming: a select with the model's columns, one row a key.
            gone: for derived tables, a select with the key columns of rows to end.
            dated_by: a column that says how new a row is: an older row then changes nothing, and a
                newer one is written even where it is the same, so that its time is remembered.

        Returns:
            How many rows were written or ended.
        """
        columns = ", ".join(f'fresh."{name}"' for name in schema_of(dataset.model).names)
        differs = "living.row_hash <> fresh.row_hash"
        if dated_by is not None:
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

    def insert_staged(self, dataset: Dataset, stages: Sequence[Stage], newest: str) -> int:
        """Upsert staged metrics or quarantine; of rows with one key the last by `newest` stays."""
        files = [path for stage in stages for path in stage.files(dataset)]
        if not files:
            return 0
        self.db.execute(f"create or replace temp view staged_rows as {_read(files)}")
        keys = ", ".join(f'"{name}"' for name in dataset.key)
        names = ", ".join(f'last."{name}"' for name in schema_of(dataset.model).names)
        return self.upsert(
            dataset,
            f"select {names} from (select arg_max(r, (r.{newest}, r.staged_order)) as last "
            f"from staged_rows as r group by {keys})",
            dated_by="captured_at" if dataset is METRICS else None,
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

    def _lacks_table(self, lacks: Mapping[str, frozenset[str]]) -> None:
        self.db.execute("create or replace temp table format_lacks (format varchar, lacks integer)")
        self.db.executemany(
            "insert into format_lacks values (?, ?)",
            [[name, len(columns)] for name, columns in sorted(lacks.items())] or [["", 0]],
        )

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
        """Write one immutable file: sorted, with field ids and descriptions."""
        schema = schema_of(dataset.model)
        if columns is None:
            fields = [*schema, *STORED_COLUMNS]
            select = f"select *, {self.snapshot}::bigint as changed_in_snapshot from ({select})"
        else:
            fields = [*(schema.field(name) for name in columns), STORED_COLUMNS[1]]
        known = {field.name for field in fields}
        order = ", ".join(f'"{name}"' for name in dataset.sort if name in known)
        names = ", ".join(f'"{field.name}"' for field in fields)
        target = pa.schema(
            fields, metadata={"paperlake.table": dataset.name, "paperlake.role": role}
        )
        relative = f"data/{dataset.name}/{self.snapshot:06}-{role}-{uuid.uuid4().hex[:8]}.parquet"
        path = self.root / relative
        rows = 0
        with new_file(path) as temporary:
            sorted_rows = self.db.sql(f"select {names} from ({select}) order by {order}")
            reader = sorted_rows.to_arrow_reader(ROW_GROUP)
            assert reader is not None
            with pq.ParquetWriter(temporary, target, compression="zstd") as writer:
                for batch in reader:
                    writer.write_table(
                        pa.Table.from_batches([batch]).cast(target), row_group_size=ROW_GROUP
                    )
                    rows += batch.num_rows
        return DataFile(relative, rows, path.stat().st_size, sha256_of(path))


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


def _lacking(name: str, alias: str, lacks: Mapping[str, frozenset[str]]) -> str | None:
    """SQL that says whether a row's format cannot carry a column; None where every format can."""
    formats = sorted(format_name for format_name, columns in lacks.items() if name in columns)
    if not formats:
        return None
    return f"{alias}.record_format in ({', '.join(quoted(item) for item in formats)})"


def _merged_column(
    name: str,
    hashed: set[str],
    lacks: Mapping[str, frozenset[str]],
    held: Sequence[str],
    moment: Moment,
) -> str:
    """SQL for one column of a listing that meets its stored form."""
    if name in held:
        value = {
            "first_seen_at": f"timestamptz {quoted(moment.now.isoformat())}",
            "first_seen_date": f"date {quoted(moment.night_date.isoformat())}",
            "first_seen_kind": quoted(moment.kind),
            "last_changed_at": f"timestamptz {quoted(moment.now.isoformat())}",
        }[name]
        if name == "last_changed_at":
            return f'{value} as "{name}"'
        return f'case when is_new then {value} else c."{name}" end as "{name}"'
    if name not in hashed or name in ("listing_id", "source", "source_id"):
        return f'case when is_newer then i."{name}" else c."{name}" end as "{name}"'
    new_lacks, old_lacks = _lacking(name, "i", lacks), _lacking(name, "c", lacks)
    if new_lacks is None:
        return f'case when is_newer then i."{name}" else c."{name}" end as "{name}"'
    return (
        f'case when is_new then i."{name}" '
        f'when is_newer and {new_lacks} then c."{name}" '
        f'when is_newer then i."{name}" '
        f'when {old_lacks} then i."{name}" else c."{name}" end as "{name}"'
    )


def _incoming_sql(
    columns: Sequence[str], hashed: set[str], lacks: Mapping[str, frozenset[str]]
) -> str:
    """SQL that makes `incoming`: one row a listing, the newest of those staged.

    Three cases, so that the common ones stay cheap: staged once; staged more than once, the newest
    being complete; staged in several formats, the newest of which lacks columns that an older one has.
    """
    newest = "(r.source_modified_at, r.fetched_at, r.staged_order)"
    filled = []
    for name in columns:
        lacking = _lacking(name, "r", lacks) if name in hashed else None
        if lacking is None:
            filled.append(f'arg_max({{v: r."{name}"}}, {newest}).v as "{name}"')
        else:
            filled.append(
                f'coalesce(arg_max({{v: r."{name}"}}, {newest}) filter (not ({lacking})), '
                f'arg_max({{v: r."{name}"}}, {newest})).v as "{name}"'
            )
    return f"""
        create or replace temp table incoming as
        with keys as (
            select
                r.listing_id,
                count(*) as n,
                count(distinct r.record_format) as n_formats,
                arg_max(r.staged_order, {newest}) as newest,
                arg_max(r.record_format, {newest}) as newest_format,
                arg_min(r.staged_list, r.staged_order) as staged_list,
            from staged as r
            group by r.listing_id
        ),
        mixed as (
            select k.listing_id, k.staged_list
            from keys as k
            join format_lacks as f on f.format = k.newest_format and f.lacks > 0
            where k.n_formats > 1
        )
        select {", ".join(f'r."{name}"' for name in columns)}, k.staged_list
        from staged as r
        join keys as k on r.staged_order = k.newest
        anti join mixed as m on r.listing_id = m.listing_id
        union all by name
        select {", ".join(filled)}, any_value(m.staged_list) as staged_list
        from staged as r
        join mixed as m on r.listing_id = m.listing_id
        group by r.listing_id
        """


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    # fetchall and not fetchone: a result that is not read to its end keeps the connection busy.
    (row,) = db.execute(sql).fetchall()
    return tuple(row)
