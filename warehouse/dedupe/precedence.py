"""Which listing a paper's field comes from.

Two orders. What describes the work (title, authors, dates, DOI, ...) is best told by who publishes
it, then by the archive that holds it, then by pages that present it. What only such a page tells
(summary, code, thumbnail, who submitted it) is taken from the page first. Where a source stands, it
says itself.
"""

from typing import NamedTuple


class Ranks(NamedTuple):
    """The place of a source in the two orders; smaller is better."""

    work: int
    page: int


UNKNOWN = Ranks(50, 50)
"""A source that nobody ranks stands between the archives and the pages."""

PAGE_COLUMNS = frozenset(
    {
        "code_source",
        "code_url",
        "keywords",
        "organization",
        "project_url",
        "submitted_by",
        "thumbnail_url",
        "tldr",
        "tldr_source",
    }
)
# Pairs that must come from one listing: the second column follows the first.
FOLLOWS = {"code_source": "code_url", "tldr_source": "tldr", "title_key": "title"}

# papers.sql makes these by a rule of their own.
BY_RULE = frozenset(
    {
        "arxiv_version",
        "identifiers",
        "is_open_access",
        "is_retracted",
        "is_withdrawn",
        "submitted_date",
        "updated_at",
    }
)

# Types of work that are a form before publication.
PREPRINT_TYPES = ("preprint", "posted-content")
