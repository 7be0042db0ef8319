"""How long the command line takes to say anything."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.cases.snapshot import made_lines

TIMES = 10


def measure(bench: Bench) -> Iterator[Figure]:
    """Medians of ten processes, after one that is not counted."""
    lake = bench.fresh("lake")
    lines = made_lines(bench, bench.sized(20_000, least=2_000))
    measuring.run("importing:with_papers", lines=lines, lake=lake)
    paperlake = str(Path(sys.executable).with_name("paperlake"))
    for arguments, bar in ((["--help"], 0.5), (["--lake", lake, "sql", "select 1"], 0.8)):
        shown = " ".join(a if " " not in a else f'"{a}"' for a in arguments[-2:] if a != lake)
        runs = [measuring.command_run([paperlake, *arguments]) for _ in range(TIMES + 1)][1:]
        wall = measuring.median([run.wall for run in runs])
        yield Figure(
            f"`paperlake {shown}`",
            f"{wall:.2f} s ({measuring.median([run.cpu for run in runs]):.2f} s CPU)",
            value=wall,
            unit="s",
            bar=bar,
        )
