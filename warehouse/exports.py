"""Exports: one compacted Parquet file a view and a manifest.json, put in place whole or not at all.

An export is made in a hidden folder beside its target and changes places with it in one step, so
that the target always holds one whole export, the earlier or the later. A reader reads the manifest
first; a file that is missing or has another sha256 than it says means that the export was replaced
in between: read the manifest again. The same snapshot gives the same bytes, whenever it is exported
(by the same version of pyarrow).
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import BusyError, LakeError, PaperlakeError, UsageError
from warehouse.build import Described, described_columns, keyed, view_comments
from warehouse.files import sha256_of, sync_folder, write_json
from warehouse.manifest import Manifest, quoted
from warehouse.reading import open_warehouse

FORMAT = "paperlake-export"
# Of the export, which readers rely on; the lake's own changes without it.
_FORMAT_VERSION = 1
MANIFEST = "manifest.json"
ROW_GROUP = 100_000
_BATCH = 8_192
# Sorting beyond this goes to disk; the row group that is being put together comes on top.
_MEMORY_MIB = 2048

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def export(
    lake_root: Path,
    manifest: Manifest,
    warehouse: Path,
    target: Path,
    *,
    views: Sequence[str] | None = None,
    lake_id: str | None = None,
) -> dict[str, Any]:
    """Export a snapshot's views to a folder, which is replaced as a whole.

    Args:
        lake_root: the lake's folder, where it lies now.
        manifest: the snapshot.
        warehouse: the DuckDB file of the same snapshot.
        target: the folder to make or to replace; only an empty folder or an earlier export is replaced.
        views: names of views; all by default.
        lake_id: who the lake is, for the manifest.

    Returns:
        The export's manifest: format, format_version, snapshot, created_at (of the snapshot),
        content_hash, lake_id and files, each with view, description, key, sorted_by, path, rows,
        bytes, sha256 and schema (name, type, description a column).

    Raises:
        UsageError: no such view, or the target holds something else or cannot be replaced.
        BusyError: another process exports to the same target.
        LakeError: a view cannot be read.
        PaperlakeError: the disk is full, or broken.
    """
    place = Path(os.path.realpath(target))
    _refuse_foreign(place, lake_root)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(open_warehouse(warehouse, lake=lake_root))
        comments = view_comments(connection)
        names = _chosen(views, list(comments))
        stack.enter_context(_explained(place))
        place.parent.mkdir(parents=True, exist_ok=True)
        stack.enter_context(_locked(place))
        _remove_leftovers(place)
        work = _sibling(place, f"{uuid.uuid4().hex[:12]}")
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        fresh = work / "new"
        fresh.mkdir(parents=True)
        connection.execute(f"set memory_limit = '{_MEMORY_MIB}MiB'")
        connection.execute(f"set temp_directory = {quoted(str(work / 'spill'))}")
        files = [
            _exported(connection, name, comments[name], fresh, manifest.snapshot) for name in names
        ]
        told = {
            "format": FORMAT,
            "format_version": _FORMAT_VERSION,
            "snapshot": manifest.snapshot,
            "created_at": manifest.created_at.isoformat(),
            "content_hash": manifest.content_hash,
            "lake_id": lake_id,
            "files": files,
        }
        write_json(fresh / MANIFEST, told)
        sync_folder(fresh)
        # Again: somebody may have put something there in the meantime.
        _refuse_foreign(place, lake_root)
        _put_in_place(fresh, place)
    return told


def _chosen(views: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    if views is None:
        return [*known]
    if not views:
        raise UsageError(f"No view was named: choose from {', '.join(known)}.")
    for name in views:
        if name not in known:
            raise UsageError(f"There is no view '{name}': choose from {', '.join(known)}.")
    return sorted(set(views))


def _refuse_foreign(place: Path, lake_root: Path) -> None:
    """Refuse a target whose replacement would lose anything that is not an earlier export."""
    if place.is_relative_to(os.path.realpath(lake_root)):
        raise UsageError(f"{place} lies in the lake itself: choose a folder outside of it.")
    if not place.exists():
        return
    if not place.is_dir():
        raise UsageError(f"{place} is a file: choose a folder for the export.")
    foreign = {path.name for path in place.iterdir()}
    if foreign:
        foreign -= _own_files(place / MANIFEST)
    if foreign:
        raise UsageError(
            f"{place} holds what is no export of ours ({min(foreign)}), and an export replaces the "
            "whole folder: choose another one, or empty it."
        )


def _own_files(path: Path) -> set[str]:
    """The files of an earlier export by its manifest; none where it is not ours."""
    try:
        told = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            return set()
        return {MANIFEST, *(str(file["path"]) for file in told["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _exported(
    connection: duckdb.DuckDBPyConnection, view: str, comment: str, folder: Path, snapshot: int
) -> dict[str, Any]:
    """Write one view and tell of its file."""
    key, order = keyed(comment)
    columns = described_columns(connection, view)
    path = folder / f"{view}.parquet"
    sorting = ", ".join(f'"{name}" asc nulls last' for name in dict.fromkeys((*order, *key)))
    try:
        relation = connection.sql(f'select * from main."{view}" order by {sorting}')
        reader = relation.to_arrow_reader(_BATCH)
        assert reader is not None
        schema = _described_schema(reader.schema, columns)
        schema = schema.with_metadata({"paperlake.view": view, "paperlake.snapshot": str(snapshot)})
        rows = 0
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in _groups(reader):
                writer.write_table(group.cast(schema), row_group_size=ROW_GROUP)
                rows += group.num_rows
    except duckdb.Error as error:
        raise LakeError(
            f"The view {view} cannot be read ({error}): see `paperlake check`."
        ) from None
    _sync_file(path)
    return {
        "view": view,
        "description": comment,
        "key": list(key),
        "sorted_by": list(order),
        "path": path.name,
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "schema": [
            {"name": column.name, "type": column.type, "description": column.sentence}
            for column in columns
        ],
    }


def _groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Tables of exactly ROW_GROUP rows, the last one shorter, each in one chunk.

    Where DuckDB cuts its batches depends on its threads, and pyarrow cuts pages where chunks end:
    the bytes of a file must depend on neither.
    """
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in reader:
        while n_waiting + batch.num_rows >= ROW_GROUP:
            taken = ROW_GROUP - n_waiting
            waiting.append(batch.slice(0, taken))
            yield pa.Table.from_batches(waiting).combine_chunks()
            batch = batch.slice(taken)
            waiting, n_waiting = [], 0
        if batch.num_rows:
            waiting.append(batch)
            n_waiting += batch.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting).combine_chunks()


