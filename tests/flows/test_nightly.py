"""The night under a real Prefect: its own embedded server, flows, tasks, states and artifact."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a process with a home of its own, so that no Prefect of the user is found."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAPERLAKE_", "PREFECT_"))
    }
    return subprocess.run(
        command,
        cwd=folder,
        env={**clean, "HOME": str(folder), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


NIGHTS = """
import asyncio, json, os, sys
from datetime import date
from pathlib import Path
from flows.settings import prefect_environment
lake, url = Path(sys.argv[1]), sys.argv[2]
os.environ.update(prefect_environment(lake))
(lake / "prefect").mkdir(parents=True)
from flows import nightly
from flows.sandbox.client import Sandbox

def tell(state):
    return [state.type.value, state.name, state.message]

told = [tell(asyncio.run(nightly.nightly(lake=str(lake), sandbox=url, return_state=True)))]
own = Sandbox.base_url
Sandbox.base_url = lambda self, source: (
    "http://127.0.0.1:9/oai" if source.name == "arxiv" else own(self, source)
)
told.append(tell(asyncio.run(nightly.nightly(lake=str(lake), sandbox=url, return_state=True))))
Sandbox.base_url = lambda self, source: "http://127.0.0.1:9/none"
told.append(tell(asyncio.run(nightly.nightly(lake=str(lake), sandbox=url, return_state=True))))
Sandbox.base_url = own
told.append(tell(asyncio.run(nightly.backfill(
    source="huggingface", start=date(2026, 2, 9), end=date(2026, 2, 13), lake=str(lake),
    sandbox=url, return_state=True))))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory, sandbox_url: str) -> tuple[Path, list[Any]]:
    """Three nights (sound, one source down, all down) and a backfill as flows; the states they ended in."""
    folder = tmp_path_factory.mktemp("prefect")
    done = run(
        [sys.executable, "-c", NIGHTS, str(folder / "lake"), sandbox_url],
        folder,
        PAPERLAKE_ATTEMPTS="1",
        PAPERLAKE_STATE_DIR=str(folder / "shared"),
    )
    assert done.returncode == 0, done.stderr
    return folder / "lake", json.loads(done.stdout.splitlines()[-1])


def told(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    """What Prefect's own database says."""
    with sqlite3.connect(lake / "prefect" / "prefect.db") as database:
        return database.execute(sql).fetchall()


def test_the_states_tell_how_the_night_ended(prefect: tuple[Path, list[Any]]) -> None:
    """A sound night is Completed, one with a failed source is Completed named Incomplete, none at all is Failed."""
    _, states = prefect
    assert [state[:2] for state in states] == [
        ["COMPLETED", "Completed"],
        ["COMPLETED", "Incomplete"],
        ["FAILED", "Failed"],
        ["COMPLETED", "Completed"],
    ]
    assert "arxiv" in states[1][2]


def test_prefect_lives_in_the_lake(prefect: tuple[Path, list[Any]]) -> None:
    """Without a Prefect of the user's, its database lies in the lake and nothing in the home."""
    lake, _ = prefect
    assert (lake / "prefect" / "prefect.db").exists()
    assert not (lake.parent / ".prefect").exists()


def test_runs_are_named_after_source_and_window(prefect: tuple[Path, list[Any]]) -> None:
    """Flow runs and task runs say the source and the days."""
    lake, _ = prefect
    flows = [name for (name,) in told(lake, "select name from flow_run order by created")]
    assert flows[0].startswith("nightly all ")
    assert flows[-1] == "backfill huggingface 2026-02-09..2026-02-13"
    tasks = {name for (name,) in told(lake, "select name from task_run")}
    assert {"merge", "publish"} <= tasks
    assert "harvest arxiv 2026-02-24..2026-03-03" in tasks
    assert "harvest huggingface 2026-02-09..2026-02-13" in tasks


def test_each_run_leaves_its_report(prefect: tuple[Path, list[Any]]) -> None:
    """Every run leaves a Markdown artifact with its table, also the failed one."""
    lake, _ = prefect
    reports = told(lake, "select key, data from artifact where type = 'markdown' order by created")
    assert [key for key, _ in reports] == ["nightly-report"] * 3 + ["backfill-report"]
    assert "| huggingface | daily | ok |" in reports[0][1]
    assert "failed" in reports[2][1]


def test_a_dead_api_costs_nothing(tmp_path: Path) -> None:
    """A Prefect API that does not answer is a warning, and the demo goes on without it."""
    done = run(
        [sys.executable, "-m", "flows.cli", "demo", "--papers", "300"],
        tmp_path,
        PREFECT_API_URL="http://127.0.0.1:9/api",
    )
    assert done.returncode == 0, done.stderr
    assert "going on without it" in done.stderr
    assert "Snapshot 1 is published" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_takes_prefects_server_along(number: signal.Signals, tmp_path: Path) -> None:
    """Interrupted or terminated while Prefect starts, the process ends at once and leaves no server."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "demo", "--papers", "300"],
        cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Starting Prefect" in line:
            break
    deadline = time.monotonic() + 60
    while not inside(tmp_path) - {process.pid} and time.monotonic() < deadline:
        time.sleep(0.1)
    assert inside(tmp_path) - {process.pid}, "no server was started"
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert "goes on from here" in told
    deadline = time.monotonic() + 20
    while inside(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not inside(tmp_path)


def inside(folder: Path) -> set[int]:
    """Processes that work in a folder."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink() == folder:
                found.add(int(path.parent.name))
    return found


def test_the_deployments_fit_the_flows() -> None:
    """prefect.yaml deploys both flows by module entrypoint, with parameters that exist, nightly after arXiv's update."""
    import yaml  # brought by prefect

    from flows import nightly

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert [item["name"] for item in deployments] == ["nightly", "backfill"]
    for item in deployments:
        assert item["entrypoint"] == f"flows.nightly.{item['name']}"
        flow = getattr(nightly, item["name"])
        assert set(item["parameters"]) <= set(signature(flow.fn).parameters)
    assert deployments[0]["schedules"][0] == {"cron": "30 6 * * *", "timezone": "UTC"}
