"""The pace of each host, shared by all processes of this machine.

A source allows so many requests from an address, not from a process, so the next free moment of a
host, its holds and its circuit stand in one small file a host, read and changed under its flock.
The lock is held for one read and one write, never while waiting. The file is only a memory of a
few minutes: missing, damaged, or written by a clock that has been set back, it is begun anew.
"""

import asyncio
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import math
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import CircuitOpenError, SettingsError

FAILURES_TO_OPEN = 8
"""Failures in a row after which a host is left alone."""
OPEN_SECONDS = 600.0
"""How long the circuit stays open the first time; it doubles with each failed probe."""
LONGEST_SECONDS = 3600.0
"""No hold and no open circuit lasts longer, whatever the file says."""
# So long the others wait for the probe of a process that may have died.
_PROBE_SECONDS = 300.0
# More slots ahead than this were not reserved by anybody: the file is wrong.
_QUEUE = 200
_LOCK_SECONDS = 5.0
_FILE_BYTES = 4096


@dataclasses.dataclass(slots=True)
class _State:
    """What the file says; times are seconds since 1970 by the wall clock."""

    at: float = 0.0
    next_at: float = 0.0
    held_until: float = 0.0
    failures: int = 0
    openings: int = 0
    open_until: float = 0.0
    probe_until: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class HostState:
    """How a host stands at present; times are seconds since 1970, 0 for none."""

    name: str
    """The host, as far as its file is named after it."""
    path: Path
    free_at: float
    """When its next request may go out: its queue and its holds."""
    failures: int
    """Requests that failed in a row."""
    opened_at: float
    """When its circuit was opened the last time."""
    open_until: float
    """Until when its circuit is open."""


