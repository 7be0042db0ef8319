"""Prefect's server for one run: it begins with the run's process and ends with it, however that ends.

Prefect's own temporary server outlives a process that is killed, and one that cannot begin (a
damaged database, a full disk) is begun again for ever. This one is a child that ends when its
standard input does, and that is given up at once when it ends before it answers.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import uvicorn

from flows.prefect_api import problem_of
from schemas.errors import PaperlakeError

# How long a server that was told to end may take before it is killed.
_END_SECONDS = 5.0


def start(patience_seconds: float) -> str:
    """Start a server in a process of its own, with this one's environment; it ends with this one.

    Returns:
        The address of its API.

    Raises:
        PaperlakeError: it ended, or did not answer in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "flows.embedded", str(port)],
        env={**os.environ, "PREFECT_UI_ENABLED": "false"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(stop, process)
    url = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + patience_seconds
    while problem_of(url) is not None:
        if process.poll() is not None:
            raise PaperlakeError(f"its server ended with {process.returncode} before it answered")
        if time.monotonic() > deadline:
            stop(process)
            raise PaperlakeError(f"its server did not answer within {patience_seconds:.0f} s")
        time.sleep(0.1)
    return url


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server; harmless when it has ended."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_with_parent() -> None:
    """End when the other end of standard input is closed, as it is when the parent dies."""
    with suppress(OSError):
        while sys.stdin.buffer.read(1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_END_SECONDS)
    os._exit(1)


def main() -> None:
    """Serve Prefect's API on 127.0.0.1, at the port given, without its pages."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # By name: this process is the only place that needs Prefect's server imported.
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    main()
