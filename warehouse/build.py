"""The warehouse: a DuckDB file that holds nothing but views over the lake, and the same as SQL text.

Schema `lake` has one view a stored table, schema `main` one view a file in `warehouse/views`. The
order is derived from the SQL, and every column is described: by the comment beside it, else by the
sentence of the relation it is taken from (`papers.title`), else by the one sentence that columns of
its name carry in all relations the view reads.

A view's file begins with comment lines: what it holds, then `-- Grain: one row per ...`,
`-- Key: column, ...` and, where exports are not best sorted by the key, `-- Order: column, ...`.
"""

import functools
import itertools
import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import duckdb

import warehouse
from schemas.arrow import STORED_COLUMNS, schema_of
from schemas.datasets import DATASETS
from schemas.errors import LakeError, UsageError
from warehouse.manifest import Manifest, living_rows_sql, quoted

VIEWS = Path(warehouse.__path__[0], "views")

_RELATION = re.compile(r"\b(lake|main)\.([a-z_][a-z0-9_]*)")
_UNQUALIFIED = re.compile(r"(?<!distinct )\b(?:from|join)\s+([a-z_][a-z0-9_]*)\b(?!\s*[.(])")
_CTE = re.compile(r"\b([a-z_][a-z0-9_]*)\s+as\s+(?:not\s+materialized\s+|materialized\s+)?\(")
_NOT_CODE = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_COLUMN = re.compile(r"(?:^ {4}([a-z_]+)\.)?\"?([a-z_][a-z0-9_]*)\"?,?\s*(?:--\s*(.*))?$")
_ALIAS = re.compile(r"\b((?:lake|main)\.[a-z_][a-z0-9_]*)\s+as\s+([a-z_]+)")
_KEYED = re.compile(r" Key: ([a-z0-9_, ]+)\.(?: Order: ([a-z0-9_, ]+)\.)?$")
_OPENED = re.compile(r" ?\( ?")
_HEADER = re.compile(r"(Grain|Key|Order):\s*(.+)")


@dataclass(frozen=True, slots=True)
class View:
    """One file of `warehouse/views`."""

    name: str
    sql: str
    """The select, without the leading comment."""
    description: str
    grain: str
    """Completes the sentence 'one row per ...'."""
    key: tuple[str, ...]
    order: tuple[str, ...]
    """Columns to sort an export by; the key where the file does not say."""
    sentences: Mapping[str, str]
    """Column -> what its own comment says."""
    origins: Mapping[str, str]
    """Column -> the relation it is taken from as it is, where the SQL says so."""
    relations: tuple[str, ...]
    """What it reads, `lake.x` or `main.y`, in the order met."""

    @property
    def comment(self) -> str:
        """The comment of the view in the database; `keyed` reads its end."""
        order = f" Order: {', '.join(self.order)}." if self.order != self.key else ""
        return f"{self.description} Grain: {self.grain} Key: {', '.join(self.key)}.{order}"


