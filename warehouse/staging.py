"""Rows on their way into the tables, as Parquet: a harvest of any size needs little memory."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import record_batch
from schemas.datasets import LISTINGS, METRICS, QUARANTINE, Dataset
from schemas.fields import Row
from schemas.paper import Listing, Metric, Quarantined

_BATCH = 20_000

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
        self._files: dict[Dataset, list[Path]] = {LISTINGS: [], METRICS: [], QUARANTINE: []}

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
        """Write what is waiting."""
        for dataset in self._waiting:
            self._flush(dataset)

    def files(self, dataset: Dataset) -> list[Path]:
        """The staged files of a table."""
        return self._files[dataset]

    def drop(self, dataset: Dataset) -> None:
        """Forget the rows staged for a table."""
        self._waiting[dataset], self._files[dataset], self._n_rows[dataset] = [], [], 0

    def n_rows(self, dataset: Dataset) -> int:
        """How many rows of a table were staged."""
        return self._n_rows[dataset]

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
        path = self.folder / f"{dataset.name}-{len(self._files[dataset]):05}.parquet"
        pq.write_table(table, path, compression="lz4")
        self._files[dataset].append(path)
        self._waiting[dataset] = []
