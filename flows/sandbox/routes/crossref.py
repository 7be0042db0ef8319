"""Crossref's REST API: filters, cursors that repeat and die, and errors in each of their forms.

The protocol: https://github.com/CrossRef/rest-api-doc
"""

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flows.sandbox.answers import answer, json_answer
from flows.sandbox.crossref_works import MEMBER, PREFIX, type_of, work_object
from flows.sandbox.served import crossref
from flows.sandbox.served.crossref import Item
from flows.sandbox.universe import Universe

CURSOR_SECONDS = 300.0
"""How long a cursor lives after it was last used."""
CURSORS_KEPT = 200
MOST_ROWS = 1_000
PARAMETERS = ("cursor", "filter", "mailto", "offset", "rows")
DATES = ("from-index-date", "until-index-date")


class ApiError(Exception):
    """An answer that went wrong: its status, and what the API says of it."""

    def __init__(self, status: int, kind: str, complaint: str, value: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.body = {
            "status": "failed",
            "message-type": kind,
            "message": [{"type": complaint, "value": value, "message": words}],
        }


class Scrolls:
    """The walks that the server remembers: a cursor stands for a place, and never changes."""

    def __init__(self, night: int) -> None:
        self._night = night
        self._lock = threading.Lock()
        self._count = 0
        self._open: OrderedDict[str, tuple[float, Sequence[Item], int]] = OrderedDict()

    def begin(self, found: Sequence[Item], rows: int) -> tuple[str, Sequence[Item]]:
        """A new walk: its cursor, and its first page."""
        with self._lock:
            self._count += 1
            name = f"{self._night}:{self._count}"
            cursor = hashlib.sha256(name.encode()).hexdigest()[:40] + "=="
            self._open[cursor] = (time.monotonic(), found, rows)
            while len(self._open) > CURSORS_KEPT:
                self._open.popitem(last=False)
            return cursor, found[:rows]

    def go_on(self, cursor: str, rows: int) -> tuple[Sequence[Item], int]:
        """The next page of a walk, whether or not the last one arrived, and how many there are."""
        with self._lock:
            used, found, place = self._open.pop(cursor, (0.0, (), -1))
            if place < 0 or time.monotonic() - used > CURSOR_SECONDS:
                raise ApiError(
                    404,
                    "resource-failure",
                    "cursor-invalid",
                    cursor,
                    "Cursor specified but it is invalid",
                )
            self._open[cursor] = (time.monotonic(), found, place + rows)
            return found[place : place + rows], len(found)


def routes(universe: Universe, night: int) -> list[Route]:
    """`/works`, and one work at `/works/{doi}`."""
    scrolls = Scrolls(night)

    async def works(request: Request) -> Response:
        try:
            message = _list(universe, night, scrolls, request)
        except ApiError as error:
            return json_answer(request, error.body, error.status, _headers(request))
        return json_answer(request, _envelope("work-list", message), 200, _headers(request))

    async def work(request: Request) -> Response:
        doi = request.path_params["doi"].lower()
        item = _by_doi(universe, night).get(doi)
        if item is None:
            body = b"Resource not found."
            return answer(request, body, "text/plain", 404, _headers(request))
        return json_answer(request, _envelope("work", work_object(item)), 200, _headers(request))

    return [Route("/works", works, methods=["GET"]), Route("/works/{doi:path}", work)]


def _headers(request: Request) -> dict[str, str]:
    """Limits as headers; who gives an address is in the polite pool."""
    is_polite = "mailto" in request.query_params
    return {
        "X-Api-Pool": "polite" if is_polite else "public",
        "X-Rate-Limit-Limit": "10" if is_polite else "5",
        "X-Rate-Limit-Interval": "1s",
        "X-Concurrency-Limit": "3" if is_polite else "1",
    }


def _envelope(kind: str, message: Any) -> dict[str, Any]:
    return {
        "status": "ok",
        "message-type": kind,
        "message-version": "1.0.0",
        "message": message,
    }


def _refuse(complaint: str, value: str, words: str) -> ApiError:
    return ApiError(400, "validation-failure", complaint, value, words)


def _list(universe: Universe, night: int, scrolls: Scrolls, request: Request) -> dict[str, Any]:
    given = request.query_params
    for name in given:
        if name not in PARAMETERS:
            words = f"Parameter {name} specified but there is no such parameter for this route."
            raise _refuse("parameter-not-allowed", name, words)
    rows, offset = (_number(given.get(name)) for name in ("rows", "offset"))
    rows = 20 if rows is None else rows
    found = _filtered(universe, night, given.get("filter", ""))
    message: dict[str, Any] = {"facets": {}}
    if "cursor" not in given:
        start, total = offset or 0, len(found)
        page = found[start : start + rows]
    elif offset is not None:
        raise _refuse("parameter-not-allowed", "offset", "Offset cannot be used with cursor.")
    elif given["cursor"] == "*":
        total = len(found)
        message["next-cursor"], page = scrolls.begin(found, rows)
    else:
        page, total = scrolls.go_on(given["cursor"], rows)
        message["next-cursor"] = given["cursor"]
    return message | {
        "total-results": total,
        "items": [work_object(item) for item in page],
        "items-per-page": rows,
        "query": {"start-index": offset or 0, "search-terms": None},
    }


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) > MOST_ROWS:
        words = f"Integer specified as {text} but must be a positive integer less than or equal to {MOST_ROWS}."
        raise _refuse("integer-not-valid", text, words)
    return int(text)


def _filtered(universe: Universe, night: int, text: str) -> Sequence[Item]:
    """What passes the filters: of one name any, of several names all."""
    wanted: dict[str, list[str]] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition(":")
        if name not in (*DATES, "member", "prefix", "type"):
            words = f"Filter {name} specified but there is no such filter for this route."
            raise _refuse("filter-not-available", name, words)
        wanted.setdefault(name, []).append(value)
    bounds = {name: max(map(_day, wanted.pop(name, ["1900-01-01"]))) for name in DATES[:1]}
    until = min(map(_day, wanted.pop(DATES[1], ["2999-01-01"])))
    return [
        item
        for item in crossref.since(universe, night, bounds[DATES[0]])
        if item.indexed <= until
        and all(_trait(item, name) in values for name, values in wanted.items())
    ]


def _trait(item: Item, name: str) -> str:
    return {"member": MEMBER, "prefix": PREFIX, "type": type_of(item)}[name]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or text != day.isoformat():
        words = f"Date specified as {text} but must be of the form: yyyy or yyyy-MM or yyyy-MM-dd"
        raise _refuse("date-not-valid", text, words)
    return day


def _by_doi(universe: Universe, night: int) -> Mapping[str, Item]:
    return universe.remember(
        ("crossref by doi", night),
        lambda: {item.doi: item for item in crossref.records(universe, night)},
    )
