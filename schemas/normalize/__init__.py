"""Pure functions from what sources write to the one form we store: text, names, identifiers, dates.

Every function is total (any string of any length gives an answer, never an exception), cheap
(costly cleaners run only where a cheap test finds their marks, no expression backtracks) and
idempotent where its result is of the kind it takes.
"""

from schemas.normalize.addresses import code_url, license_id, url
from schemas.normalize.cleaning import clean
from schemas.normalize.excerpts import excerpt
from schemas.normalize.ids import ArxivId, arxiv_id, doi, dois, identifiers
from schemas.normalize.jats import readable_jats
from schemas.normalize.people import author, author_of, name, orcid
from schemas.normalize.text import readable, readable_block, title_key, title_key_of
from schemas.normalize.times import to_date, to_datetime
from schemas.normalize.withdrawal import says_withdrawn

__all__ = [
    "ArxivId",
    "arxiv_id",
    "author",
    "author_of",
    "clean",
    "code_url",
    "doi",
    "dois",
    "excerpt",
    "identifiers",
    "license_id",
    "name",
    "orcid",
    "readable",
    "readable_block",
    "readable_jats",
    "says_withdrawn",
    "title_key",
    "title_key_of",
    "to_date",
    "to_datetime",
    "url",
]
