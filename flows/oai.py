"""OAI-PMH 2.0 as any repository speaks it: pages walked by resumption tokens, and answers read
from bytes (https://www.openarchives.org/OAI/openarchivesprotocol.html).
"""

import hashlib
import html
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from lxml import etree

from flows.source import Fetch, Raw, Window
from schemas import normalize
from schemas.errors import BrokenResponseError
from warehouse.responses import Response

_MOST_RECORDS = 100_000
_MOST_PAGES = 10_000
_RESTARTS = 2

# How a whole page ends. The token is read here, without a parse of the page: outside CDATA no text
# can look like these tags. What ends otherwise is parsed in full.
_END = re.compile(
    rb"</record>\s*(?:<resumptionToken\b[^<>]*(?:/>|>([^<>]*)</resumptionToken>)\s*)?"
    rb"</ListRecords>\s*</OAI-PMH>\s*\Z"
)
_RESPONSE_DATE = re.compile(rb"<responseDate>\s*([^<>]{1,40}?)\s*</responseDate>")


@dataclass(frozen=True, slots=True)
class Repository:
    """Whose answers are read, and the one metadata format that is asked for there."""

    source: str
    """The source's name, a fact of every error."""
    title: str
    """What the errors' sentences call it."""
    element: str
    """Local name of the element inside `metadata`; its fields stand under this name in the data."""
    format: str
    """Format of the records that carry metadata."""
    deleted_format: str
    """Format of the records whose header says `deleted`: the header's fields alone."""
    read_metadata: Callable[[etree._Element], dict[str, Any]]
    """The fields of that element."""

    def broken(self, what: str, url: str | None = None) -> BrokenResponseError:
        """The error that the answer is, holds or does `what`; for the caller to raise."""
        return BrokenResponseError(
            f"The answer of {self.title} {what}.", source=self.source, url=url
        )

    def check_number(self, n: int) -> None:
        """Refuse an answer of more than 100,000 records.

        Raises:
            BrokenResponseError: it has more.
        """
        if n > _MOST_RECORDS:
            raise self.broken(f"holds {n:,} records, more than any answer has")


async def pages(
    fetch: Fetch, first: Mapping[str, str], context: Mapping[str, Any], repository: Repository
) -> AsyncIterator[Response]:
    """The pages of one ListRecords, by resumption tokens, begun anew when a token is refused.

    Args:
        fetch: how to ask.
        first: the query of the first page; each later one is asked for by its token alone.
        context: kept with each response, with the number of its `page` from 0.
        repository: whose pages they are.

    Raises:
        BrokenResponseError: it answers an error, sends a token or a page twice, or refuses its
            own tokens again and again; the list is then not complete.
    """
    query, token, restarts, page = first, "", 0, 0
    seen: set[str] = set()
    while page < _MOST_PAGES:
        response = await fetch(
            fetch.base_url, params=query, context={**context, "page": page}, fresh=restarts > 0
        )
        end = _end_of(response.body, repository)
        if end.error == "badResumptionToken" and token:
            restarts += 1
            if restarts > _RESTARTS:
                raise repository.broken(
                    f"refuses its own resumption tokens ({end.words}): try later", response.url
                )
            query, token, page, seen = first, "", 0, set()
            continue
        if end.error == "noRecordsMatch" and token:
            return
        if end.error and end.error != "noRecordsMatch":
            raise repository.broken(
                f"is the error {end.error}: {end.words or 'no text'}", response.url
            )
        marks = {mark for mark in (end.token, _records_hash(response.body)) if mark}
        if marks & seen:
            raise repository.broken("sends the same token or page again: try later", response.url)
        seen |= marks
        yield response
        if not end.token:
            return
        token, page = end.token, page + 1
        query = {"verb": "ListRecords", "resumptionToken": token}
    raise repository.broken(f"does not end after {_MOST_PAGES:,} pages: harvest smaller windows")


@dataclass(frozen=True, slots=True)
class _End:
    """What the end of an answer says: the next token, or an error's code and words."""

    token: str = ""
    error: str = ""
    words: str = ""


def _end_of(body: bytes, repository: Repository) -> _End:
    found = _END.search(body, max(0, len(body) - 8_192))
    if found is not None:
        return _End(token=html.unescape((found[1] or b"").decode(errors="replace")).strip())
    root = read_root(body, repository)
    error = root.find("{*}error")
    if error is not None:
        return _End(error=error.get("code") or "without a code", words=_words(error))
    return _End(token=(root.findtext("{*}ListRecords/{*}resumptionToken") or "").strip())


