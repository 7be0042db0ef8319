"""Garbage: what no retained snapshot needs, and who may still be reading it.

Retention works from the oldest snapshot on. One that is kept no longer is thinned to a stub: its
manifest keeps number, time, hash and counts, and says that the files are gone. It is thinned only
when the snapshot after it was published a grace time ago, so that whoever opened it while it was the
newest can go on reading. Files that no retained manifest names go once they are older than the
grace time. The stub comes first and the files after it: killed in between, no manifest claims a
file that is gone, and the next collection finds the files without an owner.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from warehouse.files import write_bytes
from warehouse.manifest import Manifest, Table, to_json
from warehouse.responses import KeptPack, packs, remove_pack
from warehouse.retention import Keep
from warehouse.snapshots import KINDS, Lake, snapshot_of


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept, and for how long files outlive their snapshot."""

    snapshots: Keep
    responses: Keep
    grace: timedelta


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that no retained snapshot needs."""

    path: Path
    bytes: int

    @property
    def room(self) -> str:
        """The table it belongs to, or `warehouse`."""
        return self.path.parent.name


@dataclass(frozen=True, slots=True)
class Garbage:
    """What can go now, and what has to wait for the grace time."""

    snapshots: tuple[Manifest, ...] = ()
    """To be thinned, oldest first."""
    files: tuple[LostFile, ...] = ()
    packs: tuple[KeptPack, ...] = ()
    waiting: tuple[LostFile, ...] = ()
    """Files that nothing will need once the grace time is over."""

    def __bool__(self) -> bool:
        return bool(self.snapshots or self.files or self.packs)

    @property
    def bytes(self) -> int:
        """Bytes that can go now."""
        return sum(file.bytes for file in self.files) + sum(pack.bytes for pack in self.packs)


def find(lake: Lake, policy: Policy, now: float | None = None) -> Garbage:
    """What a lake holds and no longer needs.

    Args:
        lake: the lake; without its lock the answer may be old when it is given.
        policy: what is kept.
        now: seconds of the epoch by the clock of the file system; by default the present.
    """
    now = time.time() if now is None else now
    before = now - policy.grace.total_seconds()
    readable = lake.readable()
    first_night = policy.snapshots.first_night(item.night_date for item in readable)
    expired: list[Manifest] = []
    thinned: list[Manifest] = []
    for manifest, successor in itertools.pairwise(readable):
        if first_night is None or manifest.night_date >= first_night:
            break
        is_free = len(thinned) == len(expired) and _published(lake, successor) <= before
        expired.append(manifest)
        if is_free:
            thinned.append(manifest)
    kept = _needed(lake, readable[len(thinned) :])
    wanted = _needed(lake, readable[len(expired) :])
    files: list[LostFile] = []
    waiting: list[LostFile] = []
    for path, size, changed in stored(lake, readable[-1].snapshot if readable else 0):
        if path in wanted:
            continue
        is_old = path not in kept and changed <= before
        (files if is_old else waiting).append(LostFile(path, size))
    return Garbage(tuple(thinned), tuple(files), tuple(_old_packs(lake, policy)), tuple(waiting))


def collect(
    lake: Lake, garbage: Garbage, now: datetime, say: Callable[[str], None] | None = None
) -> None:
    """Thin snapshots and remove files; needs the lock. Killed anywhere, the next call goes on.

    Args:
        lake: the lake.
        garbage: what `find` says of it under the same lock.
        now: the time that the stubs tell (UTC).
        say: told in a line what is being done.
    """
    assert lake.lock.is_held
    for manifest in garbage.snapshots:
        write_bytes(lake.manifest_file(manifest.snapshot), to_json(stub(manifest, now)))
    for file in garbage.files:
        file.path.unlink(missing_ok=True)
    for pack in garbage.packs:
        remove_pack(pack, now)
    if say is not None and garbage:
        say(
            f"Removed {garbage.bytes:,} bytes: {len(garbage.files)} files, {len(garbage.snapshots)} "
            f"snapshots thinned, {len(garbage.packs)} packs of responses."
        )


def stub(manifest: Manifest, now: datetime) -> Manifest:
    """What is left of a snapshot: what it was, and that its files are gone."""
    tables = {
        name: Table(rows=table.rows, content_hash=table.content_hash)
        for name, table in manifest.tables.items()
    }
    return replace(manifest, tables=tables, watermarks={}, thinned_at=now)


def _published(lake: Lake, manifest: Manifest) -> float:
    """When a snapshot was published by the clock of the file system; a run may have another clock."""
    return lake.manifest_file(manifest.snapshot).stat().st_mtime


def _needed(lake: Lake, manifests: list[Manifest]) -> set[Path]:
    found = {lake.root / file.path for manifest in manifests for file in manifest.files()}
    for manifest in manifests:
        path = lake.warehouse_file(manifest.snapshot)
        found |= {path, path.with_suffix(".sql")}
    return found


def stored(lake: Lake, newest: int) -> Iterator[tuple[Path, int, float]]:
    """Every file of tables and warehouses up to a snapshot: path, bytes, time of its last change.

    A higher number belongs to a snapshot on its way; if it never arrives, recovery removes it.
    """
    for folder in (lake.root / "data", lake.root / "warehouse"):
        for path in sorted(folder.rglob("*")):
            number = snapshot_of(path)
            if number is not None and number <= newest and path.is_file():
                facts = path.stat()
                yield path, facts.st_size, facts.st_mtime


def _old_packs(lake: Lake, policy: Policy) -> Iterator[KeptPack]:
    """Packs of nights that are kept no longer; an unfinished run still needs its own."""
    found = packs(lake.responses)
    first_night = policy.responses.first_night(pack.night_date for pack in found)
    if first_night is None:
        return
    states = [state for kind in KINDS if (state := lake.state(kind)) is not None]
    unfinished = {date.fromisoformat(state["night_date"]) for state in states}
    for pack in found:
        if pack.night_date < first_night and pack.night_date not in unfinished:
            yield pack
