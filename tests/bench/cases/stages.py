"""The same import stage by stage: where its CPU seconds go, papers included."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.snapshot import LINES, made_lines


def measure(bench: Bench) -> Iterator[Figure]:
    """One import of everything, and the reading taken apart in one process."""
    count = bench.sized(LINES, least=2_000)
    lines = made_lines(bench, count)
    parts = measuring.run("stages:read", lines=lines, lake=bench.fresh("lake")).value
    whole = measuring.run("importing:with_papers", lines=lines, lake=bench.fresh("lake"))
    steps = whole.value["seconds"]
    for name, seconds in {
        "keep the lines (zstd, fsync)": parts["keep"],
        "parse": parts["parse"],
        "validate": parts["validate"],
        "normalize": parts["normalize"],
        "stage (columns, Parquet)": parts["stage"],
        "write (merge, sort, hash, Parquet)": steps["write"],
        "papers": steps["papers"],
        "checks": steps["checks"],
    }.items():
        yield Figure(
            f"{count:,} lines, stage by stage: {name}",
            f"{seconds:.1f} s, {seconds / count * 1e6:.1f} us a record",
        )
    yield Figure(
        f"{count:,} lines with papers, everything",
        f"{whole.cpu:.1f} s ({whole.wall:.1f} s wall, {whole.peak / measuring.MIB:,.0f} MB)",
    )
