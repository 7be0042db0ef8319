"""What a record is compared by, made once when it is normalized.

Everything later steps look at is here: folded words, guesses at surnames, numbers, and the keys under
which a record is looked for (`blocks`). Two records are compared only if they share a block.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

from schemas.normalize.text import folded_words
from warehouse.dedupe.blocks import ABSENT, blocks_of, number_of, number_of_word
from warehouse.dedupe.model import Model, rarities
from warehouse.dedupe.names import MOST_AUTHORS, MOST_WORDS, people
from warehouse.dedupe.titles import is_column, read_title


class Record(NamedTuple):
    """A record as it comes to be compared: readable text, identifiers in normal form."""

    title: str | None
    authors: Sequence[str] = ()
    year: int | None = None
    venue: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    doi: str | None = None
    arxiv_id: str | None = None
    pmid: str | None = None
    type: str | None = None


class Keys(NamedTuple):
    """What a record is compared by."""

    title: str
    """Folded words of the title, a blank between; empty for a record without title."""
    names: str
    """Folded surnames in order, a blank between, at most `MOST_AUTHORS`."""
    surnames: tuple[int, ...]
    """Their hashes."""
    name_words: tuple[int, ...]
    """Hashes of all long words of the names, sorted, at most `MOST_WORDS`."""
    n_authors: int
    year: int | None
    volume: int | None
    issue: int | None
    page: int | None
    """First page."""
    doi: int | None
    """Hash of the DOI; null if many titles share it."""
    is_open_doi: bool
    """Whether the DOI is a repository's or preprint server's, which the published form does not bear."""
    identifiers: tuple[int, int]
    """Hashes of arXiv id and PMID, each one work's; 0 for none."""
    venue: str
    """Folded words of the venue."""
    form: str
    """preprint, proceedings, journal, book, thesis, other, or empty."""
    kind: str
    """Kind of notice, see `titles`."""
    numbers: str
    """Numbers in the title, a blank between."""
    part: str
    """Which part of a work in parts the title says to be; empty where it does not."""
    rarity: float
    """Sum of the rarity of the title's words; of a column's title at most `COLUMN_RARITY`."""
    is_shared_title: bool
    """Whether the title is one that many works bear."""
    name_rarity: float
    """Rarity of the first surname."""
    blocks: tuple[int, ...]
    """Keys under which it is looked for, sorted."""


COLUMN_RARITY = 1.0
"""A column's title tells no more than one rare word, which alone is short of a title of its own."""

# ------------------------------------------------------------------------------------- the parts

_NUMBER = re.compile(r"\d{1,9}")
_COUNT_OF_PAGES = re.compile(r"(?:[ivxlc]{1,8}, )?\d{1,9} ?(?:pp?|pages|leaves)\.?")
_OPEN_DOI = re.compile(
    r"10\.(?:48550|2139|1101|21203|26434|5281|31234|31219|31235|20944|36227|22541|6084|17605|5061|7910"
    r"|3929/ethz|1575|14293|32942|33774|51094)/"
)
"""Registrants of preprint servers and repositories: arXiv, SSRN, bioRxiv, Research Square, ..."""
_FORMS = (
    ("preprint", re.compile(r"preprint|posted.?content|working.?paper|\bunpublished|e-?print")),
    ("thesis", re.compile(r"thesis|dissertation")),
    ("proceedings", re.compile(r"proceeding|conference|\bconf\b|^cpaper|^cpp|symposium")),
    ("book", re.compile(r"chapter|\bbook|^inbook|^incollection|^chap|monograph")),
    ("journal", re.compile(r"article|journal|^jour|review|letter|^mgzn")),
)
_ARCHIVES = re.compile(
    r"\b(?:arxiv|corr|biorxiv|medrxiv|chemrxiv|psyarxiv|ssrn|research square|preprints org|techrxiv|osf)\b"
)


_ABSENT = (ABSENT,) * 4


