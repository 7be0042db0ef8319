"""How the lake stands: who writes it, what is unfinished, whether the clock fits its files."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

import warehouse
from flows.doctor.findings import Asked, Finding, age_text, manifests, newest_readable, some, told
from flows.published import reading
from schemas.errors import PaperlakeError, SettingsError
from warehouse import decisions
from warehouse.files import lock_note
from warehouse.snapshots import KINDS, Lake

# A night of real sources takes minutes to hours; a backfill in one go may take a day.
_LONG = timedelta(hours=24)
_TOLERANCE = timedelta(minutes=2)


def locks(asked: Asked) -> Iterator[Finding]:
    """Who holds the lake's lock, and whether that process still lives."""
    name, lake = "locks", asked.lake
    if not lake.exists:
        return
    note, holder = lock_note(lake.lock.path), lake.holder()
    if holder is None:
        yield Finding(name, "ok", "Nobody writes the lake at present.")
        if note is not None:
            seen = (
                f"The last writer, '{note.purpose}' (process {note.pid}), ended without a farewell."
            )
            yield Finding(
                name, "note", seen, "The next writing run removes what it left half done."
            )
        return
    seen = f"The lake is being written by {holder}."
    if note is None or note.host != socket.gethostname():
        where = "another process" if note is None else f"a process of {note.host}"
        remedy = f"If that is not wanted, end {where}; `fuser {lake.lock.path}` there names it."
        yield Finding(name, "note", seen, remedy)
    elif not _lives(note.pid):
        yield Finding(
            name,
            "problem",
            f"{seen[:-1]}; that process is gone, but one that it started still holds the lock.",
            f"Find it with `fuser {lake.lock.path}` (or lsof) and end it; the lock goes with it.",
        )
    elif (age := datetime.now(UTC) - note.since) > _LONG:
        yield Finding(
            name,
            "warning",
            f"{seen[:-1]}, for {age_text(age)}.",
            f"See whether it still works; if not, end process {note.pid}: the same command goes on.",
        )
    else:
        yield Finding(name, "ok", f"{seen[:-1]}; that process lives.")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    with suppress(OSError):
        # Dead and not yet waited for by its parent.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return True


def unfinished(asked: Asked) -> Iterator[Finding]:
    """Nights and backfills that were begun and not ended."""
    name, lake = "unfinished", asked.lake
    if not lake.exists or lake.holder() is not None:
        return
    waiting = 0
    for kind in KINDS:
        path = lake.root / "state" / f"{kind}.json"
        state = lake.state(kind)
        if state is None:
            if path.exists():
                seen = f"{path} cannot be read, so it counts for nothing."
                yield Finding(name, "note", seen, f"The next {kind} writes it anew.")
            continue
        with suppress(PaperlakeError, OSError):
            published = lake.last_of_run(state["run_id"])
            if published is not None and published.is_run_complete:
                continue  # killed after its last step; nothing is missing
        waiting += 1
        age = age_text(timedelta(seconds=time.time() - path.stat().st_mtime))
        if state.get("is_blocked"):
            yield Finding(
                name,
                "warning",
                f"The night of {state['night_date']} was blocked by a check {age} ago.",
                "See `paperlake status` for the check; mend the cause, or run `paperlake nightly "
                "--allow CHECK`.",
            )
            continue
        args = state.get("args") or {}
        again = "".join(f" --{option} {value}" for option, value in args.items())
        yield Finding(
            name,
            "warning",
            f"A {kind} of {state['night_date']} was begun and not ended, {age} ago.",
            f"Run `paperlake {kind}{again}` again: it goes on from what is kept.",
        )
    if not waiting:
        yield Finding(name, "ok", "No night and no backfill waits to be ended.")


