"""OpenAlex: works by filter, one list a filter, page after page by cursor; works from files.

https://developers.openalex.org/api-reference/works; the data is CC0
(https://openalex.org/about). A key is free (https://openalex.org/settings/api); with one, $1 a day
is free, and a page of 100 works costs $0.0001, so that is 10,000 pages, one million works. Pages are
the dearest way to very many works: for a whole field's history take the snapshot and `import` it.

Two ways to ask. Who has a plan that pays for it is told what changed (`from_updated_date`). Without
one that filter is refused (429, "Plan upgrade required"), and the works published in the last
`window_days` are read again every night: a work that is older when OpenAlex learns of it, or that
changes later, is missed. The run says so. The watermark stands for the days of change in the first
case, for days of publication in the second; a backfill goes by the same days.

Quirks: 429 means that the day's budget is spent (back at midnight UTC), that requests came too fast,
or that a plan is wanted, so its text is read; 404 is HTML; abstracts come as indexes from words to
positions, without paragraphs; a list names at most 100 authors of a work; a work may carry the day 1
January where only the year is known, and a day in the future, on which it is then listed. Works that
OpenAlex merges vanish from its lists without a word: their listings stay as they were.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from flows.openalex_forms import (
    NAME,
    PREFIX,
    WORK,
    abstract_of,
    arxiv_id_of,
    authors_of,
    broken,
    has_lines,
    id_of,
    identifiers_of,
    journal_ref_of,
    keywords_of,
    language_of,
    license_of,
    parse,
    read_answer,
    refusal,
    type_of,
)
from flows.reading import read_lines, read_whole
from flows.settings import Settings
from flows.source import Fetch, Format, ListSpec, Seen, Source, Window
from schemas import normalize
from schemas.errors import RefusedError
from schemas.paper import Listing, Metric
from schemas.records.openalex import Location, Work
from warehouse.responses import Response

_PAGE_SIZE = 100
_MOST_PAGES = 10_000  # what a free day's budget pays for
# Works published a day in artificial intelligence and computer vision: a guess, for the estimate.
_WORKS_A_DAY = 2_000

# What the record's schema uses, without the references, concepts and counts by year of a whole work.
_SELECTED = (
    "id,doi,display_name,publication_date,language,type,ids,primary_location,best_oa_location,"
    "locations,open_access,authorships,cited_by_count,biblio,is_retracted,is_paratext,"
    "primary_topic,keywords,abstract_inverted_index,updated_date"
)
_LIST_NAME = re.compile(r"[a-z][a-z0-9_-]{0,29}")
_CONDITION = re.compile(r"[a-z_]+(?:\.[a-z_]+)*:[A-Za-z0-9!<>][A-Za-z0-9!<>|:/._+-]{0,2000}")
_OURS = re.compile(r"(from_|to_)?(updated|created|publication)_date:")


def _read_lists(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, given.split(";"))):
        name, _, query = (piece.strip() for piece in part.partition("="))
        problem = _list_problem(name, query, found)
        if problem is not None:
            raise PydanticCustomError("lists", "{problem}", {"problem": problem})
        found[name] = query
    return found


def _list_problem(name: str, query: str, others: Mapping[str, str]) -> str | None:
    """What is wrong with a list of the settings, in words."""
    shown = normalize.excerpt(name, 40)
    if not _LIST_NAME.fullmatch(name):
        return f"'{shown}' is no name for a list: write name=filter, lists separated by ;"
    if name in others:
        return f"the list '{shown}' is given twice"
    for condition in query.split(","):
        if not _CONDITION.fullmatch(condition):
            told = normalize.excerpt(condition, 60)
            return f"'{told}' of the list '{shown}' is no condition such as type:article"
        if _OURS.match(condition):
            return f"the days of the list '{shown}' are chosen by the nights, not by its filter"
    return None


def _read_key(given: Any) -> Any:
    if isinstance(given, str) and not re.fullmatch("[!-~]+", given.strip()):
        raise PydanticCustomError("key", "must be ASCII without spaces")
    return given.strip() if isinstance(given, str) else given


class OpenAlexSettings(BaseModel):
    """PAPERLAKE_OPENALEX_..."""

    model_config = ConfigDict(frozen=True)

    key: Annotated[SecretStr | None, BeforeValidator(_read_key)] = None
    """API key; free at https://openalex.org/settings/api."""
    lists: Annotated[dict[str, str], BeforeValidator(_read_lists), Field(min_length=1)] = {
        "ai": "primary_topic.subfield.id:1702|1707,is_paratext:false"
    }
    """Lists as name=filter, separated by ;. Default: artificial intelligence and computer vision."""
    window_days: Annotated[int, Field(ge=1, le=365)] = 30
    """Days of publication that are read again every night where no plan pays for what changed."""


