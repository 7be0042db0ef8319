"""What a record is compared by, made once when it is normalized.

Everything later steps look at is here: folded words, guesses at surnames, numbers, and the keys under
which a record is looked for (`blocks`). Two records are compared only if they share a block.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

from schemas.normalize.text import folded_words
from warehouse.dedupe.model import Model
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

_MASK = (1 << 60) - 1
_NUMBER = re.compile(r"\d{1,9}")
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


def number_of(text: str) -> int:
    """The number that stands for a text, of 60 bits, the same on every machine and for ever."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") & _MASK


_number_of_word = lru_cache(maxsize=500_000)(number_of)


def _first_number(text: str | None) -> int | None:
    if not text:
        return None
    match = _NUMBER.search(text)
    return int(match[0]) if match else None


@lru_cache(maxsize=100_000)
def _folded(text: str) -> str:
    return " ".join(folded_words(text))


@lru_cache(maxsize=10_000)
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
    """What a record is compared by, under a model.

    Args:
        record: readable text and normal identifiers.
        model: which words are rare, which titles and DOIs many works share.
    """
    title = read_title(record.title or "")
    squeezed = "".join(title.words)
    authors = people(record.authors)
    surnames = [surname for surname, _ in authors[:MOST_AUTHORS]]
    hashed = tuple(_number_of_word(surname) for surname in surnames)
    long_words: dict[int, None] = {}
    for _, words in authors:
        for word in words:
            long_words[_number_of_word(word)] = None
        if len(long_words) >= MOST_WORDS:
            break
    doi = None
    if record.doi is not None and record.doi not in model.shared_dois:
        doi = number_of("doi:" + record.doi)
    identifiers = (
        number_of("arxiv:" + record.arxiv_id) if record.arxiv_id else 0,
        number_of("pmid:" + record.pmid) if record.pmid else 0,
    )
    venue = _folded(record.venue) if record.venue else ""
    volume, page = _first_number(record.volume), _first_number(record.pages)
    rarity = sum(map(model.rarity, title.words))
    known = model.words.get
    rarest = sorted([(known(word, 0), -len(word), word) for word in set(title.words)])[:4]
    blocks = set(
        _blocks(squeezed, hashed, [word for _, _, word in rarest], record.year, volume, page)
    )
    blocks.update(filter(None, identifiers))
    if doi is not None:
        blocks.add(doi)
    return Keys(
        title=" ".join(title.words),
        names=" ".join(surnames),
        surnames=hashed,
        name_words=tuple(sorted(list(long_words)[:MOST_WORDS])),
        n_authors=len(authors),
        year=record.year,
        volume=volume,
        issue=_first_number(record.issue),
        page=page,
        doi=doi,
        is_open_doi=record.doi is not None and _OPEN_DOI.match(record.doi) is not None,
        identifiers=identifiers,
        venue=venue,
        form=_form(record.type, venue),
        kind=title.kind,
        numbers=" ".join(title.numbers),
        part=title.part,
        rarity=min(rarity, COLUMN_RARITY) if is_column(title.words) else rarity,
        is_shared_title=squeezed in model.shared_titles,
        name_rarity=model.surname_rarity(surnames[0]) if surnames else 0.0,
        blocks=tuple(sorted(blocks)),
    )


_START, _END, _START_NAME, _RARE_PAIR, _RARE_NAME, _PAGE, _PLACE, _NAMES, _ALL_YEAR, _ALL_NAME = (
    number_of(f"block {kind}") for kind in range(10)
)
_SECOND, _THIRD, _FOURTH = (number_of(f"place {place}") | 1 for place in range(3))
"""Factors by which what stands second in a block is not what stands first."""


def _blocks(
    squeezed: str,
    surnames: Sequence[int],
    rarest: Sequence[str],
    year: int | None,
    volume: int | None,
    page: int | None,
) -> list[int]:
    """The keys under which a record is looked for; each survives other damage than the next."""
    found = []
    if squeezed:
        whole, start = number_of(squeezed), number_of(squeezed[:10])
        found += [_START + number_of(squeezed[:28]), _END + number_of(squeezed[-24:])]
        found += [_START_NAME + start + surname * _SECOND for surname in surnames[:2]]
        words = sorted(map(_number_of_word, rarest[:3]))
        found += [_RARE_PAIR + one + other * _SECOND for one, other in combinations(words, 2)]
        words = list(map(_number_of_word, rarest[:2]))
        found += [
            _RARE_NAME + word + surname * _SECOND for word in words for surname in surnames[:3]
        ]
        if year is not None:
            found.append(_ALL_YEAR + whole + year * _SECOND)
        if surnames:
            found.append(_ALL_NAME + whole + surnames[0] * _SECOND)
    if year is not None and page is not None:
        if volume is not None:
            found.append(_PLACE + year + volume * _SECOND + page * _THIRD)
        if surnames:
            found.append(_PAGE + surnames[0] + year * _SECOND + page * _THIRD)
    if year is not None and len(surnames) > 1:
        factors = (1, _SECOND, _THIRD)
        names = zip(sorted(surnames[:3]), factors, strict=False)
        found.append(_NAMES + sum(name * factor for name, factor in names) + year * _FOURTH)
    return [block & _MASK for block in found]
