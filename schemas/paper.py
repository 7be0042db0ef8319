"""The rows of the tables that hold papers: what one source lists, and what we make of it.

Same name, same meaning, same sentence: a view that passes a column on inherits its description.
Field ids are permanent: never reuse one, never change one; new columns take the next free number.
"""

from datetime import date, datetime
from typing import Annotated

from schemas.fields import Column, Row


class Author(Row):
    """One author as listed, in the order of the paper."""

    name: Annotated[str, Column(1001)]
    """Name in reading order, as printed."""
    given: Annotated[str | None, Column(1002)] = None
    """Given names, where the source tells them apart."""
    family: Annotated[str | None, Column(1003)] = None
    """Family name, where the source tells it apart, with its suffix (Jr., III)."""
    orcid: Annotated[str | None, Column(1004)] = None
    """ORCID iD, sixteen characters in groups of four, without the address."""
    affiliation: Annotated[str | None, Column(1005)] = None
    """Affiliation as the source prints it."""


class Identifier(Row):
    """One identifier of a paper, in its normal form."""

    scheme: Annotated[str, Column(1101)]
    """Kind of identifier: doi, arxiv, pmid, openalex, ..."""
    value: Annotated[str, Column(1102)]
    """The identifier in the normal form of its scheme: DOI lower case without address, arXiv id without version."""


class Relation(Row):
    """What a record says of its place beside another work."""

    type: Annotated[str, Column(1301)]
    """How it stands to the other work, in Crossref's words: is-preprint-of, has-preprint, retracted-by, ..."""
    scheme: Annotated[str, Column(1302)]
    """Kind of identifier that names the other work: doi, arxiv, ..."""
    value: Annotated[str, Column(1303)]
    """Identifier of the other work, in the normal form of its scheme."""


class Bibliography(Row):
    """What listings and papers have in common: the columns that describe the work itself."""

    title: Annotated[str | None, Column(11)] = None
    """Title as readable text: NFC, on one line, LaTeX accents resolved, math kept."""
    title_key: Annotated[str | None, Column(12)] = None
    """Title for matching: accents folded, lower case, letters and digits only; null where nothing is left."""
    abstract: Annotated[str | None, Column(13)] = None
    """Abstract as readable text, one line a paragraph, a blank line between paragraphs."""
    authors: Annotated[tuple[Author, ...], Column(14)] = ()
    """Authors in the order of the paper."""
    publication_date: Annotated[date | None, Column(15)] = None
    """Day the work first appeared in this form."""
    submitted_date: Annotated[date | None, Column(16)] = None
    """Day the first version was submitted or posted."""
    updated_at: Annotated[datetime | None, Column(17)] = None
    """When the latest version appeared, by the source (UTC)."""
    type: Annotated[str | None, Column(18)] = None
    """Kind of work: preprint, article, proceedings-article, book-chapter, dataset, ..."""
    venue: Annotated[str | None, Column(19)] = None
    """Journal, conference or repository the work appeared in."""
    doi: Annotated[str | None, Column(20)] = None
    """DOI in lower case, without address; an arXiv DOI is kept as arxiv_id instead."""
    arxiv_id: Annotated[str | None, Column(21)] = None
    """arXiv identifier without version, old (math.GT/0309136 as math/0309136) or new style."""
    arxiv_version: Annotated[int | None, Column(22)] = None
    """Number of the latest arXiv version known."""
    identifiers: Annotated[tuple[Identifier, ...], Column(23)] = ()
    """Every identifier known, in normal form, sorted by scheme and value."""
    primary_category: Annotated[str | None, Column(24)] = None
    """First arXiv category, such as cs.CL."""
    categories: Annotated[tuple[str, ...], Column(25)] = ()
    """arXiv categories, the primary one first."""
    keywords: Annotated[tuple[str, ...], Column(26)] = ()
    """Keywords, as the source gives them."""
    language: Annotated[str | None, Column(27)] = None
    """Language of the text, ISO 639-1, where the source tells it."""
    license: Annotated[str | None, Column(28)] = None
    """Licence as an SPDX id where known, else the licence's address."""
    comments: Annotated[str | None, Column(29)] = None
    """The authors' comments to arXiv: pages, figures, where accepted."""
    journal_ref: Annotated[str | None, Column(30)] = None
    """Reference to the published form, as its authors gave it, else put together from venue, volume, issue, pages and year."""
    report_no: Annotated[str | None, Column(31)] = None
    """Report number of the authors' institution."""
    is_open_access: Annotated[bool | None, Column(32)] = None
    """Whether the full text can be read freely; null where nobody says."""
    is_retracted: Annotated[bool | None, Column(33)] = None
    """Whether the published form is retracted; null where nobody says."""
    is_withdrawn: Annotated[bool, Column(34)] = False
    """Whether the authors or the source withdrew it; the row itself is never deleted."""
    primary_topic: Annotated[str | None, Column(35)] = None
    """Main topic by the source's own classification."""
    tldr: Annotated[str | None, Column(36)] = None
    """One-sentence summary made by a machine."""
    tldr_source: Annotated[str | None, Column(37)] = None
    """Who made the tldr: the source, and its model where known."""
    organization: Annotated[str | None, Column(38)] = None
    """Organization that presents the paper on Hugging Face."""
    submitted_by: Annotated[str | None, Column(39)] = None
    """Account that submitted the listing (Hugging Face user or arXiv submitter)."""
    landing_page_url: Annotated[str | None, Column(40)] = None
    """Page about the paper at the source."""
    pdf_url: Annotated[str | None, Column(41)] = None
    """Full text as PDF."""
    code_url: Annotated[str | None, Column(42)] = None
    """Repository with the paper's code."""
    code_source: Annotated[str | None, Column(43)] = None
    """Where code_url was found: huggingface, abstract or comments."""
    project_url: Annotated[str | None, Column(44)] = None
    """Project page."""
    thumbnail_url: Annotated[str | None, Column(45)] = None
    """Small picture of the paper."""


