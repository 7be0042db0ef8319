"""Files of the user's, read into one table of records that name themselves distinctly."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from flows.bibliography import bibtex, delimited, ris, structured
from flows.bibliography.batches import Batch, Complain
from flows.bibliography.columns import table_of
from flows.bibliography.opened import Opened
from schemas.errors import UsageError
from warehouse.dedupe.alone import RECORDS

_MOST_TOLD = 1_000
"""Bad records that are told of one by one; the others are counted."""
_READERS: dict[str, Callable[[Opened, Complain], Iterator[Batch]]] = {
    "csv": delimited.batches,
    "parquet": structured.parquet_batches,
    "json": structured.json_batches,
    "bibtex": bibtex.batches,
    "ris": ris.batches,
}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that was left out."""

    file: str
    unit: str
    """`line` or `record`: what is counted."""
    place: int
    """Where it begins, from 1."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.place:,}: {self.reason}."


@dataclass(slots=True)
class Reading:
    """What was read of all files."""

    records: pa.Table = field(default_factory=RECORDS.empty_table)
    """The records, in the order of the files; as `RECORDS` says."""
    bad: list[BadRow] = field(default_factory=list)
    """The first of those left out, with reasons."""
    n_bad: int = 0
    """How many were left out."""
    notes: list[str] = field(default_factory=list)
    """What the user should know of how the files were read."""


def read_files(
    paths: Sequence[Path], progress: Callable[[str, float], None] | None = None
) -> Reading:
    """Read files of any of the formats.

    Args:
        paths: the files; CSV, Parquet, JSON, BibTeX or RIS, by their names or what they hold.
        progress: told which file is read, and the share of all files that is done.

    Returns:
        The records; those with record ids that occur in two files have them prefixed.

    Raises:
        UsageError: a file cannot be read, or there are no records in any.
    """
    labels = _labels(paths)
    reading = Reading()
    tables, counts = [], []
    for number, (path, label) in enumerate(zip(paths, labels, strict=True)):
        if progress is not None:
            progress(f"reading {label}", number / len(paths))
        before = len(reading.bad)
        table = _read(path, label, reading)
        reading.bad[before:] = sorted(reading.bad[before:], key=lambda row: row.place)
        tables.append(table)
        counts.append(table.num_rows)
    reading.records = _named_apart(pa.concat_tables(tables), counts, labels, reading)
    if not reading.records.num_rows:
        why = f" {reading.bad[0]}" if reading.bad else ""
        raise UsageError(f"There is no record in {', '.join(labels)[:300]}.{why} Nothing was done.")
    return reading


def _labels(paths: Sequence[Path]) -> list[str]:
    """What files are called: their names, or as much of their paths as tells them apart."""
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"{path} is named twice: name each file once.")
        seen.add(path.resolve())
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names
    return [str(path) if names.count(path.name) > 1 else path.name for path in paths]


def _read(path: Path, label: str, reading: Reading) -> pa.Table:
    """The records of one file."""
    with Opened(path) as opened:
        form = opened.format
        if form == "parquet" and opened.is_packed:
            raise UsageError(f"{path} is Parquet packed by gzip: unpack it first.")
        unit = "record" if form == "parquet" or opened.is_one_document else "line"

        def complain(place: int, reason: str) -> None:
            reading.n_bad += 1
            if len(reading.bad) < _MOST_TOLD:
                reading.bad.append(BadRow(label, unit, place, reason))

        tables: list[pa.Table] = []
        places: list[int] = []
        n_made = 0
        for batch in _READERS[form](opened, complain):
            table, kept, made = table_of(batch, label, has_ids=form != "ris", complain=complain)
            tables.append(table)
            places += kept
            n_made += made
        if n_made:
            whose = (
                f"{n_made:,} of its records have" if n_made < len(places) else "the records have"
            )
            reading.notes.append(
                f"{label}: {whose} no record id; they are called by file and {unit}, "
                f"as in {label}:{places[0]}."
            )
        if opened.n_other:
            reading.notes.append(
                f"{label}: {opened.n_other:,} lines are not UTF-8 and were read as Windows-1252."
            )
    if not tables:
        reading.notes.append(f"{label} holds no records.")
        return RECORDS.empty_table()
    return _without_repeated(pa.concat_tables(tables), places, complain)


def _without_repeated(table: pa.Table, places: Sequence[int], complain: Complain) -> pa.Table:
    """The records without those whose id an earlier one of the file bears."""
    numbered = pa.table({"id": table["record_id"], "row": pa.array(range(table.num_rows))})
    first = numbered.group_by("id").aggregate([("row", "min")])
    if first.num_rows == table.num_rows:
        return table
    is_first = pc.is_in(numbered["row"], value_set=first["row_min"].combine_chunks())
    repeated = [row for row, is_kept in enumerate(is_first.to_pylist()) if not is_kept]
    for row in repeated:
        name = str(table["record_id"][row])[:100]
        complain(places[row], f"has the record id {name}, which an earlier record has already")
    return table.filter(is_first)


def _named_apart(
    table: pa.Table, counts: Sequence[int], labels: Sequence[str], reading: Reading
) -> pa.Table:
    """The records with ids prefixed by their file's name, if two files share any."""
    n_distinct = pc.count_distinct(table["record_id"]).as_py()
    if n_distinct == table.num_rows:
        return table
    reading.notes.append(
        f"{table.num_rows - n_distinct:,} record ids occur in more than one file: all are prefixed "
        f"by their file, as in {labels[0]}:{table['record_id'][0].as_py()[:100]}."
    )
    files = [label for label, count in zip(labels, counts, strict=True) for _ in range(count)]
    names = table["record_id"].to_pylist()
    ids = [f"{label}:{name}" for label, name in zip(files, names, strict=True)]
    table = table.set_column(0, RECORDS.field("record_id"), pa.array(ids, pa.string()))

    def complain(row: int, reason: str) -> None:
        reading.n_bad += 1
        if len(reading.bad) < _MOST_TOLD:
            reading.bad.append(BadRow("all files", "record", row, reason))

    return _without_repeated(table, range(1, table.num_rows + 1), complain)
