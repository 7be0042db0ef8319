"""Opening `warehouse.duckdb` in a fresh process, and the first query."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.upsert import made_worn_lake

QUERIES = {
    "a small view": "from sources",
    "five papers": "select title, publication_date from papers limit 5",
}


def measure(bench: Bench) -> Iterator[Figure]:
    """Milliseconds from `duckdb.connect` to the rows of the first query; the import of duckdb is not counted."""
    lake, total = made_worn_lake(bench)
    for name, query in QUERIES.items():
        runs = [
            measuring.run("reading:first", lake=lake, query=query).value
            for _ in range(bench.repetitions + 4)
        ]
        opened, asked = (measuring.median([run[i] for run in runs]) for i in (0, 1))
        yield Figure(
            f"opening `warehouse.duckdb` of {total:,} listings and the first query: {name}",
            f"{opened:.0f} ms and {asked:.0f} ms",
            value=measuring.median([sum(run) for run in runs]),
            unit="ms",
            bar=100,
        )
