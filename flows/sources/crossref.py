"""Crossref: what publishers say of their works, by the day on which Crossref indexed it.

`/works` (https://api.crossref.org, https://github.com/CrossRef/rest-api-doc). The metadata are facts
without copyright, abstracts aside (https://www.crossref.org/documentation/retrieve-metadata/).

A list is a filter of Crossref's own, such as `member:320` (ACM, the default), `prefix:10.1145` or
`type:posted-content,prefix:10.21203`; one name twice is "or", two names are "and". Each has its
watermark, and another filter is another list. A record is indexed anew whenever its publisher, or
somebody who cites it, changes something: a hundredth of a list's works a day is a guess to begin with
(for ACM some 7,000, of which a few hundred are new), and at times all of them come after a change at
Crossref. What is indexed anew and the same is counted, not written.

Quirks: `next-cursor` may be the same on every page and stand for a place that Crossref remembers, so
an answer that was lost is a page that was lost: a walk that ends with fewer works than the first page
announced begins anew. Walks may also end short though nothing was lost
(https://github.com/CrossRef/rest-api-doc/issues/294). A cursor dies after five minutes; then `/works` says `cursor-invalid` or, in
plain text, `Resource not found.` Errors are JSON, text or HTML. `select` is not used: it refuses
fields (`language`), and what is kept whole can be read by a better parser.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from flows.crossref_answers import (
    DEAD,
    NAME,
    ONE_DOCUMENT,
    WORK,
    broken,
    document_of,
    message_of,
    parse,
    refusal,
)
from flows.crossref_settings import CrossrefSettings
from flows.crossref_works import listing
from flows.reading import read_lines, read_start, read_whole
from flows.settings import Settings
from flows.source import Fetch, Format, ListSpec, Source, Window
from schemas.errors import BrokenResponseError, RefusedError
from schemas.records.crossref import Work
from warehouse.responses import Response

_ROWS = 500  # of 1,000 allowed: with their references, works take 10 to 30 KB each
_WORKS_A_DAY = 7_000  # for the estimate only
_MOST_PAGES = 20_000
_WALKS = 3


def lists(settings: Settings) -> Sequence[ListSpec]:
    """One list a filter; any number of works, none included, may be indexed on a day."""
    return tuple(
        ListSpec(name, first_days=7, slice_days=14, overlap_days=1)
        for name in settings.of(NAME, CrossrefSettings).lists
    )


def secrets(settings: Settings) -> Mapping[str, str]:
    """The contact's mail address, which leads to the polite pool."""
    contact = (settings.contact or "").removeprefix("mailto:")
    return {"mailto": contact} if re.fullmatch(r"[!-~]+@[!-~]+", contact) else {}


async def requests(fetch: Fetch, window: Window) -> AsyncIterator[Response]:
    """The pages of one list's window, the empty last one included, until a walk was whole.

    Of works that are announced and do not come, either the number is wrong or an answer was lost.
    The number is taken to be wrong where two walks lack equally many and in neither any request had
    to be repeated; else the list fails, and the same days are asked for again by the next run.

    Raises:
        BrokenResponseError: it answers an error or a page twice, or no walk was whole.
    """
    bounds = [f"from-index-date:{window.start.isoformat()}"]
    if not window.is_open:
        bounds.append(f"until-index-date:{window.end.isoformat()}")
    wanted = ",".join([*bounds, window.list.name])
    lacking: set[int] = set()
    for number in range(_WALKS):
        walk, n_repeated = _Walk(), fetch.n_retries
        async for response in _pages(fetch, window.list.name, wanted, walk, fresh=number > 0):
            walk.is_replayed |= response.is_replayed
            yield response
        lacks = walk.announced - walk.received
        if walk.is_dead:
            continue
        if lacks <= 0:
            return
        # The run that asked first may have died between an answer and its being kept.
        if walk.is_replayed or fetch.n_retries > n_repeated:
            continue
        if lacks in lacking:
            fetch.warn(
                f"two walks found {walk.received} works of the {walk.announced} announced for "
                f"{wanted}, and no answer was lost: the number is wrong, or Crossref keeps the rest back."
            )
            return
        lacking.add(lacks)
    raise broken(
        f"loses its cursors or works on the way, in each of {_WALKS} walks through {wanted}: try later"
    )


