"""Hugging Face's papers: the daily and trending lists as JSON and as hydrated pages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flows.sandbox import days, markup
from flows.sandbox.answers import answer, as_json, json_answer
from flows.sandbox.served import huggingface
from flows.sandbox.served.huggingface import Entry
from flows.sandbox.universe import Universe
from flows.sandbox.works import Post, Work

HISTORY_BEGINS = date(2023, 5, 4)
LIMIT, MOST = 50, 100
API = {"RateLimit": '"api";r=499;t=300', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
PAGES = {
    "RateLimit": '"pages";r=99;t=300',
    "RateLimit-Policy": '"fixed window";"pages";q=100;w=300',
}
"""The headers of the fixed windows; the sandbox itself never refuses."""
CDN = "https://cdn-thumbnails.huggingface.co/social-thumbnails/papers"
MODEL = "Sandbox/Summaries-7B"
HUGE = 1_000_000
KNOWN = frozenset({"date", "sort", "p", "limit"})


class BadRequestError(Exception):
    """A request that is answered with status 400 and the reason."""


def routes(universe: Universe, night: int) -> list[Route]:
    """The API's two addresses and the two pages."""

    def handled(respond: Callable[[Universe, int, Request], Response]) -> Any:
        async def handle(request: Request) -> Response:
            return respond(universe, night, request)

        return handle

    return [
        Route("/api/daily_papers", handled(_daily_papers)),
        Route("/api/papers/{paper_id:path}", handled(_paper)),
        Route("/papers/date/{day}", handled(_date_page)),
        Route("/papers/trending", handled(_trending_page)),
    ]


def _daily_papers(universe: Universe, night: int, request: Request) -> Response:
    query = request.query_params
    try:
        entries, page, limit = _asked(universe, night, query)
    except BadRequestError as problem:
        return json_answer(request, {"error": str(problem)}, 400, API)
    headers = dict(API)
    if (page + 1) * limit < len(entries):
        following = request.url.include_query_params(p=page + 1, limit=limit)
        headers["Link"] = f'<{following}>; rel="next"'
    shown = entries[page * limit : (page + 1) * limit]
    return json_answer(request, [item(entry) for entry in shown], 200, headers)


def _asked(
    universe: Universe, night: int, query: Mapping[str, str]
) -> tuple[Sequence[Entry], int, int]:
    """The list that is asked for, the page and its length."""
    if unknown := sorted(query.keys() - KNOWN):
        raise BadRequestError(f"{unknown[0]} is not offered by the sandbox")
    page, limit = _number(query, "p", 0, 0, 10**6), _number(query, "limit", LIMIT, 1, MOST)
    sort = query.get("sort", "publishedAt")
    if sort == "trending":
        return huggingface.trending(universe, night), page, limit
    if sort != "publishedAt":
        raise BadRequestError("sort must be publishedAt or trending")
    if "date" not in query:
        return huggingface.recent(universe, night), page, limit
    day = _day(query["date"])
    if day > universe.night_date(night):
        raise BadRequestError("date must not lie in the future")
    return huggingface.daily(universe, night, day), page, limit


def _number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise BadRequestError(f"{name} must be a number from {low} to {high}")
    return int(text)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequestError("date must be YYYY-MM-DD") from None
    if day.isoformat() != text:
        raise BadRequestError("date must be YYYY-MM-DD")
    return day


def _paper(universe: Universe, night: int, request: Request) -> Response:
    entry = huggingface.find(universe, night, request.path_params["paper_id"])
    if entry is None:
        return json_answer(request, {"error": "Paper not found"}, 404, API)
    return json_answer(request, item(entry)["paper"], 200, API)


def _date_page(universe: Universe, night: int, request: Request) -> Response:
    try:
        day = _day(request.path_params["day"])
    except BadRequestError:
        day = date.max
    if not HISTORY_BEGINS <= day <= universe.night_date(night):
        return answer(request, b"<h1>404</h1>", "text/html; charset=utf-8", 404, PAGES)
    day = days.weekday_on_or_before(day)
    return _page(request, "date", day, huggingface.daily(universe, night, day), cards=1)


def _trending_page(universe: Universe, night: int, request: Request) -> Response:
    entries = huggingface.trending(universe, night)[:LIMIT]
    return _page(request, "trending", universe.night_date(night), entries, cards=2)


def _page(
    request: Request, period: str, day: date, entries: Sequence[Entry], *, cards: int
) -> Response:
    """A page as the site renders it: the hydration's JSON, then the cards (trending has them twice)."""
    previous = days.weekday_on_or_before(day - timedelta(days=1))
    items = [item(entry) for entry in entries]
    props = {
        "periodType": period,
        "dateString": day.isoformat(),
        "prevDate": previous.isoformat(),
        "dailyPapers": items,
    }
    data = f'data-props="{escape(as_json(props).decode())}"'
    target = 'data-target="DailyPapers"'
    attributes = f"{target} {data}" if day.day % 2 else f"{data} {target}"
    shown = "".join(
        f'<article><h3><a href="/papers/{entry.paper_id}">{escape(entry.work.title)}</a></h3></article>'
        for entry in entries
        if entry.work is not None
    )
    body = (
        "<!doctype html>\n<html><head><title>Daily Papers</title></head><body>\n"
        f'<div class="SVELTE_HYDRATER contents" {attributes}>{shown * cards}</div>\n</body></html>\n'
    )
    return answer(request, body.encode(), "text/html; charset=utf-8", 200, PAGES)


