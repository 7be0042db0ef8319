"""Score deduplication against labelled records: `python -m tests.bench.dedupe --help`.

Without `--scale-records` every set of the folder is grouped by ours and, with `--peers`, by the
peers, and one table is printed; with it, made-up records are, and time and memory are told.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.bench import contenders, disagreements, gold, measuring, synthetic_records, table
from tests.bench.bench import Figure
from tests.bench.contenders import LEVELS, Level, Line, Peer
from tests.bench.gold import Gold
from tests.bench.measuring import MIB
from tests.recordings import GOLD
from tests.scoring import Score, partners, score

PEERS = ("splink_peer", "bib_dedupe_peer")
_PACKAGES = ("duckdb", "pyarrow", "numpy")
_HEADER = (
    "set", "records", "gold pairs", "grouped by", "false merges", "missed", "precision", "recall",
    "F1", "B-cubed F1", "seconds",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code, 1 where there is nothing to score."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as folder:
        if options.scale_records:
            return _scale(options, Path(folder))
        return _sets(options, Path(folder))


def _sets(options: argparse.Namespace, folder: Path) -> int:
    sets = list(gold.load(options.gold, options.only or gold.SETS))
    if not sets:
        _say(f"{options.gold} has none of {', '.join(gold.SETS)}; say where with --gold DIR")
        return 1
    pythons = [sys.executable, *options.peer_python] if options.peers else []
    peers = [Peer(module, python) for module in PEERS for python in pythons]
    lines: list[Line] = []
    for one in sets:
        _say(f"{one.name} ...")
        records = folder / "records.parquet"
        pq.write_table(one.records, records)
        lines += contenders.lines(one, records, folder)
        for peer in peers:
            if not peer.problem:
                lines += peer.lines(one, records, folder)
    text = "\n\n".join([table.machine(1, 1, _PACKAGES), markdown(lines), *_skipped(peers)])
    print(text)
    if options.write:
        table.write(options.write, text)
    if options.errors:
        for one in sets:
            pq.write_table(one.records, folder / "records.parquet")
            for line in _errors(one, folder, options.level):
                print(line)
    return 0


def _errors(one: Gold, folder: Path, level: Level) -> Iterator[str]:
    found = contenders.group(folder / "records.parquet", folder)
    labels = found.labels(one.records, level)
    yield from disagreements.report(one, labels, pq.read_table(found.matches), level)


def _scale(options: argparse.Namespace, folder: Path) -> int:
    count = options.scale_records
    records = (options.cache or folder) / f"records-{count}-{options.seed}.parquet"
    truth = synthetic_records.truth_path(records)
    if not truth.exists():
        _say(f"making {count:,} records ...")
        records.parent.mkdir(parents=True, exist_ok=True)
        synthetic_records.write(records, count, options.seed)
    if options.keys_at_hand:
        return _at_hand(options, records, truth, folder)
    _say("grouping ...")
    found = contenders.group(records, folder)
    _tell(options, "scale", list(_scale_figures(count, found, records, truth)))
    return 0


def _at_hand(options: argparse.Namespace, records: Path, truth: Path, folder: Path) -> int:
    copies = options.copies
    keys = (options.cache or folder) / f"{records.stem}-{copies}.arrow"
    if not keys.exists():
        _say("making keys ...")
        measuring.run("keys:make", records=str(records), to=str(keys), copies=copies)
    _say("grouping ...")
    to = folder / "groups.parquet"
    took = measuring.run("keys:group", keys=str(keys), to=str(to))
    count = options.scale_records * copies
    what = f"{count:,} records, keys at hand"
    figures = [
        Figure(f"{what}: wall", f"{took.value['seconds']:.1f} s"),
        Figure("the same: CPU, start included", f"{took.cpu:.1f} s"),
        Figure("the same: peak memory, mapped files included", f"{took.peak / MIB:,.0f} MB"),
        Figure("the same: pairs joined, related or undecided", f"{took.value['pairs']:,}"),
    ]
    found = pq.read_table(to)
    known = pq.read_table(truth, columns=list(LEVELS))
    for level in LEVELS:
        true = known[level].to_numpy()
        every = (true + (1 + true.max()) * np.arange(copies)[:, None]).ravel()
        scored = score(found[level].to_numpy(), every)
        figures.append(Figure(f"the same: {level}s", _sentence(scored)))
    _tell(options, f"at-hand-{count}", figures)
    return 0


def _tell(options: argparse.Namespace, mark: str, figures: list[Figure]) -> None:
    text = "\n\n".join([table.machine(1, 1, _PACKAGES), table.markdown(figures)])
    print(text)
    if options.write:
        table.write(options.write, text, mark)


def _scale_figures(
    count: int, found: contenders.Grouped, records: Path, truth: Path
) -> Iterator[Figure]:
    """What the whole process took, and how well it did, by kind of record too."""
    took = found.measured
    what = f"{count:,} records that never were"
    yield Figure(f"{what}: wall, start and reading included", f"{took.wall:.1f} s")
    yield Figure("the same: CPU", f"{took.cpu:.1f} s, {took.cpu / count * 1e6:.0f} us a record")
    yield Figure("the same: peak memory", f"{took.peak / MIB:,.0f} MB")
    known = pq.read_table(truth)
    kind = known["kind"].to_numpy()
    identity = pq.read_table(records, columns=["record_id"])
    for level in LEVELS:
        labels = found.labels(identity, level)
        true = known[level].to_numpy()
        yield Figure(f"the same: {level}s", _sentence(score(labels, true)))
        each = partners(labels, true)
        wrong, missed = each.found - each.shared, each.true - each.shared
        for number, name in enumerate(synthetic_records.KINDS):
            chosen = kind == number
            yield Figure(
                f"the same: {level}s, {name}",
                f"{np.count_nonzero(wrong[chosen]):,} of {np.count_nonzero(chosen):,} records with "
                f"a wrong partner, {np.count_nonzero(missed[chosen]):,} that lack one",
            )


def _sentence(found: Score) -> str:
    return (
        f"{found.false_merges:,} false merges, {found.missed_pairs:,} of {found.gold_pairs:,} "
        f"missed, precision {found.precision:.4f}, recall {found.recall:.4f}, F1 {found.f1:.4f}"
    )


def markdown(lines: Sequence[Line]) -> str:
    """The table, one row a set and contender."""
    return table.rows(
        _HEADER,
        [
            (
                line.name,
                f"{line.records:,}",
                f"{line.score.gold_pairs:,}",
                line.contender,
                f"{line.score.false_merges:,}",
                f"{line.score.missed_pairs:,}",
                f"{line.score.precision:.3f}",
                f"{line.score.recall:.3f}",
                f"{line.score.f1:.3f}",
                f"{line.score.b_cubed_f1:.3f}",
                f"{line.seconds:.1f}",
            )
            for line in lines
        ],
    )


def _skipped(peers: Sequence[Peer]) -> Iterator[str]:
    """Why a peer is not in the table, or not for all sets."""
    present = {peer.module for peer in peers if not peer.problem}
    for peer in peers:
        if peer.problem and not (peer.is_absent and peer.module in present):
            yield f"`{peer.module}` was skipped from `{peer.stopped_at}` on: {peer.problem}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dedupe", description=__doc__)
    parser.add_argument("--gold", type=Path, default=GOLD, help="the folder of the labelled sets")
    parser.add_argument("--only", action="append", choices=gold.SETS, help="a set; repeatable")
    parser.add_argument("--peers", action="store_true", help="run Splink and bib-dedupe beside it")
    parser.add_argument(
        "--peer-python",
        action="append",
        default=[],
        help="another interpreter to look for peers in; repeatable",
    )
    parser.add_argument("--errors", action="store_true", help="list what ours got wrong")
    parser.add_argument("--level", choices=LEVELS, default="edition", help="whose errors")
    parser.add_argument("--scale-records", type=int, default=0, help="made-up records instead")
    parser.add_argument(
        "--keys-at-hand", action="store_true", help="make the keys first, and time what follows"
    )
    parser.add_argument("--copies", type=int, default=1, help="of the keys, none alike to another")
    parser.add_argument("--seed", type=int, default=1, help="which made-up records")
    parser.add_argument("--cache", type=Path, help="keep the made-up records there")
    parser.add_argument("--write", type=Path, help="rewrite the table between a page's marks")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
