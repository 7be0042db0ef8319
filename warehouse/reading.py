"""Opening a warehouse for reading, its rows, and telling a query that only reads from one that could write."""

import functools
import itertools
import os
import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import UsageError
from warehouse.files import absolute
from warehouse.manifest import quoted

Rows = list[dict[str, Any]]


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
        connection.execute(f"set variable paperlake = {quoted(absolute(lake))}")
    if hardened:
        assert lake is not None
        folders = {absolute(lake), str(lake.resolve())}
        allowed = ", ".join(quoted(folder) for folder in sorted(folders))
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute(f"set memory_limit = '{_sane_memory()}MiB'")
        # Not beside the file, which lies in the lake; made when needed, gone with the connection.
        spill = Path(tempfile.gettempdir(), f"paperlake-{uuid.uuid4().hex}")
        connection.execute(f"set temp_directory = {quoted(str(spill))}")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
    return connection


def select(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    values: Sequence[Any] | Mapping[str, Any] = (),
) -> Rows:
    """The rows of a query, as dictionaries; values by place or by name."""
    cursor = connection.execute(sql, values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


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


def _sane_memory() -> int:
    """At most 4 GiB, and half of the machine's memory, in MiB."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(4096, total // 2**21)