def item(entry: Entry) -> dict[str, Any]:
    """One item of a list, as the API writes it since 2025."""
    work = entry.work
    if work is None or work.post is None:
        return _damaged(entry)
    post = work.post
    title, summary = _title(work, post), _summary(work, post)
    paper: dict[str, Any] = {
        "id": entry.paper_id,
        "authors": _authors(work, post),
        "publishedAt": _stamp(work.submitted_at),
        "submittedOnDailyAt": _stamp(post.posted_at),
        "title": title,
        "submittedOnDailyBy": {**_user(work, post), "user": post.user},
        "summary": summary,
        "upvotes": entry.upvotes,
        "discussionId": _object_id(work, 1),
    }
    outer: dict[str, Any] = {
        "paper": paper,
        "publishedAt": _stamp(_in_new_york(work.submitted_at)),
        "title": " ".join(title.split()),
        "summary": summary,
        "thumbnail": f"{CDN}/{entry.paper_id}.png",
        "numComments": entry.comment_count,
        "submittedBy": {
            **_user(work, post),
            "isHf": False,
            "isHfAdmin": False,
            "isMod": False,
            **({"followerCount": post.upvotes % 60} if post.upvotes % 3 else {}),
            "isUserFollowing": False,
        },
        "isAuthorParticipating": post.comments % 2 == 0,
    }
    if work.project_url:
        paper["projectPage"] = work.project_url
    if work.code_url:
        paper["githubRepo"] = work.code_url
        paper["githubRepoAddedBy"] = "user" if work.index % 2 else "auto"
        paper["githubStars"] = entry.github_stars
    if entry.has_summary:
        paper["ai_summary"] = post.ai_summary
        paper["ai_keywords"] = list(post.ai_keywords)
        paper["ai_summary_model"] = MODEL
    if post.lab:
        name, fullname = post.lab
        outer["organization"] = paper["organization"] = {
            "_id": f"{sum(name.encode()):024x}",
            "name": name,
            "fullname": fullname,
            "avatar": f"https://cdn-avatars.huggingface.co/v1/sandbox/{name}.png",
        }
    if "media" in post.quirks:
        outer["mediaUrls"] = paper["mediaUrls"] = [
            f"https://cdn-uploads.huggingface.co/sandbox/{entry.paper_id}.mp4"
        ]
    if entry.withdrawn_at is not None:
        paper["withdrawnAt"] = _stamp(entry.withdrawn_at)
    if "extra" in post.quirks:
        paper["readingMinutes"] = 5 + work.index % 20
    return outer


def _title(work: Work, post: Post) -> str:
    text = markup.latex(work.title) if "latex" in post.quirks else work.title
    if "decomposed" in post.quirks:
        text = markup.decomposed(text)
    return markup.wrapped_title(text) if "wrapped" in post.quirks else text


def _summary(work: Work, post: Post) -> str:
    if "wrapped" in post.quirks or len(work.paragraphs) > 1:
        return markup.wrapped_abstract(work.paragraphs).removeprefix("  ")
    return work.paragraphs[0]


def _authors(work: Work, post: Post) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, name in enumerate(huggingface.authors(work)):
        printed = markup.decomposed(name) if "decomposed" in post.quirks else name
        author: dict[str, Any] = {"_id": _object_id(work, 16 + place), "name": printed}
        if name == post.fullname:
            author["user"] = {**_user(work, post), "user": post.user}
            author["status"] = "claimed_verified"
            author["statusLastChangedAt"] = _stamp(post.posted_at + timedelta(minutes=17))
        author["hidden"] = False
        found.append(author)
    return found


def _user(work: Work, post: Post) -> dict[str, Any]:
    return {
        "_id": _object_id(work, 2),
        "avatarUrl": f"/avatars/{_object_id(work, 3)}.svg",
        "isPro": post.upvotes % 5 == 0,
        "fullname": post.fullname,
        "name": post.user,
        "type": "user",
    }


def _object_id(work: Work, kind: int) -> str:
    return f"69a{work.index:012x}{kind:09x}"


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _in_new_york(moment: datetime) -> datetime:
    """The same moment by New York's clock, which the outer publishedAt labels as UTC."""
    return moment - timedelta(hours=4 if 4 <= moment.month <= 10 else 5)


def _damaged(entry: Entry) -> dict[str, Any]:
    """An item that must not become a listing."""
    morning = _stamp(datetime.combine(entry.list_date, time(1), tzinfo=UTC))
    title: Any = "An item that cannot be trusted"
    paper: dict[str, Any] | None = {
        "id": entry.paper_id,
        "authors": [
            {"_id": f"{entry.list_date.toordinal():024x}", "name": "Nobody", "hidden": False}
        ],
        "publishedAt": morning,
        "submittedOnDailyAt": morning,
        "title": title,
        "summary": "It is damaged on purpose.",
        "upvotes": entry.upvotes,
        "discussionId": f"{entry.list_date.toordinal():024x}",
    }
    assert paper is not None, "so that the type checker follows the cases below"
    match entry.damage:
        case "title_number":
            title = paper["title"] = 404
        case "no_id":
            del paper["id"]
        case "upvotes_text":
            paper["upvotes"] = "many"
        case "path_id":
            paper["id"] = "../../etc"
        case "huge_title":
            title = paper["title"] = "Very " * (HUGE // 5)
        case "authors_text":
            paper["authors"] = "Nobody"
        case _:
            paper = None
    return {
        "paper": paper,
        "publishedAt": morning,
        "title": title,
        "summary": "It is damaged on purpose.",
        "thumbnail": f"{CDN}/{entry.paper_id}.png",
        "numComments": 0,
        "submittedBy": {"_id": "0" * 24, "name": "nobody", "type": "user"},
        "isAuthorParticipating": False,
    }
