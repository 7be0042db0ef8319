"""The arXiv snapshot to published listings: CPU against DuckDB SQL and against dlt."""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import measuring
from tests.bench.bench import Bench, Figure, has
from tests.bench.measuring import Measured

LINES = 300_000


def measure(bench: Bench) -> Iterator[Figure]:
    """Ours and DuckDB by turns, then dlt once; the share of values in which the files agree."""
    count = bench.sized(LINES, least=2_000)
    lines = made_lines(bench, count)
    script, target = bench.fresh("snapshot.sql"), bench.fresh("peer.parquet")
    measuring.run("preparing:script", path=script, lines=lines, target=target)
    found = measuring.alternate(
        bench.repetitions,
        mine=partial(_ours, bench, lines),
        duckdb=partial(
            measuring.run, "duckdb_peer:run", script=script, scratch=bench.fresh("scratch")
        ),
    )
    mine, duckdb = [m.cpu for m in found["mine"]], [m.cpu for m in found["duckdb"]]
    yield Figure(
        f"{count:,} lines of the snapshot to published listings: CPU against DuckDB SQL",
        _told(found["mine"]),
        f"DuckDB {found['duckdb'][0].value['version']}: {_told(found['duckdb'])}",
        measuring.median_ratio(mine, duckdb),
        bar=1.5,
        aim=1.0,
    )
    own = next(Path(bench.work / "lake" / "data" / "listings").glob("*.parquet"))
    yield _agreement(str(own), target)
    if has("dlt"):
        theirs = measuring.run("dlt_peer:run", lines=lines, target=bench.fresh("dlt-out"))
        yield Figure(
            "the same against dlt to its own Parquet",
            _told(found["mine"]),
            f"dlt {theirs.value['version']}: {_told([theirs])}",
            measuring.median(mine) / theirs.cpu,
            bar=0.4,
            aim=0.25,
        )
    else:
        yield Figure(
            "the same against dlt to its own Parquet", _told(found["mine"]), "not installed"
        )


def made_lines(bench: Bench, count: int) -> str:
    """The path of a snapshot of so many records, made where it is not there yet."""
    path = bench.cache / f"snapshot-{count}.jsonl"
    measuring.run("preparing:lines", path=str(path), count=count)
    return str(path)


def _ours(bench: Bench, lines: str) -> Measured:
    return measuring.run("importing:without_papers", lines=lines, lake=bench.fresh("lake"))


def _told(runs: list[Measured]) -> str:
    cpu = measuring.median([run.cpu for run in runs])
    wall = measuring.median([run.wall for run in runs])
    peak = max(run.peak for run in runs) / measuring.MIB
    return f"{cpu:.1f} s ({wall:.1f} s wall, {peak:,.0f} MB)"


def _agreement(mine: str, theirs: str) -> Figure:
    shares: dict[str, Any] = measuring.run("preparing:agreement", mine=mine, theirs=theirs).value
    # Rounded down: what is said to agree wholly does.
    less = {
        name: math.floor(share * 1000) / 10
        for name, share in shares.items()
        if share < 1 and name != "row_hash"
    }
    apart = ", ".join(f"{name} {share} %" for name, share in less.items()) or "none"
    return Figure(
        "values in which the two files agree, of columns that differ (LaTeX is not resolved in SQL)",
        apart,
        f"whole rows {math.floor(shares['row_hash'] * 1000) / 10} %",
    )
