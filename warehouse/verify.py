"""Checks: every file of `warehouse/checks` states one claim, and each row it returns breaks it.

A claim about the lake as a whole follows from the same claim about the snapshot before and from what
was written since. So a night looks only at rows that it wrote (the variable `changed_in`), and at
sums over all; `paperlake check` looks at everything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

import warehouse
from schemas.datasets import LISTINGS, MEMBERSHIPS, PAPERS
from warehouse.manifest import Table, sql_file
from warehouse.reading import select

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
        results[name] = select(connection, sql_file("checks", f"{name}.sql"))
    return results


def miscounted(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> str | None:
    """A sentence about the first table whose living rows are not as many as its manifest says.

    It would mean that a file of superseded keys hides too much or too little, which no claim about
    single rows can see. Tables that grow without end are left out; `paperlake check` counts them too.
    """
    for dataset in (LISTINGS, PAPERS, MEMBERSHIPS):
        told = tables.get(dataset.name, Table()).rows
        ((found,),) = connection.execute(f"select count(*) from lake.{dataset.name}").fetchall()
        if found != told:
            return f"The table {dataset.name} would have {found:,} rows instead of {told:,}."
    return None
