r"""arXiv: OAI-PMH in the format `arXiv`, one list a set, and its metadata snapshot from files.

https://info.arxiv.org/help/oa/index.html; metadata is CC0
(https://info.arxiv.org/help/api/tou.html), one request in three seconds over all processes.

Quirks: a first byte may take 90 s; answers to errors have status 200; resumption tokens carry an
offset, expire within a day and cannot be asked about, so a window whose token is refused begins
anew; `datestamp` is the day of modification, and `from` and `until` have the grain of a day. The
snapshot (https://www.kaggle.com/datasets/Cornell-University/arxiv) has one JSON object a line.

A withdrawn paper keeps its record: the comment says so or, in old records, only the abstract.
"""

import hashlib
import html
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
from lxml import etree

from flows.reading import CUT, read_lines, read_start, read_whole
from flows.settings import Settings
from flows.source import Fetch, Format, ListSpec, Raw, Seen, Source, Window
from schemas import normalize
from schemas.errors import BrokenResponseError
from schemas.paper import Author, Bibliography, Identifier, Listing
from schemas.records.arxiv import OaiAuthor, OaiDeleted, OaiRecord, SnapshotRecord
from warehouse.responses import Response

NAME = "arxiv"
OAI, DELETED, SNAPSHOT = "arxiv-oai", "arxiv-oai-deleted", "arxiv-snapshot"
_PREFIX = "oai:arXiv.org:"
_PAGE_SIZE = 1_000
_MOST_RECORDS = 100_000
_RESTARTS = 2
_MOST_PAGES = 10_000
# Records modified a day, roughly; only for the estimate.
_RATES = {"cs": 1_500, "stat": 300, "eess": 300}

