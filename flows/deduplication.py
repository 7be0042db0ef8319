"""Anyone's files, without a lake: which of their records are the same paper, as Parquet and as a page."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.csv import write_csv

from flows.bibliography.reading import BadRow, Reading, read_files
from flows.deduplication_page import MARK, outcomes, page
from schemas.errors import UsageError
from warehouse.dedupe.alone import CLUSTERS, Grouping, deduplicate
from warehouse.files import new_file, write_bytes

_TABLE = {"paperlake.table": "clusters"}
_PARQUET, _CSV = ("", ".parquet", ".pq"), ".csv"
_CSV_HEADER = ",".join(f'"{name}"' for name in CLUSTERS.names).encode() + b"\n"
_ROW_GROUP = 100_000


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """How it ended."""

    out: Path
    report: Path | None
    n_records: int
    n_papers: int
    n_editions: int
    n_joined_pairs: int
    """Pairs that match, in one paper."""
    n_apart_pairs: int
    """Pairs that match, in two papers: joining them would bring what contradicts into one."""
    n_undecided_pairs: int
    n_related_pairs: int
    n_bad: int
    bad: list[BadRow]
    notes: list[str]

    @property
    def exit_code(self) -> int:
        """0, or 4 where records were left out."""
        return 4 if self.n_bad else 0

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "out": str(self.out),
            "report": str(self.report) if self.report else None,
            **self.counts(),
            "bad": [
                {"file": row.file, row.unit: row.place, "reason": row.reason} for row in self.bad
            ],
            "notes": self.notes,
        }

    def counts(self) -> dict[str, int]:
        """The figures of the summary."""
        return {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name.startswith("n_")
        }


def deduplicate_files(
    paths: Sequence[Path],
    out: Path,
    *,
    report: Path | None = None,
    one_per_source: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Deduplicated:
    """Find which records of the files are the same paper, and write it down.

    Args:
        paths: CSV, Parquet, JSON lines, BibTeX or RIS files.
        out: Parquet, or CSV by its name, to write: record_id, paper_id, edition_id, relation, score; a
            row a record.
        report: page to write, for people to look at.
        one_per_source: each source lists each paper once at the most, so two of its rows are two.
        progress: told what is being done, and the share of that step that is done.

    Returns:
        What was found, and what was left out.

    Raises:
        UsageError: a file cannot be read, or what would be written over is not ours; nothing was done.
    """
    if out.suffix.lower() not in (*_PARQUET, _CSV):
        raise UsageError(
            f"--out {out}: Parquet is written, or CSV; end the name in .parquet or .csv."
        )
    _refuse(out, paths, "--out", _is_ours_csv if out.suffix.lower() == _CSV else _is_ours_table)
    if report is not None:
        _refuse(report, [*paths, out], "--report", _is_ours_page)
    tell = progress or _silent
    reading = read_files(paths, tell)
    grouping = deduplicate(reading.records, one_per_source=one_per_source, progress=tell)
    done = _counted(reading, grouping, out, report, _one_source(reading) if one_per_source else ())
    text = None
    if report is not None:
        tell("writing the report", 0.0)
        text = page(reading, grouping, done.counts())
    table = grouping.clusters.replace_schema_metadata(_TABLE)
    with new_file(out) as temporary:
        if out.suffix.lower() == _CSV:
            write_csv(table, temporary)
        else:
            pq.write_table(table, temporary, compression="zstd", row_group_size=_ROW_GROUP)
    if report is not None and text is not None:
        write_bytes(report, text.encode())
    return done


def _counted(
    reading: Reading,
    grouping: Grouping,
    out: Path,
    report: Path | None,
    notes: Iterable[str],
) -> Deduplicated:
    pairs = Counter(outcomes(grouping).to_pylist())
    return Deduplicated(
        out=out,
        report=report,
        n_records=grouping.clusters.num_rows,
        n_papers=pc.count_distinct(grouping.clusters["paper_id"]).as_py(),
        n_editions=pc.count_distinct(grouping.clusters["edition_id"]).as_py(),
        n_joined_pairs=pairs["joined"],
        n_apart_pairs=pairs["apart"],
        n_undecided_pairs=pairs["undecided"],
        n_related_pairs=pairs["related"],
        n_bad=reading.n_bad,
        bad=reading.bad,
        notes=[*reading.notes, *_untitled(reading), *notes],
    )


def _one_source(reading: Reading) -> Iterator[str]:
    if pc.count_distinct(reading.records["source"], mode="all").as_py() == 1:
        yield (
            "All records are of one source, so that nothing can be joined: leave --one-per-source out, "
            "or say in a column source where each record is from."
        )


def _untitled(reading: Reading) -> Iterator[str]:
    n = reading.records["title"].null_count
    if n:
        yield f"{n:,} {'record has no title and is' if n == 1 else 'records have no title and are'} joined with nothing."


def _refuse(
    target: Path, others: Sequence[Path], option: str, is_ours: Callable[[Path], bool]
) -> None:
    """Refuse a target whose writing would lose anything that is not an earlier one of ours."""
    for other in others:
        if _is_same(target, other):
            raise UsageError(f"{option} {target} is also {other}: choose another name.")
    if target.is_dir():
        raise UsageError(f"{option} {target} is a folder: name a file.")
    if target.exists() and not is_ours(target):
        raise UsageError(
            f"{option} {target} is there already and is none of ours: choose another name, or remove it."
        )
    if not target.parent.is_dir():
        raise UsageError(f"{option} {target}: there is no folder {target.parent}; make it first.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise UsageError(
            f"{option} {target}: the folder {target.parent} cannot be written to; choose another."
        )


def _is_same(left: Path, right: Path) -> bool:
    if left.exists() and right.exists():
        return left.samefile(right)
    return os.path.realpath(left) == os.path.realpath(right)


def _is_ours_table(path: Path) -> bool:
    try:
        known = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):
        return False
    return all(known.get(key.encode()) == value.encode() for key, value in _TABLE.items())


def _is_ours_csv(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.readline(1_000) == _CSV_HEADER
    except OSError:
        return False


def _is_ours_page(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(4_096)
    except OSError:
        return False


def _silent(step: str, share: float) -> None:
    del step, share
