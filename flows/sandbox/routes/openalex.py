"""OpenAlex's `/works`: filters, cursors, single works, budgets and errors as its API gives them.

The addresses `/works` and `/MODE/works` list the same; a mode is a way to be refused or misled:
`free` (no plan for what changed), `spent` (the day's budget is gone), `poor` (it is nearly), `busy`
(each page first answers that requests come too fast), `circling` (a cursor that leads back), `short`
(the list ends early), `gone` (404 as HTML). The wording follows the API's own source code.
"""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from flows.sandbox.answers import answer, json_answer
from flows.sandbox.openalex_works import ADDRESS, FIELDS, type_of, work_object
from flows.sandbox.served import openalex
from flows.sandbox.served.openalex import Entry
from flows.sandbox.universe import Universe

PER_PAGE, MOST = 25, 100
KNOWN = frozenset(
    {"filter", "cursor", "per-page", "per_page", "page", "select", "sort", "api_key", "mailto"}
)
MODES = frozenset({"free", "spent", "poor", "busy", "circling", "short", "gone"})
CREDITS = 10_000
DATE_FILTERS = re.compile(r"(?:from_|to_)?(?:updated|created)_date:[><]?\d{4}-\d{2}-\d{2}")
MERGED_BEFORE = "W68"
"""Keys with this beginning are of works that were merged into those with W70."""


