"""A published snapshot, open to be asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from schemas.errors import UsageError
from warehouse.manifest import Manifest
from warehouse.reading import open_warehouse
from warehouse.snapshots import Lake


@contextmanager
def reading(
    lake: Lake, snapshot: int | None = None, *, hardened: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a snapshot, by default the newest, wherever the lake lies now.

    Raises:
        UsageError: there is no lake, no snapshot yet, no such snapshot, or none that can be read.
    """
    manifest = readable(lake, snapshot)
    connection = open_warehouse(
        lake.warehouse_file(manifest.snapshot), lake=lake.root, hardened=hardened
    )
    try:
        yield connection
    finally:
        connection.close()


def readable(lake: Lake, snapshot: int | None) -> Manifest:
    """The manifest of a snapshot whose files are there; raises as `reading` does."""
    lake.info()
    manifest = lake.manifest(snapshot)
    if manifest is None:
        raise UsageError(
            f"The lake {lake.root} has no snapshot yet: run `paperlake nightly` or `paperlake import`."
        )
    if manifest.thinned_at is not None:
        raise UsageError(
            f"Snapshot {manifest.snapshot} cannot be read any more: it was thinned on "
            f"{manifest.thinned_at:%Y-%m-%d}, as PAPERLAKE_KEEP_SNAPSHOTS says. `paperlake snapshots` "
            "tells which can be read."
        )
    return manifest


def tells_matches(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a snapshot's warehouse has the views of matches; those of earlier versions have not."""
    found = connection.execute(
        "select 1 from duckdb_views() where database_name = current_database() "
        "and schema_name = 'main' and view_name = 'match_evidence'"
    ).fetchall()
    return bool(found)
