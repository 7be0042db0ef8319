"""A work of Crossref as a listing: which of its titles, dates, licences and links counts."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from urllib.parse import quote

from flows.crossref_answers import NAME
from flows.source import Seen
from schemas import normalize
from schemas.normalize.cleaning import word_set
from schemas.paper import Author, Identifier, Listing, Metric, Relation
from schemas.records import crossref as records

TYPES = {"journal-article": "article"}
"""Crossref's types where our word is another; all others keep theirs."""
UPDATES = {
    "retraction": ("retracts", "retracted-by"),
    "removal": ("removes", "removed-by"),
    "withdrawal": ("withdraws", "withdrawn-by"),
    "correction": ("corrects", "corrected-by"),
    "corrigendum": ("corrects", "corrected-by"),
    "erratum": ("corrects", "corrected-by"),
}
"""What a notice does, and what is done to its work; any other notice only updates it."""
_RETRACTING = word_set("retraction removal withdrawal")
_CITATIONS = word_set("cites is-cited-by references is-referenced-by")
_LICENSED = {"vor": 0, "unspecified": 1, "am": 2}
# What publishers' systems write where there is nothing.
_NOTHING = word_set("null none n/a na - --")
_ORCID = re.compile(r"([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9Xx])/?$")


def listing(record: records.Work, seen: Seen) -> tuple[Listing, Sequence[Metric]]:
    """One work to its listing, and how often it is cited."""
    key = record["DOI"]
    doi = normalize.clean(key).lower()
    title = _title(record)
    abstract = normalize.readable_jats(record.get("abstract") or record.get("description"))
    kind = _type(record)
    published = _published(record)
    venue = _venue(record)
    license_id, is_open = _license(record)
    code = normalize.code_url(abstract)
    relations, is_retracted = _relations(record, doi)
    row = Listing(
        listing_id=f"{NAME}:{key}",
        source=NAME,
        source_id=key,
        raw_title=normalize.clean(_first(record.get("title")) or "") or None,
        title=title,
        title_key=normalize.title_key(title),
        abstract=abstract,
        authors=tuple(filter(None, map(_author, record.get("author") or ()))),
        publication_date=published,
        submitted_date=published if kind in ("preprint", "posted-content") else None,
        type=kind,
        venue=venue,
        doi=doi,
        identifiers=_identifiers(record, doi),
        language=_language(record.get("language")),
        license=license_id,
        journal_ref=_journal_ref(record, venue, published),
        is_open_access=True if is_open else None,
        is_retracted=True if is_retracted else None,
        landing_page_url=normalize.url(f"https://doi.org/{quote(doi, safe='/()-._;:')}"),
        pdf_url=_pdf_url(record.get("link") or ()),
        code_url=code,
        code_source="abstract" if code else None,
        relations=relations,
        record_format=seen.format,
        source_modified_at=_modified(record) or seen.response.fetched_at,
        fetched_at=seen.response.fetched_at,
        response_sha256=seen.response.sha256,
        parser_version=seen.parser_version,
    )
    count = record.get("is-referenced-by-count")
    if count is None:
        return row, ()
    return row, (
        Metric(
            source=NAME,
            list=seen.context.get("list", "file"),
            night_date=seen.night_date,
            listing_id=row.listing_id,
            cited_by_count=count,
            captured_at=seen.response.fetched_at,
            response_sha256=seen.response.sha256,
        ),
    )


def _first(texts: Sequence[str | None] | None) -> str | None:
    """The first that says something."""
    return next((text for text in texts or () if _said(text)), None)


def _said(text: str | None) -> str | None:
    """Readable text, unless it only says that there is none."""
    found = normalize.readable(text)
    return found if found and found.lower() not in _NOTHING else None


def _title(record: records.Work) -> str | None:
    """Title and subtitle in one, as other sources print them."""
    title = normalize.readable(_first(record.get("title")))
    subtitle = normalize.readable(_first(record.get("subtitle")))
    if title is None or subtitle is None:
        return title
    if (normalize.title_key(subtitle) or "") in (normalize.title_key(title) or ""):
        return title
    glue = " " if title[-1] in ":?!.\u2014" else ": "
    return normalize.readable(f"{title}{glue}{subtitle}")


