"""Crossref's answers as bytes: works in each of their wrappings, and errors in each of their forms."""

import re
from collections.abc import Mapping
from typing import Any

from flows.reading import json_lines, load_json
from flows.source import Raw, Refusal
from schemas import normalize
from schemas.errors import BrokenResponseError
from schemas.normalize.cleaning import word_set

NAME = "crossref"
WORK = "crossref-work"
_MOST_ITEMS = 100_000
DEAD = frozenset({"cursor-invalid", "not-found"})
"""Kinds of errors by which a cursor is refused that has died."""
_NOT_FOUND = b"Resource not found."
ONE_DOCUMENT = re.compile(rb'\[|\{\s*\n|\{\s*"(?:status|message(?:-type|-version)?|items)"')
"""How a body begins that is one document and no work a line."""
CONTAINERS = word_set(
    "book-series book-set component grant journal journal-issue journal-volume "
    "proceedings-series report-component report-series standard-series"
)
"""Types of records that hold works, or belong to one, and are none: they are left out."""


def parse(body: bytes) -> list[Raw]:
    """The works of an answer of `/works` or `/works/{doi}`, of a data file, or one a line.

    Raises:
        BrokenResponseError: it is an error of Crossref's, or nothing of these.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    first, is_more, _ = body.lstrip().partition(b"\n")
    if is_more and first.startswith(b"{") and not ONE_DOCUMENT.match(first + b"\n"):
        return _from_lines(body)
    document = document_of(body)
    if isinstance(document, dict) and "status" in document and "message" in document:
        message = message_of(document)
        items = message.get("items", [message])
    elif isinstance(document, dict):
        items = document.get("items", [document])
    else:
        items = document
    if not isinstance(items, list):
        raise broken("holds no list of works")
    if len(items) > _MOST_ITEMS:
        raise broken(f"holds {len(items):,} works, more than any answer has")
    if items and not any(
        isinstance(item, dict) and item.keys() & {"DOI", "title"} for item in items
    ):
        raise broken("holds no works: neither a DOI nor a title is in it")
    found = (_raw(n, item, f"items[{n}]") for n, item in enumerate(items))
    return [raw for raw in found if raw is not None]


def _from_lines(body: bytes) -> list[Raw]:
    raws: list[Raw] = []
    for line in json_lines(body, WORK):
        if line.problem is not None:
            raws.append(line)
            continue
        value = line.data
        if isinstance(value, dict) and "message" in value and "DOI" not in value:
            value = value["message"]
        raw = _raw(line.position, value, line.where)
        if raw is not None:
            raws.append(raw)
    return raws


def _raw(position: int, item: Any, where: str) -> Raw | None:
    """A work for validation; None for a record that is none on purpose."""
    if isinstance(item, dict):
        if item.get("type") in CONTAINERS:
            return None
        doi = item.get("DOI")
        where += f" ({doi[:100]})" if isinstance(doi, str) else ""
    return Raw(WORK, position, item, where=where)


def document_of(body: bytes) -> Any:
    """The JSON of an answer.

    Raises:
        BrokenResponseError: it is HTML, text or no JSON.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    if body[:1] == b"<":
        raise broken("is an HTML page, not JSON: it may be overloaded, try later")
    if body == _NOT_FOUND:
        raise broken(
            'is "Resource not found.": there is no such work or cursor', refusal="not-found"
        )
    try:
        document = load_json(body)
    except ValueError as error:
        raise broken(f"is not JSON: {error}") from error
    if not isinstance(document, dict | list):
        raise broken("is neither an object nor a list of works")
    return document


def message_of(document: Any) -> dict[str, Any]:
    """The message of an answer that went well.

    Raises:
        BrokenResponseError: it says that something went wrong; `refusal` says what.
    """
    if not isinstance(document, dict):
        raise broken("is no answer of its API: it has no status and message")
    message = document.get("message")
    if document.get("status") != "ok":
        kind, words = _complaint(document)
        raise broken(f"is the error {kind}: {words}", refusal=kind)
    if not isinstance(message, dict):
        raise broken("has no message")
    return message


def _complaint(document: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and the words of an error: a list of complaints, one, or text."""
    message = document.get("message")
    parts = message if isinstance(message, list) else [message]
    kind, words = document.get("message-type"), []
    for part in parts[:3]:
        if isinstance(part, dict):
            kind = part.get("type", kind)
            part = part.get("message") or part.get("description") or part.get("name")
        if isinstance(part, str):
            words.append(normalize.excerpt(part, 200))
    return normalize.excerpt(kind or "without a kind", 60), "; ".join(words) or "no text"


def refusal(status: int, _headers: Mapping[str, str], body: bytes) -> Refusal | None:
    """What a 400 or 404 says in JSON or as plain text; any other answer is judged by its status."""
    if status not in (400, 404):
        return None
    if body.strip() == _NOT_FOUND:
        return Refusal("not-found", "there is no such work, or the cursor is too old")
    try:
        document = load_json(body)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("status") not in ("failed", "error"):
        return None
    kind, words = _complaint(document)
    if kind in DEAD:
        return Refusal(kind, "the cursor is too old: the walk has to begin anew")
    return Refusal(
        kind, f"{words.rstrip('.')}; if that is a filter, correct PAPERLAKE_CROSSREF_LISTS"
    )


def broken(what: str, url: str | None = None, **facts: Any) -> BrokenResponseError:
    """The error that the answer is, holds or does `what`; for the caller to raise."""
    return BrokenResponseError(f"The answer of Crossref {what}.", source=NAME, url=url, **facts)
