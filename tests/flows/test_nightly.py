"""The night from the command line with an embedded Prefect, and what prefect.yaml says."""

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from flows import schedule, settings
from tests.flows.prefects import ROOT, environment, until

DEMO = [sys.executable, "-m", "flows.cli", "demo", "--papers", "300"]


def demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A night of the demo with Prefect, in a folder that is also its home."""
    done = subprocess.run(
        DEMO,
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert "Snapshot 1 is published" in done.stdout
    return done


def recorded(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """What Prefect's own database says."""
    with contextlib.closing(sqlite3.connect(home / "prefect.db")) as database:
        return database.execute(sql).fetchall()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a night of the demo was run with an embedded Prefect."""
    folder = tmp_path_factory.mktemp("demo")
    assert "warning: Prefect" not in demo(folder).stderr
    return folder


def test_an_embedded_prefect_lives_in_the_lake(folder: Path) -> None:
    """Without a Prefect of the user's, all it leaves lies in the lake: run, tasks and report."""
    home = folder / "lake-demo" / "prefect"
    assert [path.name for path in folder.iterdir() if path.name != ".cache"] == ["lake-demo"]
    ((name, state),) = recorded(home, "select name, state_name from flow_run")
    assert (name, state) == ("nightly all 2026-03-03", "Completed")
    tasks = {name for (name,) in recorded(home, "select name from task_run")}
    assert {"harvest arxiv 2026-02-24..2026-03-03", "merge", "publish"} <= tasks
    ((data,),) = recorded(home, "select data from artifact where key = 'nightly-report'")
    assert "| huggingface | daily | ok |" in data
    assert not inside(folder), "its server is still there"


def test_a_prefect_that_the_user_set_up_is_kept(folder: Path, tmp_path: Path) -> None:
    """Where the user says where Prefect lives, the run is there and nothing of it in the lake."""
    home = tmp_path / "mine"
    home.mkdir()
    # A database that has its tables spares the seconds that it takes to make them.
    shutil.copy(folder / "lake-demo" / "prefect" / "prefect.db", home)
    demo(tmp_path, PREFECT_HOME=str(home))
    assert not (tmp_path / "lake-demo" / "prefect").exists()
    assert recorded(home, "select state_name from flow_run") == [("Completed",)] * 2


@pytest.mark.parametrize("kind", ["variable", "profile", "folder", "nothing"])
def test_what_counts_as_set_up(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable, a profile or a prefect.toml is a Prefect of the user's; a bare ~/.prefect is not."""
    for name in environment(tmp_path):
        monkeypatch.delenv(name, raising=False) if name.startswith("PREFECT_") else None
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".prefect").mkdir()
    if kind == "variable":
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    elif kind == "profile":
        (tmp_path / ".prefect" / "profiles.toml").write_text('active = "mine"\n')
    elif kind == "folder":
        (tmp_path / "prefect.toml").write_text("")
    found = settings.prefect_environment(tmp_path / "lake")
    own = None if kind != "nothing" else str(tmp_path / "lake" / "prefect")
    assert found.get("PREFECT_HOME") == own


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_end_takes_prefects_server_along(number: signal.Signals, tmp_path: Path) -> None:
    """Interrupted, terminated or killed while Prefect starts, the process ends and leaves no server."""
    process = subprocess.Popen(
        DEMO, cwd=tmp_path, env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Starting Prefect" in line:
            break
    until(lambda: inside(tmp_path) - {process.pid}, 60)
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        assert "goes on from here" in told
    until(lambda: not inside(tmp_path), 30)


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
    assert deployments[0]["schedules"] == [{"cron": schedule.NIGHT_CRON, "timezone": "UTC"}]