# How a whole page ends. The token is read here, without a parse of the page: outside CDATA, which
# arXiv does not use, no text can look like these tags. What ends otherwise is parsed in full.
_END = re.compile(
    rb"</record>\s*(?:<resumptionToken\b[^<>]*(?:/>|>([^<>]*)</resumptionToken>)\s*)?"
    rb"</ListRecords>\s*</OAI-PMH>\s*\Z"
)
_WITHDRAWN = re.compile(
    r"\s*this (paper|submission|article|manuscript|preprint|work|note) (has been|is|was) withdrawn\b",
    re.IGNORECASE,
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_RESPONSE_DATE = re.compile(rb"<responseDate>\s*([^<>]{1,40}?)\s*</responseDate>")


def lists(settings: Settings) -> Sequence[ListSpec]:
    """One list a set, such as `cs` or `cs:cs:RO`."""
    return tuple(
        ListSpec(
            name, first_days=7, slice_days=31, overlap_days=1, listing_weekdays=frozenset(range(5))
        )
        for name in settings.arxiv_sets
    )


async def requests(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
    """The pages of one set's window, by resumption tokens, begun anew when a token is refused.

    Raises:
        BrokenResponseError: it answers an error, sends a token or a page twice, or refuses its
            own tokens again and again; the window is then not complete.
    """
    first = {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": window.list.name}
    first["from"] = window.start.isoformat()
    if not window.is_open:
        first["until"] = window.end.isoformat()
    context = {"list": window.list.name, "from": first["from"], "until": first.get("until")}
    query, token, restarts, page = first, "", 0, 0
    seen: set[str] = set()
    while page < _MOST_PAGES:
        response = await fetch(
            fetch.base_url, params=query, context={**context, "page": page}, fresh=restarts > 0
        )
        end = _end_of(response.body)
        if end.error == "badResumptionToken" and token:
            restarts += 1
            if restarts > _RESTARTS:
                raise _broken(
                    f"refuses its own resumption tokens ({end.words}): try later", response.url
                )
            query, token, page, seen = first, "", 0, set()
            continue
        if end.error == "noRecordsMatch" and token:
            return
        if end.error and end.error != "noRecordsMatch":
            raise _broken(f"is the error {end.error}: {end.words or 'no text'}", response.url)
        marks = {mark for mark in (end.token, _records_hash(response.body)) if mark}
        if marks & seen:
            raise _broken("sends the same token or page again: try later", response.url)
        seen |= marks
        yield response
        if not end.token:
            return
        token, page = end.token, page + 1
        query = {"verb": "ListRecords", "resumptionToken": token}
    raise _broken(f"does not end after {_MOST_PAGES:,} pages: harvest smaller windows")


@dataclass(frozen=True, slots=True)
class _End:
    """What the end of an answer says: the next token, or an error's code and words."""

    token: str = ""
    error: str = ""
    words: str = ""


def _end_of(body: bytes) -> _End:
    found = _END.search(body, max(0, len(body) - 8_192))
    if found is not None:
        return _End(token=html.unescape((found[1] or b"").decode(errors="replace")).strip())
    root = _root(body)
    error = root.find("{*}error")
    if error is not None:
        words = normalize.excerpt(" ".join((error.text or "").split()), 200)
        return _End(error=error.get("code") or "without a code", words=words)
    return _End(token=(root.findtext("{*}ListRecords/{*}resumptionToken") or "").strip())


def _records_hash(body: bytes) -> str | None:
    """A page's records alone, for the date of the response and the token always differ."""
    start, end = body.find(b"<record"), body.rfind(b"</record>")
    return hashlib.sha256(body[start:end]).hexdigest() if 0 <= start < end else None


def expected_requests(window: Window) -> int:
    """By the usual number of records modified a day, 1,000 a page."""
    days = (window.end - window.start).days + 1
    return max(1, -(-days * _RATES.get(window.list.name, 500) // _PAGE_SIZE))


def watermark(window: Window, first_response: Response | None) -> datetime:
    """The source's own clock at the first response, for a closed window at most its end."""
    stated = _RESPONSE_DATE.search(first_response.body[:4_096]) if first_response else None
    answered = normalize.to_datetime(stated[1].decode("ascii", "replace")) if stated else None
    # A wrong clock there must carry the watermark neither past records to come nor into the past.
    start = datetime.combine(window.start, time(), UTC)
    mark = max(start, min(answered or window.now, window.now + timedelta(days=1)))
    end = datetime.combine(window.end + timedelta(days=1), time(), UTC)
    return mark if window.is_open else min(end, mark)


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
        raise _broken("is a JSON array: give one record a line, as the metadata snapshot does")
    return _from_oai(body)


def _from_lines(body: bytes) -> list[Raw]:
    _check_number(body.count(b"\n"))
    raws: list[Raw] = []
    for position, line in enumerate(body.split(b"\n")):
        if not line or line.isspace():
            continue
        where = f"line {position + 1}"
        try:
            raws.append(Raw(SNAPSHOT, position, orjson.loads(line), where=where))
        except orjson.JSONDecodeError as error:
            text = line[:1_000].decode(errors="replace")
            problem = f"is not a JSON object: {error}"
            if line.endswith(CUT):
                problem = "is longer than 8 MiB"
            raws.append(Raw(SNAPSHOT, position, text, problem, where))
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
    raise _broken(
        f"is one JSON object over many lines (with {keys}): give one record of the metadata "
        "snapshot a line"
    )


def _from_oai(body: bytes) -> list[Raw]:
    root = _root(body)
    error = root.find("{*}error")
    if error is not None:
        if error.get("code") == "noRecordsMatch":
            return []
        words = normalize.excerpt(" ".join((error.text or "").split()), 200) or "no text"
        raise _broken(f"is the error {error.get('code')}: {words}")
    for element in root:
        if _local(element) in ("ListRecords", "GetRecord"):
            _check_number(len(element))
            records = (child for child in element if _local(child) != "resumptionToken")
            return [_from_record(n, record) for n, record in enumerate(records)]
    held = ", ".join(_local(element) for element in list(root)[2:6]) or "nothing"
    raise _broken(f"holds {normalize.excerpt(held, 100)}, neither ListRecords nor GetRecord")


def _check_number(n: int) -> None:
    if n > _MOST_RECORDS:
        raise _broken(f"holds {n:,} records, more than any answer has")


def _root(body: bytes) -> etree._Element:
    """The root of a well-formed OAI-PMH answer that declares nothing."""
    start = re.search(rb"<[A-Za-z_]", body)
    if b"<!DOCTYPE" in body[: start.start() if start else len(body)]:
        raise _broken("declares a DOCTYPE, which no OAI-PMH answer does: not read")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        words = error.msg.rpartition(", line ")[0] or error.msg
        raise _broken(f"is not well-formed XML at line {line}, column {column}: {words}") from error
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise _broken(f"is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _broken("declares a DOCTYPE, which no OAI-PMH answer does: not read")
    if _local(root) != "OAI-PMH":
        raise _broken(f"is <{normalize.excerpt(_local(root), 100)}>, not OAI-PMH")
    return root


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _from_record(position: int, record: etree._Element) -> Raw:
    """One record, read in one pass: its header, and the element `arXiv`."""
    data: dict[str, Any] = {}
    format_name, problem, has_header = OAI, None, False
    for part in record:
        name = _local(part)
        if name == "header":
            has_header = True
            if part.get("status") == "deleted":
                format_name = DELETED
            for child in part:
                _add(data, _local(child), child)
        elif name == "metadata":
            for child in part:
                kind = _local(child)
                if kind == "arXiv":
                    data["arXiv"] = _metadata(child)
                else:
                    given = f"{child.prefix}:{kind}" if child.prefix else kind
                    problem = f"is in the format {normalize.excerpt(given, 100)}, not arXiv"
        else:
            data[name] = None
    if not has_header:
        problem = "has no header"
    elif "identifier" not in data:
        problem = "has a header without identifier"
    elif problem is None and format_name == OAI and "arXiv" not in data:
        problem = "has no metadata, and is not marked deleted"
    if format_name == DELETED:
        data.pop("arXiv", None)
    identifier = data.get("identifier")
    where = f"record {position + 1}" + (f" ({identifier[:100]})" if identifier else "")
    return Raw(format_name, position, data, problem, where)


def _metadata(element: etree._Element) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for child in element:
        name = str(child.tag).rpartition("}")[2]
        if name == "authors":
            data[name] = [_author_fields(author) for author in child]
        else:
            _add(data, name, child)
    return data


def _author_fields(element: etree._Element) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for child in element:
        name = str(child.tag).rpartition("}")[2]
        if name == "affiliation":
            if child.text:
                data.setdefault(name, []).append(child.text)
        else:
            _add(data, name, child)
    return data


def _add(data: dict[str, Any], name: str, element: etree._Element) -> None:
    """Add an element's text; a name given twice is joined by a blank, an empty one left out."""
    text = element.text if not len(element) else "".join(str(part) for part in element.itertext())
    if text:
        data[name] = f"{data[name]} {text}" if name in data else text


def _broken(what: str, url: str | None = None) -> BrokenResponseError:
    return BrokenResponseError(f"The answer of arXiv {what}.", source=NAME, url=url)


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
    first, last = _time(versions[0]["created"]), _time(versions[-1]["created"])
    return Listing(
        authors=_authors(_parsed_author(names) for names in record.get("authors_parsed") or ()),
        publication_date=first and first.date(),
        submitted_date=first and first.date(),
        updated_at=last if len(versions) > 1 else None,
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
        "title": normalize.readable(title),
        "title_key": normalize.title_key(title),
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
    watermark=watermark,
    read_file=read_file,
)
