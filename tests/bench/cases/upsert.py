"""Upsert of 30,000 listings into three million: bytes written and wall time."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.snapshot import LINES, made_lines

COPIES = 10
CHANGED = 30_000
NIGHTS = 10


def measure(bench: Bench) -> Iterator[Figure]:
    """One night on a lake that holds nothing but its base."""
    lake, total = made_lake(bench, COPIES)
    count = bench.sized(CHANGED, least=30)
    target = bench.fresh("upsert")
    measuring.run("lakes:copy", lake=lake, target=target)
    (night,) = measuring.run("lakes:nights", lake=target, changes=1, count=count).value
    what = f"upsert of {count:,} listings into {total:,}"
    told, own = night["bytes"], night["own_bytes"]
    yield Figure(
        f"{what}: bytes written for listings against the {count:,}'s own size",
        f"{told['listings'] / 1e6:.1f} MB",
        f"{own / 1e6:.1f} MB",
        told["listings"] / own,
        bar=5.0,
    )
    yield Figure(
        f"{what}: bytes written for all tables",
        f"{sum(told.values()) / 1e6:.1f} MB",
        f"{own / 1e6:.1f} MB",
    )
    for name, bars in {"listings": (5.0, 2.0), "papers": None, "publish": None}.items():
        spent = night[name]
        yield Figure(
            f"{what}: wall, {name}",
            f"{spent['wall']:.2f} s ({spent['cpu']:.1f} s CPU)",
            value=spent["wall"] if bars else None,
            unit="s",
            bar=bars[0] if bars else None,
            aim=bars[1] if bars else None,
        )


def made_lake(bench: Bench, copies: int) -> tuple[str, int]:
    """A lake of `copies` times as many listings as the snapshot benchmark has lines, kept in the cache."""
    count = bench.sized(LINES, least=2_000)
    normalized = bench.cache / f"normalized-{count}.parquet"
    lake = bench.cache / f"lake-{count * copies}"
    if not normalized.exists():
        script, part = bench.fresh("lake.sql"), normalized.with_suffix(".part")
        lines = made_lines(bench, count)
        measuring.run("preparing:script", path=script, lines=lines, target=str(part))
        measuring.run("duckdb_peer:run", script=script, scratch=bench.fresh("scratch"))
        part.replace(normalized)
    made = measuring.run("lakes:base", normalized=str(normalized), lake=str(lake), copies=copies)
    return str(lake), made.value["listings"]


def made_worn_lake(bench: Bench) -> tuple[str, int]:
    """The large lake after as many nights of 30,000 as there are deltas allowed, kept in the cache."""
    lake, total = made_lake(bench, COPIES)
    count = bench.sized(CHANGED, least=30)
    worn = bench.cache / f"lake-{total}-worn-{count}"
    if not worn.exists():
        part = bench.fresh("worn")
        measuring.run("lakes:copy", lake=lake, target=part)
        measuring.run("lakes:nights", lake=part, changes=NIGHTS, count=count)
        measuring.run("lakes:copy", lake=part, target=str(worn))
    return str(worn), total + NIGHTS * (count // 3)
