"""The file that readers open: where its link points, and whether every view answers."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from flows.doctor.findings import Asked, Finding, newest_readable, some
from warehouse.files import absolute
from warehouse.manifest import quoted
from warehouse.snapshots import Lake

_NAME = "warehouse"


def views(asked: Asked) -> Iterator[Finding]:
    """Everything about `warehouse.duckdb`."""
    lake, manifest = asked.lake, newest_readable(asked.lake)
    if manifest is None:
        return
    again = "The next run that writes sets it right; `paperlake sql` works until then."
    problem = _link(lake, manifest.snapshot, again)
    if problem is not None:
        yield problem
    yield from _write_ahead(lake)
    file = lake.warehouse_file(manifest.snapshot)
    if not file.is_file():
        seen = f"{file} is missing, so snapshot {manifest.snapshot} cannot be read."
        yield Finding(_NAME, "problem", seen, "The next run that writes builds it again.")
        return
    if file.stat().st_mode & 0o222:
        yield Finding(
            _NAME,
            "note",
            f"{file} can be written, which nobody should.",
            f"Take that away: chmod a-w {file}",
        )
    yield from _answers(lake, file, is_linked=problem is None)


def _link(lake: Lake, newest: int, again: str) -> Finding | None:
    link = lake.warehouse
    aim = lake.warehouse_file(newest)
    if not link.is_symlink():
        if not link.exists():
            return Finding(_NAME, "problem", f"{link} is missing.", again)
        seen = f"{link} is a file, not a link to {aim.name}: it stays as it was when it was copied."
        return Finding(_NAME, "warning", seen, f"{again} Copy lakes with their links (cp -a).")
    target = lake.root / link.readlink()
    if not target.exists():
        return Finding(_NAME, "problem", f"{link} points to {target}, which is missing.", again)
    if target.name != aim.name:
        seen = f"{link} still points to {target.name}, and the newest snapshot is {newest}."
        return Finding(_NAME, "warning", seen, again)
    return None


def _write_ahead(lake: Lake) -> Iterator[Finding]:
    """Somebody opened a published file to write it; DuckDB would replay the leftovers."""
    found = [*lake.root.glob("*.wal"), *(lake.root / "warehouse").glob("*.wal")]
    if found:
        yield Finding(
            _NAME,
            "warning",
            f"A writer left {some([str(path) for path in found])}.",
            "Remove it, and open the warehouse read-only (duckdb -readonly, read_only=True).",
        )


def _answers(lake: Lake, file: Path, *, is_linked: bool) -> Iterator[Finding]:
    """Open the file as a reader would, and bind each of its views."""
    try:
        connection = duckdb.connect(lake.warehouse if is_linked else file, read_only=True)
    except duckdb.Error as error:
        is_locked = "lock" in str(error).lower()
        yield Finding(
            _NAME,
            "problem",
            f"{file} cannot be opened: {_first_line(error)}",
            "Somebody has it open to write: end that process, and open it read-only."
            if is_locked
            else "Restore it from a backup, or remove it: the next run that writes builds it again.",
        )
        return
    broken = []
    try:
        connection.execute(f"set variable paperlake = {quoted(absolute(lake.root))}")
        connection.execute("select 1").fetchall()
        names = connection.execute(
            "select schema_name || '.' || view_name from duckdb_views() "
            "where not internal and database_name = current_database() order by 1"
        ).fetchall()
        for (name,) in names:
            try:
                connection.execute(f"describe {name}").fetchall()
            except duckdb.Error as error:
                broken.append(f"{name} ({_first_line(error)})")
    except duckdb.Error as error:
        broken.append(_first_line(error))
        names = []
    finally:
        connection.close()
    if broken:
        yield Finding(
            _NAME,
            "problem",
            f"{len(broken)} views do not answer: {some(broken, 2)}.",
            "Restore the files they name from a backup; `paperlake doctor --deep` lists all.",
        )
    elif not names:
        seen = f"{file} holds no views."
        remedy = "Remove it: the next run that writes builds it again."
        yield Finding(_NAME, "problem", seen, remedy)
    else:
        seen = f"DuckDB {duckdb.__version__} opens {file.name}, and its {len(names)} views answer."
        yield Finding(_NAME, "ok", seen)


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