def _records_hash(body: bytes) -> str | None:
    """A page's records alone, for the date of the response and the token always differ."""
    start, end = body.find(b"<record"), body.rfind(b"</record>")
    return hashlib.sha256(body[start:end]).hexdigest() if 0 <= start < end else None


def watermark(window: Window, first_response: Response | None) -> datetime:
    """The repository's own clock at the first response, for a closed window at most its end."""
    stated = _RESPONSE_DATE.search(first_response.body[:4_096]) if first_response else None
    answered = normalize.to_datetime(stated[1].decode("ascii", "replace")) if stated else None
    # A wrong clock there must carry the watermark neither past records to come nor into the past.
    start = datetime.combine(window.start, time(), UTC)
    mark = max(start, min(answered or window.now, window.now + timedelta(days=1)))
    end = datetime.combine(window.end + timedelta(days=1), time(), UTC)
    return mark if window.is_open else min(end, mark)


def read_records(body: bytes, repository: Repository) -> list[Raw]:
    """The records of a ListRecords or GetRecord answer; none for the error noRecordsMatch.

    Raises:
        BrokenResponseError: it is not well-formed, another error, or an answer to another verb.
    """
    root = read_root(body, repository)
    error = root.find("{*}error")
    if error is not None:
        code = error.get("code")
        if code == "noRecordsMatch":
            return []
        raise repository.broken(f"is the error {code}: {_words(error) or 'no text'}")
    for element in root:
        if _local(element) in ("ListRecords", "GetRecord"):
            repository.check_number(len(element))
            records = (child for child in element if _local(child) != "resumptionToken")
            return [_from_record(n, record, repository) for n, record in enumerate(records)]
    held = ", ".join(_local(element) for element in list(root)[2:6]) or "nothing"
    raise repository.broken(
        f"holds {normalize.excerpt(held, 100)}, neither ListRecords nor GetRecord"
    )


def read_root(body: bytes, repository: Repository) -> etree._Element:
    """The root of a well-formed OAI-PMH answer that declares nothing.

    Raises:
        BrokenResponseError: it is not well-formed, declares a DOCTYPE, or is not OAI-PMH.
    """
    start = re.search(rb"<[A-Za-z_]", body)
    if b"<!DOCTYPE" in body[: start.start() if start else len(body)]:
        raise repository.broken("declares a DOCTYPE, which no OAI-PMH answer does: not read")
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
        raise repository.broken(
            f"is not well-formed XML at line {line}, column {column}: {words}"
        ) from error
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise repository.broken(f"is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise repository.broken("declares a DOCTYPE, which no OAI-PMH answer does: not read")
    if _local(root) != "OAI-PMH":
        raise repository.broken(f"is <{normalize.excerpt(_local(root), 100)}>, not OAI-PMH")
    return root


def _words(error: etree._Element) -> str:
    return normalize.excerpt(" ".join((error.text or "").split()), 200)


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _from_record(position: int, record: etree._Element, repository: Repository) -> Raw:
    """One record, read in one pass: its header, and the element of the repository's format."""
    wanted = repository.element
    data: dict[str, Any] = {}
    format_name, problem, has_header = repository.format, None, False
    for part in record:
        name = _local(part)
        if name == "header":
            has_header = True
            if part.get("status") == "deleted":
                format_name = repository.deleted_format
            for child in part:
                add_text(data, _local(child), child)
        elif name == "metadata":
            for child in part:
                kind = _local(child)
                if kind == wanted:
                    data[wanted] = repository.read_metadata(child)
                else:
                    given = f"{child.prefix}:{kind}" if child.prefix else kind
                    problem = f"is in the format {normalize.excerpt(given, 100)}, not {wanted}"
        else:
            data[name] = None
    if not has_header:
        problem = "has no header"
    elif "identifier" not in data:
        problem = "has a header without identifier"
    elif problem is None and format_name == repository.format and wanted not in data:
        problem = "has no metadata, and is not marked deleted"
    if format_name == repository.deleted_format:
        data.pop(wanted, None)
    identifier = data.get("identifier")
    where = f"record {position + 1}" + (f" ({identifier[:100]})" if identifier else "")
    return Raw(format_name, position, data, problem, where)


def add_text(data: dict[str, Any], name: str, element: etree._Element) -> None:
    """Add an element's text; a name given twice is joined by a blank, an empty one left out."""
    text = element.text if not len(element) else "".join(str(part) for part in element.itertext())
    if text:
        data[name] = f"{data[name]} {text}" if name in data else text