def _first_number(text: str | None) -> int | None:
    if not text:
        return None
    if len(text) < 10 and text.isdecimal():
        return int(text)
    match = _NUMBER.search(text)
    return int(match[0]) if match else None


def _first_page(pages: str | None) -> int | None:
    """The number of the first page; none where it is only said how many there are ("94 p.")."""
    if pages and not pages[-1].isdigit() and _COUNT_OF_PAGES.fullmatch(pages.strip().lower()):
        return None
    return _first_number(pages)


@lru_cache(maxsize=100_000)
def _folded(text: str) -> str:
    return " ".join(folded_words(text))


@lru_cache(maxsize=100_000)
def _form(kind: str | None, venue: str) -> str:
    if _ARCHIVES.search(venue):
        return "preprint"
    if kind:
        kind = kind.lower()
        for name, pattern in _FORMS:
            if pattern.search(kind):
                return name
    return ""


# -------------------------------------------------------------------------------------- the whole


def keys_of(record: Record, model: Model) -> Keys:
    """What one record is compared by; see `keys_of_all`, which is quicker for many."""
    return keys_of_all([record], model)[0]


def keys_of_all(records: Iterable[Record], model: Model) -> list[Keys]:
    """What records are compared by under a model, in their order.

    Args:
        records: readable text and normal identifiers; a batch of them, for all is held in memory.
        model: which words are rare, which titles and DOIs many works share.
    """
    parts: list[int] = []
    rows = [_row(record, model, parts) for record in records]
    every = zip(rows, blocks_of(parts), strict=True)
    return [Keys._make((*row, blocks)) for row, blocks in every]


def _row(record: Record, model: Model, parts: list[int]) -> tuple[Any, ...]:
    """All of `Keys` but the blocks, in its order; what these are made of is added to `parts`."""
    title = read_title(record.title or "")
    words = title.words
    squeezed = "".join(words)
    known = model.words.get
    counts = [known(word, 0) for word in words]
    rarity = sum(map(rarities(model.n_records), counts))
    if is_column(words):
        rarity = min(rarity, COLUMN_RARITY)
    authors = people(record.authors)
    surnames = [surname for surname, _ in authors[:MOST_AUTHORS]]
    hashed = tuple(map(number_of_word, surnames))
    long_words = dict.fromkeys(chain.from_iterable([long for _, long in authors]))
    year, volume, page = record.year, _first_number(record.volume), _first_page(record.pages)
    doi = arxiv_id = pmid = None
    if record.doi is not None and record.doi not in model.shared_dois:
        doi = number_of("doi:" + record.doi)
    if record.arxiv_id:
        arxiv_id = number_of("arxiv:" + record.arxiv_id)
    if record.pmid:
        pmid = number_of("pmid:" + record.pmid)
    venue = _folded(record.venue) if record.venue else ""
    if squeezed:
        parts += map(number_of, (squeezed, squeezed[:10], squeezed[:28], squeezed[-24:]))
    else:
        parts += _ABSENT[:4]
    parts += hashed[:3]
    parts += _ABSENT[len(hashed) : 3]
    count_of = dict(zip(words, counts, strict=True))
    rarest = sorted([(n, -len(word), word) for word, n in count_of.items()])[:3]
    parts += [number_of(word) for _, _, word in rarest]
    parts += _ABSENT[len(rarest) : 3]
    parts += [
        ABSENT if number is None else number for number in (year, volume, page, doi, arxiv_id, pmid)
    ]
    return (
        " ".join(words),
        " ".join(surnames),
        hashed,
        tuple(sorted(map(number_of_word, islice(long_words, MOST_WORDS)))),
        len(authors),
        year,
        volume,
        _first_number(record.issue),
        page,
        doi,
        record.doi is not None and _OPEN_DOI.match(record.doi) is not None,
        (arxiv_id or 0, pmid or 0),
        venue,
        _form(record.type, venue),
        title.kind,
        " ".join(title.numbers),
        title.part,
        rarity,
        squeezed in model.shared_titles,
        model.surname_rarity(surnames[0]) if surnames else 0.0,
    )
