"""The cost of a night as the lake grows tenfold, at the same change."""

from collections.abc import Iterator

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.upsert import COPIES, made_lake
from tests.bench.measuring import Measured

CHANGED = 3_000


def measure(bench: Bench) -> Iterator[Figure]:
    """A whole import of the same records, papers and checks included, into a small and a large lake."""
    count = bench.sized(CHANGED, least=30)
    lines = bench.fresh("night.jsonl")
    measuring.run("preparing:revised_lines", path=lines, count=count)
    runs: dict[int, list[Measured]] = {}
    sizes = {}
    for _ in range(bench.repetitions):
        for copies in (1, COPIES):
            lake, sizes[copies] = made_lake(bench, copies)
            target = bench.fresh("grown")
            measuring.run("lakes:copy", lake=lake, target=target)
            run = measuring.run("importing:with_papers", lines=lines, lake=target)
            runs.setdefault(copies, []).append(run)
    small, large = runs[1], runs[COPIES]
    yield Figure(
        f"cost of a night of {count:,} listings as the lake grows from {sizes[1]:,} to "
        f"{sizes[COPIES]:,}: CPU",
        f"{measuring.median([run.cpu for run in large]):.1f} s",
        f"{measuring.median([run.cpu for run in small]):.1f} s",
        measuring.median_ratio([run.cpu for run in large], [run.cpu for run in small]),
        bar=1.5,
    )
    yield Figure(
        "the same: wall",
        f"{measuring.median([run.wall for run in large]):.1f} s",
        f"{measuring.median([run.wall for run in small]):.1f} s",
        measuring.median_ratio([run.wall for run in large], [run.wall for run in small]),
    )
    for step in ("read", "write", "papers", "checks", "everything"):
        mine, theirs = (
            measuring.median([run.value["seconds"].get(step, 0.0) for run in found])
            for found in (large, small)
        )
        yield Figure(f"the same: CPU, {step}", f"{mine:.2f} s", f"{theirs:.2f} s")
