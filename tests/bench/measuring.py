"""One measured process: CPU seconds, wall time and peak memory of it and of what it starts.

A function named `module:function` runs in a process of its own with JSON arguments and a JSON
result. CPU seconds are user and system time of the process and of every child it waited for, as the
kernel counts them (wait4). The peak is the largest sum, seen every 20 ms, of the resident memory of
the process and its descendants, and at least the largest of any one of them as the kernel knows it:
files that are mapped count where they are resident, shared pages once for each process.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
_SAMPLE_SECONDS = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a process took."""

    cpu: float
    """User and system seconds of the process and its children."""
    wall: float
    """Seconds from start to end."""
    peak: int
    """Bytes of resident memory at the most."""
    value: Any
    """What the function returned."""


class WorkError(RuntimeError):
    """A measured process ended with an error; the message is its stderr."""


def run(function: str, *, python: str = sys.executable, **arguments: Any) -> Measured:
    """Run `module:function` of `tests.bench.work` in a process of its own and measure it.

    A peer that cannot be installed beside ours has an interpreter, `python`, of its own.

    Raises:
        WorkError: it ended with another code than 0.
    """
    command = [python, "-m", "tests.bench.child", function, json.dumps(arguments)]
    result = command_run(command)
    return Measured(result.cpu, result.wall, result.peak, json.loads(result.value))


def command_run(command: Sequence[str], env: Mapping[str, str] | None = None) -> Measured:
    """Run a command in the checkout's folder and measure it; its value is its last line.

    Raises:
        WorkError: it ended with another code than 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=env
    )
    sampler = _Sampler(process.pid)
    sampler.start()
    errors: list[bytes] = []
    assert process.stdout is not None
    assert process.stderr is not None
    drain = threading.Thread(target=lambda pipe: errors.append(pipe.read()), args=(process.stderr,))
    drain.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    sampler.stop()
    drain.join()
    process.stdout.close()
    process.stderr.close()
    if process.returncode != 0:
        raise WorkError(f"{' '.join(command[:6])}: {errors[0].decode(errors='replace')[-4000:]}")
    peak = max(sampler.peak, usage.ru_maxrss * 1024)
    lines = output.decode().strip().splitlines()
    return Measured(usage.ru_utime + usage.ru_stime, wall, peak, lines[-1] if lines else "")


class _Sampler(threading.Thread):
    """Looks at the resident memory of a process and its descendants until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(_resident, _family(self.pid))))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _family(pid: int) -> list[int]:
    found = [pid]
    for known in found:
        try:
            for task in Path(f"/proc/{known}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:  # it ended meanwhile
            continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def alternate(repetitions: int, **contenders: Callable[[], Measured]) -> dict[str, list[Measured]]:
    """Run contenders by turns, so that a busy moment of the machine meets them all."""
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, contender in contenders.items():
            found[name].append(contender())
    return found


def median_ratio(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of neighbours in time."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
