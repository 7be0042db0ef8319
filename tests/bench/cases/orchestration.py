"""Prefect's share of a night: with its server up, against the same night without Prefect."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench import measuring
from tests.bench.bench import Bench, Figure
from tests.bench.measuring import Measured

PAPERS = 5_000
_PATIENCE = 120.0
_BIN = Path(sys.executable).parent


def measure(bench: Bench) -> Iterator[Figure]:
    """First nights of the sandbox by turns; all that differs is `--no-prefect`."""
    env = {
        **os.environ,
        "PREFECT_HOME": bench.fresh("prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PAPERLAKE_STATE_DIR": bench.fresh("shared"),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    size = str(bench.sized(PAPERS, least=200))
    port = _free_port()
    sandbox = [str(_BIN / "paperlake"), "sandbox", "serve", "--papers", size, "--port", str(port)]
    with _serving(sandbox, f"http://127.0.0.1:{port}/", env) as url:
        port = _free_port()
        server = [str(_BIN / "prefect"), "server", "start", "--host", "127.0.0.1"]
        api = f"http://127.0.0.1:{port}/api"
        with _serving([*server, "--port", str(port)], f"{api}/health", env):
            env["PREFECT_API_URL"] = api
            _night(bench, url, env, ())  # bytecode and pages are made by whoever comes first
            found = measuring.alternate(
                bench.repetitions,
                mine=partial(_night, bench, url, env, ()),
                bare=partial(_night, bench, url, env, ("--no-prefect",)),
            )
    pairs = list(zip(found["mine"], found["bare"], strict=True))
    yield Figure(
        f"Prefect's share of a night of {int(size):,} sandbox papers, its server up, against "
        "`--no-prefect`",
        f"{measuring.median([run.wall for run in found['mine']]):.1f} s",
        f"{measuring.median([run.wall for run in found['bare']]):.1f} s",
        measuring.median([mine.wall - bare.wall for mine, bare in pairs]),
        unit="s",
        bar=2.0,
    )


def _night(bench: Bench, url: str, env: Mapping[str, str], more: tuple[str, ...]) -> Measured:
    lake = bench.fresh("lake")
    command = [str(_BIN / "paperlake"), "nightly", "--sandbox", url, "--lake", lake, "--quiet"]
    return measuring.command_run([*command, *more], env)


@contextmanager
def _serving(command: list[str], url: str, env: Mapping[str, str]) -> Iterator[str]:
    """A server in a process of its own, from its first answer to the end of the context."""
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise measuring.WorkError(f"{' '.join(command)} does not answer") from None
                time.sleep(0.2)
        yield url.rstrip("/")
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
