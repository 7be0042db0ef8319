"""`paperlake doctor` as a user types it, for the tests."""

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from flows.cli import app

ROOT = Path(__file__).resolve().parents[2]
STATES = ("ok", "note", "warning", "problem")


@dataclass(frozen=True)
class Found:
    """One finding as `--json` tells it."""

    name: str
    state: str
    seen: str
    advice: str | None


@dataclass(frozen=True)
class Examined:
    """What an examination said."""

    code: int
    findings: list[Found]

    def of(self, name: str, *states: str) -> list[Found]:
        """The findings of a check, by default those that are not ok."""
        wanted = states or STATES[1:]
        return [item for item in self.findings if item.name == name and item.state in wanted]

    def the(self, name: str, state: str, *words: str) -> Found:
        """The one finding of a check and state whose sentence holds the words."""
        found = [i for i in self.of(name, state) if all(word in i.seen for word in words)]
        assert len(found) == 1, self.findings
        return found[0]


def command(*args: str) -> list[str]:
    """The command line of an examination."""
    return [sys.executable, "-m", "flows.cli", "doctor", *args]


def environment(cwd: Path, **variables: str) -> dict[str, str]:
    """An environment with no settings but those given; what is shared lies below the folder."""
    own = ("PAPERLAKE_", "PREFECT_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    shared = {"PAPERLAKE_STATE_DIR": str(cwd / "shared"), "HOME": str(cwd)}
    return {**clean, "PYTHONPATH": str(ROOT), **shared, **variables}


def doctor(
    cwd: Path, *args: str, before: Sequence[str] = (), after: str = "", **variables: str
) -> Examined:
    """Run the command with --json in a folder, in a process of its own where it must be one.

    Args:
        cwd: where; its lake is ./lake.
        args: options.
        before: a program with its options that starts the command.
        after: a path put first into PYTHONPATH.
        variables: of the environment.
    """
    given = environment(cwd, **variables)
    if before or after:
        given["PYTHONPATH"] = os.pathsep.join(filter(None, [after, given["PYTHONPATH"]]))
        done = subprocess.run(
            [*before, *command("--json", *args)],
            cwd=cwd,
            env=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr
        code, text = done.returncode, done.stdout
    else:
        code, text = _invoked(cwd, args, given)
    assert code in (0, 1), text
    findings = [Found(**item) for item in json.loads(text)]
    for item in findings:
        assert item.state in STATES
        assert item.seen
        assert item.advice or item.state in ("ok", "note"), item
        assert "could not be looked at" not in item.seen, item
    assert code == int(any(item.state == "problem" for item in findings))
    return Examined(code, findings)


def _invoked(cwd: Path, args: Sequence[str], variables: dict[str, str]) -> tuple[int, str]:
    """The command in this process, which it must neither end nor leave changed."""
    logger = logging.getLogger("paperlake")
    before = logger.handlers, logger.level, logger.propagate
    try:
        with (
            contextlib.chdir(cwd),
            mock.patch.dict(os.environ, variables, clear=True),
            mock.patch("flows.running.end_in_time"),
        ):
            done = CliRunner().invoke(app, ["doctor", "--json", *args])
    finally:
        logger.handlers, logger.level, logger.propagate = before
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout
