"""Real Prefect servers, doors in front of servers, and processes, for the tests."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment in which no Prefect and no Paperlake is set up, with a home of its own."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAPERLAKE_", "PREFECT_"))
    }
    quiet = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**clean, **quiet, "HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": path, **more}


class Running:
    """A process in a session of its own; its output lies in a file."""

    def __init__(self, command: list[str], folder: Path, name: str, env: dict[str, str]) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill the whole session, as a machine that fails does."""
        self.signal(signal.SIGKILL)
        self.process.wait(20)

    def told(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")


class Server(Running):
    """`prefect server start` on a free port, with its files in `folder`."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        folder.mkdir(parents=True, exist_ok=True)
        env = environment(folder, PREFECT_HOME=str(folder / "home"), **more)
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(self.port)]
        super().__init__(command, folder, "server", env)

    def wait(self) -> None:
        """Wait until it answers."""
        until(lambda: answers(self.url), 60, self.told)


def answers(url: str) -> bool:
    """Whether an API answers."""
    try:
        ask(url, "/health")
    except OSError:
        return False
    return True


def ask(url: str, path: str, body: Any = None) -> Any:
    """A GET, or a POST where there is a body; what comes as JSON."""
    request = urllib.request.Request(
        url + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        return json.loads(answer.read())


def until(
    is_so: Callable[[], Any], seconds: float, why: Callable[[], str] = lambda: "it did not happen"
) -> Any:
    """Wait until something is so, and return it; a test fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
    return found


class Gate:
    """A door in front of a server that lets everything through, until it sees what it waits for.

    `hook` is called once, when `needle` comes from a client, before it is passed on; with `refused`
    the connections that ask for such a thing are closed instead.
    """

    def __init__(
        self,
        port: int,
        needle: bytes | None = None,
        hook: Callable[[], object] | None = None,
        refused: tuple[bytes, ...] = (),
    ) -> None:
        self.target = port
        self.needle = needle
        self.hook = hook
        self.refused = refused
        self.is_passed = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Let nobody in any more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_pump, args=(server, client, None), daemon=True).start()
        _pump(client, server, self._look)

    def _look(self, data: bytes) -> bool:
        if self.needle is not None and self.needle in data:
            with self._lock:
                if not self.is_passed.is_set():
                    if self.hook is not None:
                        self.hook()
                    self.is_passed.set()
        return not any(word in data for word in self.refused)


def _pump(source: socket.socket, sink: socket.socket, look: Callable[[bytes], bool] | None) -> None:
    try:
        while data := source.recv(65536):
            if look is not None and not look(data):
                break
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def gate(*args: Any, **options: Any) -> Iterator[Gate]:
    """A gate that is closed at the end."""
    door = Gate(*args, **options)
    try:
        yield door
    finally:
        door.close()


def processes_with(text: str) -> set[int]:
    """Processes whose environment holds a text."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found
