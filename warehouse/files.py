"""The one way a file comes to be, and the locks.

A file appears under its final name whole or not at all: written under a temporary name in the same
folder, fsynced, renamed, and the folder fsynced. (A Parquet writer killed half way otherwise leaves
a corrupt file under the final name.) Temporary names begin with `.tmp-`, so that recovery can tell.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.errors import BusyError, UsageError

TEMPORARY = ".tmp-"
# Types as /proc/self/mounts names them.
_NETWORK_TYPES = ("nfs", "nfs4", "cifs", "smb3", "smbfs")


def absolute(path: Path) -> str:
    """A path from the root on, as text, links left as they are."""
    # Not resolve(): where a lake is reached through a link, the link may move on.
    return os.path.abspath(path)  # noqa: PTH100 - absolute() keeps the dots, which DuckDB compares


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to; on success it is fsynced and becomes `path`, else it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex[:12]}-{path.name}")
    try:
        yield temporary
        fd = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file whole."""
    with new_file(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a small JSON file whole, readable by people."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary(folder: Path) -> int:
    """Remove what killed writers left behind; returns how many files went."""
    gone = 0
    for path in [*folder.rglob(f"{TEMPORARY}*")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        gone += 1
    return gone


@dataclass(frozen=True, slots=True)
class Mount:
    """The file system in which a folder lies."""

    path: str
    """Where it is mounted."""
    type: str
    """As the kernel calls it: `ext4`, `nfs4`, `tmpfs`, ..."""
    is_read_only: bool


def mount_of(folder: Path) -> Mount | None:
    """The file system of a folder, which need not exist; None where the kernel does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    target = str(folder.resolve())
    best = None
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) < 4:
            continue
        path = parts[1].replace("\\040", " ")
        is_above = target == path or target.startswith(path.rstrip("/") + "/")
        if is_above and (best is None or len(path) >= len(best.path)):
            best = Mount(path, parts[2], "ro" in parts[3].split(","))
    return best


def refuse_network_disk(folder: Path) -> None:
    """Refuse a lake on a network file system, where flock and rename do not promise enough.

    Raises:
        UsageError: the folder lies on NFS or SMB.
    """
    mount = mount_of(folder)
    if mount is not None and mount.type in _NETWORK_TYPES:
        raise UsageError(
            f"{folder} lies on a network file system ({mount.type}), where locks and renames are not "
            "safe: keep the lake on a local disk, and export to the network."
        )


class Lock:
    """One writer at a time: an flock that the kernel drops when its process dies.

    The file also says who holds it and since when, for the message to the others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, purpose: str) -> None:
        """Take the lock at once.

        Raises:
            BusyError: somebody else holds it; the message says who, and since when.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _locked(fd):
            holder = _read_holder(fd)
            os.close(fd)
            raise BusyError(
                f"The lake {self.path.parent} is being written by {holder}: wait until it ends, "
                "or end that process.",
                lake=str(self.path.parent),
                holder=holder,
            )
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "purpose": purpose,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(note).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None


def _locked(fd: int) -> bool:
    """Take the lock, or not within half a second: whoever asks who holds it has it for a moment."""
    for _ in range(10):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def holder_of(path: Path) -> str | None:
    """Who holds a lock now, in words; None when nobody does."""
    try:
        # Only to read: whoever may not write the lake may still ask.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read_holder(fd)
    finally:
        os.close(fd)
    return None


def _read_holder(fd: int) -> str:
    try:
        note = _parse_note(os.pread(fd, 4096, 0))
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
    since = note.since.isoformat(timespec="seconds")
    return f"'{note.purpose}' (process {note.pid} on {note.host}, since {since})"


@dataclass(frozen=True, slots=True)
class LockNote:
    """What the holder of a lock writes into it; it stays behind when the holder is killed."""

    pid: int
    host: str
    purpose: str
    since: datetime


def lock_note(path: Path) -> LockNote | None:
    """The note in a lock's file; None when there is none. It does not say that the lock is held."""
    try:
        return _parse_note(path.read_bytes()[:4096])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parse_note(data: bytes) -> LockNote:
    note = json.loads(data)
    since = datetime.fromisoformat(note["since"])
    return LockNote(int(note["pid"]), str(note["host"]), str(note["purpose"]), since)
