"""Fixtures that several rooms share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from flows.sandbox.server import run_in_thread
from flows.sandbox.universe import Universe

# The same examples on every machine: a red test must be red again tomorrow.
settings.register_profile("paperlake", derandomize=True, deadline=None)
settings.load_profile("paperlake")


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    """No setting of the developer's machine reaches a test."""
    saved = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PAPERLAKE_")
    }
    yield
    os.environ.update(saved)


@pytest.fixture(scope="session")
def universe() -> Universe:
    """A small sandbox universe."""
    return Universe(seed=1, papers=400)


@pytest.fixture(scope="session")
def sandbox_url(universe: Universe) -> Iterator[str]:
    """A sandbox that serves `universe` on loopback."""
    with run_in_thread(universe) as url:
        yield url


@pytest.fixture
def lake_path(tmp_path: Path) -> Path:
    """Where a test's lake shall be."""
    return tmp_path / "lake"
