r"""arXiv: OAI-PMH in the format `arXiv`, one list a set, and its metadata snapshot from files.

https://info.arxiv.org/help/oa/index.html; metadata is CC0
(https://info.arxiv.org/help/api/tou.html), one request in three seconds over all processes.

Quirks: a first byte may take 90 s; answers to errors have status 200; resumption tokens carry an
offset, expire within a day and cannot be asked about, so a window whose token is refused begins
anew; `datestamp` is the day of modification, and `from` and `until` have the grain of a day. The
snapshot (https://www.kaggle.com/datasets/Cornell-University/arxiv) has one JSON object a line.

A withdrawn paper keeps its record: the comment says so or, in old records, only the abstract.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import orjson
from lxml import etree

from flows import oai
from flows.reading import json_lines, read_lines, read_start, read_whole
from flows.settings import Settings
from flows.source import Fetch, Format, ListSpec, Raw, Seen, Source, Window
from schemas import normalize
from schemas.paper import Author, Bibliography, Identifier, Listing
from schemas.records.arxiv import OaiAuthor, OaiDeleted, OaiRecord, SnapshotRecord
from warehouse.responses import Response

NAME = "arxiv"
OAI, DELETED, SNAPSHOT = "arxiv-oai", "arxiv-oai-deleted", "arxiv-snapshot"
_PREFIX = "oai:arXiv.org:"
_PAGE_SIZE = 1_000
# Records modified a day, roughly; only for the estimate.
_RATES = {"cs": 1_500, "stat": 300, "eess": 300}

_WITHDRAWN = re.compile(
    r"\s*this (paper|submission|article|manuscript|preprint|work|note) (has been|is|was) withdrawn\b",
    re.IGNORECASE,
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def lists(settings: Settings) -> Sequence[ListSpec]:
    """One list a set, such as `cs` or `cs:cs:RO`."""
    return tuple(
        ListSpec(
            name, first_days=7, slice_days=31, overlap_days=1, listing_weekdays=frozenset(range(5))
        )
        for name in settings.arxiv_sets
    )


def requests(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
    """The pages of one set's window; see `oai.pages`."""
    first = {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": window.list.name}
    first["from"] = window.start.isoformat()
    if not window.is_open:
        first["until"] = window.end.isoformat()
    context = {"list": window.list.name, "from": first["from"], "until": first.get("until")}
    return oai.pages(fetch, first, context, _ARXIV)


def expected_requests(window: Window) -> int:
    """By the usual number of records modified a day, 1,000 a page."""
    days = (window.end - window.start).days + 1
    return max(1, -(-days * _RATES.get(window.list.name, 500) // _PAGE_SIZE))


def parse(body: bytes) -> list[Raw]:
    """The records of an OAI-PMH answer, or of lines of the metadata snapshot.

    Raises:
        BrokenResponseError: it is neither, not well-formed, or an OAI-PMH error.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    start = body.lstrip()[:1]
    if start == b"{":
        return _from_lines(body)
    if start == b"[":
        raise _ARXIV.broken(
            "is a JSON array: give one record a line, as the metadata snapshot does"
        )
    return oai.read_records(body, _ARXIV)


def _from_lines(body: bytes) -> list[Raw]:
    _ARXIV.check_number(body.count(b"\n"))
    raws = json_lines(body, SNAPSHOT)
    if len(raws) > 1 and all(raw.problem for raw in raws):
        _refuse_one_document(body)
    return raws


def _refuse_one_document(body: bytes) -> None:
    """Say it in one sentence where every line fails because one JSON document fills them all."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    keys = ", ".join(normalize.excerpt(key, 30) for key in list(document)[:5])
    raise _ARXIV.broken(
        f"is one JSON object over many lines (with {keys}): give one record of the metadata "
        "snapshot a line"
    )


def _metadata(element: etree._Element) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for child in element:
        name = str(child.tag).rpartition("}")[2]
        if name == "authors":
            data[name] = [_author_fields(author) for author in child]
        else:
            oai.add_text(data, name, child)
    return data


def _author_fields(element: etree._Element) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for child in element:
        name = str(child.tag).rpartition("}")[2]
        if name == "affiliation":
            if child.text:
                data.setdefault(name, []).append(child.text)
        else:
            oai.add_text(data, name, child)
    return data


_ARXIV = oai.Repository(
    NAME, "arXiv", element="arXiv", format=OAI, deleted_format=DELETED, read_metadata=_metadata
)


def listing(record: Any, seen: Seen) -> tuple[Listing, Sequence[Any]]:
    """One record to its listing; arXiv ranks and counts nothing."""
    if seen.format == DELETED:
        return _from_deleted(record, seen), ()
    if seen.format == SNAPSHOT:
        return _from_snapshot(record, seen), ()
    return _from_oai_record(record, seen), ()


def _from_deleted(record: OaiDeleted, seen: Seen) -> Listing:
    key = record["identifier"].removeprefix(_PREFIX)
    return Listing(
        arxiv_id=_plain_id(key),
        identifiers=normalize.identifiers(arxiv_id=_plain_id(key)),
        is_withdrawn=True,
        **_provenance(key, record["datestamp"], seen),
    )


def _from_oai_record(record: OaiRecord, seen: Seen) -> Listing:
    data = record["arXiv"]
    created = normalize.to_date(data["created"])
    updated = data.get("updated")
    return Listing(
        authors=_authors(_oai_author(author) for author in data.get("authors", ())),
        publication_date=created,
        submitted_date=created,
        updated_at=_midnight(updated) if updated else None,
        **_common(data),
        **_provenance(record["identifier"].removeprefix(_PREFIX), record["datestamp"], seen),
    )


def _oai_author(author: OaiAuthor) -> Author | None:
    affiliations = author.get("affiliation")
    return normalize.author(
        author["keyname"],
        author.get("forenames"),
        author.get("suffix"),
        affiliations[0] if affiliations else None,
    )


def _from_snapshot(record: SnapshotRecord, seen: Seen) -> Listing:
    # By number: as text v10 comes before v9.
    versions = sorted(record["versions"], key=lambda version: int(version["version"][1:]))
    first = _time(versions[0]["created"])
    return Listing(
        authors=_authors(_parsed_author(names) for names in record.get("authors_parsed") or ()),
        publication_date=first and first.date(),
        submitted_date=first and first.date(),
        updated_at=_time(versions[-1]["created"]) if len(versions) > 1 else None,
        arxiv_version=int(versions[-1]["version"][1:]),
        submitted_by=normalize.readable(record.get("submitter")),
        **_common(record),
        **_provenance(record["id"], record["update_date"], seen),
    )


def _parsed_author(names: Sequence[str]) -> Author | None:
    family, given, suffix, affiliation = (*names, "", "", "")[:4]
    return normalize.author(family, given or None, suffix or None, affiliation or None)


def _authors(authors: Iterator[Author | None]) -> tuple[Author, ...]:
    return tuple(author for author in authors if author is not None)


def _common(data: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that both forms of a record carry under the same names."""
    key, title, abstract = data["id"], data["title"], data.get("abstract") or ""
    readable_title = normalize.readable(title)
    plain_id = _plain_id(key)
    comments = data.get("comments") or ""
    categories = tuple(dict.fromkeys((data.get("categories") or "").split()))
    dois = normalize.dois(data["doi"]) if data.get("doi") else []
    code = normalize.code_url(abstract)
    code_source = "abstract" if code else None
    if code is None and comments:
        code = normalize.code_url(comments)
        code_source = "comments" if code else None
    return {
        "raw_title": normalize.clean(title) or None,
        "title": readable_title,
        "title_key": normalize.title_key_of(readable_title),
        "abstract": normalize.readable_block(abstract),
        "type": "preprint",
        "doi": dois[0] if dois else None,
        "arxiv_id": plain_id,
        "identifiers": _identifiers(plain_id, dois),
        "primary_category": categories[0] if categories else None,
        "categories": categories,
        "license": normalize.license_id(data["license"]) if data.get("license") else None,
        "comments": normalize.readable(comments),
        "journal_ref": normalize.readable(data.get("journal-ref")),
        "report_no": normalize.readable(data.get("report-no")),
        "is_withdrawn": normalize.says_withdrawn(comments) or bool(_WITHDRAWN.match(abstract)),
        "landing_page_url": f"https://arxiv.org/abs/{key}",
        "pdf_url": f"https://arxiv.org/pdf/{key}",
        "code_url": code,
        "code_source": code_source,
    }


def _plain_id(key: str) -> str | None:
    found = normalize.arxiv_id(key)
    return found.id if found else None


def _identifiers(plain_id: str | None, dois: Sequence[str]) -> tuple[Identifier, ...]:
    """The arXiv id and every DOI, for a paper may have appeared in parts."""
    found = normalize.identifiers(arxiv_id=plain_id, doi=dois[0] if dois else None)
    if len(dois) < 2:
        return found
    more = (Identifier(scheme="doi", value=doi) for doi in dois[1:])
    return tuple(sorted({*found, *more}, key=lambda i: (i.scheme, i.value)))


def _provenance(key: str, modified: str, seen: Seen) -> dict[str, Any]:
    return {
        "listing_id": f"{NAME}:{key}",
        "source": NAME,
        "source_id": key,
        "record_format": seen.format,
        "source_modified_at": _midnight(modified),
        "fetched_at": seen.response.fetched_at,
        "response_sha256": seen.response.sha256,
        "parser_version": seen.parser_version,
    }


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day[:10]), time(), UTC)


def _time(printed: str) -> datetime | None:
    """A time as mail headers write it, Mon, 2 Apr 2007 19:18:42 GMT; its form is validated."""
    _, day, month, year, clock, _ = printed.split()
    hour, minute, second = clock.split(":")
    try:
        number = _MONTHS.index(month) + 1
        return datetime(
            int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:
        return None


def read_file(path: Path, _options: Mapping[str, Any]) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """An OAI-PMH answer whole, or the metadata snapshot in bodies of 1,000 lines."""
    if read_start(path).startswith(b"<"):
        yield read_whole(path), {"list": "file", "file": path.name, "line": 1}
        return
    for line, body in read_lines(path):
        yield body, {"list": "file", "file": path.name, "line": line}


# A deleted record says only that it is gone; its arXiv id is its key.
_CARRIED_WHEN_DELETED = {"is_withdrawn", "arxiv_id"}

SOURCE = Source(
    name=NAME,
    title="arXiv",
    homepage="https://arxiv.org",
    data_license="CC0-1.0",
    base_url="https://oaipmh.arxiv.org/oai",
    probe="?verb=Identify",
    hosts=frozenset({"oaipmh.arxiv.org", "export.arxiv.org"}),
    pause_seconds=3.0,
    expected_seconds=40.0,
    parser_version=1,
    lists=lists,
    formats=(
        Format(OAI, OaiRecord, lacks=frozenset({"arxiv_version", "submitted_by"})),
        Format(
            DELETED,
            OaiDeleted,
            lacks=frozenset({*Bibliography.model_fields, "raw_title"} - _CARRIED_WHEN_DELETED),
        ),
        Format(SNAPSHOT, SnapshotRecord),
    ),
    requests=requests,
    parse=parse,
    listing=listing,
    expected_requests=expected_requests,
    watermark=oai.watermark,
    read_file=read_file,
    work_rank=30,
    page_rank=30,
    lists_once=True,
)
