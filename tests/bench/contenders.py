"""What groups records, ours and the peers, each in a process of its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench import measuring
from tests.bench.gold import Gold
from tests.bench.measuring import Measured, WorkError
from tests.scoring import Score, score

Level = Literal["edition", "paper"]
LEVELS: tuple[Level, ...] = ("edition", "paper")


@dataclass(frozen=True, slots=True)
class Line:
    """One contender's grouping of one set."""

    name: str
    records: int
    contender: str
    score: Score
    seconds: float


@dataclass(frozen=True, slots=True)
class Grouped:
    """Where a grouping of ours stands."""

    clusters: Path
    matches: Path
    measured: Measured

    def labels(self, records: pa.Table, level: Level) -> list[int]:
        """One number a record, in the records' order.

        Raises:
            ValueError: the clusters are not those of these records in this order.
        """
        clusters = pq.read_table(self.clusters, columns=["record_id", f"{level}_id"])
        if clusters["record_id"].to_pylist() != records["record_id"].to_pylist():
            raise ValueError("clusters come with one row a record, in the order of the records")
        return _codes(clusters[f"{level}_id"].to_pylist())


@dataclass(slots=True)
class Peer:
    """Another tool, with the interpreter that has it."""

    module: str
    python: str
    problem: str = ""
    """Why it cannot be run, once that was seen."""
    stopped_at: str = ""
    """The set with which that was."""

    @property
    def is_absent(self) -> bool:
        """Whether it is not installed, and so may be elsewhere."""
        return self.problem.startswith("ModuleNotFoundError")

    def lines(self, gold: Gold, records: Path, folder: Path) -> Iterator[Line]:
        """Its groupings of a set; none where it is absent."""
        for one_per_source in (False, True) if gold.is_two_tables else (False,):
            to = folder / f"{self.module}.parquet"
            try:
                measured = measuring.run(
                    f"{self.module}:group",
                    python=self.python,
                    records=str(records),
                    to=str(to),
                    is_two_tables=gold.is_two_tables,
                    one_per_source=one_per_source,
                )
            except WorkError as error:
                self.problem, self.stopped_at = str(error).splitlines()[-1], gold.name
                return
            known = pq.read_table(to).to_pydict()
            label = dict(zip(known["record_id"], known["label"], strict=True))
            # Who is in no group is alone, under a name that no group bears.
            labels = [str(label.get(record, f"alone {record}")) for record in gold.ids]
            found = score(labels, gold.labels, gold.tables)
            who = str(measured.value["version"]) + _remark(one_per_source)
            yield Line(gold.name, len(labels), who, found, measured.value["seconds"])


def group(records: Path, folder: Path, one_per_source: bool = False) -> Grouped:
    """Group records with ours; its matches are kept beside the clusters."""
    clusters, matches = folder / "clusters.parquet", folder / "matches.parquet"
    measured = measuring.run(
        "grouping:group",
        records=str(records),
        to=str(clusters),
        one_per_source=one_per_source,
        matches=str(matches),
    )
    return Grouped(clusters, matches, measured)


def lines(gold: Gold, records: Path, folder: Path) -> Iterator[Line]:
    """Our groupings of a set, at both levels; of two tables also with one row a source."""
    for one_per_source in (False, True) if gold.is_two_tables else (False,):
        found = group(records, folder, one_per_source)
        for level in LEVELS:
            labels = found.labels(gold.records, level)
            who = f"**Paperlake**, {level}s" + _remark(one_per_source)
            scored = score(labels, gold.labels, gold.tables)
            yield Line(gold.name, len(labels), who, scored, found.measured.value["seconds"])


def _remark(one_per_source: bool) -> str:
    return ", one row a source" if one_per_source else ""


def _codes(labels: Iterable[str | None]) -> list[int]:
    """Numbers for texts, which are cheaper to sort."""
    place: dict[str | None, int] = {}
    return [place.setdefault(label, len(place)) for label in labels]