def load_views(folder: Path = VIEWS) -> list[View]:
    """Every view of a folder, each after the views it reads.

    Raises:
        LakeError: a file breaks the rules above, or views read each other in a circle.
    """
    views = {path.stem: _parsed(path) for path in sorted(folder.glob("*.sql"))}
    stored = {dataset.name for dataset in DATASETS}
    graph: dict[str, list[str]] = {}
    for view in views.values():
        graph[view.name] = []
        for relation in view.relations:
            schema, name = relation.split(".")
            if name not in (stored if schema == "lake" else views):
                raise LakeError(f"The view {view.name} reads {relation}, which does not exist.")
            if schema == "main":
                graph[view.name].append(name)
    try:
        return [views[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise LakeError(f"Views read each other in a circle: {circle}.") from None


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


def open_warehouse(
    path: Path, *, lake: Path | None = None, hardened: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a warehouse for reading, in an instance of its own, with times shown in UTC.

    Args:
        path: the warehouse file.
        lake: the lake's folder, where it is not the one the file was built for. The variable
            `paperlake` belongs to this connection: `.cursor()` does not take it along.
        hardened: allow nothing but reading inside `lake`, and lock the settings. DuckDB lets a
            `COPY TO` inside `lake` through all the same: run only what `single_select` accepts.
    """
    if hardened and lake is None:
        raise UsageError("A hardened connection needs the lake's folder: pass lake=...")
    if not path.exists():
        raise UsageError(f"There is no warehouse at {path}: run a night or an import first.")
    connection = duckdb.connect()
    # Attached, not opened: connections to one file share an instance and its locked settings.
    connection.execute(f"attach {quoted(str(path))} as warehouse (read_only)")
    connection.execute("use warehouse")
    connection.execute("set global TimeZone = 'UTC'")
    connection.execute("set autoinstall_known_extensions = false")
    connection.execute("set python_enable_replacements = false")
    if lake is not None:
        connection.execute(f"set variable paperlake = {quoted(_absolute(lake))}")
    if hardened:
        assert lake is not None
        folders = {_absolute(lake), str(lake.resolve())}
        allowed = ", ".join(quoted(folder) for folder in sorted(folders))
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute(f"set memory_limit = '{_sane_memory()}MiB'")
        # Not beside the file, which lies in the lake; made when needed, gone with the connection.
        spill = Path(tempfile.gettempdir(), f"paperlake-{uuid.uuid4().hex}")
        connection.execute(f"set temp_directory = {quoted(str(spill))}")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
    return connection


_READS = {"select", "from", "with", "values", "table", "describe", "desc", "summarize", "show", "("}
_READS |= {"pivot", "unpivot"}
# DuckDB 2.0 accepts INSERT, UPDATE, DELETE and COPY TO as the body of a WITH and calls it a select.
_WRITES = {"insert", "update", "delete", "merge", "copy", "truncate", "create", "drop", "alter"}
_WRITES |= {"attach", "detach", "export", "install", "vacuum"}
_SAFE_TABLE_FUNCTIONS = re.compile(
    r"range|generate_series|unnest|repeat|repeat_row|glob|histogram|histogram_values|json_each"
    r"|json_tree|summary|test_\w+|pg_timezone_names|icu_calendar_names|sniff_csv|show\w*"
    r"|duckdb_\w+|pragma_\w+|parquet_\w+|read_(?!duckdb)\w+"
)


def single_select(query: str) -> str:
    """The query, if it is exactly one statement that only reads; without its semicolon.

    Raises:
        UsageError: it is empty, does not parse, is several statements, or could write.
    """
    if "\0" in query:
        raise UsageError("The query holds a NUL character: leave it out.")
    # Before parsing: DuckDB 1.5 reads files while it parses IMPORT DATABASE, and turns PRAGMA and
    # CALL into something that looks like a select.
    words = [word for _, word in _tokens(query)]
    if words and words[0] not in (*_READS, "explain", ";"):
        raise _only_reading(words[0])
    statement = _only_statement(query)
    tokens = _tokens(statement.query)
    if tokens[0][1] == "explain":
        analyzed = 2 if tokens[1][1] in ("analyze", "analyse") else 1
        _refuse_writes(_explained(statement.query, tokens[analyzed:]))
    elif statement.type != duckdb.StatementType.SELECT:
        raise _only_reading(tokens[0][1])
    else:
        _refuse_writes(tokens)
    return statement.query.strip().rstrip(";").rstrip()


def _only_reading(word: str) -> UsageError:
    return UsageError(
        f"Only reading is possible here, not {word.upper()}: write one SELECT (FROM, WITH, PIVOT with "
        "its IN list, DESCRIBE, SUMMARIZE, SHOW and EXPLAIN work too)."
    )


def _refuse_writes(tokens: list[tuple[int, str]]) -> None:
    words = [word for _, word in tokens]
    if words[0] not in _READS:
        raise _only_reading(words[0])
    for word in words:
        if word in _WRITES:
            raise UsageError(
                f"Only reading is possible here, and {word.upper()} could write: leave it out, or "
                f'put it in double quotes if it is a name ("{word}").'
            )
    for word, following in itertools.pairwise(words):
        name = word.strip('"')
        if following == "(" and name in _unsafe_table_functions():
            raise UsageError(
                f"The function {name} is not available here: it can do more than read."
            )


def _only_statement(query: str) -> duckdb.Statement:
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise UsageError(f"The query is not valid SQL: {error}") from None
    if len(statements) != 1 or not statements[0].query.strip():
        raise UsageError(
            "Write exactly one statement, such as: from papers limit 10 (PIVOT needs its IN list)."
        )
    if statements[0].type == duckdb.StatementType.MULTI:
        raise UsageError("A PIVOT needs its IN list here: pivot x on y in ('a', 'b') using sum(z).")
    return statements[0]


def _explained(query: str, tokens: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The tokens of what an EXPLAIN explains; its options in parentheses are left out."""
    if tokens and tokens[0][1] == "(" and tokens[1][1] in ("format", "analyze", "analyse"):
        closing = next(i for i, (_, word) in enumerate(tokens) if word == ")")
        tokens = tokens[closing + 1 :]
    inner = query.encode()[tokens[0][0] :].decode() if tokens else ""
    statement = _only_statement(inner)
    if statement.type != duckdb.StatementType.SELECT:
        raise UsageError("Only a SELECT can be explained here.")
    return tokens


def _tokens(query: str) -> list[tuple[int, str]]:
    """Byte offset and lower-case text of every word, quoted name and sign; no comments, no strings."""
    data = query.encode()
    found = []
    for offset, kind in duckdb.tokenize(query):
        text = data[offset:].decode(errors="replace")
        # Their names differ between versions of DuckDB, their shapes do not.
        match = re.match(r'"(?:[^"]|"")*"|\w+|[^\w\s]', text)
        if match and not text.startswith(("--", "/*", "'")) and "string" not in str(kind):
            found.append((offset, match[0].lower()))
    return found


@functools.cache
def _unsafe_table_functions() -> frozenset[str]:
    connection = duckdb.connect()
    rows = connection.execute(
        "select distinct function_name from duckdb_functions() where function_type like 'table%'"
    ).fetchall()
    connection.close()
    return frozenset(name for (name,) in rows if not _SAFE_TABLE_FUNCTIONS.fullmatch(name))


def _absolute(path: Path) -> str:
    # Not resolve(): where a lake is reached through a link, the link may move on.
    return os.path.abspath(path)  # noqa: PTH100 - absolute() keeps the dots, which DuckDB compares


def _sane_memory() -> int:
    """At most 4 GiB, and half of the machine's memory, in MiB."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(4096, total // 2**21)


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
    where = f"coalesce(getvariable('paperlake'), {quoted(_absolute(root))})"
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
    key = _names(match[1])
    return key, _names(match[2] or "") or key


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


def _parsed(path: Path) -> View:
    header, body = _split(path.read_text(encoding="utf-8"))
    values: dict[str, str] = {}
    description = []
    for line in header:
        if match := _HEADER.fullmatch(line):
            values[match[1]] = match[2]
        else:
            description.append(line)
    key = _names(values.get("Key", ""))
    if not description or not key or not values.get("Grain", "").startswith("one row per "):
        raise LakeError(
            f"The view {path.stem} must begin with comments that say what it holds, "
            "'-- Grain: one row per ...' and '-- Key: column, ...'.",
            path=path,
        )
    code = _NOT_CODE.sub("", body)
    ctes = set(_CTE.findall(code))
    if loose := sorted(set(_UNQUALIFIED.findall(code)) - ctes):
        raise LakeError(
            f"The view {path.stem} reads {', '.join(loose)} without a schema: "
            "write lake.x for a stored table, main.y for a view.",
            path=path,
        )
    relations = dict.fromkeys(f"{schema}.{name}" for schema, name in _RELATION.findall(code))
    sentences, aliases = _columns(body)
    relation_of = {alias: relation for relation, alias in _ALIAS.findall(code)}
    return View(
        name=path.stem,
        sql=body,
        description=" ".join(description),
        grain=values["Grain"],
        key=key,
        order=_names(values.get("Order", "")) or key,
        sentences=sentences,
        origins={
            name: relation_of[alias] for name, alias in aliases.items() if alias in relation_of
        },
        relations=tuple(relations),
    )


def _split(text: str) -> tuple[list[str], str]:
    """The lines of the leading comment, without dashes, and the rest."""
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return [line.removeprefix("--").strip() for line in lines[:end]], "\n".join(lines[end:]).strip()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _columns(body: str) -> tuple[dict[str, str], dict[str, str]]:
    """Of the last select: column -> its comment, beside it or on lines below it; column -> alias."""
    lines = body.splitlines()
    start = max((i for i, line in enumerate(lines) if line.startswith("select")), default=0)
    sentences: dict[str, str] = {}
    aliases: dict[str, str] = {}
    column = None
    for line in lines[start:]:
        if line.startswith("from "):
            break
        if line.strip().startswith("--"):
            if column:
                text = line.strip().removeprefix("--").strip()
                sentences[column] = f"{sentences.get(column, '')} {text}".strip()
        elif match := _COLUMN.search(line):
            alias, column, sentence = match.groups()
            if alias:
                aliases[column] = alias
            if sentence:
                sentences[column] = sentence.strip()
    return sentences, aliases
