"""Nights against the sandbox, for the tests."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows import published
from flows.running import run_nightly
from flows.sandbox import truth
from flows.sandbox.universe import Universe
from flows.settings import Settings, load_settings
from schemas.paper import Run
from warehouse.files import sha256_of
from warehouse.manifest import from_json, to_json
from warehouse.reading import select
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
    with published.reading(Lake(lake)) as connection:
        return select(connection, sql)


def differences(lake: Path, universe: Universe, number: int) -> list[str]:
    """Where a lake differs from what the sandbox says is true after a night; empty when nowhere."""
    found: list[str] = []
    known = {
        row["listing_id"]: row
        for row in rows(
            lake,
            "select listing_id, title, abstract, doi, arxiv_id, is_withdrawn, type, venue, "
            "is_retracted, publication_date::varchar as publication_date, "
            "list_transform(relations, lambda r: [r.type, r.scheme, r.value]) as relations, "
            "list_transform(authors, lambda a: a.name) as authors from lake.listings",
        )
    }
    for told in truth.listings(universe, number):
        row = known.pop(told["listing_id"], None)
        if row is None:
            found.append(f"missing {told['listing_id']}")
            continue
        # What the truth tells of a listing, which is more of some sources than of others.
        for name in told.keys() & row.keys():
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


def pretend_more_papers(lake: Lake) -> None:
    """Rewrite the stored table `snapshots` as if the newest snapshot had held many more papers."""
    path = lake.root / "manifests" / "000001.json"
    manifest = from_json(path.read_bytes())
    (file,) = manifest.tables["snapshots"].base
    table = pq.read_table(lake.root / file.path)
    index = table.schema.get_field_index("n_papers")
    table = table.set_column(index, table.schema.field(index), pa.array([10_000], pa.int64()))
    pq.write_table(table, lake.root / file.path)
    text = to_json(manifest).replace(
        file.sha256.encode(), sha256_of(lake.root / file.path).encode()
    )
    path.write_bytes(text)
