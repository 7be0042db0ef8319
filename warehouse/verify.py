"""Checks: every file of `warehouse/checks` states one claim, and each row it returns breaks it."""

from pathlib import Path
from typing import Any

import duckdb

import warehouse
from warehouse.manifest import sql_file

CHECKS = Path(warehouse.__path__[0], "checks")


def check_names() -> list[str]:
    """Names of all checks, sorted: the stems of their files."""
    return sorted(path.stem for path in CHECKS.glob("*.sql"))


def run_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Run every check against an open warehouse.

    Returns:
        Check -> the rows that break its claim, at most 100, each with `what`, the offender, first.
    """
    results = {}
    for name in check_names():
        cursor = connection.execute(sql_file("checks", f"{name}.sql"))
        columns = [column[0] for column in cursor.description or ()]
        results[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return results
