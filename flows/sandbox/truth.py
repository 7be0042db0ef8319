"""What is true of a sandbox's papers: what a lake must know after harvesting every night.

Each module of the folder `served` says it for its source. Values are those last served to a
harvester that ran every night from 0: what changed where nobody looks is not known.
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

from flows.sandbox import served
from flows.sandbox.universe import Universe


def listings(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """Every listing known after that night, by source and id."""
    yield from _told("listings", universe, night)


def metrics(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """What the lists said in that night, list by list in the order of ranks."""
    yield from _told("metrics", universe, night)


def quarantined(universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    """The items served in that night's windows that must not become listings."""
    yield from _told("quarantined", universe, night)


def as_json_lines(universe: Universe, night: int) -> Iterator[str]:
    """Everything as JSON, one object a line, each with its `kind`."""
    for kind, tell in (("listing", listings), ("metric", metrics), ("quarantined", quarantined)):
        for row in tell(universe, night):
            yield json.dumps({"kind": kind, **row}, ensure_ascii=False)


def _told(what: str, universe: Universe, night: int) -> Iterator[dict[str, Any]]:
    for module in sorted(pkgutil.iter_modules(served.__path__), key=lambda m: m.name):
        tell = getattr(importlib.import_module(f"{served.__name__}.{module.name}"), what, None)
        if tell is not None:
            yield from tell(universe, night)