def lists(settings: Settings) -> Sequence[ListSpec]:
    """One list a filter. OpenAlex updates when it likes, so no day without works is a wonder."""
    own = settings.of(NAME, OpenAlexSettings)
    return tuple(
        ListSpec(
            name,
            first_days=7,
            slice_days=10,
            overlap_days=1,
            query=query,
            rolling_days=own.window_days,
        )
        for name, query in own.lists.items()
    )


def off(settings: Settings) -> str | None:
    """Without a key there is no budget for a night."""
    if settings.of(NAME, OpenAlexSettings).key is not None:
        return None
    return (
        "openalex is off: it wants a key, which is free. Make an account at https://openalex.org, "
        "copy the key from https://openalex.org/settings/api and set PAPERLAKE_OPENALEX_KEY."
    )


def secrets(settings: Settings) -> Mapping[str, str]:
    """The key goes into the query."""
    key = settings.of(NAME, OpenAlexSettings).key
    return {} if key is None else {"api_key": key.get_secret_value()}


async def requests(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
    """The pages of what changed in the window or, where that is refused, of what was published.

    A refusal costs nothing of the budget, so every night asks: a plan may have come.
    """
    days = f"from_updated_date:{window.start}"
    if not window.is_open:
        # The bound is a moment: midnight of the day after, whatever a day alone means there.
        days += f",to_updated_date:{window.end + timedelta(days=1)}"
    try:
        async for response in _pages(fetch, window.list, days, "updated"):
            yield response
        return
    except RefusedError as error:
        if error.facts.get("refusal") != "plan":
            raise
    first = window.start
    if window.is_open:
        first = min(first, window.end - timedelta(days=window.list.rolling_days))
    fetch.warn(
        f"{window.list.name}: its plan does not tell what changed, so the works published from "
        f"{first} to {window.end} were read instead; what is older and changed, or came late, is missed "
        "(a paid plan at https://openalex.org/pricing tells it)."
    )
    days = f"from_publication_date:{first},to_publication_date:{window.end}"
    async for response in _pages(fetch, window.list, days, "published"):
        yield response


async def _pages(fetch: Fetch, spec: ListSpec, days: str, asked_by: str) -> AsyncIterator[Response]:
    """Every page along the cursors, until there is none."""
    query: dict[str, str | int] = {
        "filter": f"{spec.query},{days}",
        "per-page": _PAGE_SIZE,
        "sort": "publication_date",  # the one that does not move while pages are turned
        "select": _SELECTED,
    }
    context = {"list": spec.name, "asked_by": asked_by}
    cursor, rows = "*", 0
    seen: set[str] = set()
    total: int | None = None
    for number in range(_MOST_PAGES):
        seen.add(cursor)
        response = await fetch(
            "works", params={**query, "cursor": cursor}, context={**context, "page": number}
        )
        page = read_answer(response.body)
        results, meta = page.get("results"), page.get("meta")
        if not isinstance(results, list) or not isinstance(meta, dict):
            raise broken("holds no list of works with its meta", response.url)
        if total is None:
            count = meta.get("count")
            total = count if isinstance(count, int) else 0
            _check_budget(total, response)
        # By what it lists: the milliseconds that the answer tells of itself always differ.
        mark = hashlib.sha256(orjson.dumps([id_of(item) for item in results])).hexdigest()
        if results and mark in seen:
            raise broken("sends the same page twice: try again later", response.url)
        seen.add(mark)
        rows += len(results)
        following = meta.get("next_cursor")
        if not results or following is None:
            # A few may have moved to other days while pages were turned.
            if rows < total:
                fetch.warn(f"{spec.name} ends after {rows:,} of the {total:,} works it announced.")
            if rows < total - max(10, total // 100) or (total and not rows):
                raise broken(
                    f"ends after {rows:,} of {total:,} works: try again later", response.url
                )
            yield response
            return
        yield response
        if not isinstance(following, str) or following in seen:
            raise broken("has a cursor that leads back: try again later", response.url)
        cursor = following
    raise broken(f"does not end after {_MOST_PAGES:,} pages: narrow the list {spec.name}", "")


def _check_budget(total: int, response: Response) -> None:
    """Spend nothing on a window that today's budget does not reach through.

    Raises:
        RefusedError: with the refusal "budget".
    """
    left = 0
    for name in ("x-ratelimit-remaining", "x-ratelimit-onetime-remaining"):
        told = response.headers.get(name, "0" if left else "")
        if not re.fullmatch("[0-9]{1,15}", told):
            return
        left += int(told)
    cost = response.headers.get("x-ratelimit-credits-used", "1")
    left //= max(1, int(cost) if re.fullmatch("[0-9]{1,6}", cost) else 1)
    pages = -(-total // _PAGE_SIZE) - 1
    if pages > left:
        raise RefusedError(
            f"{NAME}: {response.url}: it lists {total:,} works on {pages:,} more pages, and today's "
            f"budget has {left:,} of them left; narrow PAPERLAKE_OPENALEX_LISTS, or see "
            "https://openalex.org/pricing.",
            source=NAME,
            url=response.url,
            refusal="budget",
        )


def expected_requests(window: Window) -> int:
    """By the usual number of works a day, 100 a page, as if nobody paid for what changed."""
    days = (window.end - window.start).days + 1
    if window.is_open:
        days = max(days, window.list.rolling_days + 1)
    return max(1, -(-days * _WORKS_A_DAY // _PAGE_SIZE))


def watermark(window: Window, _first: Response | None) -> datetime:
    """The end of the window, but never later than its clock: see the module on whose days these are."""
    end = datetime.combine(window.end + timedelta(days=1), time(), UTC)
    return min(end, window.now)


def listing(record: Any, seen: Seen) -> tuple[Listing, Sequence[Metric]]:
    """One work to its listing, and how often it is cited."""
    work: Work = record
    key = work["id"].removeprefix(PREFIX)
    title = work.get("display_name") or work.get("title") or ""
    abstract = normalize.readable_block(abstract_of(work.get("abstract_inverted_index") or {}))
    primary: Location = work.get("primary_location") or {}
    best: Location = work.get("best_oa_location") or {}
    places = [primary, best, *(work.get("locations") or ())]
    ids = work.get("ids") or {}
    doi = normalize.doi(work.get("doi")) or normalize.doi(ids.get("doi"))
    arxiv = arxiv_id_of(work, places)
    venue = (primary.get("source") or {}).get("display_name") or primary.get("raw_source_name")
    published = normalize.to_date(work.get("publication_date"))
    code = normalize.code_url(abstract)
    fetched_at = seen.response.fetched_at
    row = Listing(
        listing_id=f"{NAME}:{key}",
        source=NAME,
        source_id=key,
        raw_title=normalize.clean(title) or None,
        title=normalize.readable(title),
        title_key=normalize.title_key(title),
        abstract=abstract,
        authors=authors_of(work.get("authorships") or ()),
        publication_date=published,
        type=type_of(work, primary),
        venue=normalize.readable(venue),
        doi=doi,
        arxiv_id=arxiv,
        identifiers=identifiers_of(key, doi, arxiv, ids),
        keywords=keywords_of(work),
        language=language_of(work.get("language")),
        license=license_of(primary, best),
        journal_ref=journal_ref_of(
            work.get("biblio") or {}, venue, published.year if published else None
        ),
        is_open_access=(work.get("open_access") or {}).get("is_oa"),
        is_retracted=work.get("is_retracted"),
        primary_topic=normalize.readable((work.get("primary_topic") or {}).get("display_name")),
        landing_page_url=normalize.url(primary.get("landing_page_url")) or work["id"],
        pdf_url=normalize.url(best.get("pdf_url")) or normalize.url(primary.get("pdf_url")),
        code_url=code,
        code_source="abstract" if code else None,
        record_format=seen.format,
        source_modified_at=normalize.to_datetime(work.get("updated_date")) or fetched_at,
        fetched_at=fetched_at,
        response_sha256=seen.response.sha256,
        parser_version=seen.parser_version,
    )
    cited = work.get("cited_by_count")
    if cited is None:
        return row, ()
    metric = Metric(
        source=NAME,
        list=seen.context.get("list", "file"),
        night_date=seen.night_date,
        listing_id=row.listing_id,
        cited_by_count=cited,
        captured_at=fetched_at,
        response_sha256=seen.response.sha256,
    )
    return row, (metric,)


def read_file(path: Path, _options: Mapping[str, Any]) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """An answer of the API whole, or works one a line (parts of the snapshot) in bodies of 1,000."""
    context = {"list": "file", "file": path.name}
    if not has_lines(path):
        yield read_whole(path), context
        return
    for line, body in read_lines(path):
        yield body, {**context, "line": line}


SOURCE = Source(
    name=NAME,
    title="OpenAlex",
    homepage="https://openalex.org",
    data_license="CC0-1.0",
    base_url="https://api.openalex.org",
    probe="works?per-page=1&select=id",
    hosts=frozenset({"api.openalex.org"}),
    pause_seconds=0.2,
    expected_seconds=1.0,
    parser_version=1,
    lists=lists,
    formats=(Format(WORK, Work, lacks=frozenset({"is_withdrawn"})),),
    requests=requests,
    parse=parse,
    listing=listing,
    expected_requests=expected_requests,
    watermark=watermark,
    read_file=read_file,
    settings=OpenAlexSettings,
    off=off,
    secrets=secrets,
    refusal=refusal,
    work_rank=20,
)
