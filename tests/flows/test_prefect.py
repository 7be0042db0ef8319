"""Prefect for real: a server, a work pool, the deployments of prefect.yaml, a worker, and their runs."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from flows import health
from flows.schedule import printed
from flows.settings import load_settings
from flows.source import load_sources
from flows.texts_of_lakes import status_text
from tests.flows.nights import content_hash, night, pretend_more_papers
from tests.flows.prefects import (
    ROOT,
    Running,
    Server,
    ask,
    environment,
    free_port,
    gate,
    processes_with,
    until,
)
from warehouse.snapshots import Lake

# Everything together takes half a minute to start, on a busy machine much longer.
pytestmark = pytest.mark.timeout(240)
# How long a process that Prefect started may take to end once its server is away.
BOUND_SECONDS = 30.0
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

# Nights as flows called from Python, one after another: lake and sandbox of each are arguments.
NIGHTS = """
import asyncio, sys
from flows.nightly import nightly
for lake, url in zip(sys.argv[1::2], sys.argv[2::2]):
    asyncio.run(nightly(lake=lake, sandbox=url, return_state=True))
"""

# Commands of Prefect one after another, as its console script runs one: its imports take two seconds.
COMMANDS = """
import json, sys
from prefect.cli import app
for words in json.loads(sys.argv[1]):
    sys.argv = ["prefect", "--no-prompt", *words]
    try:
        app()
    except SystemExit as end:
        if end.code:
            raise
"""

# A night in a scope that is cancelled after half a second, as Prefect cancels a flow whose place
# among the runs of its deployment could not be renewed.
CANCELLED = """
import asyncio, sys
import anyio
from prefect import flow
from flows.nightly import nightly

@flow
async def outer(lake, url):
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_later(0.5, scope.cancel)
        await nightly.fn(lake=lake, sandbox=url)
    return scope.cancel_called

print("cancelled", asyncio.run(outer(*sys.argv[1:])))
"""


@dataclass
class World:
    """A Prefect as the README sets one up, and a folder for its lakes."""

    folder: Path
    server: Server
    env: dict[str, str]
    runs: dict[str, str] = field(default_factory=dict)
    """Name of a case -> id of its flow run."""

    def prefect(self, *commands: list[str]) -> str:
        """Commands of Prefect that must succeed; what they say."""
        done = subprocess.run(
            [sys.executable, "-c", COMMANDS, json.dumps(commands)],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def told(self) -> str:
        """What the worker has said."""
        return (self.folder / "worker.log").read_text()

    def lake(self, case: str) -> Lake:
        """The lake of a case."""
        return Lake(self.folder / case)

    def to_run(self, deployment: str, url: str, **parameters: str) -> list[str]:
        """The command that has a deployment run, on a lake of its name unless told another."""
        given = {"lake": str(self.folder / deployment), "sandbox": url, **parameters}
        words = [word for item in given.items() for word in ("--param", "=".join(item))]
        return ["deployment", "run", f"{deployment}/{deployment}", *words]

    def run(self, *commands: list[str]) -> None:
        """Run commands of Prefect, and take down which runs of deployments they asked for."""
        asked = [words[2].partition("/")[0] for words in commands if words[1] == "run"]
        ids = re.findall(r"Created flow run .*?UUID: (\S+)", self.prefect(*commands), re.DOTALL)
        self.runs.update(zip(asked, ids, strict=True))

    def flow_run(self, case: str) -> dict[str, Any]:
        """What Prefect shows of the run of a case."""
        found: dict[str, Any] = ask(self.server.url, f"/flow_runs/{self.runs[case]}")
        return found

    def ended(self, case: str) -> dict[str, Any]:
        """The same, when it has ended."""
        until(
            lambda: self.flow_run(case)["state_type"] in FINAL,
            60,
            lambda: f"{self.flow_run(case)['state']}\n{self.told()}",
        )
        return self.flow_run(case)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> Iterator[World]:
    """Everything started, the deployments' runs asked for, and a night of each other kind of end."""
    folder = tmp_path_factory.mktemp("prefect")
    sandbox_port = urlsplit(sandbox_url).port
    assert sandbox_port is not None
    server = Server(folder / "server")
    started: list[Running] = [server]
    try:
        with (
            gate(sandbox_port, refused=(b"/arxiv/",)) as half,
            gate(sandbox_port, refused=tuple(f"/{x}/".encode() for x in load_sources())) as none,
        ):
            env = environment(
                folder,
                PREFECT_API_URL=server.url,
                PREFECT_WORKER_QUERY_SECONDS="1",
                PAPERLAKE_ATTEMPTS="1",
                PAPERLAKE_STATE_DIR=str(folder / "shared"),
            )
            world = World(folder, server, env)
            # Each begins as soon as it can: there is much to wait for.
            night(folder / "blocked", sandbox_url)
            pretend_more_papers(world.lake("blocked"))
            server.wait()
            urls = {"incomplete": half.url, "failed": none.url, "blocked": sandbox_url}
            words = [word for case, url in urls.items() for word in (str(folder / case), url)]
            nights = Running([sys.executable, "-c", NIGHTS, *words], folder, "nights", env)
            started.append(nights)
            days = {"start": "2026-02-09", "end": "2026-02-13"}
            world.run(
                ["work-pool", "create", "--type", "process", "paperlake"],
                ["deploy", "--all"],
                world.to_run("nightly", sandbox_url),
                world.to_run("backfill", sandbox_url, source="huggingface", **days),
            )
            command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "paperlake"]
            started.append(Running(command, folder, "worker", env))
            assert nights.process.wait(90) == 0, nights.told()
            for run in ask(server.url, "/flow_runs/filter", {"sort": "START_TIME_ASC"}):
                world.runs.setdefault(Path(run["parameters"]["lake"]).name, run["id"])
            yield world
    finally:
        for each in reversed(started):
            each.kill()


