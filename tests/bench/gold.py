"""Real bibliographic records with known duplicates, in the schema that deduplication takes.

The sets are others' work and no part of the project; a folder holds one folder a set:

- `cytology_screening`, `stroke`, `haematology`, `respiratory`: exports of literature searches,
  `records_pre_merged.csv` and `merged_record_ids.csv` with one group of duplicates a line, as
  bib-dedupe 0.6 brings them (https://github.com/CoLRev-Environment/bib-dedupe).
- `dblp-acm`: two tables and the pairs between them; what is one paper inside a table is not
  labelled (https://dbs.uni-leipzig.de/research/projects/benchmark-datasets-for-entity-resolution).
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from warehouse.dedupe.alone import RECORDS

EXPORTS = ("cytology_screening", "stroke", "haematology", "respiratory")
TWO_TABLES = "dblp-acm"
SETS = (*EXPORTS, TWO_TABLES)


@dataclass(frozen=True, slots=True)
class Gold:
    """One set of records and what is known of them."""

    name: str
    records: pa.Table
    """In the schema `RECORDS`, values as printed."""
    groups: tuple[tuple[str, ...], ...]
    """Ids of records that are one, two or more; who stands in no group is alone."""
    is_two_tables: bool
    """Whether only pairs of records of different `source` are labelled."""

    @property
    def ids(self) -> list[str]:
        """The records' ids, in their order."""
        return _texts(self.records, "record_id")

    @property
    def labels(self) -> NDArray[np.int64]:
        """One number a record, in the records' order; groups that share a record are one."""
        place = {record_id: number for number, record_id in enumerate(self.ids)}
        edges = [(place[group[0]], place[other]) for group in self.groups for other in group[1:]]
        left, right = np.array(edges, dtype=np.int64).reshape(-1, 2).T
        graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(place), len(place)))
        labels: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
        return labels

    @property
    def tables(self) -> list[str] | None:
        """Which table each record comes from, where pairs inside a table do not count."""
        return _texts(self.records, "source") if self.is_two_tables else None


def load(folder: Path, names: Sequence[str] = SETS) -> Iterator[Gold]:
    """The sets that are there, in the order of their names in `names`.

    Raises:
        FileNotFoundError: a set's folder is there and one of its files is not.
    """
    for name in names:
        if (folder / name).is_dir():
            yield _two_tables(folder / name) if name == TWO_TABLES else _export(folder / name)


def _export(folder: Path) -> Gold:
    rows = [
        {
            "record_id": row["ID"],
            "title": row["title"],
            "authors": _split(r"\s+and\s+", row["author"]),
            "year": row["year"],
            "venue": row["journal"],
            "volume": row["volume"],
            "issue": row["number"],
            "pages": row["pages"],
            "type": row["ENTRYTYPE"],
        }
        for row in _rows(folder / "records_pre_merged.csv")
    ]
    merged = _rows(folder / "merged_record_ids.csv")
    groups = tuple(tuple(row["merged_ids"].split(";")) for row in merged)
    return Gold(folder.name, _table(rows), groups, is_two_tables=False)


def _two_tables(folder: Path) -> Gold:
    rows = [
        {
            "record_id": row["id"],
            "title": row["title"],
            "authors": _split(r",\s+", row["authors"]),
            "year": row["year"],
            "venue": row["venue"],
            "source": source,
        }
        for source, file in (("dblp", "DBLP2.csv"), ("acm", "ACM.csv"))
        for row in _rows(folder / file)
    ]
    mapping = _rows(folder / "DBLP-ACM_perfectMapping.csv")
    groups = tuple((row["idDBLP"], row["idACM"]) for row in mapping)
    return Gold(folder.name, _table(rows), groups, is_two_tables=True)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file of which each line is UTF-8 or else Latin-1."""
    lines = path.read_bytes().splitlines(keepends=True)
    yield from csv.DictReader(io.StringIO("".join(map(_decoded, lines)), newline=""))


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _split(between: str, authors: str) -> list[str] | None:
    return re.split(between, authors) if authors else None


def _texts(records: pa.Table, column: str) -> list[str]:
    """A column that has no nulls."""
    return [str(value) for value in records[column].to_pylist()]


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Empty cells are null, and years numbers."""
    shown = [{name: value or None for name, value in row.items()} for row in rows]
    for row in shown:
        row["year"] = int(row["year"]) if row["year"] else None
    return pa.Table.from_pylist(shown, schema=RECORDS)
