"""What a run shows while it is under way, on stderr: bars on a terminal, lines elsewhere, or a log."""

import contextlib
import json
import logging
import sys
from typing import Any

from flows.options import Common
from flows.source import Window

_log = logging.getLogger("paperlake")


class Progress:
    """Progress bars on a terminal, plain lines elsewhere, nothing when quiet; always on stderr."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._bars: Any = None
        self._tasks: dict[tuple[str, str], Any] = {}
        self._seen: dict[tuple[str, str], list[int]] = {}

    def __enter__(self) -> "Progress":
        if not self._is_quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description:28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("responses  {task.fields[records]:>9,} records"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, text: str) -> None:
        """One line of what is going on."""
        if self._is_quiet:
            return
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            _print(text)

    def planned(self, source: str, list_name: str, window: Window, requests: int | None) -> None:
        """A harvest begins."""
        self._seen[source, list_name] = [0, 0]
        if self._bars is not None:
            self._tasks[source, list_name] = self._bars.add_task(
                f"{source} {list_name}", total=requests, records=0
            )
            return
        span = f"{window.start}" if window.start == window.end else f"{window.start}..{window.end}"
        self.say(f"{source} {list_name}: {span}{_about(requests)}")

    def received(self, source: str, list_name: str, records: int) -> None:
        """A response was read."""
        seen = self._seen.setdefault((source, list_name), [0, 0])
        seen[0] += 1
        seen[1] += records
        task = self._tasks.get((source, list_name))
        if self._bars is not None and task is not None:
            expected = self._bars.tasks[task].total
            total = None if expected is None else max(expected, seen[0])
            self._bars.update(task, completed=seen[0], total=total, records=seen[1])

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """A harvest ended."""
        responses, records = self._seen.get((source, list_name), [0, 0])
        task = self._tasks.pop((source, list_name), None)
        if self._bars is not None and task is not None:
            self._bars.update(task, total=responses, completed=responses)
            if problem:
                self.say(f"{source} {list_name}: failed: {problem}")
            return
        end = f"failed: {problem}" if problem else "done"
        self.say(f"{source} {list_name}: {responses} responses, {records:,} records, {end}")


class Logged:
    """`--log json`: what is going on goes to the log, an event a line."""

    def __enter__(self) -> "Logged":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, text: str) -> None:
        """One line of what is going on."""
        _log.info(text)

    def planned(self, source: str, list_name: str, window: Window, requests: int | None) -> None:
        """A harvest begins."""
        _log.info(f"{source} {list_name}: {window.start}..{window.end}{_about(requests)}")

    def received(self, source: str, list_name: str, records: int) -> None:
        """A response was read."""
        _log.info(f"{source} {list_name}: response with {records} records")

    def finished(self, source: str, list_name: str, problem: str | None) -> None:
        """A harvest ended."""
        if problem:
            _log.error(f"{source} {list_name}: failed: {problem}")
        else:
            _log.info(f"{source} {list_name}: done")


class Steps:
    """A run in steps: a bar on a terminal that shows the present one, a line a step elsewhere."""

    def __init__(self, *, is_quiet: bool, is_logged: bool) -> None:
        self._is_quiet = is_quiet
        self._is_logged = is_logged
        self._bars: Any = None
        self._last: str | None = None

    def __enter__(self) -> "Steps":
        if not self._is_quiet and not self._is_logged and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description:28}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bars.add_task("", total=1.0)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, text: str) -> None:
        """One line of what is going on."""
        if self._is_logged:
            _log.info(text)
        elif not self._is_quiet:
            _print(text)

    def step(self, name: str, share: float) -> None:
        """What is being done, and the share of it that is done, from 0 to 1."""
        if self._bars is not None:
            self._bars.update(self._bars.task_ids[0], description=name, completed=share)
        elif name != self._last:
            self.say(name)
        self._last = name


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # whoever read along has gone; the run goes on
        print(text, file=sys.stderr, flush=True)


def _about(requests: int | None) -> str:
    return "" if requests is None else f", about {requests} requests"


def watching(common: Common) -> Progress | Logged:
    """What shows a run to whoever gave a command, as its options say."""
    if common.is_logged:
        return Logged()
    return Progress(is_quiet=common.is_quiet or common.is_json)


def stepping(common: Common) -> Steps:
    """The same for a run in steps."""
    return Steps(is_quiet=common.is_quiet or common.is_json, is_logged=common.is_logged)


class JsonLines(logging.Formatter):
    """`--log json`: one JSON object a line on stderr."""

    def format(self, record: logging.LogRecord) -> str:
        """One log record."""
        facts = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts, ensure_ascii=False)
