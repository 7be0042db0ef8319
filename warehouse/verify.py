"""Checks: every file of `warehouse/checks` states one claim, and each row it returns breaks it.

A claim about the lake as a whole follows from the same claim about the snapshot before and from what
was written since. So a night looks only at rows that it wrote (the variable `changed_in`), and at
sums over all; `paperlake check` looks at everything.
"""

from pathlib import Path
from typing import Any

import duckdb

import warehouse
from warehouse.manifest import sql_file

CHECKS = Path(warehouse.__path__[0], "checks")


def check_names() -> list[str]:
    """Names of all checks, sorted: the stems of their files."""
    return sorted(path.stem for path in CHECKS.glob("*.sql"))


def run_checks(
    connection: duckdb.DuckDBPyConnection, changed_in: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Run every check against an open warehouse.

    Args:
        connection: see `warehouse.reading.open_warehouse`.
        changed_in: look only at what this snapshot wrote; None for everything.

    Returns:
        Check -> the rows that break its claim, at most 100, each with `what`, the offender, first.
    """
    results = {}
    number = "null" if changed_in is None else str(int(changed_in))
    connection.execute(f"set variable changed_in = {number}::bigint")
    for name in check_names():
        cursor = connection.execute(sql_file("checks", f"{name}.sql"))
        columns = [column[0] for column in cursor.description or ()]
        results[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return results