class Listing(Bibliography):
    """One record as one source lists it, normalized."""

    listing_id: Annotated[str, Column(1)]
    """Key of a listing: `source:source_id`."""
    source: Annotated[str, Column(2)]
    """Source that lists it."""
    source_id: Annotated[str, Column(3)]
    """The source's own key, exactly as the source gives it."""
    raw_title: Annotated[str | None, Column(4)] = None
    """Title exactly as the source gave it, control characters aside."""
    record_format: Annotated[str, Column(5, hashed=False)]
    """Format the newest record came in; it says which fields the record could carry."""
    source_modified_at: Annotated[datetime, Column(6, hashed=False)]
    """When the source last changed the record, else when it was fetched (UTC)."""
    fetched_at: Annotated[datetime, Column(7, hashed=False)]
    """When the response it came from was fetched (UTC)."""
    response_sha256: Annotated[str | None, Column(8, hashed=False)] = None
    """SHA-256 of the kept response it came from."""
    parser_version: Annotated[int, Column(9, hashed=False)] = 1
    """Version of the source's parser that made the row."""
    relations: Annotated[tuple[Relation, ...], Column(10)] = ()
    """Other works that the record names, each with how it stands to them, sorted."""
    first_seen_at: Annotated[datetime | None, Column(60, hashed=False)] = None
    """When the lake first saw it (UTC)."""
    first_seen_date: Annotated[date | None, Column(61, hashed=False)] = None
    """Night on which the lake first saw it (UTC day)."""
    first_seen_kind: Annotated[str | None, Column(62, hashed=False)] = None
    """Kind of run that first saw it: nightly, backfill or import."""
    last_changed_at: Annotated[datetime | None, Column(63, hashed=False)] = None
    """When its content last changed in the lake (UTC)."""


class Metric(Row):
    """What a list said about a listing at one moment."""

    source: Annotated[str, Column(1)]
    """Source that lists it."""
    list: Annotated[str, Column(2)]
    """Which of the source's lists: daily, trending, ..."""
    list_date: Annotated[date | None, Column(3)] = None
    """Day the list is for (UTC); null where the source did not say."""
    night_date: Annotated[date, Column(4)]
    """UTC day of the night or of the captured file; one row a list entry and night."""
    listing_id: Annotated[str, Column(5)]
    """Key of a listing: `source:source_id`."""
    rank: Annotated[int | None, Column(6)] = None
    """Place in the list, from 1."""
    upvotes: Annotated[int | None, Column(7)] = None
    """Upvotes on Hugging Face at that moment."""
    comment_count: Annotated[int | None, Column(8)] = None
    """Comments on the source's page at that moment."""
    github_stars: Annotated[int | None, Column(9)] = None
    """Stars of the code repository at that moment."""
    cited_by_count: Annotated[int | None, Column(10)] = None
    """Citations by the source's count at that moment."""
    captured_at: Annotated[datetime, Column(11, hashed=False)]
    """When the list was captured (UTC)."""
    response_sha256: Annotated[str | None, Column(12, hashed=False)] = None
    """SHA-256 of the kept response it came from."""