class RefusedError(Exception):
    """A request that is answered with an error: its status, what, and why."""

    def __init__(self, status: int, error: str, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status = status
        self.error = error
        self.retry_after = retry_after


def routes(universe: Universe, night: int) -> list[Route]:
    """Lists and single works, plain and in every mode."""
    asked: set[str] = set()

    async def works(request: Request) -> Response:
        mode = request.path_params.get("mode", "")
        return _works(universe, night, request, mode, asked)

    async def work(request: Request) -> Response:
        return _work(universe, night, request)

    return [
        Route("/works", works),
        Route("/works/{key:path}", work),
        Route("/{mode}/works", works),
    ]


def _works(
    universe: Universe, night: int, request: Request, mode: str, asked: set[str]
) -> Response:
    reset = _until_midnight(universe, night)
    remaining = {"spent": 0, "poor": 1}.get(mode, CREDITS - 1)
    headers = {
        "X-RateLimit-Limit": str(CREDITS),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Onetime-Remaining": "0",
        "X-RateLimit-Credits-Used": "1",
        "X-RateLimit-Reset": str(reset),
    }
    try:
        if mode == "gone" or (mode and mode not in MODES):
            return _no_page(request)
        _check_mode(request, mode, asked, reset)
        return json_answer(request, _list(universe, night, request, mode), 200, headers)
    except RefusedError as refused:
        body: dict[str, Any] = {"error": refused.error, "message": str(refused)}
        if refused.retry_after is None:
            headers = {}
        else:
            headers["Retry-After"] = str(refused.retry_after)
            body["retryAfter"] = refused.retry_after
        return json_answer(request, body, refused.status, headers)


def _check_mode(request: Request, mode: str, asked: set[str], reset: int) -> None:
    filters = request.query_params.get("filter", "")
    if mode == "free" and (found := DATE_FILTERS.search(filters)):
        raise RefusedError(
            429,
            "Plan upgrade required",
            f'The "{found[0]}" filter requires a Premium, Institutional, or Partner plan. See '
            "https://openalex.org/pricing for details.",
        )
    if mode == "spent":
        raise RefusedError(
            429,
            "Rate limit exceeded",
            "Insufficient budget. This request costs $0.0001 but you only have $0 remaining. "
            "Resets at midnight UTC. Need more? Add funds at https://openalex.org/pricing",
            reset,
        )
    url = str(request.url)
    if mode == "busy" and url not in asked:
        asked.add(url)
        raise RefusedError(
            429,
            "Rate limit exceeded",
            "Rate limit exceeded: 30 requests per second. Please slow down.",
            1,
        )


def _list(universe: Universe, night: int, request: Request, mode: str) -> dict[str, Any]:
    """One page of the works that pass the filters."""
    query = request.query_params
    if unknown := sorted(query.keys() - KNOWN):
        raise _invalid(f"{unknown[0]} is not a valid parameter.")
    per_page = _number(query, "per-page" if "per-page" in query else "per_page", PER_PAGE)
    if not 1 <= per_page <= MOST:
        raise RefusedError(
            400, "Pagination error.", f"per-page parameter must be between 1 and {MOST}."
        )
    if query.get("sort", "publication_date") != "publication_date":
        raise _invalid("The sandbox sorts by publication_date only.")
    found = universe.remember(
        ("openalex list", night, query.get("filter", "")),
        lambda: _filtered(universe, night, query.get("filter", "")),
        most=16,
    )
    cursor = query.get("cursor")
    skip = _offset(cursor) if cursor else (_number(query, "page", 1) - 1) * per_page
    page = found[skip : skip + per_page]
    following = None
    is_short = mode == "short" and skip >= per_page
    if cursor and len(page) == per_page and not is_short:
        following = _cursor(0 if mode == "circling" and skip else skip + per_page)
    names = [name for name in query.get("select", "").split(",") if name]
    results = [work_object(universe, entry) for entry in page]
    if names:
        unknown_names = sorted(set(names) - FIELDS)
        if unknown_names:
            raise _invalid(f"{unknown_names[0]} is not a valid select field.")
        results = [
            {name: item[name] for name in item if name in names or name == "novelty_score"}
            for item in results
        ]
    return {
        "meta": {
            "count": len(found),
            "db_response_time_ms": 10 + skip % 17,
            "page": None if cursor else skip // per_page + 1,
            "per_page": per_page,
            "next_cursor": following,
            "groups_count": None,
        },
        "results": results,
        "group_by": [],
    }


def _filtered(universe: Universe, night: int, filters: str) -> list[Entry]:
    tests = [_test(part) for part in filters.split(",") if part]
    return [
        entry for entry in openalex.entries(universe, night) if all(test(entry) for test in tests)
    ]


def _test(condition: str) -> Callable[[Entry], bool]:
    """Whether a work passes one `attribute:value`."""
    name, _, value = condition.partition(":")
    if name in ("from_updated_date", "to_updated_date"):
        moment = datetime.combine(_day(name, value), datetime.min.time())
        if name.startswith("from"):
            return lambda entry: entry.updated_at >= moment
        return lambda entry: entry.updated_at <= moment
    if name in ("from_publication_date", "to_publication_date"):
        day = _day(name, value)
        if name.startswith("from"):
            return lambda entry: entry.publication_date >= day
        return lambda entry: entry.publication_date <= day
    if name == "primary_topic.subfield.id":
        wanted = {part.rpartition("/")[2] for part in value.split("|")}
        return lambda entry: str(entry.subfield) in wanted
    if name == "is_paratext" and value in ("true", "false"):
        return lambda _: value == "false"
    if name == "type":
        return lambda entry: type_of(entry) in value.split("|")
    raise _invalid(f"{name} is not a valid field.")


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise _invalid(f"Value for param {name} must be a date.") from None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,7}", text):
        raise _invalid(f"{name} must be a number.")
    return int(text)


def _invalid(message: str) -> RefusedError:
    return RefusedError(400, "Invalid query parameters error.", message)


def _cursor(offset: int) -> str:
    return base64.b64encode(f"\"[{offset}, 'sandbox']\"".encode()).decode()


def _offset(cursor: str) -> int:
    if cursor == "*":
        return 0
    try:
        text = base64.b64decode(cursor, validate=True).decode("ascii")
    except ValueError:
        text = ""
    match = re.fullmatch(r"\"\[([0-9]{1,9}), 'sandbox'\]\"", text)
    if match is None:
        raise RefusedError(400, "Pagination error.", "Invalid cursor value")
    return int(match[1])


def _work(universe: Universe, night: int, request: Request) -> Response:
    key = request.path_params["key"].removeprefix(ADDRESS)
    if key.startswith(MERGED_BEFORE):
        return RedirectResponse(f"W70{key.removeprefix(MERGED_BEFORE)}", 301)
    entry = openalex.find(universe, night, key)
    if entry is None:
        return _no_page(request)
    return json_answer(request, work_object(universe, entry))


def _no_page(request: Request) -> Response:
    body = b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    return answer(request, body, "text/html; charset=utf-8", 404)


def _until_midnight(universe: Universe, night: int) -> int:
    now = universe.now(night)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    return int((midnight - now).total_seconds())
