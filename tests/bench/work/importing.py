"""Ours: files into a lake, whole or stage by stage."""

import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from flows import pipeline
from flows.harvest import Reader
from flows.importing import import_files
from flows.settings import load_settings
from warehouse import listings
from warehouse.dedupe import papers


def without_papers(lines: str, lake: str) -> dict[str, Any]:
    """Import a snapshot to published listings; papers and the checks that speak of them are left out."""
    with listings_only():
        run = import_files(_settings(lake), "arxiv", [Path(lines)])
    return _told(run)


def with_papers(lines: str, lake: str) -> dict[str, Any]:
    """Import a snapshot with everything; tells the CPU seconds of each step of the run as well."""
    seconds: dict[str, float] = defaultdict(float)
    started = _cpu()
    with (
        _timed(Reader, "read", seconds, "read"),
        _timed(listings, "upsert", seconds, "write"),
        _timed(papers, "regroup", seconds, "papers"),
        _timed(pipeline, "run_checks", seconds, "checks"),
    ):
        run = import_files(_settings(lake), "arxiv", [Path(lines)])
    seconds["everything"] = _cpu() - started
    return {**_told(run), "seconds": dict(seconds)}


@contextmanager
def listings_only() -> Iterator[None]:
    """Leave out papers, and the checks that speak of them."""
    with (
        mock.patch.object(papers, "regroup", return_value=None),
        mock.patch.object(pipeline, "run_checks", return_value={}),
    ):
        yield


def _told(run: Any) -> dict[str, Any]:
    assert run.state == "published", run.problem
    (outcome,) = run.outcomes
    return {"listings": outcome.n_new, "quarantined": outcome.n_quarantined}


def _settings(lake: str) -> Any:
    return load_settings(lake=Path(lake), state_dir=Path(lake).parent / "shared")


def _timed(owner: Any, name: str, seconds: dict[str, float], label: str) -> Any:
    inner = getattr(owner, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        before = _cpu()
        try:
            return inner(*args, **kwargs)
        finally:
            seconds[label] += _cpu() - before

    return mock.patch.object(owner, name, outer)


def _cpu() -> float:
    """CPU seconds of this process and of children it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
