"""Questions to a lake of three million with the most deltas allowed."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases import upsert
from tests.bench.cases.upsert import made_worn_lake


def measure(bench: Bench) -> Iterator[Figure]:
    """Each question once in a fresh instance of DuckDB, several times, from warm files."""
    lake, total = made_worn_lake(bench)
    answers = measuring.run("reading:questions", lake=lake, repetitions=bench.repetitions + 4).value
    for name, took in answers.items():
        yield Figure(
            f"{name} at {total:,} listings with {upsert.NIGHTS} deltas ({took['rows']:,} rows)",
            f"{took['first']:.0f} ms just opened ({took['cpu']:.0f} ms CPU), "
            f"{took['again']:.0f} ms again",
            value=took["first"],
            unit="ms",
            bar=150,
            aim=50,
        )
