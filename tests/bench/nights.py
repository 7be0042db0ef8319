"""Many nights in a row against the sandbox: is the content right at the end, and does a night stay as cheap?

    python -m tests.bench.nights [--nights 200] [--papers 5000] [--seed 1]
    python -m tests.bench.nights --nights 30 --papers 20000     # papers against works only

The nights run in this process, without Prefect; the sandbox serves in another, and what is measured
is the night alone. Afterwards the lake is compared with the sandbox's truth and audited in full. Exit
code 1 when the content differs, when time or disk are not flat, or when nothing was maintained.
Flat is judged by processor time, which does not depend on what else the machine does, of a night and
of a record, for a sandbox's nights bring more and more; seconds of the clock are told beside it. Fewer
than 62 nights have no weeks to compare: then content and papers are judged alone.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flows.maintain import policy
from flows.running import run_nightly
from flows.sandbox import truth
from flows.sandbox.universe import Universe
from flows.settings import Settings, load_settings
from flows.terminal import text_table
from tests.bench.serving import sandbox_server
from tests.flows.nights import differences
from tests.flows.nights import rows as rows_of
from tests.scoring import Score, score
from warehouse.audit import audit
from warehouse.disk import disk_use
from warehouse.snapshots import Lake

FLAT = 1.5
"""The last three weeks may cost that much of the three weeks that the comparison begins with."""
_BLOCK = 20
# Whole weeks, because sources list nothing on weekends.
_WINDOW = 21


@dataclass(frozen=True, slots=True)
class Night:
    """What a night took."""

    seconds: float
    cpu_seconds: float
    """Of this process, which is not the sandbox's."""
    records: int
    """Records that the night read."""
    disk: int
    """Bytes of the lake after it."""
    responses: int
    """Of these, kept responses."""
    listings: int
    metrics: int


def run_nights(
    lake: Path, universe: Universe, url: str, count: int, **options: object
) -> list[Night]:
    """Run nights into a lake; the first night is the sandbox's first.

    Args:
        lake: where the lake shall be; files outlive their snapshot by no time, because here a month
            of nights passes in a minute.
        universe: what the sandbox serves.
        url: where it serves it.
        count: how many nights.
        options: settings.
    """
    settings = load_settings(lake=lake, state_dir=lake.parent / "shared", grace_hours=0, **options)
    found = []
    for number in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        run = run_nightly(settings, use_prefect=False, sandbox_url=url)
        seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        if run.state != "published" or run.night_date != universe.night_date(number):
            raise SystemExit(f"night {number} ended as {run.state}: {run.problem}")
        manifest = Lake(lake).manifest()
        assert manifest is not None
        rows = {name: table.rows for name, table in manifest.tables.items()}
        found.append(
            Night(
                seconds,
                cpu_seconds,
                sum(outcome.n_records for outcome in run.outcomes),
                _size(lake),
                _size(lake / "responses"),
                rows["listings"],
                rows["metrics"],
            )
        )
        if len(found) % _BLOCK == 0:
            told = median(night.seconds for night in found[-_BLOCK:])
            print(f"{len(found)} nights, the last {_BLOCK}: {told:.2f} s", file=sys.stderr)
    return found


def faults(lake: Path, universe: Universe, count: int) -> list[str]:
    """What is wrong with a lake after so many nights: content and files."""
    manifest = Lake(lake).manifest()
    assert manifest is not None
    found = differences(lake, universe, count - 1)[:5]
    return found + [item.what for item in audit(Lake(lake), manifest)]


def unkept(lake: Path) -> list[str]:
    """What many nights should have led to and did not: compactions, thinned snapshots."""
    wrong = []
    kinds = {item.kind for n in Lake(lake).numbers() if (item := Lake(lake).manifest(n))}
    if "maintain" not in kinds:
        wrong.append("maintain never ran")
    if not Lake(lake).readable() or len(Lake(lake).readable()) == len(Lake(lake).numbers()):
        wrong.append("no snapshot was thinned")
    return wrong


def growth(nights: Sequence[Night], first: int) -> dict[str, float]:
    """How the last three weeks compare with three weeks from `first` on: medians, 1.0 is flat.

    Disk is that of tables and warehouses for each row of listings and metrics, because the sandbox
    lists more every night; responses are kept for ever and told beside it.
    """
    early, late = nights[first : first + _WINDOW], nights[-_WINDOW:]

    def ratio(values: Sequence[float], before: Sequence[float]) -> float:
        return median(values) / median(before)

    return {
        "seconds": ratio([n.seconds for n in late], [n.seconds for n in early]),
        "records": ratio([n.records for n in late], [n.records for n in early]),
        "cpu seconds": ratio([n.cpu_seconds for n in late], [n.cpu_seconds for n in early]),
        "cpu seconds a record": ratio(
            [n.cpu_seconds / n.records for n in late], [n.cpu_seconds / n.records for n in early]
        ),
        "disk a row": ratio([_disk_a_row(n) for n in late], [_disk_a_row(n) for n in early]),
    }


