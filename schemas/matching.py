"""The rows of the tables that tell how papers came to be: keys, matches, decisions, model, history."""

from datetime import date
from typing import Annotated

from schemas.fields import Column, Row


class MatchKeys(Row):
    """What a listing is compared by, under the model it was made with; see `warehouse.dedupe.keys`."""

    listing_id: Annotated[str, Column(1)]
    """Key of a listing: `source:source_id`."""
    title: Annotated[str, Column(2)]
    """Folded words of the title, a blank between, without what a database added."""
    names: Annotated[str, Column(3)]
    """Folded surnames in order, a blank between."""
    surnames: Annotated[tuple[int, ...], Column(4)] = ()
    """Hashes of the surnames, in order."""
    name_words: Annotated[tuple[int, ...], Column(5)] = ()
    """Hashes of all long words of the names, sorted."""
    n_authors: Annotated[int, Column(6)] = 0
    """Number of authors."""
    year: Annotated[int | None, Column(7)] = None
    """Year of publication."""
    volume: Annotated[int | None, Column(8)] = None
    """Volume, its first number."""
    issue: Annotated[int | None, Column(9)] = None
    """Issue, its first number."""
    page: Annotated[int | None, Column(10)] = None
    """First page."""
    doi: Annotated[int | None, Column(11)] = None
    """Hash of the DOI; null where there is none, or where many titles share it."""
    is_open_doi: Annotated[bool, Column(12)] = False
    """Whether the DOI is a repository's or a preprint server's."""
    identifiers: Annotated[tuple[int, ...], Column(13)] = ()
    """Hashes of arXiv id and PMID, each one work's; 0 for none."""
    venue: Annotated[str, Column(14)] = ""
    """Folded words of the venue."""
    form: Annotated[str, Column(15)] = ""
    """preprint, proceedings, journal, book, thesis, or empty."""
    kind: Annotated[str, Column(16)] = ""
    """Kind of notice the title announces: erratum, retraction, reply, comment, protocol, supplement, or empty."""
    numbers: Annotated[str, Column(17)] = ""
    """Numbers in the title, a blank between."""
    part: Annotated[str, Column(22)] = ""
    """Which part of a work in parts the title says to be; empty where it does not."""
    rarity: Annotated[float, Column(18)] = 0.0
    """Sum of the rarity of the title's words."""
    is_shared_title: Annotated[bool, Column(19)] = False
    """Whether the title is one that many works bear."""
    name_rarity: Annotated[float, Column(20)] = 0.0
    """Rarity of the first surname, from 0 to 1."""
    blocks: Annotated[tuple[int, ...], Column(21)] = ()
    """Keys under which it is looked for, sorted; only listings that share one are compared."""


class Contribution(Row):
    """What one piece of evidence adds to a pair's score."""

    name: Annotated[str, Column(1401)]
    """The reason, as in the table of weights: title, authors_all, year_near, ..."""
    contribution: Annotated[float, Column(1402)]
    """What it adds to the score; negative where it speaks against."""


class Match(Row):
    """Two listings that were compared and are not simply different, and why."""

    left_id: Annotated[str, Column(1)]
    """The listing whose id comes first."""
    right_id: Annotated[str, Column(2)]
    """The other listing."""
    relation: Annotated[str, Column(3)]
    """same (one record), version (another form of the work), related (erratum, reply, other part), undecided."""
    score: Annotated[float, Column(4)]
    """Sum of the contributions; from 10 on two listings are taken for one work."""
    evidence: Annotated[tuple[Contribution, ...], Column(5)] = ()
    """What speaks for and against, the strongest first."""
    model: Annotated[int, Column(6)]
    """Number of the model under which they were compared."""


class ModelEntry(Row):
    """One fact of the model: what follows from the corpus as a whole, frozen until it is made anew."""

    model: Annotated[int, Column(1)]
    """Number of the model, counted up."""
    kind: Annotated[str, Column(2)]
    """records, word, surname, shared_title, shared_doi, venue_alias, softened."""
    key: Annotated[str, Column(3)]
    """The word, surname, title, DOI, venue or field; empty for the number of records."""
    other: Annotated[str, Column(4)] = ""
    """The other venue of an alias."""
    value: Annotated[float, Column(5)] = 1.0
    """Records that have the word or surname, records in all, or what a difference in the field weighs."""


class Decided(Row):
    """A person's word on two listings, from the file decisions.toml."""

    left_id: Annotated[str, Column(1)]
    """The listing whose id comes first."""
    right_id: Annotated[str, Column(2)]
    """The other listing."""
    verdict: Annotated[str, Column(3)]
    """together or apart."""
    who: Annotated[str, Column(4)]
    """Who decided."""
    why: Annotated[str, Column(5)]
    """Why."""
    decided_on: Annotated[date, Column(6)]
    """When."""


class PaperEvent(Row):
    """What became of a paper's id in one snapshot."""

    snapshot: Annotated[int, Column(1)]
    """Number of the snapshot."""
    paper_id: Annotated[str, Column(2)]
    """The paper whose listings went elsewhere."""
    event: Annotated[str, Column(3)]
    """merged (the id was given up), split (the id stayed, listings left it) or restored (a retired id lives again)."""
    other_id: Annotated[str, Column(4)]
    """The paper that its listings went to; for a restored id, the paper they came from."""
    listing_ids: Annotated[tuple[str, ...], Column(5)] = ()
    """The listings that went, sorted; at most 100."""
    night_date: Annotated[date, Column(6, hashed=False)]
    """Night it happened in (UTC day)."""
