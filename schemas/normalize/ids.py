"""Identifiers of papers, found in text and read from what sources write."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from schemas.normalize.cleaning import clean
from schemas.normalize.markup import unescaped
from schemas.paper import Identifier

# ------------------------------------------------------------------------------------------- DOI

_DOI = re.compile(
    r"(?<![\d.])10\.\d{4,9}(?:\.\d{1,9}){0,3}/"
    r"((?:[^\s;,|\"\\{}^`%?<\x7f-\U0010ffff]"
    r"|[;,|](?![;,|\s]*(?:https?:|doi|(?:dx\.)?doi\.org|10\.\d{4}))"
    r"|<(?!/|[A-Za-z]{1,12}/?>))++)",
    re.ASCII | re.IGNORECASE,
)
_PLAIN_DOI = re.compile(r"10\.(?!48550/arxiv\.)\d{4,9}/[a-z0-9._-]++(?<![._-])(?<!\.pdf)", re.ASCII)
"""Most texts that are a DOI already, with nothing to do about it."""
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
_DOI_PAGE = re.compile(r"(?:/(?:abstract|full|fulltext|pdf|epdf|meta)|\.pdf)$")
_DOI_LIMIT = 255
_PAIRS = {")": "(", "]": "[", ">": "<"}
_ARXIV_DOI = "10.48550/arxiv."


def dois(text: str | None) -> list[str]:
    """Find all distinct DOIs of a text, in order, in lower case without address.

    Percent-encoding and HTML entities are undone; what follows ``;``, ``,`` or a blank is part of
    the DOI only if it can be (SICI DOIs hold ``;``, ``<`` and ``>``); trailing punctuation, the
    tails of publishers' pages (``/abstract``, ``.pdf``) and brackets without their partner are cut.
    arXiv's own DOIs are left to `arxiv_id`. DOIs are taken to be ASCII, at most 255 characters.
    """
    if text is None or "10." not in text:
        return []
    if "%" in text:
        text = unquote(re.sub("%(?:25)+", "%", text), errors="replace")
    if "&" in text:
        text = unescaped(text)
    if not text.isascii():
        text = text.translate(_HYPHENS)
    text = clean(text.replace("\\_", "_"))
    found: dict[str, None] = {}
    for match in _DOI.finditer(text):
        if len(match[0]) > _DOI_LIMIT:
            continue
        value = _trimmed_doi(match[0].lower())
        if not value.endswith("/") and not value.startswith(_ARXIV_DOI):
            found[value] = None
    return list(found)


def doi(text: str | None) -> str | None:
    """Find the first DOI of a text, as `dois` does."""
    if text is not None and len(text) <= _DOI_LIMIT and _PLAIN_DOI.fullmatch(text):
        return text
    found = dois(text)
    return found[0] if found else None


def _trimmed_doi(value: str) -> str:
    prefix, _, suffix = value.partition("/")
    while True:
        shorter = _DOI_PAGE.sub("", _balanced(suffix).rstrip(".,;:!'*_-([<|&=+$/"))
        if shorter == suffix:
            return f"{prefix}/{suffix}"
        suffix = shorter


def _balanced(text: str) -> str:
    """Cut before the first closing bracket that nothing opened."""
    depth = dict.fromkeys(_PAIRS.values(), 0)
    for place, character in enumerate(text):
        if character in depth:
            depth[character] += 1
        elif character in _PAIRS:
            depth[_PAIRS[character]] -= 1
            if depth[_PAIRS[character]] < 0:
                return text[:place]
    return text


# ----------------------------------------------------------------------------------------- arXiv


class ArxivId(NamedTuple):
    """An arXiv identifier."""

    id: str
    """Without version; old style without subject class."""
    version: int | None
    """The version named with it, from 1."""


_ARXIV = re.compile(
    r"""(?:https?://)?
    (?:(?:[a-z]{1,10}\.)?arxiv\.org/(?:abs|pdf|html|format|ps|e-print|src|list)/(?:arxiv:)?
      |(?:dx\.|www\.)?doi\.org/10\.48550/arxiv\.|(?:doi:\s?)?10\.48550/arxiv\.
      |oai:arxiv\.org:|arxiv\s?:\s?|)
    (?:(?P<new>(?P<yymm>\d{2}(?:0[1-9]|1[0-2]))\.(?P<number>\d{4,5}))
      |(?P<archive>acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg
        |comp-gas|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th
        |nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con)
        (?:\.[a-z-]{2,20})?/(?P<old>(?:9[1-9]|0[0-7])(?:0[1-9]|1[0-2])\d{3}))
    (?:v(?P<version>[1-9]\d{0,2}))?
    (?:\.pdf)?/?(?:[?\#]\S*)?(?:\s?\[[a-z-]{2,12}(?:\.[a-z-]{2,12})?\])?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_ARXIV_LIMIT = 300


def arxiv_id(text: str | None) -> ArxivId | None:
    """Read an arXiv identifier: bare, with prefix, as an address, an OAI id or an arXiv DOI.

    The whole text must be one; a category in brackets, as arXiv prints it, may follow. Four digits
    after the point until 1412, five since 1501; no number is 0.
    https://info.arxiv.org/help/arxiv_identifier.html
    """
    if text is None or len(text) > _ARXIV_LIMIT:
        return None
    text = text.strip()
    match = _ARXIV.fullmatch(unquote(text) if "%" in text else text)
    if match is None:
        return None
    version = int(match["version"]) if match["version"] else None
    if match["old"]:
        is_issued = not "0703" < match["old"][:4] < "9107" and match["old"][4:] != "000"
        return ArxivId(f"{match['archive'].lower()}/{match['old']}", version) if is_issued else None
    month, number = int(match["yymm"]), match["number"]
    digits = 5 if month >= 1501 else 4
    if month < 704 or len(number) != digits or not int(number):
        return None
    return ArxivId(match["new"], version)


# ------------------------------------------------------------------------------------ all of them


def identifiers(
    *, doi: str | None = None, arxiv_id: str | None = None, **others: str | None
) -> tuple[Identifier, ...]:
    """Make the list of identifiers, sorted by scheme and value; the unknown ones left out.

    Values must be in normal form already; a scheme in `others` is its keyword's name.
    """
    if not others:
        found = []
        if arxiv_id:
            found.append(Identifier(scheme="arxiv", value=arxiv_id))
        if doi:
            found.append(Identifier(scheme="doi", value=doi))
        return tuple(found)
    known = {"doi": doi, "arxiv": arxiv_id, **others}
    return tuple(
        Identifier(scheme=scheme, value=value) for scheme, value in sorted(known.items()) if value
    )