def papers_score(lake: Path, universe: Universe, count: int) -> tuple[Score, list[list[str]]]:
    """How well the papers after so many nights are the sandbox's works, and the listings of those that mix works."""
    works = {
        row["listing_id"]: row["work_id"]
        for row in truth.listings(universe, count - 1)
        if row["title"] is not None
    }
    found = rows_of(lake, "select listing_id, paper_id from lake.memberships")
    papers = {row["listing_id"]: row["paper_id"] for row in found if row["listing_id"] in works}
    members: dict[str, list[str]] = {}
    for key, paper in sorted(papers.items()):
        members.setdefault(paper, []).append(key)
    mixed = [keys for keys in members.values() if len({works[key] for key in keys}) > 1]
    return score(list(papers.values()), [works[key] for key in papers]), mixed


def disk_lines(settings: Settings) -> list[str]:
    """What a lake takes on disk for 1,000 listings, and what a retained snapshot takes by itself."""
    lake = Lake(settings.lake)
    use = disk_use(lake, policy(settings))
    rows = {row["table"]: row["rows"] for row in use["tables"]}
    parts = {
        "tables of the newest snapshot": sum(row["bytes"] for row in use["tables"]),
        "files of earlier snapshots": sum(row["earlier_bytes"] for row in use["tables"]),
        "responses": use["responses_bytes"],
    }
    told = ", ".join(
        f"{name} {size / rows['listings'] / 1e3:.2f} MB" for name, size in parts.items()
    )
    each = use["warehouse_bytes"] / use["n_readable_snapshots"] / 1e6
    return [
        f"Disk for 1,000 listings: {told}.",
        f"The views of a snapshot take {each:.2f} MB, of {use['n_readable_snapshots']} snapshots.",
    ]


def _disk_a_row(night: Night) -> float:
    return (night.disk - night.responses) / (night.listings + night.metrics)


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def _table(nights: Sequence[Night]) -> str:
    heading = ["nights", "median s", "max s", "cpu s", "records", "listings", "metrics"]
    heading += ["MB in all", "MB responses", "MB the rest"]
    rows = []
    for start in range(0, len(nights), _BLOCK):
        block = nights[start : start + _BLOCK]
        last = block[-1]
        rows.append(
            [
                f"{start}-{start + len(block) - 1}",
                f"{median(n.seconds for n in block):.2f}",
                f"{max(n.seconds for n in block):.2f}",
                f"{median(n.cpu_seconds for n in block):.2f}",
                f"{median(n.records for n in block):,.0f}",
                f"{last.listings:,}",
                f"{last.metrics:,}",
                f"{last.disk / 1e6:.1f}",
                f"{last.responses / 1e6:.1f}",
                f"{(last.disk - last.responses) / 1e6:.1f}",
            ]
        )
    return text_table(heading, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.nights", description=__doc__)
    parser.add_argument("--nights", type=int, default=200)
    parser.add_argument("--papers", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    universe = Universe(given.seed, given.papers)
    with tempfile.TemporaryDirectory(prefix="paperlake-nights-") as folder:
        lake = Path(folder) / "lake"
        with sandbox_server(universe) as url:
            nights = run_nights(lake, universe, url, given.nights)
        wrong = faults(lake, universe, given.nights)
        if is_long := given.nights >= 2 * _WINDOW + _BLOCK:
            wrong += unkept(lake)
        disk = disk_lines(load_settings(lake=lake, grace_hours=0))
        papers, mixed = papers_score(lake, universe, given.nights)
        n_maintained = sum(
            manifest.kind == "maintain"
            for n in Lake(lake).numbers()
            if (manifest := Lake(lake).manifest(n))
        )
    ratios = growth(nights, _BLOCK) if is_long else {}
    wrong += [
        f"{name}: the last {_WINDOW} nights take {value:.2f} times what nights {_BLOCK} to "
        f"{_BLOCK + _WINDOW - 1} took, more than {FLAT}"
        for name, value in ratios.items()
        if value > FLAT and name not in ("seconds", "records")
    ]
    print(_table(nights))
    for line in (
        f"{sum(n.seconds for n in nights):.0f} s for {len(nights)} nights, {n_maintained} of them followed by a compaction.",
        "The last three weeks against three weeks from night 20 on: "
        + (", ".join(f"{name} {value:.2f}" for name, value in ratios.items()) or "too few nights")
        + ".",
        *disk,
        f"Papers against the sandbox's works: {papers.false_merges} pairs falsely merged in {len(mixed)} "
        f"papers, {papers.missed_pairs} missed of {papers.gold_pairs:,} pairs, F1 {papers.f1:.4f}.",
        *(f"  mixed: {', '.join(keys)}" for keys in mixed[:20]),
        *(f"NOT SO: {text}" for text in wrong),
        ""
        if wrong
        else f"The content equals the truth{', time and disk are flat' if is_long else ''}.",
    ):
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