def test_a_deployed_night_leaves_snapshot_state_and_report(world: World) -> None:
    """A run of the deployment `nightly` is Completed, with snapshot, tasks and report, the lock free."""
    run = world.ended("nightly")
    assert (run["state_type"], run["state"]["name"]) == ("COMPLETED", "Completed")
    assert run["state"]["message"] == "snapshot 1"
    assert run["name"].startswith("nightly all ")
    lake = world.lake("nightly")
    assert lake.numbers() == [1]
    assert lake.holder() is None
    found = tasks(world, "nightly")
    assert found.items() >= {"harvest arxiv 2026-02-24..2026-03-03": "COMPLETED"}.items()
    # Every source has one task, whatever its window.
    names = {name.rpartition(" ")[0] or name for name in found}
    harvests = {f"harvest {name}" for name in load_sources()}
    assert names == harvests | {"merge", "publish"}
    assert set(found.values()) == {"COMPLETED"}
    (report,) = reports(world, "nightly")
    assert report["key"] == "nightly-report"
    assert "Snapshot 1" in report["data"]
    assert "| huggingface | daily | ok |" in report["data"]


def test_a_deployed_backfill_leaves_snapshot_state_and_report(world: World) -> None:
    """A run of the deployment `backfill` takes its days as parameters and ends like a night."""
    run = world.ended("backfill")
    assert (run["state_type"], run["state"]["name"]) == ("COMPLETED", "Completed")
    assert run["name"] == "backfill huggingface 2026-02-09..2026-02-13"
    lake = world.lake("backfill")
    assert lake.numbers() == [1]
    assert lake.holder() is None
    assert "harvest huggingface 2026-02-09..2026-02-13" in tasks(world, "backfill")
    assert [item["key"] for item in reports(world, "backfill")] == ["backfill-report"]


def test_exit_code_4_is_completed_and_named_incomplete(world: World) -> None:
    """A night of which a source failed is published, Completed, named Incomplete, and says which."""
    run = world.ended("incomplete")
    assert (run["state_type"], run["state"]["name"]) == ("COMPLETED", "Incomplete")
    assert "arxiv" in run["state"]["message"]
    assert world.lake("incomplete").numbers() == [1]
    (report,) = reports(world, "incomplete")
    assert "| arxiv | cs | failed |" in report["data"]


@pytest.mark.parametrize(("case", "words"), [("failed", "huggingface"), ("blocked", "collapse")])
def test_exit_codes_1_and_5_are_failed(case: str, words: str, world: World) -> None:
    """A night that harvested nothing, or that a check refused, is Failed, and leaves its report."""
    run = world.ended(case)
    assert (run["state_type"], run["state"]["name"]) == ("FAILED", "Failed")
    assert words in run["state"]["message"]
    assert world.lake(case).numbers() == ([1] if case == "blocked" else [])
    assert world.lake(case).holder() is None
    (report,) = reports(world, case)
    assert report["data"].startswith("# nightly ")


def test_the_printed_commands_deploy_the_lake(world: World, tmp_path: Path) -> None:
    """`schedule --print prefect` deploys each flow with the lake given, whatever it is called."""
    lake = tmp_path / 'my "lake" of 100%, it\'s $HOME'
    script = printed("prefect", load_settings(lake=lake))["prefect.sh"]
    folder, nightly, backfill = (
        line for line in script.splitlines() if " deploy " in line or line.startswith("cd ")
    )
    # One of the two is enough to run: it takes seconds.
    assert nightly.replace("nightly", "backfill") == backfill
    subprocess.run(["sh", "-ec", f"{folder}\n{nightly}"], env=world.env, check=True, timeout=60)
    deployment = ask(world.server.url, "/deployments/name/nightly/nightly")
    assert deployment["parameters"]["lake"] == str(lake)


