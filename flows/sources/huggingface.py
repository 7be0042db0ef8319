"""Hugging Face papers: the papers of each weekday, and the trending list.

`/api/daily_papers` (https://huggingface.co/docs/hub/api) answers a bare JSON array; pages are
joined by `Link: rel="next"`. With `date` it lists one day, with `sort=trending` it ignores the date.
Anonymous callers have 500 requests in five minutes. Files may also be a page's HTML, whose list
lies in a `data-props` attribute, or the text of a page somebody saved. The site's metadata may be
used under its terms (https://huggingface.co/terms-of-service).

Quirks: titles hold line breaks; the outer `publishedAt` is neither the paper's date nor the day of
listing; `ai_*` fields arrive days later, so the last days are read again.
"""

import hashlib
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from flows.huggingface_forms import API, NAME, PAGE, TEXT, broken, kind_of, parse, read_json
from flows.reading import day_in_name, read_whole
from flows.settings import Settings
from flows.source import Fetch, Format, ListSpec, Seen, Source, Window
from schemas import normalize
from schemas.paper import Listing, Metric
from schemas.records.huggingface import Item, PageItem, TextItem
from warehouse.responses import Response

PAGE_NAME = "huggingface_page"
WEEKDAYS = frozenset(range(5))
_PAGE_SIZE = 100
_MOST_PAGES = 50  # of one day; the fullest so far had two
_PERIODS = {"week": "weekly", "month": "monthly"}
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^\s";,]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]*))', re.IGNORECASE)


def lists(settings: Settings) -> Sequence[ListSpec]:
    """The papers of each day, and the trending list as it stands."""
    return (
        ListSpec(
            "daily",
            first_days=30,
            slice_days=92,
            overlap_days=7,
            listing_weekdays=WEEKDAYS,
            counts_by_list_day=True,
        ),
        ListSpec(
            "trending",
            first_days=1,
            slice_days=1,
            overlap_days=0,
            is_capture=True,
            size=settings.trending_size,
        ),
    )


