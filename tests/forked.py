"""Processes forked from one that has imported everything: real ones, without a second of imports each."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "from flows.cli import main; main()"
"""The console script."""

# One child at a time; it ends as any interpreter does that runs such code.
_PARENT = """
import json, os, sys
import duckdb, pyarrow.parquet
import flows.answers, flows.cli, flows.deduplication, flows.health, flows.importing, flows.maintain
import flows.progress, flows.running, flows.texts, flows.texts_of_lakes, flows.texts_of_matches

for line in sys.stdin:
    told = json.loads(line)
    if os.fork() == 0:
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
else:
    sys.exit()
for number, path in enumerate((os.devnull, told["out"], told["err"])):
    os.dup2(os.open(path, os.O_WRONLY if number else os.O_RDONLY), number)
os.chdir(told["cwd"])
os.environ.clear()
os.environ.update(told["env"])
sys.argv = ["-c", *told["args"]]
exec(told["code"], {"__name__": "__main__"})
"""
_parents: list["subprocess.Popen[str]"] = []


def run(
    code: str, args: Sequence[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, as `python -c` does, and wait for its end."""
    parent = _parents[0] if _parents else _start()
    assert parent.stdin is not None
    assert parent.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        out.touch()
        err.touch()
        told = {"code": code, "args": [*args], "cwd": str(cwd), "env": {**env}}
        try:
            parent.stdin.write(json.dumps({**told, "out": str(out), "err": str(err)}) + "\n")
            parent.stdin.flush()
            status = int(parent.stdout.readline())
        except BaseException:
            # A child that hangs must not answer in the next one's place.
            _end()
            raise
        return subprocess.CompletedProcess([*args], status, out.read_text(), err.read_text())


def _start() -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PAPERLAKE_")}
    parent = subprocess.Popen(
        # Newer Pythons warn of threads, which libraries begin when they are imported.
        [sys.executable, "-W", "ignore", "-c", _PARENT],
        env={**clean, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _parents.append(parent)
    atexit.register(_end)
    return parent


def _end() -> None:
    """End the parent, and the child that it waits for."""
    while _parents:
        parent = _parents.pop()
        os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate()
