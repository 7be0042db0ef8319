"""Every stored table: its rows, key, order, and how it is written."""

from dataclasses import dataclass
from typing import Literal

from schemas import matching, paper
from schemas.fields import Row


@dataclass(frozen=True, slots=True)
class Dataset:
    """A stored table.

    `upsert` tables get one delta file a snapshot, with the keys it supersedes; `replace` tables
    are small and written anew. Rows of a `derived` table may be deleted, others never are.
    """

    name: str
    model: type[Row]
    key: tuple[str, ...]
    sort: tuple[str, ...]
    mode: Literal["upsert", "replace"] = "upsert"
    derived: bool = False
    in_content_hash: bool = False
    """Whether a snapshot's content hash covers it."""
    dated_by: str | None = None
    """A column that says how new a row is: an older row does not replace a newer one."""
    looked_up: tuple[str, ...] = ()
    """Columns of single values that the sort order scatters: each row group has a Bloom filter of them."""


LISTINGS = Dataset(
    "listings",
    paper.Listing,
    key=("listing_id",),
    sort=("publication_date", "listing_id"),
    in_content_hash=True,
    looked_up=("listing_id", "doi", "arxiv_id"),
)
METRICS = Dataset(
    "metrics",
    paper.Metric,
    key=("source", "list", "list_date", "night_date", "listing_id"),
    sort=("night_date", "source", "list", "list_date", "rank", "listing_id"),
    in_content_hash=True,
    dated_by="captured_at",
)
PAPERS = Dataset(
    "papers",
    paper.Paper,
    key=("paper_id",),
    sort=("publication_date", "paper_id"),
    derived=True,
    in_content_hash=True,
    looked_up=("paper_id", "doi", "arxiv_id"),
)
MEMBERSHIPS = Dataset(
    "memberships",
    paper.Membership,
    key=("listing_id",),
    sort=("listing_id",),
    derived=True,
    in_content_hash=True,
    looked_up=("paper_id",),
)
REDIRECTS = Dataset(
    "redirects", paper.Redirect, key=("paper_id",), sort=("paper_id",), derived=True
)
MATCH_KEYS = Dataset(
    "match_keys", matching.MatchKeys, key=("listing_id",), sort=("listing_id",), derived=True
)
MATCHES = Dataset(
    "matches",
    matching.Match,
    key=("left_id", "right_id"),
    sort=("left_id", "right_id"),
    derived=True,
)
DEDUPE_MODEL = Dataset(
    "dedupe_model",
    matching.ModelEntry,
    key=("kind", "key", "other"),
    sort=("kind", "key", "other"),
    mode="replace",
)
DECISIONS = Dataset(
    "decisions",
    matching.Decided,
    key=("left_id", "right_id"),
    sort=("left_id", "right_id"),
    mode="replace",
)
PAPER_EVENTS = Dataset(
    "paper_events",
    matching.PaperEvent,
    key=("snapshot", "paper_id", "event", "other_id"),
    sort=("snapshot", "paper_id", "event", "other_id"),
)
QUARANTINE = Dataset(
    "quarantine",
    paper.Quarantined,
    key=("response_sha256", "position"),
    sort=("night_date", "response_sha256", "position"),
)
RUNS = Dataset("runs", paper.Run, key=("run_id",), sort=("started_at", "run_id"))
SOURCES = Dataset(
    "sources", paper.SourceState, key=("source", "list"), sort=("source", "list"), mode="replace"
)
SNAPSHOTS = Dataset(
    "snapshots", paper.SnapshotRow, key=("snapshot",), sort=("snapshot",), mode="replace"
)

DATASETS = (
    LISTINGS,
    METRICS,
    PAPERS,
    MEMBERSHIPS,
    REDIRECTS,
    MATCH_KEYS,
    MATCHES,
    DEDUPE_MODEL,
    DECISIONS,
    PAPER_EVENTS,
    QUARANTINE,
    RUNS,
    SOURCES,
    SNAPSHOTS,
)
