"""Listings of a lake as records to be compared, and where a reference says a work appeared."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import duckdb
import pyarrow as pa

from warehouse.dedupe.keys import Record
from warehouse.dedupe.precedence import PREPRINT_TYPES
from warehouse.manifest import quoted

BATCH = 10_000

_PLACE = re.compile(
    r"(?P<venue>[^\d]{2,200}?)[\s,]{1,3}(?:vol(?:ume|\.)?\s?)?(?P<volume>\d{1,4})\b"
    r"(?:\s?\((?P<issue>\d{1,4})(?:-\d{1,4})?\))?"
    r"(?:\s?\(\d{4}\))?(?:[\s,:]{1,3}(?:no|issue)\.?\s?\d{1,4})?"
    r"(?:[\s,:]{1,3}(?:pp?\.?\s?|pages?\s)?[A-Za-z]{0,2}(?P<page>\d{1,7})\b)?",
    re.IGNORECASE,
)
_SOURCE_SQL = """
    select
        l.listing_id,
        l.title,
        [author.name for author in l.authors] as authors,
        year(l.publication_date) as year,
        l.venue,
        l.journal_ref,
        l.doi,
        l.arxiv_id,
        [item.value for item in l.identifiers if item.scheme = 'pmid'][1] as pmid,
        coalesce(l.type, case when l.arxiv_id is not null and l.doi is null then {preprint} end) as type,
    from {listings} as l
    where l.title is not null
"""


class Place(NamedTuple):
    """Where a work appeared, as far as a reference says it."""

    venue: str | None = None
    volume: str | None = None
    issue: str | None = None
    page: str | None = None


_NOWHERE = Place()


def place_of(reference: str | None) -> Place:
    """Read `Venue 12(3), 45-67 (2026)` and its like; nothing where the text is something else."""
    found = _PLACE.match(reference[:400]) if reference else None
    if found is None:
        return _NOWHERE
    return Place(found["venue"].strip(" ,"), found["volume"], found["issue"], found["page"])


def records(db: duckdb.DuckDBPyConnection, listings: str) -> Iterator[list[tuple[str, Record]]]:
    """The titled listings of a relation, a batch at a time, each with its listing_id.

    Args:
        db: where the relation is; a cursor of its own is used.
        listings: a table, a view, or a select in brackets, with the columns of `Listing`.
    """
    sql = _SOURCE_SQL.format(listings=listings, preprint=quoted(PREPRINT_TYPES[0]))
    cursor = db.cursor()
    try:
        for batch in cursor.sql(sql).to_arrow_reader(BATCH):
            yield list(zip(batch["listing_id"].to_pylist(), _records(batch), strict=True))
    finally:
        cursor.close()


def _records(batch: pa.RecordBatch) -> Iterator[Record]:
    columns = {name: batch[name].to_pylist() for name in batch.schema.names}
    places = [_NOWHERE if text is None else place_of(text) for text in columns["journal_ref"]]
    columns["venue"] = [
        venue or place.venue for venue, place in zip(columns["venue"], places, strict=True)
    ]
    columns["volume"] = [place.volume for place in places]
    columns["issue"] = [place.issue for place in places]
    columns["pages"] = [place.page for place in places]
    return map(Record, *(columns[name] for name in Record._fields))
