"""Peak memory of the snapshot's import, and of one three times as large."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.snapshot import LINES, made_lines


def measure(bench: Bench) -> Iterator[Figure]:
    """The peak of both, and how much the larger one takes more."""
    peaks = []
    for times in (1, 3):
        count = bench.sized(times * LINES, least=times * 2_000)
        lines = made_lines(bench, count)
        run = measuring.run("importing:without_papers", lines=lines, lake=bench.fresh("lake"))
        peaks.append(run.peak / measuring.MIB)
        yield Figure(
            f"peak memory of the import of {count:,} lines, all its processes (listings stage)",
            f"{peaks[-1]:,.0f} MB ({run.wall:.1f} s wall)",
            value=peaks[-1],
            unit="MB",
            bar=350,
        )
    yield Figure(
        "peak memory, three times as many lines to one",
        f"{peaks[1]:,.0f} MB",
        f"{peaks[0]:,.0f} MB",
        peaks[1] / peaks[0],
        bar=1.1,
    )
