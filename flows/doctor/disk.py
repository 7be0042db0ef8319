"""The disk of the lake: room, inodes, permissions, and whether it does what publishing needs."""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flows.doctor.findings import Asked, Finding, newest_readable, size_text, some, told, unreadable
from schemas.errors import UsageError
from warehouse.files import TEMPORARY, mount_of, refuse_network_disk, sync_folder
from warehouse.snapshots import Lake

_NAME = "disk"
# A night writes little, but DuckDB sorts and joins on the lake's disk where memory does not suffice.
_LEAST_BYTES = 500_000_000
# Below this not even a small night ends.
_FULL_BYTES = 50_000_000
_LEAST_INODES = 1_000
# Sorting a table anew needs as much again as the new files.
_COMPACTION_FACTOR = 2
_READS, _WRITES = os.R_OK | os.X_OK, os.W_OK | os.X_OK
_VOLATILE = {"tmpfs": "in memory", "ramfs": "in memory", "overlay": "in a container's own layer"}


def disk(asked: Asked) -> Iterator[Finding]:
    """Everything about the disk."""
    root = asked.lake.root
    folder = _nearest(root)
    yield from _shared(asked)
    yield from _kind(folder)
    if root.exists() and not root.is_dir():
        seen, remedy = f"{root} is a file.", "Choose a folder with --lake DIR."
        yield Finding(_NAME, "problem", seen, remedy)
        return
    if not os.access(folder, _READS):
        yield unreadable(_NAME, [str(folder)])
        return
    try:
        asked.lake.refuse_unusable()
    except UsageError as error:
        yield Finding(_NAME, "problem", *told(error))
    yield from _room(asked.lake, folder)
    yield from _permissions(asked.lake, folder)
    yield from _abilities(asked.lake, folder)