class Pace:
    """When to ask which host, agreed among all processes that share a folder.

    `host` is a name, with its port where that is not the usual one. `sleep` and `clock` are for
    tests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._sleep = sleep
        self._clock = clock
        self._held: dict[str, float] = {}

    async def wait(self, host: str, pause_seconds: float) -> None:
        """Reserve the host's next free moment and sleep until it.

        Moments lie at least `pause_seconds` apart and never inside a hold. Without a pause the disk
        is not touched, and only this object's own holds count.

        Raises:
            SettingsError: the folder cannot be written.
        """
        if pause_seconds <= 0:
            now = self._clock()
            await self._sleep_until(now, min(self._held.get(host, now), now + LONGEST_SECONDS))
            return
        held_until = math.inf
        moment = 0.0
        while held_until > moment:
            async with self._state(host) as state:
                now = self._clock()
                queued = min(state.next_at, now + _QUEUE * pause_seconds)
                moment = max(now, queued, state.held_until)
                state.next_at = moment + pause_seconds
            await self._sleep_until(now, moment)
            # A hold that somebody set in the meantime counts for those who wait already.
            async with self._state(host) as state:
                held_until = state.held_until

    async def hold(self, host: str, seconds: float) -> None:
        """Nobody of this machine asks the host for so long, an hour at most."""
        until = self._clock() + min(max(seconds, 0.0), LONGEST_SECONDS)
        self._held[host] = max(until, self._held.get(host, 0.0))
        async with self._state(host) as state:
            state.held_until = max(until, state.held_until)

    async def failures(self, host: str) -> int:
        """How many requests to the host failed in a row."""
        if not self.path(host).exists():
            return 0
        async with self._state(host) as state:
            return state.failures

    async def report(self, host: str, ok: bool) -> None:
        """Count a request's end: a success closes the circuit, the eighth failure in a row opens it."""
        if ok and not self.path(host).exists():
            return
        async with self._state(host) as state:
            if ok:
                state.failures = state.openings = 0
                state.open_until = state.probe_until = 0.0
                return
            now = self._clock()
            state.failures += 1
            # Requests that were under way when the circuit opened do not open it again.
            if state.failures >= FAILURES_TO_OPEN and now >= state.open_until:
                state.openings += 1
                state.open_until, state.probe_until = now + _open_seconds(state), 0.0

    async def check(self, host: str) -> None:
        """Pass unless the circuit is open; when its time is over, one caller passes as the probe.

        Whoever passes says how it ended with `report`; a probe that never does blocks the others
        for five minutes.

        Raises:
            CircuitOpenError: the host is to be left alone; the message says until when.
        """
        path = self.path(host)
        if not path.exists():
            return
        async with self._state(host) as state:
            if state.failures < FAILURES_TO_OPEN:
                return
            now = self._clock()
            until = max(state.open_until, state.probe_until)
            if now >= until:
                state.probe_until = now + _PROBE_SECONDS
                return
            failures = state.failures
        when = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
        raise CircuitOpenError(
            f"{host} failed {failures} times in a row and is left alone until {when}: start again "
            f"then, or remove {path} if the fault was here and is mended.",
            host=host,
            until=when,
        )

    def look(self, host: str) -> HostState:
        """How a host stands; no lock is taken and nothing written."""
        return self._look(self.path(host))

    def look_at_all(self) -> list[HostState]:
        """How every host stands that this machine remembers, by name."""
        return [self._look(path) for path in sorted(self.folder.glob("host-*.json"))]

    def _look(self, path: Path) -> HostState:
        try:
            data = path.read_bytes()[:_FILE_BYTES]
        except OSError:
            data = b""
        state = _parse(data, self._clock())
        return HostState(
            name=path.stem.removeprefix("host-"),
            path=path,
            free_at=max(state.next_at, state.held_until),
            failures=state.failures,
            opened_at=max(0.0, state.open_until - _open_seconds(state)),
            open_until=state.open_until,
        )

    def path(self, host: str) -> Path:
        """The file of a host: its name where that is harmless, else shortened and with a digest."""
        host = host.lower()
        safe = re.sub(r"[^a-z0-9.-]", "_", host)[:80]
        if safe != host or not safe.strip("."):
            safe = f"{safe}-{hashlib.sha256(host.encode(errors='replace')).hexdigest()[:12]}"
        return self.folder / f"host-{safe}.json"

    async def _sleep_until(self, now: float, moment: float) -> None:
        if moment > now:
            await self._sleep(moment - now)

    @contextlib.asynccontextmanager
    async def _state(self, host: str) -> AsyncIterator[_State]:
        """The host's state under its lock, written back if changed. Never await inside."""
        path = self.path(host)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise SettingsError(
                f"PAPERLAKE_STATE_DIR: {path} cannot be written ({error.strerror}). Name a folder "
                "that all processes of this user can write.",
                path=str(path),
            ) from None
        try:
            await _lock(fd)
            now, found = self._clock(), os.pread(fd, _FILE_BYTES, 0)
            state = _parse(found, now)
            before = dataclasses.replace(state)
            yield state
            if state != before:
                state.at = now
            # What _parse has put right is written too, or a clamped time would move on for ever.
            data = json.dumps(dataclasses.asdict(state)).encode()
            if data != found:
                os.ftruncate(fd, os.pwrite(fd, data, 0))
        finally:
            os.close(fd)


def _open_seconds(state: _State) -> float:
    """How long a circuit stays open that has been opened so often in a row."""
    return min(OPEN_SECONDS * 2.0 ** max(state.openings - 1, 0), LONGEST_SECONDS)


async def _lock(fd: int) -> None:
    """Take the lock without blocking the event loop.

    It is held for microseconds; if it is not to be had for seconds, its holder was stopped in the
    middle, and going on without it is better than never going on.
    """
    give_up = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < give_up:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        await asyncio.sleep(0.002)


def _parse(data: bytes, now: float) -> _State:
    """Read the file, whatever is in it: all times end up at most an hour ahead."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return _State()
    if not isinstance(raw, dict):
        return _State()
    # Written later than now: the clock has been set back, and all times move with it.
    shift = max(0.0, _number(raw.get("at")) - now)
    times = {
        name: max(0.0, min(_number(raw.get(name)) - shift, now + LONGEST_SECONDS))
        for name in ("next_at", "held_until", "open_until", "probe_until")
    }
    return _State(
        at=min(_number(raw.get("at")), now),
        failures=int(min(_number(raw.get("failures")), 1e6)),
        openings=int(min(_number(raw.get("openings")), 10)),
        **times,
    )


def _number(value: object) -> float:
    """A finite number that is not negative; anything else is 0."""
    if not isinstance(value, int | float):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0
