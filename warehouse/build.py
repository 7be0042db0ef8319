"""The warehouse: a DuckDB file that holds nothing but views over the lake, and the same as SQL text.

Schema `lake` has one view a stored table, schema `main` one view a file in `warehouse/views`. The
order is derived from the SQL, and every column is described: by the comment beside it, else by the
sentence of the relation it is taken from (`papers.title`), else by the one sentence that columns of
its name carry in all relations the view reads.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.arrow import STORED_COLUMNS, schema_of
from schemas.datasets import DATASETS
from schemas.errors import LakeError
from warehouse.files import absolute
from warehouse.manifest import Manifest, living_rows_sql, quoted
from warehouse.viewfiles import VIEWS, View, load_views, names_of

_OPENED = re.compile(r" ?\( ?")
_KEYED = re.compile(r" Key: ([a-z0-9_, ]+)\.(?: Order: ([a-z0-9_, ]+)\.)?$")


def build(manifest: Manifest, root: Path, target: Path, *, views: Path = VIEWS) -> str:
    """Make the views-only DuckDB file of a snapshot.

    Args:
        manifest: the snapshot; its files must be there.
        root: the lake's folder; its absolute path is where views look unless `paperlake` is set.
        target: the file to make; it must not exist. The caller gives it its place and its mode.
        views: folder of the view files.

    Returns:
        The same as SQL text (`warehouse.sql`): any DuckDB that runs it has the same views.
    """
    if target.exists():
        raise LakeError(f"{target} exists already: a warehouse is always a new file.", path=target)
    connection = duckdb.connect()
    try:
        connection.execute(f"attach {quoted(str(target))} as built (storage_version 'v1.0.0')")
        # One transaction: else every comment is a commit of its own, with its fsync.
        connection.execute("use built; begin")
        text = "".join(_statements(connection, manifest, root, load_views(views)))
        connection.execute("commit; use memory; detach built")
    except BaseException:
        connection.close()
        for path in (target, target.with_name(target.name + ".wal")):
            path.unlink(missing_ok=True)
        raise
    connection.close()
    return text


def _statements(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, root: Path, views: list[View]
) -> Iterator[str]:
    """Execute and yield the text, block by block."""
    # The path is data in a comment: on one line, whatever it holds.
    yield f"""\
-- Paperlake, snapshot {manifest.snapshot} of {manifest.created_at.isoformat()}: views over the lake's Parquet files.
-- Run it in a DuckDB that is new or in memory: duckdb -init warehouse.sql
-- If the lake has moved, say first where it is: set variable paperlake = '/data/lake';

create schema if not exists lake;
"""
    connection.execute("create schema if not exists lake")
    where = f"coalesce(getvariable('paperlake'), {quoted(absolute(root))})"
    sentences: dict[str, dict[str, str]] = {}
    for dataset in DATASETS:
        relation = f"lake.{dataset.name}"
        described = schema_of(dataset.model)
        sentences[relation] = {
            field.name: field.metadata[b"description"].decode()
            for field in (*described, *STORED_COLUMNS)
        }
        sql = living_rows_sql(dataset, manifest.table(dataset), where)
        about = described.metadata[b"description"].decode()
        comment = f"{about} Key: {', '.join(dataset.key)}."
        yield _created(connection, relation, sql, comment)
        yield _described(connection, relation, sentences[relation])
    for view in views:
        relation = f"main.{view.name}"
        yield _created(connection, relation, view.sql, view.comment)
        columns = columns_of(connection, relation)
        sentences[relation] = _sentences(view, columns, sentences)
        yield _described(connection, relation, sentences[relation])


@dataclass(frozen=True, slots=True)
class Described:
    """One column of a view as the warehouse file tells it."""

    name: str
    type: str
    """SQL type in lower case, such as `timestamptz` or `struct(scheme varchar, value varchar)[]`."""
    sentence: str


def view_comments(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """View -> its comment, of every view in schema main of an open warehouse, sorted by name."""
    rows = connection.execute(
        "select view_name, comment from duckdb_views() where not internal and schema_name = 'main' "
        "and database_name = current_database() order by view_name"
    ).fetchall()
    return {name: comment or "" for name, comment in rows}


def keyed(comment: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Key and order of a view, from the comment that its warehouse file holds."""
    match = _KEYED.search(comment)
    if match is None:
        raise LakeError(f"The comment of a view does not end in its key: {comment[-80:]!r}.")
    key = names_of(match[1])
    return key, names_of(match[2] or "") or key


def described_columns(connection: duckdb.DuckDBPyConnection, view: str) -> list[Described]:
    """The columns of a view in schema main of an open warehouse, in order."""
    rows = connection.execute(
        "select column_name, data_type, comment from duckdb_columns() where schema_name = 'main' "
        "and database_name = current_database() and table_name = ? order by column_index",
        [view],
    ).fetchall()
    return [Described(name, type_text(kind), comment or "") for name, kind, comment in rows]


def type_text(kind: str) -> str:
    """A type as this project writes it: versions of DuckDB differ in the names that they quote."""
    text = kind.lower().replace('"', "").replace("timestamp with time zone", "timestamptz")
    return _OPENED.sub("(", text)


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """The names of a relation's columns, in order."""
    return [name for name, *_ in connection.execute(f"describe {relation}").fetchall()]


def _created(connection: duckdb.DuckDBPyConnection, relation: str, sql: str, comment: str) -> str:
    text = f"""
create or replace view {relation} as
{sql.strip()}
;
comment on view {relation} is {quoted(comment)};
"""
    connection.execute(text)
    return text


def _described(
    connection: duckdb.DuckDBPyConnection, relation: str, sentences: Mapping[str, str]
) -> str:
    text = "".join(
        f'comment on column {relation}."{name}" is {quoted(sentence)};\n'
        for name, sentence in sentences.items()
    )
    connection.execute(text)
    return text


def _sentences(
    view: View, columns: Sequence[str], known: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Every column's sentence: its own, else the one that the relations read agree on."""
    if unknown := view.sentences.keys() - {*columns}:
        raise LakeError(f"The view {view.name} describes columns it has not: {sorted(unknown)}.")
    if absent := {*view.key, *view.order} - {*columns}:
        raise LakeError(f"The view {view.name} is keyed by columns it has not: {sorted(absent)}.")
    found = {}
    for name in columns:
        inherited = {
            known[relation][name] for relation in view.relations if name in known[relation]
        }
        origin = known.get(view.origins.get(name, ""), {})
        if name in view.sentences:
            found[name] = view.sentences[name]
        elif name in origin:
            found[name] = origin[name]
        elif len(inherited) == 1:
            found[name] = inherited.pop()
        else:
            why = "its relations describe it differently" if inherited else "nothing describes it"
            raise LakeError(
                f"The view {view.name} needs a comment beside its column {name}: {why}."
            )
    return found
