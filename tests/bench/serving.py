"""A loopback server in a process of its own while the context lasts."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
