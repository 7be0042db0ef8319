"""The lake's files: whether they are there and whole, and which of them nothing names."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from flows.doctor.findings import Asked, Finding, manifests, newest_readable, size_text, some
from warehouse.files import TEMPORARY
from warehouse.responses import packs, verify_pack
from warehouse.snapshots import Lake

_RESTORE = (
    "Restore them from a backup, or read an earlier snapshot (`paperlake sql --snapshot N`); "
    "`paperlake check` names every row that is lost."
)


def files(asked: Asked) -> Iterator[Finding]:
    """Whether every file of the newest snapshot is there, with its size."""
    manifest = newest_readable(asked.lake)
    if manifest is None:
        return
    lake, named = asked.lake, manifest.files()
    damaged = [
        f"{file.path} {damage}"
        for file in named
        if (damage := lake.damage(file, is_read=False)) is not None
    ]
    yield _verdict("files", damaged, f"All {len(named)} files are there, with their sizes.")


def hashes(asked: Asked, say: Callable[[str], None]) -> Iterator[Finding]:
    """Every file of the newest snapshot, and every kept response, read and compared: `--deep`."""
    lake, manifest = asked.lake, newest_readable(asked.lake)
    if manifest is not None:
        named = manifest.files()
        total = sum(file.bytes for file in named)
        say(
            f"Reading the {len(named)} files of snapshot {manifest.snapshot}, {size_text(total)} ..."
        )
        damaged, read = [], 0
        for number, file in enumerate(named, 1):
            if (damage := lake.damage(file)) is not None:
                damaged.append(f"{file.path} {damage}")
            read += file.bytes
            if number % 20 == 0 or file.bytes > total / 10:
                say(f"{number} of {len(named)} files, {size_text(read)}")
        yield _verdict(
            "sha256", damaged, f"{len(named)} files ({size_text(total)}) are as written."
        )
    found = packs(lake.responses)
    say(f"Reading {len(found)} packs of responses ...")
    broken, count = [], 0
    for number, pack in enumerate(found, 1):
        for damage in verify_pack(lake.responses, pack.source, pack.night_date):
            count += 1
            if damage is not None:
                broken.append(damage)
        if number % 20 == 0:
            say(f"{number} of {len(found)} packs, {count:,} responses")
    if broken:
        yield Finding(
            "sha256",
            "problem",
            f"{len(broken)} of {count:,} kept responses are damaged: {broken[0]}",
            "Restore the pack and its index from a backup; the tables do not need them, only reading "
            "them again with a later parser does.",
        )
    elif found:
        yield Finding(
            "sha256", "ok", f"{count:,} kept responses in {len(found)} packs are as written."
        )


def _verdict(name: str, damaged: list[str], sound: str) -> Finding:
    if damaged:
        return Finding(name, "problem", f"{len(damaged)} damaged: {some(damaged)}.", _RESTORE)
    return Finding(name, "ok", sound)


def orphans(asked: Asked) -> Iterator[Finding]:
    """Files that no manifest names, and what killed writers left."""
    name, lake = "orphans", asked.lake
    if not lake.exists:
        return
    if lake.holder() is not None:
        seen = "Not looked for while the lake is written."
        yield Finding(name, "note", seen, "Run `paperlake doctor` again when it is not.")
        return
    newest = newest_readable(lake)
    if newest is None and lake.numbers():
        seen = "Not looked for: the newest manifest cannot be read."
        yield Finding(name, "note", seen, "Restore it first.")
        return
    left, old = _unnamed(lake)
    left += _unended(lake)
    if left:
        yield _heap(
            lake,
            left,
            "left by a run that was killed",
            "Nothing has to be done: the next run that writes removes them.",
        )
    if old:
        yield _heap(lake, old, "that no snapshot names", "`paperlake maintain` removes them.")
    yield from _lone(lake)
    if not left and not old:
        yield Finding(name, "ok", "Every file belongs to a snapshot.")


def _heap(lake: Lake, paths: list[Path], what: str, remedy: str) -> Finding:
    size = sum(path.lstat().st_size for path in paths)
    shown = some([str(path.relative_to(lake.root)) for path in sorted(paths)])
    count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    return Finding("orphans", "note", f"{count} {what}, {size_text(size)}: {shown}.", remedy)


def _unnamed(lake: Lake) -> tuple[list[Path], list[Path]]:
    """Files of data/ and warehouse/ of snapshots that were never published, and other unnamed ones."""
    numbers = manifests(lake)
    named = {file.path for item in numbers.values() if item for file in item.files()}
    newest = max(numbers, default=0)
    left: list[Path] = []
    old: list[Path] = []
    for path in _files(lake.root / "data", lake.root / "warehouse"):
        relative = path.relative_to(lake.root)
        match = re.match(r"(\d{6,})", path.name)
        number = int(match[1]) if match else 0
        if path.name.startswith(TEMPORARY):
            continue
        if relative.parts[0] == "warehouse":
            is_named = number in numbers and path.suffix in (".duckdb", ".sql")
        else:
            is_named = str(relative) in named
        if not is_named:
            (left if number > newest else old).append(path)
    return left, old


def _unended(lake: Lake) -> list[Path]:
    """Temporary files anywhere, and all of the scratch space."""
    found = [path for path in _files(lake.root) if path.name.startswith(TEMPORARY)]
    found += [path for path in _files(lake.staging) if not path.name.startswith(TEMPORARY)]
    return found


def _files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path, _, names in os.walk(folder):
            yield from (Path(path, name) for name in names)


def _lone(lake: Lake) -> Iterator[Finding]:
    """Packs without an index, indexes without a pack, notes of runs that cannot be read."""
    stems: dict[Path, set[str]] = {}
    for path in _files(lake.responses):
        stems.setdefault(path.with_suffix(""), set()).add(path.suffix)
    for suffix, other in ((".jsonl", ".pack"), (".pack", ".jsonl")):
        lone = [
            str(stem.relative_to(lake.root)) + suffix
            for stem, found in sorted(stems.items())
            if suffix in found and other not in found
        ]
        if lone:
            yield Finding(
                "orphans",
                "warning" if suffix == ".jsonl" else "note",
                f"Kept responses without their {other} file: {some(lone)}.",
                "Restore it from a backup, or move these away to go on without these responses.",
            )
    readable = len(lake.noted_runs())
    noted = [path for path in _files(lake.root / "runs") if path.suffix == ".json"]
    if len(noted) > readable:
        seen = f"{len(noted) - readable} notes of runs in {lake.root / 'runs'} cannot be read."
        yield Finding("orphans", "note", seen, "They count for nothing and may be removed.")
