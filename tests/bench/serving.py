"""Loopback servers in processes of their own while the context lasts."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile

from flows.sandbox.universe import Universe
from tests.bench.measuring import ROOT


@contextmanager
def oai_server(folder: str, seconds: float = 0.0) -> Iterator[str]:
    """Serve the pages of a folder, each after a pause; yields the base URL."""
    command = [sys.executable, "-m", "tests.bench.work.oai_server", folder, str(seconds)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/oai"
        finally:
            server.stdin.close()


@contextmanager
def sandbox_server(universe: Universe) -> Iterator[str]:
    """Serve a sandbox, whose work is then not counted as a night's; yields the base URL."""
    command = [sys.executable, "-m", "flows.cli", "sandbox", "serve", "--port", "0", "--json"]
    command += ["--seed", str(universe.seed), "--papers", str(universe.papers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as server:
        assert server.stdout is not None
        try:
            # The JSON stands on several lines; a server that cannot start says nothing at all.
            told = b"".join(takewhile(b"}\n".__ne__, server.stdout))
            if not told:
                raise SystemExit(f"the sandbox did not start: {shlex.join(command)}")
            yield str(json.loads(told + b"}")["url"])
        finally:
            server.send_signal(signal.SIGINT)