def _nearest(path: Path) -> Path:
    """The folder itself, or the one above it in which it would be made."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def _room(lake: Lake, folder: Path) -> Iterator[Finding]:
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    manifest = newest_readable(lake)
    living = sum(file.bytes for file in manifest.files()) if manifest else 0
    wanted = max(_LEAST_BYTES, _COMPACTION_FACTOR * living)
    seen = f"{size_text(free)} are free at {folder}; "
    if lake.exists:
        seen += f"the lake has {size_text(_size(lake.root))}, and "
    seen += f"a night or a compaction may need {size_text(wanted)}."
    remedy = "Make room there, or move the lake to a larger disk."
    if free < _FULL_BYTES:
        yield Finding(_NAME, "problem", seen, remedy)
    elif free < wanted:
        yield Finding(_NAME, "warning", seen, remedy)
    else:
        yield Finding(_NAME, "ok", seen)
    # Some file systems have no fixed number and say 0.
    if room.f_files and room.f_favail < _LEAST_INODES:
        yield Finding(
            _NAME,
            "problem" if room.f_favail < _LEAST_INODES / 10 else "warning",
            f"Only {room.f_favail} files more can be made at {folder}: it runs out of inodes.",
            "Remove files there, or move the lake to another disk.",
        )


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(path, name).lstat().st_size
    return total


def _kind(folder: Path) -> Iterator[Finding]:
    mount = mount_of(folder)
    if mount is not None and mount.type in _VOLATILE:
        yield Finding(
            _NAME,
            "warning",
            f"{folder} lies {_VOLATILE[mount.type]} ({mount.type}): what is written there is gone "
            "after a restart, or with the container.",
            "Keep the lake on a disk of its own, in a container on a mounted volume.",
        )


def _permissions(lake: Lake, folder: Path) -> Iterator[Finding]:
    if not lake.exists:
        if not os.access(folder, _WRITES):
            yield Finding(
                _NAME,
                "problem",
                f"{lake.root} cannot be made: {_why_not(folder)}.",
                "Choose another folder with --lake DIR, or let its owner make this one for you.",
            )
        return
    parts = [lake.root, *(path for path in sorted(lake.root.iterdir()) if path.is_dir())]
    hidden = [str(path) for path in parts if not os.access(path, _READS)]
    if hidden:
        yield unreadable(_NAME, hidden)
    closed = [path for path in parts if not os.access(path, _WRITES)]
    if lake.lock.path.exists() and not os.access(lake.lock.path, os.W_OK):
        closed.append(lake.lock.path)
    if closed:
        yield Finding(
            _NAME,
            "warning",
            f"The lake can be read, but this user cannot write it: {_why_not(closed[0])}.",
            "Run nights as the lake's owner, or on the machine where it is mounted to be written.",
        )
        return
    owner = lake.root.stat().st_uid
    foreign = [path.name for path in parts if path.stat().st_uid != owner]
    if foreign:
        yield Finding(
            _NAME,
            "warning",
            f"Parts of the lake belong to another user than the lake: {some(foreign)}.",
            "Give the whole folder to the user who runs the nights (chown -R), and run them as one.",
        )


def _why_not(path: Path) -> str:
    mount = mount_of(path)
    if mount is not None and mount.is_read_only:
        return f"{mount.path} is mounted read-only"
    facts = path.stat()
    return f"{path} belongs to user {facts.st_uid} with mode {facts.st_mode & 0o7777:o}"


def _abilities(lake: Lake, folder: Path) -> Iterator[Finding]:
    """Try on the same disk what publishing relies on, in a folder that goes at once."""
    if lake.holder() is not None:
        return  # somebody is just doing all of it
    beside = folder.parent if folder == lake.root else folder
    if not os.access(beside, os.W_OK) or beside.stat().st_dev != folder.stat().st_dev:
        # A disk mounted at the lake itself has no beside; recovery knows the name, should we be killed.
        beside = folder
    if not os.access(beside, _WRITES):
        return  # told under permissions
    try:
        place = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}doctor-", dir=beside))
    except OSError as error:
        yield Finding(
            _NAME,
            "problem",
            f"Nothing can be made in {beside}: {error.strerror}.",
            "Mend that, or choose another folder with --lake DIR.",
        )
        return
    try:
        yield from _tried(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _tried(place: Path) -> Iterator[Finding]:
    remedy = "Keep the lake on a local POSIX disk such as ext4, xfs, btrfs, zfs or APFS."
    file, other = place / "a", place / "other"
    for what, attempt in (
        ("written", lambda: file.write_bytes(bytes(65536))),
        ("linked (link), which is how a snapshot is published", lambda: os.link(file, place / "b")),
        ("linked (symlink), as warehouse.duckdb is", lambda: (place / "c").symlink_to("a")),
        ("written anew and renamed", lambda: _renamed(other, file)),
        ("locked (flock), which keeps writers apart", lambda: _lock_twice(file)),
        ("made durable (fsync)", lambda: sync_folder(place)),
    ):
        try:
            attempt()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return  # told under room
            seen = f"On this disk a file cannot be {what}: {error.strerror or error}."
            yield Finding(_NAME, "problem", seen, remedy)
    if (place / "A").exists():
        yield Finding(
            _NAME,
            "note",
            "The disk does not tell capitals from small letters.",
            "Copy the lake to a disk that does if it shall be shared with others.",
        )


def _renamed(path: Path, target: Path) -> None:
    path.write_bytes(b"")
    path.replace(target)


def _lock_twice(path: Path) -> None:
    """Take a lock, and see that a second one is refused."""
    with path.open("rb") as first, path.open("rb") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise OSError("two processes can hold the same lock")


def _shared(asked: Asked) -> Iterator[Finding]:
    """The folder with the pace of each host, which every night writes."""
    folder = asked.settings.shared_dir
    nearest = _nearest(folder.absolute())
    if asked.is_sandbox:
        return  # a sandbox's pace is kept in the lake
    if (folder.exists() and not folder.is_dir()) or not os.access(nearest, _WRITES):
        why = "it is no folder" if folder.is_file() else _why_not(nearest)
        yield Finding(
            _NAME,
            "problem",
            f"The pace of the hosts cannot be kept in {folder}: {why}.",
            "Set PAPERLAKE_STATE_DIR to a folder that this user can write.",
        )
        return
    try:
        refuse_network_disk(folder)
    except UsageError:
        yield Finding(
            _NAME,
            "warning",
            f"The pace of the hosts is kept in {folder}, on a network disk, where locks are not safe.",
            "Set PAPERLAKE_STATE_DIR to a folder on a local disk.",
        )
