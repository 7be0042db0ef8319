import asyncio
import fcntl
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.pacing import FAILURES_TO_OPEN, LONGEST_SECONDS, OPEN_SECONDS, Pace
from schemas.errors import CircuitOpenError, SettingsError

HOST = "example.org"


class Clock:
    """A wall clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.waits: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock in 2027."""
    return Clock()


def paced(folder: Path, clock: Clock) -> Pace:
    """What a process that lives by this clock has."""
    return Pace(folder, sleep=clock.sleep, clock=clock.time)


def test_requests_lie_a_pause_apart(tmp_path: Path, clock: Clock) -> None:
    """The first request goes at once and each further one a pause after the one before."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        for _ in range(3):
            await pace.wait(HOST, 3.0)

    asyncio.run(run())
    assert clock.waits == pytest.approx([3.0, 3.0])


def test_hosts_do_not_wait_for_each_other(tmp_path: Path, clock: Clock) -> None:
    """Each host has a pace of its own."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        await pace.wait(HOST, 3.0)
        await pace.wait("other.example.org", 3.0)

    asyncio.run(run())
    assert clock.waits == []


def test_without_a_pause_the_disk_is_not_touched(tmp_path: Path, clock: Clock) -> None:
    """A pause of 0 creates no folder and no file."""
    folder = tmp_path / "pace"
    asyncio.run(paced(folder, clock).wait(HOST, 0))
    assert not folder.exists()


def test_processes_share_the_pace(tmp_path: Path) -> None:
    """Two processes together ask no faster than one may."""
    pause, each = 0.1, 5
    script = f"""
import asyncio, sys, time
from pathlib import Path
from flows.pacing import Pace

async def run():
    pace = Pace(Path(sys.argv[1]))
    print(time.time())
    for _ in range({each}):
        await pace.wait("{HOST}", {pause})
        print(time.time())

asyncio.run(run())
"""
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    moments = sorted(
        float(line) for process in processes for line in process.communicate(timeout=30)[0].split()
    )
    assert len(moments) == 2 * (each + 1)
    assert moments[-1] - moments[0] >= (2 * each - 1) * pause - 0.02


def test_tasks_of_one_process_share_the_pace(tmp_path: Path) -> None:
    """Waiters at the same moment get slots one after the other, and the event loop stays free."""

    async def run() -> tuple[float, int]:
        pace, ticks = Pace(tmp_path), 0
        started = time.monotonic()
        waiters = asyncio.gather(*(pace.wait(HOST, 0.05) for _ in range(6)))
        while not waiters.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return time.monotonic() - started, ticks

    seconds, ticks = asyncio.run(run())
    assert seconds >= 5 * 0.05 - 0.01
    assert ticks >= 10


@pytest.mark.parametrize("pause", [0.0, 3.0])
def test_a_hold_makes_everybody_wait(tmp_path: Path, clock: Clock, pause: float) -> None:
    """After a hold the next request waits until its end, with and without a pause."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        await pace.hold(HOST, 120)
        await pace.wait(HOST, pause)

    asyncio.run(run())
    assert clock.waits == pytest.approx([120.0])


def test_a_hold_counts_in_other_processes(tmp_path: Path, clock: Clock) -> None:
    """A hold set by one object makes another one on the same folder wait."""

    async def run() -> None:
        await paced(tmp_path, clock).hold(HOST, 120)
        await paced(tmp_path, clock).wait(HOST, 1.0)

    asyncio.run(run())
    assert clock.waits == pytest.approx([120.0])


def test_a_hold_counts_for_those_who_wait_already(tmp_path: Path, clock: Clock) -> None:
    """A hold that is set while somebody sleeps before a request makes that request wait too."""
    other = paced(tmp_path, clock)

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        if len(clock.waits) == 1:
            await other.hold(HOST, 60)

    async def run() -> None:
        pace = Pace(tmp_path, sleep=sleep, clock=clock.time)
        await pace.wait(HOST, 3.0)
        await pace.wait(HOST, 3.0)

    asyncio.run(run())
    assert clock.waits == pytest.approx([3.0, 60.0])


def test_an_absurd_hold_is_clamped(tmp_path: Path, clock: Clock) -> None:
    """No hold lasts longer than an hour."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        await pace.hold(HOST, 1e12)
        await pace.wait(HOST, 1.0)

    asyncio.run(run())
    assert clock.waits == pytest.approx([LONGEST_SECONDS])


