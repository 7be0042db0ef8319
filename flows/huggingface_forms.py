"""Hugging Face's lists as bytes: the API's JSON, a saved page's HTML, or its text, told apart and
read without the network.
"""

import re
from typing import Any

import orjson
from lxml import html
from lxml.etree import LxmlError

from flows.reading import load_json
from flows.source import Raw
from schemas import normalize
from schemas.errors import BrokenResponseError

NAME = "huggingface"
API, PAGE, TEXT = "huggingface-api", "huggingface-page", "huggingface-text"
_MOST_ENTRIES = 10_000
_BOM = b"\xef\xbb\xbf"
_START = re.compile(rb'\s*(?:(?P<html><)|\{|\[\s*["{\[\]\d-])')
_REPR = re.compile(r"\{\s*'")

# Lines that stand on a saved page before its first paper.
_BANNER = re.compile(
    r"new|subscribe|(get )?trending papers\b.*|daily papers\b.*|by ?ak\b.*|log ?in|sign ?up"
    r"|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}(, \d{4})?",
    re.IGNORECASE,
)
# The longest title of 10,000 on arXiv has 228 characters.
_LONGEST_TITLE = 250
_SHORTEST_ABSTRACT = 40


def parse(body: bytes) -> list[Raw]:
    """The entries of an API answer, an HTML page or a page saved as text, told apart by content.

    Raises:
        BrokenResponseError: it is none of these, or holds no list.
    """
    kind = kind_of(body)
    body = body.removeprefix(_BOM)
    if kind == PAGE:
        return _from_object(_props(body))
    if kind == API:
        data = read_json(body)
        if isinstance(data, list):
            return [_raw(API, n, row, row) for n, row in enumerate(_bounded(data))]
        return _from_object(data)
    try:
        return _from_text(body.decode())
    except UnicodeDecodeError as error:
        raise broken(f"is neither JSON, HTML nor text in UTF-8 (byte {error.start})") from error


def kind_of(body: bytes) -> str:
    """The format of a body: JSON, HTML or text; a title in brackets is not yet JSON."""
    found = _START.match(body.removeprefix(_BOM))
    return TEXT if found is None else PAGE if found["html"] else API


def _props(body: bytes) -> Any:
    """What a page hands to its own script: JSON in an attribute, read and never run."""
    try:
        parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
        page = html.document_fromstring(body, parser=parser)
        found = page.xpath('//*[@data-target="DailyPapers"]/@data-props')
    except (LxmlError, ValueError) as error:
        raise broken(f"is not HTML: {error}") from error
    if not isinstance(found, list) or not found:
        raise broken('is a page without an element data-target="DailyPapers": save a papers page')
    return read_json(str(found[0]).encode(errors="replace"))


def _from_text(text: str) -> list[Raw]:
    """Titles and abstracts in turn, after a banner.

    A paragraph reads as an abstract when no title is that long, or when it is a sentence. What
    stands before the title of the first abstract is the banner. From there a title belongs to the
    abstract after it; either without the other is a problem of its own.
    """
    blocks = [" ".join(block.split()) for block in re.split(r"\n[^\S\n]*\n", _lines(text))]
    if len(blocks) == 1:
        blocks = [" ".join(line.split()) for line in _lines(text).split("\n")]
    _bounded(blocks)
    numbered = [(n, block) for n, block in enumerate(blocks, 1) if block]
    while numbered and _BANNER.fullmatch(numbered[0][1]):
        numbered = numbered[1:]
    first = next((n for n, (_, b) in enumerate(numbered) if n and _is_abstract(b)), None)
    if first is None:
        raise broken("is text in which no paragraph reads as the abstract of a title before it")
    raws: list[Raw] = []
    at = first - 1
    while at < len(numbered):
        number, block = numbered[at]
        where, position = f"paragraph {number}", len(raws)
        following = numbered[at + 1][1] if at + 1 < len(numbered) else ""
        at += 1
        if len(block) > _LONGEST_TITLE:
            raws.append(Raw(TEXT, position, block, "an abstract without a title", where))
        elif not _is_abstract(following):
            raws.append(Raw(TEXT, position, block, "a title without an abstract", where))
        else:
            raws.append(Raw(TEXT, position, {"title": block, "abstract": following}, where=where))
            at += 1
    n_alone = sum(raw.problem is not None for raw in raws)
    if n_alone > len(raws) // 2:
        raise broken(
            f"is text, but no saved page: {n_alone} of its {len(raws)} entries are no title with an "
            "abstract after it"
        )
    return raws


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _is_abstract(block: str) -> bool:
    return len(block) > _LONGEST_TITLE or (len(block) >= _SHORTEST_ABSTRACT and block.endswith("."))


def _from_object(data: Any) -> list[Raw]:
    """An API item alone, the props of a page, or a list somebody wrapped."""
    if not isinstance(data, dict):
        raise broken("holds no list of papers")
    if "paper" in data:
        return [_raw(API, 0, data, data)]
    if "error" in data:
        raise broken(f"is an error: {normalize.excerpt(data['error'], 200)}")
    rows = next(
        (data[key] for key in ("dailyPapers", "data") if isinstance(data.get(key), list)), None
    )
    if rows is None:
        raise broken(
            "holds no list of papers: expected an array, or an object with dailyPapers or data"
        )
    around = {"dateString": data.get("dateString", data.get("date"))}
    if "periodType" in data:
        around["periodType"] = data["periodType"]
    return [_raw(PAGE, n, row, {"item": row, **around}) for n, row in enumerate(_bounded(rows))]


def _bounded(rows: list[Any]) -> list[Any]:
    if len(rows) > _MOST_ENTRIES:
        raise broken(f"holds {len(rows):,} entries, more than any list has")
    return rows


def _raw(format_name: str, position: int, row: Any, data: Any) -> Raw:
    where = f"[{position}]"
    if isinstance(row, dict):
        try:
            orjson.dumps(row)
        except TypeError as error:
            problem = f"holds what JSON cannot carry ({error})"
            return Raw(format_name, position, row, problem, where)
        return Raw(format_name, position, data, where=where)
    problem = "is not a JSON object"
    if isinstance(row, str) and _REPR.match(row):
        problem = (
            "is the text of a Python dict, not a JSON object: recorded with repr() instead of "
            "json.dumps()"
        )
    elif isinstance(row, str) and row.lstrip().startswith("{"):
        problem = "is the text of a JSON object, not the object: encoded twice"
    return Raw(format_name, position, row, problem, where)


def read_json(body: bytes) -> Any:
    """JSON, even with half a surrogate pair in a string.

    Raises:
        BrokenResponseError: it is not JSON.
    """
    try:
        return load_json(body)
    except ValueError as error:
        raise broken(f"is not JSON: {error}") from error


def broken(what: str, url: str | None = None) -> BrokenResponseError:
    """The error that the answer is, holds or does `what`; for the caller to raise."""
    return BrokenResponseError(f"The answer of Hugging Face {what}.", source=NAME, url=url)
