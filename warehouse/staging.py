"""Rows on their way into the tables, as Parquet: a harvest of any size needs little memory."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import record_batch
from schemas.datasets import LISTINGS, METRICS, QUARANTINE, Dataset
from schemas.fields import Row
from schemas.paper import Listing, Metric, Quarantined

_BATCH = 1_000
"""Rows that wait as objects; ten times as many cost a quarter more time and twice the memory."""

# Provenance of a staged row that is not part of any table.
_STAGED = (
    pa.field("staged_list", pa.string()),
    pa.field("staged_order", pa.int64()),
)


class Stage:
    """Rows of one harvest on their way: kept or dropped as a whole."""

    def __init__(self, folder: Path, source: str, list_name: str, ordinal: int) -> None:
        self.folder = folder
        self.source = source
        self.list_name = list_name
        folder.mkdir(parents=True)
        self._ordinal = ordinal << 40
        self._count = 0
        self._n_rows: dict[Dataset, int] = dict.fromkeys((LISTINGS, METRICS, QUARANTINE), 0)
        self._waiting: dict[Dataset, list[Row]] = {LISTINGS: [], METRICS: [], QUARANTINE: []}
        self._writers: dict[Dataset, pq.ParquetWriter] = {}

    def add(
        self,
        listings: Sequence[Listing],
        metrics: Sequence[Metric],
        quarantined: Sequence[Quarantined],
    ) -> None:
        """Stage the rows of one response."""
        for dataset, rows in ((LISTINGS, listings), (METRICS, metrics), (QUARANTINE, quarantined)):
            waiting = self._waiting[dataset]
            waiting.extend(rows)
            self._n_rows[dataset] += len(rows)
            if len(waiting) >= _BATCH:
                self._flush(dataset)

    def close(self) -> None:
        """Write what is waiting and end the files."""
        for dataset in self._waiting:
            self._flush(dataset)
        for writer in self._writers.values():
            writer.close()

    def files(self, dataset: Dataset) -> list[Path]:
        """The staged files of a table."""
        return [self._path(dataset)] if self._n_rows[dataset] else []

    def drop(self, dataset: Dataset) -> None:
        """Forget the rows staged for a table."""
        self._waiting[dataset], self._n_rows[dataset] = [], 0

    def n_rows(self, dataset: Dataset) -> int:
        """How many rows of a table were staged."""
        return self._n_rows[dataset]

    def _path(self, dataset: Dataset) -> Path:
        return self.folder / f"{dataset.name}.parquet"

    def _flush(self, dataset: Dataset) -> None:
        rows = self._waiting[dataset]
        if not rows:
            return
        batch = record_batch(rows, dataset.model)
        order = range(self._ordinal + self._count, self._ordinal + self._count + len(rows))
        self._count += len(rows)
        table = pa.Table.from_batches([batch])
        table = table.append_column(_STAGED[0], pa.array([self.list_name] * len(rows)))
        table = table.append_column(_STAGED[1], pa.array(order, pa.int64()))
        writer = self._writers.get(dataset)
        if writer is None:
            # Read once and thrown away: what would make the file small or prunable is not worth it.
            writer = self._writers[dataset] = pq.ParquetWriter(
                self._path(dataset),
                table.schema,
                compression="lz4",
                use_dictionary=False,
                write_statistics=False,
            )
        writer.write_table(table)
        self._waiting[dataset] = []
