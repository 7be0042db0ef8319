"""Ours: a night of one arXiv set without Prefect, from a server on loopback."""

from pathlib import Path
from typing import Any

from flows.running import run_nightly
from flows.settings import load_settings
from tests.bench.work.importing import listings_only


def night(url: str, lake: str) -> dict[str, Any]:
    """Harvest to published listings; papers and the checks that speak of them are left out."""
    settings = load_settings(
        lake=Path(lake),
        state_dir=Path(lake).parent / "shared",
        base_urls={"arxiv": url},
        arxiv_sets="cs",
    )
    with listings_only():
        run = run_nightly(settings, use_prefect=False, source_names=["arxiv"])
    assert run.state == "published", run.problem
    (outcome,) = run.outcomes
    return {"listings": outcome.n_new, "responses": outcome.n_fetched}