def test_a_wait_can_be_cancelled(tmp_path: Path) -> None:
    """A sleeping waiter ends at once when its task is cancelled."""

    async def run() -> float:
        pace = Pace(tmp_path)
        await pace.hold(HOST, 600)
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pace.wait(HOST, 1.0), 0.05)
        return time.monotonic() - started

    assert asyncio.run(run()) < 2


async def fail(pace: Pace, times: int) -> None:
    """Report so many failures."""
    for _ in range(times):
        await pace.report(HOST, ok=False)


def test_failures_in_a_row_open_the_circuit_for_all(tmp_path: Path, clock: Clock) -> None:
    """After eight failures in a row another process too is told to leave the host alone."""

    async def run() -> None:
        pace, other = paced(tmp_path, clock), paced(tmp_path, clock)
        await fail(pace, FAILURES_TO_OPEN - 1)
        await other.check(HOST)
        await fail(pace, 1)
        assert await other.failures(HOST) == FAILURES_TO_OPEN
        with pytest.raises(
            CircuitOpenError, match=r"example\.org failed 8 times.* until 2027-"
        ) as e:
            await other.check(HOST)
        assert e.value.facts["host"] == HOST
        assert str(pickle.loads(pickle.dumps(e.value))) == str(e.value)

    asyncio.run(run())


def test_a_success_begins_the_count_anew(tmp_path: Path, clock: Clock) -> None:
    """Only failures in a row count."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        await fail(pace, FAILURES_TO_OPEN - 1)
        await pace.report(HOST, ok=True)
        await fail(pace, FAILURES_TO_OPEN - 1)
        await pace.check(HOST)

    asyncio.run(run())


def test_one_probe_passes_when_the_time_is_over(tmp_path: Path, clock: Clock) -> None:
    """After the open time one caller passes and the others do not, until it has succeeded."""

    async def run() -> None:
        pace, other = paced(tmp_path, clock), paced(tmp_path, clock)
        await fail(pace, FAILURES_TO_OPEN)
        clock.now += OPEN_SECONDS + 1
        await pace.check(HOST)
        with pytest.raises(CircuitOpenError):
            await other.check(HOST)
        await pace.report(HOST, ok=True)
        await other.check(HOST)
        assert await other.failures(HOST) == 0

    asyncio.run(run())


def test_a_failed_probe_doubles_the_time_up_to_an_hour(tmp_path: Path, clock: Clock) -> None:
    """Each failed probe leaves the host alone twice as long, an hour at most."""

    async def open_seconds(pace: Pace) -> float:
        started = clock.now
        while True:
            try:
                await pace.check(HOST)
            except CircuitOpenError:
                clock.now += 10
            else:
                return clock.now - started

    async def run() -> list[float]:
        pace = paced(tmp_path, clock)
        await fail(pace, FAILURES_TO_OPEN)
        found = []
        for _ in range(5):
            found.append(await open_seconds(pace))
            await fail(pace, 1)
        return found

    assert asyncio.run(run()) == [600, 1200, 2400, 3600, 3600]


def test_a_lost_probe_is_replaced(tmp_path: Path, clock: Clock) -> None:
    """A probe whose process died blocks the others for minutes only."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        await fail(pace, FAILURES_TO_OPEN)
        clock.now += OPEN_SECONDS + 1
        await pace.check(HOST)
        clock.now += 301
        await pace.check(HOST)

    asyncio.run(run())


