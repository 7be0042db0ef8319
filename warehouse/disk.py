"""What a lake takes on disk, table by table."""

from typing import Any

from warehouse.garbage import Policy, find, stored
from warehouse.manifest import DataFile, Table
from warehouse.snapshots import Lake


def disk_use(lake: Lake, policy: Policy) -> dict[str, Any]:
    """Bytes of every table in the newest snapshot, and of what there is beside it.

    Returns:
        `tables`, a row each: table, rows, files, bytes, base_bytes, delta_bytes and delete_bytes of
        the newest snapshot; earlier_bytes, which only earlier snapshots or nobody needs; share, of all
        bytes here. Beside it responses_bytes, warehouse_bytes, `garbage_bytes` (what `maintain` would
        remove now, responses left out), `waiting_bytes` (what goes once its grace time is over; both are part of the bytes
        above), total_bytes, and n_readable_snapshots.
    """
    readable = lake.readable()
    newest = readable[-1] if readable else None
    garbage = find(lake, policy)
    on_disk: dict[str, int] = {}
    for path, size, _ in stored(lake, newest.snapshot if newest else 0):
        on_disk[path.parent.name] = on_disk.get(path.parent.name, 0) + size
    responses = sum(p.stat().st_size for p in lake.responses.rglob("*") if p.is_file())
    warehouses = on_disk.pop("warehouse", 0)
    total = sum(on_disk.values()) + responses + warehouses
    tables = newest.tables if newest else {}
    return {
        "tables": [
            _table(name, tables.get(name, Table()), on_disk.get(name, 0), total)
            for name in sorted({*tables, *on_disk})
        ],
        "responses_bytes": responses,
        "warehouse_bytes": warehouses,
        "garbage_bytes": sum(file.bytes for file in garbage.files),
        "waiting_bytes": sum(file.bytes for file in garbage.waiting),
        "total_bytes": total,
        "n_readable_snapshots": len(readable),
    }


def _table(name: str, table: Table, on_disk: int, total: int) -> dict[str, Any]:
    size = _bytes(table.files)
    return {
        "table": name,
        "rows": table.rows,
        "files": len(table.files),
        "bytes": size,
        "base_bytes": _bytes(table.base),
        "delta_bytes": _bytes(table.deltas),
        "delete_bytes": _bytes(table.deletes),
        "earlier_bytes": max(on_disk - size, 0),
        "share": round(on_disk / total, 4) if total else 0.0,
    }


def _bytes(files: tuple[DataFile, ...]) -> int:
    return sum(file.bytes for file in files)
