"""Ours: the published warehouse as a reader opens it, with DuckDB and nothing else."""

import statistics
import time
from datetime import timedelta
from pathlib import Path

import duckdb

_QUESTIONS = {
    "count": "select count(*) from {view}",
    "point look-up": "select * from {view} where {key} = '{value}'",
    "last 7 days": "select title, first_author, publication_date from {view} "
    "where publication_date > date '{since}' order by publication_date desc",
}
_KEYS = {"listings": "listing_id", "papers": "paper_id"}


def questions(lake: str, repetitions: int) -> dict[str, dict[str, float]]:
    """Question -> medians in milliseconds, and the number of rows.

    `first` in an instance just opened, `again` asked there once more, `cpu` of all threads for the
    first: on a busy machine only that is the query's own.
    """
    with _opened(lake) as connection:
        ((listing_id, paper_id),) = connection.execute(
            "select listing_id, paper_id from listings using sample reservoir(1 rows) repeatable (7)"
        ).fetchall()
        ((newest,),) = connection.execute("select max(publication_date) from listings").fetchall()
    found = {}
    values = {"listings": listing_id, "papers": paper_id}
    for name, text in _QUESTIONS.items():
        for view, key in _KEYS.items():
            query = text.format(
                view=view, key=key, value=values[view], since=newest - timedelta(days=7)
            )
            first, again, cpu = [], [], []
            for _ in range(repetitions):
                with _opened(lake) as connection:
                    before = time.process_time()
                    first.append(_milliseconds(connection, query))
                    cpu.append(1000 * (time.process_time() - before))
                    again.append(_milliseconds(connection, query))
                    rows = connection.execute(query).fetchall()
            found[f"{name}, `{view}`"] = {
                "first": statistics.median(first),
                "again": statistics.median(again),
                "cpu": statistics.median(cpu),
                "rows": rows[0][0] if name == "count" else len(rows),
            }
    return found


def first(lake: str, query: str) -> tuple[float, float]:
    """Milliseconds to open, and to ask the first question."""
    started = time.perf_counter()
    with _opened(lake) as connection:
        opened = time.perf_counter()
        return 1000 * (opened - started), _milliseconds(connection, query)


def _opened(lake: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(Path(lake) / "warehouse.duckdb"), read_only=True)
    # Made as a copy of another lake: its views look where they are told.
    connection.execute("set variable paperlake = ?", [str(Path(lake).absolute())])
    return connection


def _milliseconds(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    started = time.perf_counter()
    connection.execute(query).fetchall()
    return 1000 * (time.perf_counter() - started)
