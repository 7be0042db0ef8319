"""What a snapshot is made of: the files of every table, and how far each source has come.

A table is a base, delta files and delete files. Every data row carries `changed_in_snapshot`; a
delete row names a key and the snapshot that wrote the row it supersedes, so the living rows are one
anti-join away, however many deltas there are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import warehouse
from schemas.arrow import STORED_COLUMNS, fingerprint, schema_of
from schemas.datasets import Dataset

FORMAT_VERSION = 2
"""1 was that of a development version, without numbers of identifiers and with other row hashes."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One immutable file of the lake."""

    path: str
    """Relative to the lake's folder."""
    rows: int
    bytes: int
    sha256: str
    columns: str | None = None
    """`fingerprint` of the columns it was written with; None in files of earlier versions."""


@dataclass(frozen=True, slots=True)
class Table:
    """The files of one table in one snapshot."""

    base: tuple[DataFile, ...] = ()
    deltas: tuple[DataFile, ...] = ()
    deletes: tuple[DataFile, ...] = ()
    rows: int = 0
    """Living rows."""
    content_hash: str = "0" * 32
    """Sum of the living rows' hashes modulo 2^128, 32 hexadecimal digits."""

    @property
    def data(self) -> tuple[DataFile, ...]:
        """Files with rows, oldest first."""
        return self.base + self.deltas

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Every file of the table."""
        return self.base + self.deltas + self.deletes


@dataclass(frozen=True, slots=True)
class Manifest:
    """One published state of the lake."""

    snapshot: int
    parent: int | None
    created_at: datetime
    run_id: str
    kind: str
    night_date: date
    content_hash: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    watermarks: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    """Source -> list -> how far it is complete (UTC)."""
    overrides: tuple[str, ...] = ()
    """Checks that a person allowed to fail for this snapshot."""
    is_run_complete: bool = True
    """Whether the run had nothing left to do after this snapshot."""
    last_night: date | None = None
    """Night of the newest nightly run up to here."""
    thinned_at: datetime | None = None
    """When its files were given up (UTC): what is left is a stub, whose tables have counts and no files."""
    format_version: int = FORMAT_VERSION

    def table(self, dataset: Dataset) -> Table:
        """The files of a table; an empty table where the snapshot has none."""
        return self.tables.get(dataset.name, Table())

    def files(self) -> list[DataFile]:
        """Every file the snapshot needs."""
        return [file for table in self.tables.values() for file in table.files]


_ADAPTER = TypeAdapter(Manifest)


def to_json(manifest: Manifest) -> bytes:
    """The manifest as stored."""
    return json.dumps(_ADAPTER.dump_python(manifest, mode="json"), indent=1).encode() + b"\n"


def from_json(data: bytes) -> Manifest:
    """A stored manifest; raises pydantic.ValidationError when it is not one."""
    return _ADAPTER.validate_json(data)


def living_rows_sql(dataset: Dataset, table: Table, root: str) -> str:
    """SQL for the living rows of a table.

    Args:
        dataset: which table.
        table: its files.
        root: SQL expression for the lake's folder, such as `'/data/lake'` in quotes.

    Returns:
        A select with the model's columns and `row_hash`, `changed_in_snapshot`; columns are found
        by field id, so files older than a column give null there.
    """
    fields = [*schema_of(dataset.model), *STORED_COLUMNS]
    if not table.data:
        columns = ", ".join(f'null::{sql_type(f.type)} as "{f.name}"' for f in fields)
        return f"select {columns} where false"
    data = _reading(table.data, fields, root)
    if not table.deletes:
        return f"select * from {data}"
    keys = [f for f in fields if f.name in (*dataset.key, "changed_in_snapshot")]
    deletes = _reading(table.deletes, keys, root)
    match = " and ".join(
        # Only list_date can be null in a key; plain equality keeps the other joins cheap.
        f'kept."{f.name}" is not distinct from gone."{f.name}"'
        if f.nullable
        else f'kept."{f.name}" = gone."{f.name}"'
        for f in keys
    )
    return f"select kept.* from {data} as kept anti join {deletes} as gone on {match}"


def sql_type(data_type: Any) -> str:
    """DuckDB's name for an Arrow type of our schemas."""
    import pyarrow as pa

    if pa.types.is_list(data_type):
        return sql_type(data_type.value_type) + "[]"
    if pa.types.is_struct(data_type):
        inner = ", ".join(f'"{item.name}" {sql_type(item.type)}' for item in data_type)
        return f"struct({inner})"
    return {
        pa.string(): "varchar",
        pa.int64(): "bigint",
        pa.bool_(): "boolean",
        pa.float64(): "double",
        pa.date32(): "date",
        pa.timestamp("us", tz="UTC"): "timestamp with time zone",
    }[data_type]


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _reading(files: tuple[DataFile, ...], fields: list[Any], root: str) -> str:
    """A call of read_parquet; it says how columns are found only where a file has other ones.

    Given a schema, DuckDB (1.5, 2.0) takes all the files for one row, and joins the wrong way round.
    """
    paths = ", ".join(f"{root} || {quoted('/' + file.path)}" for file in files)
    today = fingerprint(fields)
    if all(file.columns == today for file in files):
        # Else a lake below a folder named `year=2026` would have a column more.
        return f"read_parquet([{paths}], hive_partitioning = false)"
    return f"read_parquet([{paths}], {_schema_map(fields)})"


def _schema_map(fields: list[Any]) -> str:
    items = ", ".join(
        f"{int(f.metadata[b'PARQUET:field_id'])}: "
        f"{{name: {quoted(f.name)}, type: {quoted(sql_type(f.type))}, "
        f"default_value: {_default(f.type)}}}"
        for f in fields
    )
    return f"schema = map {{{items}}}"


def _default(data_type: Any) -> str:
    """What a row of a file older than a column holds there; a list is never null."""
    import pyarrow as pa

    return "'[]'" if pa.types.is_list(data_type) else "null::varchar"


def sql_file(*parts: str) -> str:
    """The text of one of the package's SQL files."""
    return Path(warehouse.__path__[0]).joinpath(*parts).read_text(encoding="utf-8")
