"""One immutable Parquet file of a table: sorted, with field ids and descriptions."""

import uuid
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.arrow import STORED_COLUMNS, schema_of
from schemas.datasets import Dataset
from warehouse.files import new_file, sha256_of
from warehouse.manifest import DataFile

ROW_GROUP = 100_000


def write_parquet(
    db: duckdb.DuckDBPyConnection,
    root: Path,
    dataset: Dataset,
    snapshot: int,
    role: str,
    select: str,
    columns: Iterable[str] | None = None,
) -> DataFile:
    """Write the rows of a query as one file of a table.

    Args:
        db: the connection to ask.
        root: the lake's folder.
        dataset: the table.
        snapshot: number of the coming snapshot, which the file's name begins with.
        role: base, delta or delete.
        select: the query, with the model's columns and the stored ones.
        columns: of a file of superseded keys, the model's columns it has.
    """
    schema = schema_of(dataset.model)
    if columns is None:
        fields = [*schema, *STORED_COLUMNS]
    else:
        fields = [*(schema.field(name) for name in columns), STORED_COLUMNS[1]]
    known = {field.name for field in fields}
    order = ", ".join(f'"{name}"' for name in dataset.sort if name in known)
    names = ", ".join(f'"{field.name}"' for field in fields)
    target = pa.schema(fields, metadata={"paperlake.table": dataset.name, "paperlake.role": role})
    relative = f"data/{dataset.name}/{snapshot:06}-{role}-{uuid.uuid4().hex[:8]}.parquet"
    path = root / relative
    rows = 0
    with new_file(path) as temporary:
        sorted_rows = db.sql(f"select {names} from ({select}) order by {order}")
        reader = sorted_rows.to_arrow_reader(ROW_GROUP)
        assert reader is not None
        with pq.ParquetWriter(temporary, target, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(
                    pa.Table.from_batches([batch]).cast(target), row_group_size=ROW_GROUP
                )
                rows += batch.num_rows
    return DataFile(relative, rows, path.stat().st_size, sha256_of(path))