FAR = 4e9
DAMAGED = [
    b"",
    b"{",
    b"\x00\xff\xfe" * 50,
    b"[" * 4000,
    b"[1, 2]",
    b'{"next_at": "soon", "failures": null, "openings": {}, "at": true}',
    b'{"at": NaN, "next_at": Infinity, "held_until": -Infinity}',
    b'{"next_at": 1' + b"0" * 400 + b"}",
    json.dumps({"at": FAR, "next_at": FAR + 1, "held_until": FAR + 2}).encode(),
    json.dumps({"at": 1, "next_at": FAR}).encode(),
    b'{"at": -5, "failures": 1e300, "openings": 1e300, "open_until": 1e300, "probe_until": 1e300}',
]


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_file_heals(tmp_path: Path, clock: Clock, data: bytes) -> None:
    """Whatever the file holds, a request waits seconds, and the pace is right again after it."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        pace.path(HOST).write_bytes(data)
        await pace.wait(HOST, 0.1)
        assert sum(clock.waits) <= 0.1 * 200
        clock.waits.clear()
        await pace.wait(HOST, 0.1)
        assert clock.waits == pytest.approx([0.1], abs=1e-3)

    asyncio.run(run())


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the file is written anew
)
def test_any_bytes_are_survived(tmp_path: Path, data: bytes) -> None:
    """No content of the file raises, and a wait ends within an hour."""

    async def run() -> None:
        clock = Clock()
        pace = paced(tmp_path, clock)
        pace.path(HOST).write_bytes(data)
        await pace.wait(HOST, 1.0)
        await pace.report(HOST, ok=False)
        await pace.failures(HOST)
        assert sum(clock.waits) <= LONGEST_SECONDS

    asyncio.run(run())


def test_a_clock_set_back_neither_hangs_nor_forgets(tmp_path: Path, clock: Clock) -> None:
    """After the clock is set back by a year, holds and circuits last as long as they were to last."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        await pace.hold(HOST, 100)
        await fail(pace, FAILURES_TO_OPEN)
        clock.now -= 365 * 86400
        with pytest.raises(CircuitOpenError):
            await pace.check(HOST)
        await pace.wait(HOST, 1.0)
        assert clock.waits == pytest.approx([100.0])
        clock.now += OPEN_SECONDS
        await pace.check(HOST)

    asyncio.run(run())


def test_an_absurd_open_time_ends_after_an_hour(tmp_path: Path, clock: Clock) -> None:
    """A circuit whose file says it is open for centuries opens no longer than an hour."""

    async def run() -> None:
        pace = paced(tmp_path, clock)
        state = {"at": clock.now, "failures": 9, "openings": 1, "open_until": 1e15}
        pace.path(HOST).write_text(json.dumps(state))
        with pytest.raises(CircuitOpenError):
            await pace.check(HOST)
        clock.now += LONGEST_SECONDS + 1
        await pace.check(HOST)

    asyncio.run(run())


def test_a_stopped_holder_of_the_lock_does_not_hang_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the lock is not to be had for seconds, the wait goes on without it."""
    monkeypatch.setattr("flows.pacing._LOCK_SECONDS", 0.1)
    pace = Pace(tmp_path)
    fd = os.open(pace.path(HOST), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        asyncio.run(asyncio.wait_for(pace.wait(HOST, 0.05), 5))
    finally:
        os.close(fd)


@given(host=st.text(max_size=300))
def test_no_host_leaves_the_folder(host: str) -> None:
    """Any text as a host gives the name of one ordinary file directly in the folder."""
    path = Pace(Path("/state")).path(host)
    assert path.parent == Path("/state")
    assert path.name.isascii()
    assert path.name.startswith("host-")
    assert len(path.name) < 120


def test_hosts_that_look_alike_have_files_of_their_own() -> None:
    """Names that differ only in unsafe characters do not share a file; ports count."""
    names = ["a/b", "a_b", "a:80", "a:81", "a_80", "..", ".", "", "../a"]
    assert len({Pace(Path("/s")).path(name) for name in names}) == len(names)


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    """The error names the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="PAPERLAKE_STATE_DIR"):
        asyncio.run(Pace(tmp_path / "file").wait(HOST, 1.0))


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link to a file elsewhere is refused and the file left as it was."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    pace = Pace(tmp_path / "state")
    pace.folder.mkdir()
    pace.path(HOST).symlink_to(victim)
    with pytest.raises(SettingsError):
        asyncio.run(pace.wait(HOST, 1.0))
    assert victim.read_text() == "precious"
