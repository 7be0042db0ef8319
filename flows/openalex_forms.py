"""What OpenAlex answers: works in lists, alone and in lines, what their fields mean, and refusals."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from flows.reading import json_lines, read_lines
from flows.source import Raw, Refusal
from flows.waits import parse_retry_after
from schemas import normalize
from schemas.errors import BrokenResponseError
from schemas.paper import Author, Identifier
from schemas.records.openalex import Authorship, Biblio, Inverted, Location, Work

NAME = "openalex"
WORK = "openalex-work"
PREFIX = "https://openalex.org/"
_MOST_RECORDS = 100_000
# "Deleted Work": what references to works that are gone lead to.
_NO_WORKS = frozenset({f"{PREFIX}W4285719527"})

_TYPES = {
    "component": "other",
    "journal-article": "article",
    "monograph": "book",
    "posted-content": "preprint",
    "proceedings": "proceedings",
    "proceedings-article": "proceedings-article",
    "conference-paper": "proceedings-article",
    "edited-book": "book",
    "reference-book": "book",
}
"""OpenAlex's and Crossref's words for kinds of work that are not ours; the others are."""


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


def abstract_of(index: Inverted) -> str:
    """The text of an inverted index (word -> its positions), its words joined by blanks.

    Positions only tell the order: holes close, and of two words at one position the first of the
    index comes first, so that no position, however large, costs anything.
    """
    placed = [(place, word) for word, places in index.items() for place in places]
    placed.sort(key=lambda item: item[0])
    return " ".join(word for _, word in placed)


def arxiv_id_of(work: Work, places: Sequence[Location]) -> str | None:
    """From the DOI that arXiv gives, else from the first location there."""
    texts = [work.get("doi"), (work.get("ids") or {}).get("doi")]
    for place in places:
        texts += [place.get("landing_page_url"), place.get("pdf_url")]
    for text in texts:
        if text and "arxiv" in text.lower():
            found = normalize.arxiv_id(text)
            if found is not None:
                return found.id
    return None


def identifiers_of(
    key: str, doi: str | None, arxiv: str | None, ids: Mapping[str, Any]
) -> tuple[Identifier, ...]:
    """Every identifier of a work, the numbers without their addresses."""
    pmid = re.fullmatch(r"(?:https?://\S+/)?([1-9][0-9]{0,8})/?", str(ids.get("pmid") or ""))
    pmcid = re.fullmatch(r"(?:https?://\S+/)?(?:PMC)?([1-9][0-9]{0,8})/?", ids.get("pmcid") or "")
    mag = re.fullmatch("[1-9][0-9]{0,14}", str(ids.get("mag") or ""))
    return normalize.identifiers(
        doi=doi,
        arxiv_id=arxiv,
        openalex=key,
        pmid=pmid and pmid[1],
        pmcid=pmcid and f"PMC{pmcid[1]}",
        mag=mag and mag[0],
    )


def authors_of(authorships: Sequence[Authorship]) -> tuple[Author, ...]:
    """The authors by the names OpenAlex knows them by, else as printed."""
    found = []
    for item in authorships:
        person = item.get("author") or {}
        printed = item.get("raw_affiliation_strings") or [
            place.get("display_name") or "" for place in item.get("institutions") or ()
        ]
        author = normalize.author_of(
            person.get("display_name") or item.get("raw_author_name"),
            orcid_id=person.get("orcid"),
            affiliation=next(filter(None, printed), None),
        )
        if author is not None:
            found.append(author)
    return tuple(found)


def type_of(work: Work, primary: Location) -> str | None:
    """Our word for the kind of work; only "article" is made more exact by Crossref's word."""
    if work.get("is_paratext"):
        return "paratext"
    told = work.get("type") or ""
    if told in ("article", ""):
        crossref = primary.get("raw_type") or work.get("type_crossref") or ""
        told = crossref if crossref in _TYPES else told
    return normalize.readable(_TYPES.get(told, told))


def keywords_of(work: Work) -> tuple[str, ...]:
    """The keywords, each once."""
    words = (item.get("display_name") or item.get("keyword") for item in work.get("keywords") or ())
    return tuple(dict.fromkeys(word for word in map(normalize.readable, words) if word))


def language_of(told: str | None) -> str | None:
    """The language, where it is a word of ISO 639-1."""
    return told if told and re.fullmatch("[a-z]{2}", told) else None


def license_of(*places: Location) -> str | None:
    """The first licence that is told exactly enough to name it."""
    for place in places:
        found = normalize.license_id(place.get("license"))
        if found is not None:
            return found
    return None


def journal_ref_of(biblio: Biblio, venue: str | None, year: int | None) -> str | None:
    """`Journal of Looms 12(3), 45-67 (2026)`, as far as volume, issue or pages are known."""
    volume, issue, first, last = (
        biblio.get("volume"),
        biblio.get("issue"),
        biblio.get("first_page"),
        biblio.get("last_page"),
    )
    if not (volume or first):
        return None
    number = f"{volume or ''}({issue})" if issue else volume or ""
    pages = f"{first}-{last}" if first and last and first != last else first or ""
    place = ", ".join(filter(None, (" ".join(filter(None, (venue, number))), pages)))
    return normalize.readable(f"{place} ({year})" if year else place)
