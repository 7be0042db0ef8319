"""A Prefect server that dies or hangs before, at the start, in the middle or at the end of a night."""

import contextlib
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flows import prefect_api
from flows.running import END_SECONDS
from flows.watching import GOODBYE_SECONDS
from tests.flows.nights import content_hash, night
from tests.flows.prefects import Running, Server, environment, free_port, gate, until
from warehouse.snapshots import Lake

NIGHT = [sys.executable, "-m", "flows.cli", "nightly", "--source", "huggingface", "--log", "json"]
# A server takes 5 s to start, on a busy machine much longer.
pytestmark = [pytest.mark.timeout(240), pytest.mark.soak]
# From the publication to the end of the process; the rest is for a busy machine.
BOUND_SECONDS = GOODBYE_SECONDS + END_SECONDS + 5.0


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> str:
    """The content hash of the same night without Prefect."""
    lake = tmp_path_factory.mktemp("without") / "lake"
    assert night(lake, sandbox_url, source_names=["huggingface"]).exit_code == 0
    return content_hash(lake)


Losing = Callable[[Path, Server, str, str], None]
"""Of nights into a folder, with a server to lose, the sandbox, and the content hash to expect."""


@pytest.fixture(scope="module")
def losses(
    tmp_path_factory: pytest.TempPathFactory, sandbox_url: str, expected: str
) -> Iterator[dict[Losing, "Future[None]"]]:
    """Each way to lose a server, under way with a server of its own: they wait more than they work."""
    ways = (lost_at_the_start, lost_in_the_middle, lost_at_the_end)
    folders = [tmp_path_factory.mktemp(way.__name__) for way in ways]
    first = Server(folders[0] / "server")
    servers = [first]
    try:
        first.wait()
        for folder in folders[1:]:
            # A database that has its tables spares the seconds that it takes to make them.
            copied = folder / "server" / "home" / "prefect.db"
            copied.parent.mkdir(parents=True)
            with (
                contextlib.closing(sqlite3.connect(first.folder / "home" / "prefect.db")) as source,
                contextlib.closing(sqlite3.connect(copied)) as target,
            ):
                source.backup(target)
            servers.append(Server(folder / "server"))
        for server in servers:
            server.wait()
        with ThreadPoolExecutor(len(ways)) as pool:
            yield {
                way: pool.submit(way, folder, server, sandbox_url, expected)
                for way, folder, server in zip(ways, folders, servers, strict=True)
            }
    finally:
        for server in servers:
            server.signal(signal.SIGCONT)
            server.kill()


def published_as_without_prefect(folder: Path, url: str, api: str, expected: str) -> str:
    """Run a night whose server is lost; everything is as without Prefect. Returns what it said."""
    folder.mkdir()
    env = environment(folder, PREFECT_API_URL=api, PAPERLAKE_STATE_DIR=str(folder / "shared"))
    running = Running([*NIGHT, "--sandbox", url], folder, "night", env)
    lake = Lake(folder / "lake")
    try:
        until(lake.numbers, 60, running.told)
        is_published = time.monotonic()
        # Another writer need not wait for Prefect's end.
        until(lambda: lake.holder() is None, 5, running.told)
        assert time.monotonic() - is_published < 5
        lake.open_for_writing("a test", lake.info().origin, lake.info().created_at)
        lake.close()
        code = running.process.wait(BOUND_SECONDS)
        assert time.monotonic() - is_published < BOUND_SECONDS
    finally:
        running.kill()
    assert code == 0, running.told()
    assert lake.numbers() == [1]
    assert content_hash(lake.root) == expected
    assert "warning: " in running.told()
    return running.told()


def test_a_server_lost_at_the_start(losses: dict[Losing, "Future[None]"]) -> None:
    """A server that hangs, then one that dies, right after it was found costs seconds; dead before, even less."""
    losses[lost_at_the_start].result()


def test_a_server_lost_in_the_middle(losses: dict[Losing, "Future[None]"]) -> None:
    """A server that hangs, then one that dies, while the night harvests costs the night nothing."""
    losses[lost_in_the_middle].result()


def test_a_server_lost_at_the_end(losses: dict[Losing, "Future[None]"]) -> None:
    """A server that dies after the publication, before the last state, costs the state only."""
    losses[lost_at_the_end].result()


def lost_at_the_start(folder: Path, server: Server, sandbox_url: str, expected: str) -> None:
    """Nights whose server hangs, then dies, then is dead when they begin."""
    for way in (signal.SIGSTOP, signal.SIGKILL):
        with gate(server.port, b"POST /api/flows/", partial(server.signal, way)) as door:
            api = f"{door.url}/api"
            told = published_as_without_prefect(folder / way.name, sandbox_url, api, expected)
            assert door.is_passed.is_set(), told
            assert "going on" in told
        server.signal(signal.SIGCONT)
    server.process.wait(20)
    told = published_as_without_prefect(folder / "before", sandbox_url, server.url, expected)
    assert "does not answer" in told
    assert "going on without it" in told


def lost_in_the_middle(folder: Path, server: Server, sandbox_url: str, expected: str) -> None:
    """Nights whose server hangs, then dies, while they harvest."""
    port = urlsplit(sandbox_url).port
    assert port is not None
    for way in (signal.SIGSTOP, signal.SIGKILL):
        with gate(port, b"/huggingface/", partial(server.signal, way)) as door:
            told = published_as_without_prefect(folder / way.name, door.url, server.url, expected)
            assert door.is_passed.is_set()
            assert "did not take down how the run ended" in told
        server.signal(signal.SIGCONT)


def lost_at_the_end(folder: Path, server: Server, sandbox_url: str, expected: str) -> None:
    """A night whose server dies after the publication, before the last state."""
    with gate(server.port, b"/api/artifacts/", lambda: server.signal(signal.SIGKILL)) as door:
        api = f"{door.url}/api"
        told = published_as_without_prefect(folder / "night", sandbox_url, api, expected)
        assert door.is_passed.is_set()
        assert "did not take down how the run ended" in told


def test_an_embedded_server_that_cannot_start(
    tmp_path: Path, sandbox_url: str, expected: str
) -> None:
    """An embedded server whose database is damaged is given up at once, and the night goes on."""
    home = tmp_path / "lake" / "prefect"
    home.mkdir(parents=True)
    (home / "prefect.db").write_bytes(b"not a database" * 1000)
    running = Running([*NIGHT, "--sandbox", sandbox_url], tmp_path, "night", environment(tmp_path))
    try:
        assert running.process.wait(60) == 0, running.told()
    finally:
        running.kill()
    assert "its server ended with" in running.told()
    assert "going on without it" in running.told()
    assert content_hash(tmp_path / "lake") == expected


def test_an_api_that_never_answers_is_given_up() -> None:
    """The probe waits three seconds for an API that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert prefect_api.problem_of(f"http://127.0.0.1:{silent.getsockname()[1]}/api")
        assert 2.5 < time.monotonic() - begun < 10
    assert prefect_api.problem_of(f"http://127.0.0.1:{free_port()}/api")