class Paper(Bibliography):
    """The one paper behind its listings: the best value of each field."""

    paper_id: Annotated[str, Column(1)]
    """Key of a paper, stable for ever: derived from its smallest listing_id at birth."""
    birth_listing_id: Annotated[str, Column(2)]
    """The listing the paper_id was derived from; after a split the id stays with it."""
    best_listing_id: Annotated[str, Column(3)]
    """The listing that most fields come from, by the declared precedence of sources."""
    listings_count: Annotated[int, Column(4)]
    """Number of listings joined in the paper."""
    sources: Annotated[tuple[str, ...], Column(5)] = ()
    """Sources that list the paper, sorted."""
    first_seen_at: Annotated[datetime | None, Column(60, hashed=False)] = None
    """When the lake first saw it (UTC)."""
    first_seen_date: Annotated[date | None, Column(61, hashed=False)] = None
    """Night on which the lake first saw it (UTC day)."""
    first_seen_kind: Annotated[str | None, Column(62, hashed=False)] = None
    """Kind of run that first saw it: nightly, backfill or import."""
    last_changed_at: Annotated[datetime | None, Column(63, hashed=False)] = None
    """When its content last changed in the lake (UTC)."""


class Membership(Row):
    """Which paper a listing belongs to, and why."""

    listing_id: Annotated[str, Column(1)]
    """Key of a listing: `source:source_id`."""
    paper_id: Annotated[str, Column(2)]
    """Key of a paper, stable for ever: derived from its smallest listing_id at birth."""
    relation: Annotated[str, Column(3)]
    """same: the record lists the paper's main edition; version: another form of it, such as its preprint."""
    matched_by: Annotated[str | None, Column(4)] = None
    """What joined it: schemes of shared identifiers, a relation that a record states, likeness, or a decision; null for a listing that stands alone."""
    score: Annotated[float | None, Column(5)] = None
    """Certainty of its strongest match from 0 to 1: 1 for a shared identifier or a decision, else by the score of likeness (10 is 0.5)."""
    link_keys: Annotated[tuple[int, ...], Column(6)] = ()
    """Numbers of the identifiers that may join it to others, sorted: upper bits a hash, lowest three the kind."""
    edition_id: Annotated[str | None, Column(7)] = None
    """The edition of the paper it lists: the first listing_id among those that are one record listed twice."""
    reach_id: Annotated[str | None, Column(8)] = None
    """The first listing_id that it reaches over matches and identifiers, whether or not they made one paper: a night that changes one of these decides anew about all."""


class Redirect(Row):
    """A paper_id that was given up when papers merged, and the one to use instead."""

    paper_id: Annotated[str, Column(1)]
    """The retired key."""
    merged_into: Annotated[str, Column(2)]
    """The paper_id that took its place; always a living paper."""
    night_date: Annotated[date, Column(3, hashed=False)]
    """Night of the merge (UTC day)."""


class Quarantined(Row):
    """A record that could not be trusted, kept with the reason and the response it came from."""

    response_sha256: Annotated[str, Column(1)]
    """SHA-256 of the kept response it came from."""
    position: Annotated[int, Column(2)]
    """Place of the record in the response, from 0; -1 for the response as a whole."""
    source: Annotated[str, Column(3)]
    """Source it came from."""
    reason: Annotated[str, Column(4)]
    """What is wrong, in words."""
    where: Annotated[str, Column(5)]
    """Where it is wrong: the address or file, and the path inside the record."""
    excerpt: Annotated[str | None, Column(6)] = None
    """The start of the offending value, bounded and cleaned."""
    night_date: Annotated[date, Column(7, hashed=False)]
    """UTC day of the night, or of the captured file, in which it was put aside."""
    quarantined_at: Annotated[datetime, Column(8, hashed=False)]
    """When it was put aside (UTC)."""