def decided(asked: Asked) -> Iterator[Finding]:
    """Whether what people decided can be read, and names listings that are there."""
    name, lake = "decisions", asked.lake
    if not lake.exists or not (lake.root / decisions.NAME).exists():
        return
    try:
        rows = decisions.read(lake.root)
    except SettingsError as error:
        seen, _, advice = str(error).removesuffix(".").rpartition(". ")
        yield Finding(name, "problem", f"{seen}.", f"{advice}.")
        return
    named = sorted({key for row in rows for key in (row.left_id, row.right_id)})
    strange: list[str] = []
    with suppress(PaperlakeError, OSError, duckdb.Error), reading(lake) as connection:
        known = connection.execute(
            "select listing_id from main.listings where listing_id in (select unnest(?))", [named]
        ).fetchall()
        strange = sorted(set(named) - {key for (key,) in known})
    if strange:
        yield Finding(
            name,
            "note",
            f"{decisions.NAME} names listings that are not in the lake: {some(strange)}.",
            "What it says of them applies when they come; mend it if they are misspelt.",
        )
    else:
        n = f"{len(named)} listings" if named else "no listing"
        yield Finding(name, "ok", f"{decisions.NAME} can be read and names {n}.")


def clock(asked: Asked) -> Iterator[Finding]:
    """Whether this machine's clock fits what was written before; see `network` for the sources'."""
    name, now = "clock", datetime.now(UTC)
    remedy = (
        "Set the clock (timedatectl set-ntp true, or your container host's) before the next run."
    )
    newest = max(_moments(asked.lake), default=(now, "nothing"))
    if newest[0] > now + _TOLERANCE:
        seen = f"It is {_text(now)} here, {age_text(newest[0] - now)} before {newest[1]}."
        yield Finding(name, "problem", seen, remedy)
    else:
        yield Finding(name, "ok", f"It is {_text(now)} here, after everything that was written.")


def _moments(lake: Lake) -> Iterator[tuple[datetime, str]]:
    """Moments that must have passed, each with what happened then."""
    code = Path(warehouse.__path__[0], "snapshots.py")
    yield _modified(code), "Paperlake was installed"
    if not lake.exists:
        return
    with suppress(PaperlakeError):
        info = lake.info()
        yield info.created_at, "the lake was made"
        manifest = newest_readable(lake)
        # A sandbox has a clock of its own.
        if manifest is not None and info.origin == "real":
            yield manifest.created_at, f"snapshot {manifest.snapshot} was made"
    for folder in ("data", "manifests", "warehouse", "state", "runs"):
        for path in (lake.root / folder).rglob("*"):
            with suppress(OSError):
                yield _modified(path), f"{path} was written"


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def snapshot(asked: Asked) -> Iterator[Finding]:
    """Whether the lake says who it is, and every manifest can be read."""
    name, lake = "snapshots", asked.lake
    if not lake.exists:
        where = lake.root / "lake.json"
        has_more = lake.numbers() != []
        yield Finding(
            name,
            "problem" if has_more else "note",
            f"{where} is missing, but there are snapshots."
            if has_more
            else f"There is no lake at {lake.root} yet.",
            f"Restore {where} from a backup: without it nothing can be read."
            if has_more
            else "The first `paperlake nightly`, `import` or `demo` makes it; name another with --lake.",
        )
        return
    try:
        lake.info()
    except PaperlakeError as error:
        yield Finding(name, "problem", *told(error))
    found = manifests(lake)
    if not found:
        seen = "The lake has no snapshot yet."
        yield Finding(name, "note", seen, "Run `paperlake nightly` or `paperlake import`.")
        return
    numbers = list(found)
    damaged = [number for number, manifest in found.items() if manifest is None]
    for number in damaged:
        yield _damaged(lake, number, is_newest=number == numbers[-1])
    gaps = sorted({*range(1, numbers[-1] + 1)} - {*numbers})
    if gaps:
        yield Finding(
            name,
            "warning",
            f"No manifest, although later snapshots have theirs: {some([f'{n:06}' for n in gaps])}.",
            "Restore manifests/ from a backup; the newest snapshot does not need them.",
        )
    manifest = found[numbers[-1]]
    if manifest is not None and not damaged:
        seen = (
            f"Snapshot {manifest.snapshot} is the newest, {len(manifest.files())} files in "
            f"{len(manifest.tables)} tables; {len(numbers)} manifests can be read."
        )
        yield Finding(name, "ok", seen)


def _damaged(lake: Lake, number: int, *, is_newest: bool) -> Finding:
    return Finding(
        "snapshots",
        "problem" if is_newest else "warning",
        f"{lake.manifest_file(number)} is damaged.",
        "Restore it from a backup; until then nothing can be read or written."
        if is_newest
        else f"Restore it from a backup; only snapshot {number} needs it.",
    )
