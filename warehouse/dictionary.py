"""DICTIONARY.md: every view, table and column, told from the row models and the SQL of the views.

Nothing is told twice: an empty warehouse is built, and what it says of itself is written down, so
the page cannot differ from the comments that a reader of `warehouse.duckdb` sees.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.arrow import STORED_COLUMNS, hashed_columns, schema_of
from schemas.datasets import DATASETS, Dataset
from warehouse.build import build, described_columns, type_text
from warehouse.manifest import Manifest, sql_type
from warehouse.reading import open_warehouse
from warehouse.viewfiles import View, load_views

_HEAD = """\
# Dictionary

Made by `paperlake dictionary` from the row models in `schemas/` and the SQL in `warehouse/views/`: edit
those, not this. The same sentences are in `warehouse.duckdb` (`select comment from duckdb_columns()`), in
`warehouse.sql` and in the metadata of every Parquet file.

Times are UTC. The same name means the same everywhere, unless its sentence says otherwise.
"""

_VIEWS_HEAD = """\
## Views

What to query: schema `main` of `warehouse.duckdb`. Exports have one file a view, sorted as said here.
"""

_TABLES_HEAD = """\
## Stored tables

What the views are made of: schema `lake` of `warehouse.duckdb`, living rows only. The field id is permanent
and stands in the Parquet files: read columns by it, and files of any age fit. Hashed columns make `row_hash`:
a row has changed when one of them has. A column that is not hashed is provenance: it follows the newest record.
"""


def dictionary() -> str:
    """The whole page, as Markdown.

    It depends on nothing but the code: the same for every lake and every version of DuckDB.
    """
    views = {view.name: view for view in load_views()}
    parts = [_HEAD, _VIEWS_HEAD]
    parts.append(
        _table(("view", "one row per"), ((_link(v.name), _per(v)) for v in _sorted(views)))
    )
    with tempfile.TemporaryDirectory(prefix="paperlake-") as folder:
        path = Path(folder, "empty.duckdb")
        build(_nothing(), Path(folder), path)
        with open_warehouse(path) as connection:
            parts += [_view(connection, view) for view in _sorted(views)]
    parts += [_TABLES_HEAD, *(_stored(dataset) for dataset in DATASETS)]
    return "\n".join(parts)


def _nothing() -> Manifest:
    """A snapshot without any file."""
    return Manifest(
        snapshot=0,
        parent=None,
        created_at=datetime(2000, 1, 1, tzinfo=UTC),
        run_id="",
        kind="",
        night_date=date(2000, 1, 1),
        content_hash="",
    )


def _sorted(views: dict[str, View]) -> list[View]:
    return [views[name] for name in sorted(views)]


def _per(view: View) -> str:
    return view.grain.removeprefix("one row per ").rstrip(".")


def _view(connection: duckdb.DuckDBPyConnection, view: View) -> str:
    facts = f"Grain: {view.grain} Key: {_code(view.key)}."
    if view.order != view.key:
        facts += f" Sorted by: {_code(view.order)}."
    rows = (
        (f"`{column.name}`", f"`{column.type}`", _cell(column.sentence))
        for column in described_columns(connection, view.name)
    )
    table = _table(("column", "type", "meaning"), rows)
    return f"### {view.name}\n\n{_cell(view.description)}\n\n{facts}\n\n{table}"


def _stored(dataset: Dataset) -> str:
    schema = schema_of(dataset.model)
    assert schema.metadata is not None
    hashed = {*hashed_columns(dataset.model)}
    rows = [
        row
        for field in (*schema, *STORED_COLUMNS)
        for row in _field_rows("", field, "yes" if field.name in hashed else "")
    ]
    table = _table(("column", "type", "field id", "hashed", "meaning"), rows)
    about = _cell(schema.metadata[b"description"].decode())
    return f"### lake.{dataset.name}\n\n{about}\n\nKey: {_code(dataset.key)}.\n\n{table}"


def _field_rows(prefix: str, field: "pa.Field[pa.DataType]", hashed: str) -> Iterator[list[str]]:
    """A column's row, and one for each field of a struct in it."""
    assert field.metadata is not None
    inner = getattr(field.type, "value_type", field.type)
    is_struct = isinstance(inner, pa.StructType)
    name = prefix + field.name
    yield [
        f"`{name}`",
        f"`{'struct[]' if is_struct else type_text(sql_type(field.type))}`",
        field.metadata[b"PARQUET:field_id"].decode(),
        hashed,
        _cell(field.metadata[b"description"].decode()),
    ]
    if isinstance(inner, pa.StructType):
        for item in inner:
            yield from _field_rows(f"{name}[].", item, hashed)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _link(name: str) -> str:
    return f"[{name}](#{name})"