def test_a_run_left_behind_is_told_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` names a run that Prefect shows as Running although nobody works, and how to clear it."""
    run_id = world.runs["backfill"]
    lake = world.lake("backfill")
    lock = lake.root / "lock"
    monkeypatch.setenv("PREFECT_API_URL", world.server.url)
    told = health.status(load_settings(), lake)["prefect"]
    assert (told["problem"], told["left_behind"]) == (None, [])
    # As a kill leaves it: nobody told Prefect.
    running = {"force": True, "state": {"type": "RUNNING"}}
    ask(world.server.url, f"/flow_runs/{run_id}/set_state", running)
    assert health.status(load_settings(), lake)["prefect"]["left_behind"] == [], (
        "it may still say good-bye"
    )
    os.utime(lock, (time.time() - 3600, time.time() - 3600))
    (left,) = health.status(load_settings(), lake)["prefect"]["left_behind"]
    assert (left["flow_run_id"], left["state"]) == (run_id, "Running")
    assert health.status(load_settings(), world.lake("nightly"))["prefect"]["left_behind"] == []
    text = status_text(health.status(load_settings(), lake))
    assert "left behind by a kill" in text
    command = next(
        line.strip() for line in text.splitlines() if line.strip().startswith("prefect api")
    )
    subprocess.run(
        ["sh", "-ec", command], env=world.env, check=True, timeout=60, capture_output=True
    )
    assert world.flow_run("backfill")["state_type"] == "CRASHED"
    assert health.status(load_settings(), lake)["prefect"]["left_behind"] == []
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    assert "does not answer" in status_text(health.status(load_settings(), lake))
    monkeypatch.delenv("PREFECT_API_URL")
    assert health.status(load_settings(), lake)["prefect"] is None


def test_a_cancelled_flow_does_not_cancel_the_night(world: World, sandbox_url: str) -> None:
    """A flow that Prefect cancels for its own reasons waits for its night, which is published."""
    lake = world.lake("cancelled")
    command = [sys.executable, "-c", CANCELLED, str(lake.root), sandbox_url]
    running = Running(command, world.folder, "cancelled", world.env)
    try:
        assert running.process.wait(90) == 0, running.told()
    finally:
        running.kill()
    assert "cancelled True" in running.told()
    assert lake.numbers() == [1]
    assert lake.holder() is None


@pytest.mark.soak
def test_a_deployed_night_outlives_its_server(world: World, sandbox_url: str) -> None:
    """A night under a worker whose server dies in mid-flow is published, frees the lake, and ends."""
    # The last test of this file: the server does not come back.
    port = urlsplit(sandbox_url).port
    assert port is not None
    lake = world.lake("outlived")
    with gate(port, b"/huggingface/", world.server.kill) as door:
        world.run(world.to_run("nightly", door.url, lake=str(lake.root)))
        mine = f"PREFECT__FLOW_RUN_ID={world.runs['nightly']}"
        until(door.is_passed.is_set, 60, world.told)
        assert processes_with(mine)
        until(lake.numbers, 60, world.told)
        is_published = time.monotonic()
        until(lambda: lake.holder() is None, 5)
        until(lambda: not processes_with(mine), BOUND_SECONDS, world.told)
        assert time.monotonic() - is_published < BOUND_SECONDS
    assert lake.numbers() == [1]
    assert content_hash(lake.root) == content_hash(world.lake("nightly").root)


def tasks(world: World, case: str) -> dict[str, str]:
    """Tasks of a run, and the types of their states; Prefect records them a little later."""
    wanted = {"flow_runs": {"id": {"any_": [world.runs[case]]}}}

    def recorded() -> dict[str, str]:
        found = ask(world.server.url, "/task_runs/filter", wanted)
        told = {item["name"]: item["state_type"] for item in found}
        return told if told and set(told.values()) <= FINAL else {}

    answer: dict[str, str] = until(recorded, 20)
    return answer


def reports(world: World, case: str) -> list[dict[str, Any]]:
    """The Markdown artifacts of a run."""
    wanted = {
        "artifacts": {"flow_run_id": {"any_": [world.runs[case]]}, "type": {"any_": ["markdown"]}}
    }
    found: list[dict[str, Any]] = ask(world.server.url, "/artifacts/filter", wanted)
    return found
