"""What OpenAlex answers: lists of works, single works, lines of its snapshot, and refusals."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from flows.reading import json_lines, read_lines
from flows.source import Raw, Refusal
from flows.waits import parse_retry_after
from schemas import normalize
from schemas.errors import BrokenResponseError

NAME = "openalex"
WORK = "openalex-work"
PREFIX = "https://openalex.org/"
_MOST_RECORDS = 100_000
# "Deleted Work": what references to works that are gone lead to.
_NO_WORKS = frozenset({f"{PREFIX}W4285719527"})


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """Which 429 (or 403, 400, 401) it is that no waiting helps against; None for "too fast"."""
    said = _said(body)
    if status in (400, 403, 429) and re.search(
        r"plan upgrade required|(?:updated|created)_date.*\b(?:plan|premium|subscription)\b", said
    ):
        return Refusal("plan", "what changed is told to paid plans only")
    if status == 401:
        return Refusal("key", "correct PAPERLAKE_OPENALEX_KEY")
    is_spent = re.fullmatch(r"0+(?:\.0*)?", headers.get("x-ratelimit-remaining", "1").strip())
    if status == 429 and ("insufficient budget" in said or (is_spent and "per second" not in said)):
        now = datetime.now(UTC)
        wait = parse_retry_after(headers, now.timestamp())
        until = now + timedelta(seconds=min(wait or 0.0, 7 * 86_400.0))
        when = f"{until:%Y-%m-%d %H:%M} UTC" if wait else "midnight UTC"
        return Refusal(
            "budget",
            f"the day's budget is spent until {when}; the next night goes on. A shorter list "
            "(PAPERLAKE_OPENALEX_LISTS), a key of its own or a paid plan "
            "(https://openalex.org/pricing) leave more",
        )
    return None


def _said(body: bytes) -> str:
    """The text of an error, in lower case; whatever it is written in."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return f"{found.get('error')}: {found.get('message')}".lower()
    return body.decode(errors="replace").lower()


def broken(reason: str, url: str = "") -> BrokenResponseError:
    """An answer that is not as promised."""
    where = f"{url}: " if url else ""
    return BrokenResponseError(f"{NAME}: {where}the answer {reason}.", source=NAME, url=url)


def read_answer(body: bytes) -> dict[str, Any]:
    """An answer that is one JSON object and tells of no error.

    Raises:
        BrokenResponseError: it is anything else.
    """
    try:
        found = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        start = normalize.excerpt(body[:200].decode(errors="replace"), 80)
        raise broken(f"is not JSON ({error}); it begins with '{start}'") from error
    if not isinstance(found, dict):
        raise broken("is not a JSON object")
    if "error" in found and "id" not in found:
        told = normalize.excerpt(f"{found['error']}: {found.get('message')}", 200)
        raise broken(f"is an error, {told}")
    return found


def parse(body: bytes) -> list[Raw]:
    """The works of an answer, a single work, or JSON lines of works.

    Raises:
        BrokenResponseError: it is none of these.
    """
    if _is_lines(body):
        n_lines = body.count(b"\n")
        if n_lines > _MOST_RECORDS:
            raise broken(f"holds {n_lines:,} lines, more than any body has")
        return [raw for raw in json_lines(body, WORK) if not _is_no_work(raw.data)]
    found = read_answer(body)
    if "results" not in found:
        if "group_by" in found or "meta" in found:
            raise broken("is a count, not a list of works")
        return [] if _is_no_work(found) else [Raw(WORK, 0, found)]
    results = found["results"]
    if not isinstance(results, list) or len(results) > _MOST_RECORDS:
        raise broken("has results that are no list of works")
    return [
        Raw(WORK, position, item, where=f"results[{position}]")
        for position, item in enumerate(results)
        if not _is_no_work(item)
    ]


def id_of(item: Any) -> Any:
    """What tells one entry of a list from another, also where it is no work."""
    return item.get("id") if isinstance(item, dict) else item


def _is_lines(body: bytes) -> bool:
    """Whether the first of several lines is a work of its own, damaged or not."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    first, mark, _ = text.partition(b"\n")
    if not mark or not text.startswith(b"{") or not first.rstrip()[1:]:
        return False
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        return first.rstrip().endswith(b"}")
    return True


def _is_no_work(item: Any) -> bool:
    found = id_of(item)
    return isinstance(found, str) and found in _NO_WORKS


def has_lines(path: Path) -> bool:
    """Whether the first line of a file is a work, and not an answer or the beginning of one."""
    line = next((body for _, body in read_lines(path)), b"").lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        found = orjson.loads(line.partition(b"\n")[0])
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and "results" not in found