class SourceOutcome(Row):
    """What became of one source (and list) in a run."""

    source: Annotated[str, Column(1201)]
    """Source that was harvested."""
    list: Annotated[str, Column(1202)]
    """Which of the source's lists or sets."""
    state: Annotated[str, Column(1203)]
    """ok, late, lost, failed or off."""
    n_responses: Annotated[int, Column(1204)] = 0
    """Responses used."""
    n_fetched: Annotated[int, Column(1205)] = 0
    """Of these, fetched over the network in this process; the others were kept by an earlier attempt."""
    n_records: Annotated[int, Column(1214)] = 0
    """Records in these responses; one listing may be in several, and in several lists."""
    n_new: Annotated[int, Column(1206)] = 0
    """Listings seen for the first time."""
    n_updated: Annotated[int, Column(1207)] = 0
    """Listings whose content changed."""
    n_unchanged: Annotated[int, Column(1208)] = 0
    """Listings seen again as they were."""
    n_withdrawn: Annotated[int, Column(1209)] = 0
    """Of the new and updated, those newly marked withdrawn."""
    n_quarantined: Annotated[int, Column(1210)] = 0
    """Records put into quarantine."""
    late_days: Annotated[tuple[date, ...], Column(1211)] = ()
    """Listing days that are empty so far and will be read again."""
    lost_days: Annotated[tuple[date, ...], Column(1212)] = ()
    """Listing days that stayed empty and will not be read again."""
    problem: Annotated[str | None, Column(1213)] = None
    """What went wrong and what to do, one sentence."""


class Run(Row):
    """One execution: what it did and how it ended."""

    run_id: Annotated[str, Column(1)]
    """Key of a run."""
    kind: Annotated[str, Column(2)]
    """nightly, backfill, import, maintain, ..."""
    night_date: Annotated[date, Column(3)]
    """UTC date fixed when the run started."""
    started_at: Annotated[datetime, Column(4)]
    """When it started (UTC)."""
    ended_at: Annotated[datetime | None, Column(5)] = None
    """When it ended (UTC)."""
    state: Annotated[str, Column(6)]
    """published, unchanged, incomplete, blocked or failed."""
    exit_code: Annotated[int, Column(7)] = 0
    """Exit code of the command: 0 done, 1 failed, 4 incomplete, 5 blocked by checks."""
    snapshot: Annotated[int | None, Column(8)] = None
    """Number of the snapshot it published; null when nothing changed."""
    outcomes: Annotated[tuple[SourceOutcome, ...], Column(9)] = ()
    """One entry per source and list."""
    problem: Annotated[str | None, Column(10)] = None
    """What went wrong with the run as a whole."""
    overrides: Annotated[tuple[str, ...], Column(11)] = ()
    """Checks that a person allowed to fail in this run."""
    warnings: Annotated[tuple[str, ...], Column(12)] = ()
    """Signals that lost nothing: unknown fields, slow answers."""


class SourceState(Row):
    """A source as configured, and how far one of its lists is harvested."""

    source: Annotated[str, Column(1)]
    """Source that lists it."""
    list: Annotated[str, Column(2)]
    """Which of the source's lists or sets."""
    title: Annotated[str, Column(3)]
    """Name of the source for people."""
    homepage: Annotated[str, Column(4)]
    """Address of the source for people."""
    data_license: Annotated[str, Column(5)]
    """Licence or terms under which the source gives its metadata."""
    watermark: Annotated[datetime | None, Column(6)] = None
    """How far the list has been harvested completely (UTC); null when never."""
    last_success_date: Annotated[date | None, Column(7)] = None
    """Last night on which the list was harvested completely."""


class SnapshotRow(Row):
    """One published state of the lake."""

    snapshot: Annotated[int, Column(1)]
    """Number of the snapshot, from 1."""
    created_at: Annotated[datetime, Column(2)]
    """When it was published (UTC)."""
    content_hash: Annotated[str, Column(3)]
    """Hash of the content of listings, metrics, papers and memberships: 32 hexadecimal digits each way of arriving gives alike."""
    run_id: Annotated[str, Column(4)]
    """Run that published it."""
    kind: Annotated[str, Column(5)]
    """nightly, backfill, import, maintain, ..."""
    night_date: Annotated[date, Column(6)]
    """UTC date fixed when the run started."""
    n_listings: Annotated[int, Column(7)]
    """Rows of listings."""
    n_metrics: Annotated[int, Column(8)]
    """Rows of metrics."""
    n_papers: Annotated[int, Column(9)]
    """Rows of papers."""
    n_memberships: Annotated[int, Column(10)]
    """Rows of memberships."""
    n_quarantine: Annotated[int, Column(11)]
    """Rows of quarantine."""
    n_undecided: Annotated[int | None, Column(12)] = None
    """Pairs of listings that may be one paper and wait for a person; null in snapshots of earlier versions."""
    n_largest_paper: Annotated[int | None, Column(13)] = None
    """Listings of the paper that has most."""
    n_papers_of_two_dois: Annotated[int | None, Column(14)] = None
    """Papers with two DOIs of one registrant, which rarely registers one work twice."""
    n_papers_listed_twice: Annotated[int | None, Column(15)] = None
    """Papers with two listings of a source that lists a paper only once."""
