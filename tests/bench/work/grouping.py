"""Deduplication of records that stand in a file."""

import time

import pyarrow.parquet as pq

from warehouse.dedupe.alone import RECORDS, deduplicate


def group(
    records: str, to: str, one_per_source: bool = False, matches: str = ""
) -> dict[str, object]:
    """Write the clusters, and the matches where a path is given; returns the seconds it took."""
    started = time.perf_counter()
    # DuckDB and Arrow name the elements of a list differently.
    table = pq.read_table(records, columns=RECORDS.names).cast(RECORDS)
    found = deduplicate(table, one_per_source=one_per_source)
    pq.write_table(found.clusters, to)
    if matches:
        pq.write_table(found.matches, matches)
    return {"version": "Paperlake", "seconds": time.perf_counter() - started}