def _type(record: records.Work) -> str | None:
    kind = record.get("type")
    if kind == "posted-content" and record.get("subtype") in (None, "preprint"):
        return "preprint"
    return TYPES.get(kind, kind) if kind else None


def _venue(record: records.Work) -> str | None:
    """The journal or book; else the conference; else the server, series or institution."""
    institution = record.get("institution") or []
    places = [institution] if isinstance(institution, dict) else institution
    event = record.get("event")
    return (
        _said(_first(record.get("container-title")))
        or (_said(event.get("name")) if event else None)
        or _said(_first([place.get("name") for place in places]))
        or _said(record.get("group-title"))
    )


def _author(author: records.Author) -> Author | None:
    if not author.get("family") and author.get("name"):
        found = normalize.author_of(author["name"])
        affiliations = author.get("affiliation")
    else:
        affiliations = author.get("affiliation")
        found = normalize.author(author.get("family"), author.get("given"), author.get("suffix"))
    if found is None:
        return None
    orcid = _ORCID.search(author.get("ORCID") or "")
    return found.model_copy(
        update={
            "orcid": orcid[1].upper() if orcid else None,
            "affiliation": _said(_first([place.get("name") for place in affiliations or ()])),
        }
    )


def _parts(moment: records.Moment | None) -> tuple[int, ...]:
    """Year, month and day as far as they are known and make sense; empty without a year."""
    found: list[int] = []
    given = (moment.get("date-parts") if moment else None) or [[]]
    for place, part in enumerate(given[0][:3]):
        if part is None or not (1_500 <= part <= 2_200 if place == 0 else 1 <= part <= 31):
            break
        if place == 1 and part > 12:
            break
        found.append(part)
    if len(found) == 3:
        try:
            date(*found)
        except ValueError:
            found.pop()
    return tuple(found)


def _published(record: records.Work) -> date | None:
    """The day of the first appearance: a month stands for its first day, a year for 1 January.

    Where the earliest date is only a month or a year, another date within it that says more counts.
    """
    others = [
        _parts(record.get("published-online")),
        _parts(record.get("published-print")),
        _parts(record.get("published-other")),
        _parts(record.get("posted")),
    ]
    known = [parts for parts in others if parts]
    base = _parts(record.get("issued")) or _parts(record.get("published")) or min(known, default=())
    if not base:
        return None
    finer = [parts for parts in known if parts[: len(base)] == base and len(parts) > len(base)]
    year, month, day = (*max(finer, key=lambda p: (len(p), *(-n for n in p)), default=base), 1, 1)[
        :3
    ]
    return date(year, month, day)


def _modified(record: records.Work) -> datetime | None:
    """When the publisher last deposited it; being indexed anew is mostly no change of the record.

    What changes without a deposit, such as a retraction, still counts: of two records with equal
    times the one fetched later is newer.
    """
    for moment in (record.get("deposited"), record.get("indexed")):
        found = normalize.to_datetime(moment.get("date-time")) if moment else None
        if found is not None:
            return found
    return None


def _license(record: records.Work) -> tuple[str | None, bool]:
    """The licence of the version of record, else of no version in particular; whether it is free now."""
    given = [
        (_LICENSED[version], n, item)
        for n, item in enumerate(record.get("license") or ())
        if (version := item.get("content-version") or "unspecified") in _LICENSED
    ]
    for _, _, item in sorted(given, key=lambda entry: entry[:2]):
        found = normalize.license_id(item["URL"])
        if found is not None:
            return found, found.startswith("CC") and not item.get("delay-in-days")
    return None, False


def _language(text: str | None) -> str | None:
    match = re.fullmatch(r"([a-z]{2})(?:[-_].*)?", (text or "").lower())
    return match[1] if match else None