async def requests(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
    """Every page of each weekday of the window, or the pages of one trending capture."""
    if window.list.is_capture:
        size = window.list.size
        query: dict[str, str | int] = {"sort": "trending", "limit": min(size, _PAGE_SIZE)}
        context = {
            "list": window.list.name,
            "list_date": window.end.isoformat(),
            "size": size,
        }
        async for response in _pages(fetch, query, context, size):
            yield response
        return
    for day in _days(window):
        query = {"date": day.isoformat(), "limit": _PAGE_SIZE}
        context = {"list": window.list.name, "list_date": day.isoformat()}
        async for response in _pages(fetch, query, context):
            yield response


async def _pages(
    fetch: Fetch,
    query: Mapping[str, str | int],
    context: Mapping[str, Any],
    size: int | None = None,
) -> AsyncIterator[Response]:
    """A list from its first page on, by rows received, until it ends or `size` is reached."""
    offset, n_pages = 0, 0
    seen: set[str] = set()
    response = await fetch(
        "api/daily_papers", params={**query, "p": 0}, context={**context, "offset": 0}
    )
    while True:
        n_pages += 1
        if n_pages > _MOST_PAGES:
            raise broken(f"does not end after {_MOST_PAGES} pages: try again later", response.url)
        seen.add(response.url)
        if response.sha256 in seen:
            raise broken(
                f"sends the same page twice ({response.url}): try again later", response.url
            )
        seen.add(response.sha256)
        yield response
        rows = read_json(response.body)
        n_rows = len(rows) if isinstance(rows, list) else 0
        offset += n_rows
        following = next_link(response.headers.get("link", ""), response.url)
        if not n_rows or following is None or (size is not None and offset >= size):
            return
        if following in seen:
            raise broken(f"links in a circle ({following}): try again later", response.url)
        response = await fetch(following, context={**context, "offset": offset})


def next_link(header: str, url: str) -> str | None:
    """The address of the link with rel="next" in a Link header (RFC 8288), made absolute."""
    for target, parameters in _LINK.findall(header):
        for quoted, plain in _REL.findall(parameters)[:1]:
            if "next" in (quoted or plain).lower().split():
                try:
                    return urljoin(url, str(target))
                except ValueError as error:
                    raise broken(f"links to what is no address ({error})", url) from error
    return None


def _days(window: Window) -> list[date]:
    """The window's weekdays; a day after today is an error there, a weekend day is empty."""
    end = min(window.end, window.now.date())
    span = range((end - window.start).days + 1)
    days = (window.start + timedelta(days=n) for n in span)
    return [day for day in days if day.weekday() in WEEKDAYS]


def expected_requests(window: Window) -> int:
    """One request a weekday, or one for each hundred of a capture."""
    if window.list.is_capture:
        return -(-window.list.size // _PAGE_SIZE)
    return len(_days(window))


def watermark(window: Window, _first: Response | None) -> datetime:
    """The end of the window, but never later than now."""
    end = datetime.combine(window.end + timedelta(days=1), time(), UTC)
    return min(end, window.now)


def listing(record: Any, seen: Seen) -> tuple[Listing, Sequence[Metric]]:
    """One entry to its listing, and what the list says of it."""
    if seen.format == TEXT:
        return _text_listing(record, seen)
    around: PageItem = record if seen.format == PAGE else {"item": record}
    item: Item = around["item"]
    paper = item["paper"]
    paper_id = paper["id"]
    title = paper.get("title") or item.get("title") or ""
    abstract = paper.get("summary") or item.get("summary") or ""
    authors = (normalize.author_of(author["name"]) for author in paper.get("authors") or ())
    arxiv = normalize.arxiv_id(paper_id)
    published = normalize.to_date(paper.get("publishedAt") or "")
    tldr = normalize.readable(paper.get("ai_summary"))
    model = normalize.readable(paper.get("ai_summary_model"))
    organization = paper.get("organization") or item.get("organization") or {}
    account = item.get("submittedBy") or paper.get("submittedOnDailyBy") or {}
    repository = paper.get("githubRepo")
    code = repository and (normalize.code_url(repository) or normalize.url(repository))
    code_source = NAME if code else None
    if not code:
        code = normalize.code_url(abstract)
        code_source = "abstract" if code else None
    row = Listing(
        listing_id=f"{NAME}:{paper_id}",
        source=NAME,
        source_id=paper_id,
        raw_title=normalize.clean(title) or None,
        title=normalize.readable(title),
        title_key=normalize.title_key(title),
        abstract=normalize.readable_block(abstract),
        authors=tuple(author for author in authors if author is not None),
        publication_date=published,
        submitted_date=published,
        type="preprint",
        arxiv_id=arxiv.id if arxiv else None,
        identifiers=normalize.identifiers(arxiv_id=arxiv.id if arxiv else None),
        keywords=_keywords(paper.get("ai_keywords") or ()),
        is_withdrawn=paper.get("withdrawnAt") is not None,
        tldr=tldr,
        tldr_source=(f"{NAME} ({model})" if model else NAME) if tldr else None,
        organization=normalize.readable(organization.get("fullname") or organization.get("name")),
        submitted_by=normalize.readable(account.get("name") or account.get("user")),
        landing_page_url=f"https://huggingface.co/papers/{paper_id}",
        pdf_url=f"https://arxiv.org/pdf/{paper_id}",
        code_url=code,
        code_source=code_source,
        project_url=normalize.url(paper.get("projectPage") or ""),
        thumbnail_url=normalize.url(item.get("thumbnail") or item.get("mediaUrl") or ""),
        **_provenance(seen),
    )
    list_name = _PERIODS.get(around.get("periodType") or "", seen.context.get("list", "daily"))
    # A page says itself which day it shows: asked for a weekend, it shows the Friday before.
    list_date = (
        _context_day(seen, "list_date")
        or normalize.to_date(around.get("dateString"))
        or _context_day(seen, "day_in_name")
    )
    if list_date is None and list_name == "daily":
        list_date = normalize.to_date(paper.get("submittedOnDailyAt"))
    metric = _metric(row, seen, list_name, list_date)
    if metric.rank is not None and metric.rank > seen.context.get("size", metric.rank):
        return row, ()  # the last page of a capture reaches beyond its size
    return row, (
        metric.model_copy(
            update={
                "upvotes": paper.get("upvotes"),
                "comment_count": item.get("numComments"),
                "github_stars": paper.get("githubStars"),
            }
        ),
    )


def _text_listing(record: TextItem, seen: Seen) -> tuple[Listing, Sequence[Metric]]:
    title, abstract = record["title"], record["abstract"]
    folded = " ".join(unicodedata.normalize("NFC", title).split())
    source_id = hashlib.sha256(folded.encode()).hexdigest()
    code = normalize.code_url(abstract)
    list_date = _context_day(seen, "list_date") or _context_day(seen, "day_in_name")
    row = Listing(
        listing_id=f"{PAGE_NAME}:{source_id}",
        source=PAGE_NAME,
        source_id=source_id,
        raw_title=normalize.clean(title) or None,
        title=normalize.readable(title),
        title_key=normalize.title_key(title),
        abstract=normalize.readable_block(abstract),
        type="preprint",
        code_url=code,
        code_source="abstract" if code else None,
        **_provenance(seen),
    )
    return row, (_metric(row, seen, "trending", list_date),)


def _provenance(seen: Seen) -> dict[str, Any]:
    """The columns that say where a row came from; the source has no times of modification."""
    return {
        "record_format": seen.format,
        "source_modified_at": seen.response.fetched_at,
        "fetched_at": seen.response.fetched_at,
        "response_sha256": seen.response.sha256,
        "parser_version": seen.parser_version,
    }


def _metric(row: Listing, seen: Seen, list_name: str, list_date: date | None) -> Metric:
    return Metric(
        source=row.source,
        list=list_name,
        list_date=list_date,
        night_date=seen.night_date,
        listing_id=row.listing_id,
        rank=seen.context.get("offset", 0) + seen.position + 1,
        captured_at=seen.response.fetched_at,
        response_sha256=seen.response.sha256,
    )


def _context_day(seen: Seen, name: str) -> date | None:
    day = seen.context.get(name)
    return None if day is None else date.fromisoformat(day)


def _keywords(words: Sequence[str]) -> tuple[str, ...]:
    readable = (normalize.readable(word) for word in words)
    return tuple(dict.fromkeys(word for word in readable if word))


def read_file(path: Path, options: Mapping[str, Any]) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """A file as one body: an API answer, a saved page, or its text.

    Its list is `trending` for text and where the file's name says so. Its list day is the option
    `date`, else what a page says of itself, else the day in its name, else what the records say.
    """
    body = read_whole(path)
    is_trending = "trending" in path.name.lower() or kind_of(body) == TEXT
    context: dict[str, Any] = {
        "list": "trending" if is_trending else "daily",
        "offset": 0,
        "file": path.name,
    }
    for name, day in (("list_date", options.get("date")), ("day_in_name", day_in_name(path))):
        if day is not None:
            context[name] = day.isoformat()
    yield body, context


SOURCE = Source(
    name=NAME,
    title="Hugging Face Papers",
    homepage="https://huggingface.co/papers",
    data_license="https://huggingface.co/terms-of-service",
    base_url="https://huggingface.co",
    probe="api/daily_papers?limit=1",
    hosts=frozenset({"huggingface.co"}),
    first_day=date(2023, 5, 4),
    pause_seconds=0.65,
    expected_seconds=0.9,
    parser_version=1,
    lists=lists,
    formats=(Format(API, Item), Format(PAGE, PageItem), Format(TEXT, TextItem)),
    requests=requests,
    parse=parse,
    listing=listing,
    expected_requests=expected_requests,
    watermark=watermark,
    read_file=read_file,
    aliases=(PAGE_NAME,),
    work_rank=60,
    page_rank=10,
    lists_once=True,
)