@dataclass(slots=True)
class _Walk:
    """How one walk through a window went."""

    received: int = 0
    announced: int = 0
    """How many works match in all, by the first page's count."""
    is_dead: bool = False
    """Whether its cursor died on the way."""
    is_replayed: bool = False
    """Whether some of its answers came to an earlier process."""


async def _pages(
    fetch: Fetch, name: str, wanted: str, walk: _Walk, *, fresh: bool
) -> AsyncIterator[Response]:
    """The pages of one walk, and in `walk` how it went."""
    cursor = "*"
    seen: set[str] = set()
    for number in range(_MOST_PAGES):
        try:
            response = await fetch(
                "works",
                params={"filter": wanted, "rows": _ROWS, "cursor": cursor},
                context={"list": name, "filter": wanted, "page": number},
                fresh=fresh,
            )
            page = _read_page(response)
        except (RefusedError, BrokenResponseError) as error:
            walk.is_dead = number > 0 and error.facts.get("refusal") in DEAD
            if walk.is_dead:
                return
            raise
        if page.sha256 in seen:
            raise broken("sends the same page again: try later", response.url)
        seen.add(page.sha256)
        walk.announced = walk.announced or page.announced
        walk.received += page.n_items
        yield response
        if not page.n_items:
            return
        if number == 0 and not page.cursor:
            if walk.received < walk.announced:
                raise broken("names no cursor for its next page", response.url)
            return
        cursor = page.cursor or cursor
    raise broken(f"does not end after {_MOST_PAGES:,} pages: harvest smaller windows")


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page of `/works` says beside its works."""

    n_items: int
    announced: int
    """How many works match in all, by the source's count."""
    cursor: str
    """Of the next page, empty without one."""
    sha256: str
    """Of the works alone, for cursors may change."""


def _read_page(response: Response) -> _Page:
    try:
        message = message_of(document_of(response.body))
    except BrokenResponseError as error:
        error.facts["url"] = response.url
        raise
    items, total = message.get("items"), message.get("total-results")
    if not isinstance(items, list):
        raise broken("holds no list of works", response.url)
    cursor = message.get("next-cursor")
    return _Page(
        n_items=len(items),
        announced=total if isinstance(total, int) else 0,
        cursor=cursor if isinstance(cursor, str) else "",
        sha256=hashlib.sha256(json.dumps(items).encode()).hexdigest(),
    )


def expected_requests(window: Window) -> int:
    """By a guess of what is indexed a day, and the empty page at the end."""
    days = (window.end - window.start).days + 1
    return 1 - (-days * _WORKS_A_DAY // _ROWS)


def watermark(window: Window, first: Response | None) -> datetime:
    """When the walk began: what is indexed anew meanwhile has a later date and comes again.

    A closed window is complete to its end, for what has left it by then is in a later one.
    """
    began = first.fetched_at if first else window.now
    end = datetime.combine(window.end + timedelta(days=1), time(), UTC)
    mark = began if window.is_open else min(end, began)
    return max(mark, datetime.combine(window.start, time(), UTC))


def read_file(path: Path, _options: Mapping[str, Any]) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """An answer or a part of the public data file whole; works one a line in bodies of 1,000."""
    start = read_start(path)
    if not start.startswith(b"{") or ONE_DOCUMENT.match(start):
        yield read_whole(path), {"list": "file", "file": path.name}
        return
    for line, body in read_lines(path):
        yield body, {"list": "file", "file": path.name, "line": line}


SOURCE = Source(
    name=NAME,
    title="Crossref",
    homepage="https://www.crossref.org",
    data_license="https://www.crossref.org/documentation/retrieve-metadata/",
    base_url="https://api.crossref.org",
    probe="works?rows=0",
    hosts=frozenset({"api.crossref.org"}),
    pause_seconds=1.0,
    expected_seconds=5.0,
    parser_version=1,
    lists=lists,
    formats=(Format(WORK, Work, lacks=frozenset({"is_withdrawn"})),),
    requests=requests,
    parse=parse,
    listing=listing,
    expected_requests=expected_requests,
    watermark=watermark,
    read_file=read_file,
    settings=CrossrefSettings,
    secrets=secrets,
    refusal=refusal,
    work_rank=10,
    page_rank=40,
)
