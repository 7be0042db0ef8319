"""A lake reduced to its writer: each `write` is a snapshot."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.datasets import LISTINGS, METRICS
from schemas.paper import Listing, Metric
from warehouse import listings
from warehouse.dedupe import modelstore, papers
from warehouse.dedupe.model import Model
from warehouse.dedupe.precedence import Ranks
from warehouse.lake import Writer
from warehouse.listings import Counts
from warehouse.manifest import Manifest
from warehouse.merging import Moment
from warehouse.staging import Stage

RANKS = {
    "crossref": Ranks(10, 50),
    "arxiv": Ranks(30, 30),
    "huggingface": Ranks(60, 10),
    "huggingface_page": Ranks(61, 11),
}
NOW = datetime(2026, 3, 3, 6, 30, tzinfo=UTC)


def manifest_of(writer: Writer) -> Manifest:
    """The manifest of the snapshot that a writer has written."""
    return Manifest(
        snapshot=writer.snapshot,
        parent=writer.snapshot - 1 or None,
        created_at=NOW,
        run_id="run",
        kind="nightly",
        night_date=NOW.date(),
        content_hash="",
        tables=writer.tables,
    )


class Tables:
    """Listings, metrics, papers and memberships without the rest of a lake."""

    def __init__(
        self,
        root: Path,
        lacks: Mapping[str, frozenset[str]] | None = None,
        model: Model | None = None,
    ) -> None:
        self.root = root
        self.lacks = lacks or {}
        self.model = model
        """What matches are judged by from the first snapshot on; else the first makes its own."""
        self.manifest: Manifest | None = None

    def write(
        self, rows: Sequence[Listing], metrics: Sequence[Metric] = (), **choices: Any
    ) -> Counts:
        """Write records as one snapshot and bring the papers up to date; returns the counts.

        `choices` are those of `papers.regroup`.
        """
        number = 1 + (self.manifest.snapshot if self.manifest else 0)
        stage = Stage(self.root / "staging" / str(number), "arxiv", "cs", 0)
        stage.add(rows, metrics, [])
        stage.close()
        moment = Moment("nightly", date(2026, 3, number), NOW + timedelta(days=number))
        writer = Writer(self.root, self.manifest, number, moment, self.root / "scratch")
        counts = listings.upsert(writer, [stage], self.lacks)
        if self.model is not None and self.manifest is None:
            modelstore.store(writer, self.model)
        papers.regroup(writer, RANKS, self.lacks, **choices)
        writer.upsert_staged(METRICS, [stage])
        self.manifest = manifest_of(writer)
        writer.close()
        return counts.get(("arxiv", "cs"), Counts())

    def rows(self, dataset: Any = LISTINGS) -> list[dict[str, Any]]:
        """The living rows, by key."""
        moment = Moment("", NOW.date(), NOW)
        writer = Writer(self.root, self.manifest, 0, moment, self.root / "scratch")
        found = writer.rows(dataset)
        writer.close()
        return sorted(found, key=lambda row: [str(row[name]) for name in dataset.key])

    def by_key(self, dataset: Any) -> dict[str, dict[str, Any]]:
        """The living rows by their first key column."""
        return {row[dataset.key[0]]: row for row in self.rows(dataset)}

    @property
    def content_hash(self) -> str:
        """Content hash of the listings."""
        assert self.manifest is not None
        return self.manifest.tables["listings"].content_hash