def _journal_ref(record: records.Work, venue: str | None, published: date | None) -> str | None:
    """`Venue 12(3), 45-67 (2026)`, where the publisher gives a volume or pages."""
    volume, issue = _said(record.get("volume")), _said(record.get("issue"))
    pages = _said(record.get("page")) or _said(record.get("article-number"))
    if venue is None or not (volume or pages):
        return None
    number = f" {volume or ''}{f'({issue})' if issue else ''}" if volume or issue else ""
    year = f" ({published.year})" if published else ""
    return f"{venue}{number}{f', {pages}' if pages else ''}{year}"


def _identifiers(record: records.Work, doi: str) -> tuple[Identifier, ...]:
    """The DOI; numbers of its journal or book and the publisher's own, which name no single work."""
    found = set(normalize.identifiers(doi=doi))
    for scheme, texts in (
        ("issn", (_issn(text) for text in record.get("ISSN") or ())),
        ("isbn", (_isbn(text) for text in record.get("ISBN") or ())),
        ("publisher", (_said(text) for text in (record.get("alternative-id") or ())[:20])),
    ):
        for text in texts:
            if text and text.lower() != doi and len(text) <= 200:
                found.add(Identifier(scheme=scheme, value=text))
    return tuple(sorted(found, key=lambda item: (item.scheme, item.value)))


def _issn(text: str | None) -> str | None:
    match = re.search(r"([0-9]{4})-?([0-9]{3}[0-9Xx])$", text or "")
    return f"{match[1]}-{match[2].upper()}" if match else None


def _isbn(text: str | None) -> str | None:
    plain = re.sub("[- ]", "", (text or "").rpartition("/")[2]).upper()
    return plain if re.fullmatch("[0-9]{9}[0-9X]|[0-9]{13}", plain) else None


def _pdf_url(links: Sequence[records.Link]) -> str | None:
    """A PDF for readers; else the one that is there to be compared with others."""
    found = []
    for place, link in enumerate(links):
        path = link["URL"].partition("?")[0].lower()
        is_pdf = (link.get("content-type") or "") == "application/pdf" or path.endswith(".pdf")
        address = normalize.url(link["URL"]) if is_pdf else None
        if address:
            found.append(
                (link.get("intended-application") == "similarity-checking", place, address)
            )
    return min(found)[2] if found else None


def _relations(record: records.Work, doi: str) -> tuple[tuple[Relation, ...], bool]:
    """Other works that it names, citations aside, and whether it is retracted."""
    found: set[tuple[str, str, str]] = set()
    for name, others in (record.get("relation") or {}).items():
        for other in others or () if name not in _CITATIONS else ():
            named = _named(other.get("id-type") or "", other["id"] or "")
            if named is not None:
                found.add((normalize.clean(name).lower(), *named))
    is_retracted = False
    for place, notices in enumerate((record.get("update-to"), record.get("updated-by"))):
        for notice in notices or ():
            kind = (notice.get("type") or "").lower()
            named = _named("doi", notice.get("DOI") or "")
            is_own = named == ("doi", doi)
            # Some publishers retract a work by a notice under its own DOI.
            is_retracted |= kind in _RETRACTING and (place == 1 or is_own)
            if named is not None and not is_own:
                found.add((UPDATES.get(kind, ("updates", "updated-by"))[place], *named))
    return tuple(Relation(type=t, scheme=s, value=v) for t, s, v in sorted(found)), is_retracted


def _named(id_type: str, text: str) -> tuple[str, str] | None:
    """Scheme and value of an identifier in normal form; None for what names no work we could know."""
    kind = id_type.lower()
    arxiv = normalize.arxiv_id(text) if kind == "arxiv" or "arxiv" in text.lower() else None
    if arxiv is not None:
        return "arxiv", arxiv.id
    if kind in ("doi", "uri"):
        doi = normalize.doi(text)
        return ("doi", doi) if doi else None
    if kind == "pmid" and re.fullmatch("[0-9]{1,9}", text):
        return "pmid", text
    return None
