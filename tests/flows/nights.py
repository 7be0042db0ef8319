"""Nights against the sandbox, for the tests."""

import json
from pathlib import Path
from typing import Any

from flows import answers
from flows.running import run_nightly
from flows.sandbox import truth
from flows.sandbox.universe import Universe
from flows.settings import Settings, load_settings
from schemas.paper import Run
from warehouse.snapshots import Lake


def settings(lake: Path) -> Settings:
    """Settings of a test: everything below the lake's parent."""
    return load_settings(lake=lake, state_dir=lake.parent / "shared")


def night(lake: Path, url: str, **options: Any) -> Run:
    """One night without Prefect."""
    return run_nightly(settings(lake), use_prefect=False, sandbox_url=url, **options)


def content_hash(lake: Path) -> str:
    """Content hash of the newest snapshot."""
    manifest = Lake(lake).manifest()
    assert manifest is not None
    return manifest.content_hash


def rows(lake: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a query on the newest snapshot."""
    with answers.reading(Lake(lake)) as connection:
        return answers.select(connection, sql)


def differences(lake: Path, universe: Universe, number: int) -> list[str]:
    """Where a lake differs from what the sandbox says is true after a night; empty when nowhere."""
    found: list[str] = []
    known = {
        row["listing_id"]: row
        for row in rows(
            lake,
            "select listing_id, title, abstract, doi, arxiv_id, is_withdrawn, arxiv_version, "
            "list_transform(authors, lambda a: a.name) as authors from lake.listings",
        )
    }
    for told in truth.listings(universe, number):
        row = known.pop(told["listing_id"], None)
        if row is None:
            found.append(f"missing {told['listing_id']}")
            continue
        for name in ("title", "abstract", "doi", "arxiv_id", "is_withdrawn", "authors"):
            if told["title"] is None and name != "is_withdrawn":
                continue
            if row[name] != told[name]:
                found.append(
                    f"{told['listing_id']} {name}: {row[name]!r} instead of {told[name]!r}"
                )
    found += [f"unknown to the truth: {key}" for key in known]
    found += _metric_differences(lake, universe, number)
    return found


def _metric_differences(lake: Path, universe: Universe, number: int) -> list[str]:
    names = (
        "source",
        "list",
        "list_date",
        "listing_id",
        "rank",
        "upvotes",
        "comment_count",
        "github_stars",
        "cited_by_count",
    )
    day = universe.night_date(number).isoformat()
    mine = {
        json.dumps([str(row[name]) for name in names])
        for row in rows(lake, f"select * from lake.metrics where night_date = date '{day}'")
    }
    theirs = {
        json.dumps([str(row.get(name)) for name in names])
        for row in truth.metrics(universe, number)
    }
    return [f"metric not listed: {item}" for item in mine - theirs] + [
        f"metric missing: {item}" for item in theirs - mine
    ]