def _described_schema(schema: pa.Schema, columns: Sequence[Described]) -> pa.Schema:
    sentences = {column.name: column.sentence for column in columns}
    return pa.schema(
        pa.field(
            field.name,
            _named_elements(field.type),
            metadata={"description": sentences[field.name]},
        )
        for field in schema
    )


def _named_elements(kind: pa.DataType) -> pa.DataType:
    """The type with list elements named as Parquet names them; DuckDB calls them `l`."""
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _named_elements(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(item.name, _named_elements(item.type)) for item in kind])
    return kind


# Putting in place


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Tell what the operating system refuses in a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise PaperlakeError(
                f"The export to {place} failed ({reason}); what was there is untouched.",
                path=str(place),
            ) from None
        raise UsageError(
            f"{place} cannot be put in place ({reason}): choose a folder below one that you can "
            "write to, and not a mount itself.",
            path=str(place),
        ) from None


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    """One export to a target at a time; the kernel drops the lock when its process dies.

    The lock file stays: removing it would let two processes lock two files of one name.
    """
    fd = os.open(_sibling(place, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"Another process exports to {place}: wait until it ends.", path=str(place)
            ) from None
        yield
    finally:
        os.close(fd)


def _sibling(place: Path, suffix: str) -> Path:
    return place.with_name(f".{place.name}.{FORMAT}-{suffix}")


def _remove_leftovers(place: Path) -> None:
    """Remove what killed exports to this target left; needs the lock."""
    name = re.compile(re.escape(_sibling(place, "").name) + "[0-9a-f]{12}")
    for path in place.parent.iterdir():
        if name.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _put_in_place(fresh: Path, place: Path) -> None:
    """Give a folder its name; what had it before is then in the folder's place, to be removed."""
    if place.exists():
        shutil.copymode(place, fresh)
        if not _exchange(fresh, place):
            # Not atomic, but as near as this system comes: for a moment there is no export.
            old = fresh.with_name("old")
            place.rename(old)
            fresh.rename(place)
    else:
        fresh.rename(place)
    sync_folder(place.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot.

    Protocol: renameat2(2) with RENAME_EXCHANGE, Linux 3.15 and glibc 2.28 or later.
    """
    call = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def _renameat2() -> Callable[..., int] | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    )
    call.restype = ctypes.c_int
    result: Callable[..., int] = call
    return result


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
