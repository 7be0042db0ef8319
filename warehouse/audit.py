"""Whether a snapshot is what its manifest says: files, row hashes, content hashes."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.datasets import DATASETS, Dataset
from warehouse.hashing import moved, row_hash_sql, sums_sql
from warehouse.manifest import Manifest, Table, living_rows_sql, quoted
from warehouse.snapshots import Lake


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be."""

    what: str
    where: str


def audit(lake: Lake, manifest: Manifest) -> list[Finding]:
    """Compare every file and every row hash of a snapshot with its manifest.

    Reads everything once; the cost is that of the lake.
    """
    findings = [
        Finding(f"{file.path} {what}", str(lake.root / file.path))
        for file, what in lake.damaged_files(manifest)
    ]
    if findings:
        return findings
    connection = duckdb.connect()
    try:
        connection.execute("set timezone = 'UTC'")
        for dataset in DATASETS:
            findings += table_findings(connection, lake.root, dataset, manifest.table(dataset))
    finally:
        connection.close()
    return findings


def table_findings(
    connection: duckdb.DuckDBPyConnection, root: Path, dataset: Dataset, table: Table
) -> list[Finding]:
    """Compare the living rows of a table with its count and content hash, each hash made anew."""
    living = living_rows_sql(dataset, table, quoted(str(root)))
    # fetchall: a result that is not read to its end keeps the connection busy.
    ((n_rows, n_wrong, upper, lower),) = connection.execute(
        f"select count(*), count(*) filter (row_hash <> {row_hash_sql(dataset.model, 'r')}), "
        f"{sums_sql('row_hash')} from ({living}) as r"
    ).fetchall()
    where = f"table {dataset.name}"
    findings = []
    if n_wrong:
        findings.append(Finding(f"{n_wrong} rows have another hash than their content", where))
    if n_rows != table.rows:
        findings.append(Finding(f"{n_rows} rows instead of {table.rows}", where))
    found = moved("0" * 32, (upper, lower), (0, 0))
    if dataset.mode == "upsert" and found != table.content_hash:
        findings.append(Finding(f"content hash {found} instead of {table.content_hash}", where))
    return findings
