"""Bibliographic records that never were, any number of them, whose duplicates are known.

Titles are phrases of a vocabulary whose words are as unequally common as real ones, authors come
in groups that publish again and again, and a quarter of the records lists a paper once more: with
typos, initials, other cases, cut titles, and fields that are missing or off by one. What must not
be merged is there too: parts I and II, follow-ups after five and six years, titles used by others,
errata. Preprints are the same paper in another edition.

Records are drawn in parts, each from the seed and its own number, as arrays of numbers that become
text once at the end, and are then mixed, so that duplicates do not stand side by side. No
abstracts: no step of the method reads them for more than a tie.
"""

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from tests.bench.synthetic_words import (
    CONNECTORS,
    CONTENT,
    ERRATUM,
    FIVE_YEAR,
    GENERIC,
    N_TYPOS,
    PART_ONE,
    Column,
    Words,
    words,
)
from warehouse.dedupe.alone import RECORDS

pc: Any = pyarrow.compute  # its stubs take arrays of one type where it takes any

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_PART = 100_000
# A remark before the title, four times a phrase of three words with a connector, and a mark.
_UNITS, _WIDTH = 4, 18
_TEAM = 12
_LAST_YEAR, _YEARS = 2026, 37
KINDS = (
    "first listings",
    "second listings",
    "preprints",
    "parts II",
    "same title by others",
    "errata",
    "later follow-ups",
)
FIRST, AGAIN, PREPRINT, PART_TWO, BY_OTHERS, CORRECTION, LATER = range(len(KINDS))
# Of all records; the rest are first listings. Those that repeat a paper are a quarter.
_SHARES = {
    AGAIN: 0.21,
    PREPRINT: 0.04,
    PART_TWO: 0.01,
    BY_OTHERS: 0.01,
    CORRECTION: 0.005,
    LATER: 0.005,
}
_OTHERS = (PART_TWO, BY_OTHERS, CORRECTION, LATER)
_TRUTH = {"paper": pa.int64(), "edition": pa.int64(), "kind": pa.int8()}
_STORED = pa.schema([*RECORDS, *(pa.field(name, of) for name, of in _TRUTH.items())])


@dataclass(frozen=True, slots=True)
class _Papers:
    """Papers or their listings as numbers, one row each."""

    words: Numbers
    """Word numbers in order, `_WIDTH` a row, -1 where there is none."""
    group: Numbers
    """Number of its first author among all authors; the others are of the same team."""
    n_authors: Numbers
    year: Numbers
    venue: Numbers
    volume: Numbers
    issue: Numbers
    page: Numbers
    n_pages: Numbers
    doi: Numbers

    def take(self, rows: Numbers) -> "_Papers":
        """The papers of these rows, which may repeat."""
        return _Papers(*(getattr(self, name)[rows] for name in self.__slots__))


def truth_path(path: Path) -> Path:
    """Where the truth of the records of a file stands."""
    return path.with_name(f"{path.stem}.truth.parquet")


def write(path: Path, n: int, seed: int = 1) -> Path:
    """Write `n` records to a Parquet file in the schema `RECORDS`; the same for the same seed.

    Returns:
        the Parquet file beside it with record_id, paper and edition, the true groups as numbers,
        and the record's kind, in the order of the records.

    Raises:
        ValueError: no record is asked for.
    """
    if n < 1:
        raise ValueError(f"{n} records are none")
    truth = truth_path(path)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        raw = Path(folder) / "raw.parquet"
        with pq.ParquetWriter(raw, _STORED, compression="zstd") as writer:
            for part, start in enumerate(range(0, n, _PART)):
                rng = default_rng([seed, part])
                writer.write_table(_part(rng, start, min(_PART, n - start), n))
        columns = ", ".join(RECORDS.names)
        with duckdb.connect(config={"temp_directory": folder}) as db:
            for target, chosen in ((path, columns), (truth, "record_id, paper, edition, kind")):
                db.execute(
                    f"copy (select {chosen} from read_parquet('{raw}') order by record_id) "
                    f"to '{target}' (format parquet, compression zstd)"
                )
    return truth


def _part(rng: Generator, start: int, size: int, n: int) -> pa.Table:
    """Some records in the schema, with their truth and ids of all over the file."""
    kind = np.concatenate([np.full(int(size * share), k) for k, share in _SHARES.items()])
    kind = np.concatenate([np.full(size - len(kind), FIRST), kind])
    firsts = int((kind == FIRST).sum())
    papers = _papers(rng, firsts, n)
    base = np.concatenate([np.arange(firsts), rng.integers(0, firsts, size - firsts)])
    # A paper has one part II, or one erratum: two of them would be each other's duplicates.
    is_other = np.isin(kind, _OTHERS)
    base[is_other] = rng.permutation(firsts)[: is_other.sum()]
    titled = papers.words[:, 5] >= 0
    kind[(kind == PREPRINT) & ~titled[base]] = AGAIN  # editorials have none
    # The other one of a pair of hard negatives has a mark as well: part I, after five years. An
    # editorial has none, and is another one by the same authors.
    for which, mark in ((PART_TWO, PART_ONE), (LATER, FIVE_YEAR)):
        rows = base[kind == which]
        papers.words[rows[titled[rows]], -1] = mark
    listed = _varied(rng, papers.take(base), kind)
    # Ids go through all numbers once in steps that have no divisor in common with their count.
    step = next(s for s in range(int(n * 0.618) | 1, 2 * n + 3, 2) if math.gcd(s, n) == 1)
    own = np.arange(start, start + size)
    paper = np.where(is_other, own, start + base)
    truth = (paper, np.where(kind == PREPRINT, own, paper), kind)
    table = _texts(rng, listed, kind, own * step % n)
    for (name, of), values in zip(_TRUTH.items(), truth, strict=True):
        table = table.append_column(name, pa.array(values, of))
    return table


def _papers(rng: Generator, count: int, n: int) -> _Papers:
    """Papers of a field that grows by the year."""
    lexicon = words()
    units = rng.integers(2, _UNITS + 1, count)
    columns = np.full((count, _WIDTH), -1, dtype=np.int64)
    for unit in range(_UNITS):
        used = np.flatnonzero(unit < units)
        phrase = lexicon.phrases[_drawn(rng, lexicon.phrase_shares, len(used))]
        columns[used, unit * 4 + 1 : unit * 4 + 4] = phrase
        if unit:
            columns[used, unit * 4] = rng.choice(CONNECTORS, len(used))
    short = np.flatnonzero(rng.random(count) < 0.004)
    columns[short] = -1
    columns[short, 1] = rng.choice(GENERIC, len(short))
    year = _LAST_YEAR - (rng.exponential(11, count) % _YEARS).astype(np.int64)
    venue = _drawn(rng, lexicon.venue_shares, count)
    return _Papers(
        words=columns,
        group=rng.integers(0, n // 10 + 1, count) * _TEAM + rng.integers(0, 3, count),
        n_authors=1 + np.minimum(rng.geometric(0.32, count), 11) - (rng.random(count) < 0.2),
        year=year,
        venue=venue,
        volume=np.maximum(1, year - 1950 - venue % 40),
        issue=rng.integers(1, 13, count),
        page=rng.integers(1, 2_000, count),
        n_pages=rng.integers(3, 25, count),
        doi=rng.integers(1, 1 << 40, count),
    )


def _varied(rng: Generator, listed: _Papers, kind: Numbers) -> _Papers:
    """What another listing, another part, another author or another edition changes."""
    count = len(kind)
    again = np.isin(kind, (AGAIN, PREPRINT))
    other = np.isin(kind, _OTHERS)
    columns = listed.words
    for which in (PART_TWO, LATER):
        columns[(kind == which) & (columns[:, -1] >= 0), -1] += 1
    columns[_some(rng, again, 0.04), 8:-1] = -1
    for _ in range(2):
        column = rng.integers(0, _WIDTH, count)
        word = columns[np.arange(count), column]
        rows = np.flatnonzero(_some(rng, again, 0.25) & (word >= CONTENT))
        typo = word[rows] * N_TYPOS + rng.integers(0, N_TYPOS, len(rows))
        columns[rows, column[rows]] = -2 - typo
    year = listed.year + np.where(_some(rng, again, 0.06), rng.choice((-1, 1), count), 0)
    year = year - (kind == PREPRINT) * rng.integers(0, 2, count)
    n_authors = np.where(_some(rng, again, 0.1), np.minimum(3, listed.n_authors), listed.n_authors)
    return replace(
        listed,
        words=columns,
        group=listed.group + np.where(kind == BY_OTHERS, _TEAM * 50_021, 0),
        n_authors=np.where(_some(rng, again, 0.03), 1, n_authors),
        year=np.clip(year + other * rng.integers(0, 2, count), _LAST_YEAR - _YEARS + 1, _LAST_YEAR),
        venue=np.where(kind == BY_OTHERS, (listed.venue + 7) % len(words().venues), listed.venue),
        issue=np.where(other, 1 + listed.issue % 12, listed.issue),
        page=np.where(
            other, listed.page + listed.n_pages + rng.integers(0, 400, count), listed.page
        ),
        doi=np.where(other, rng.integers(1, 1 << 40, count), listed.doi),
    )


def _texts(rng: Generator, listed: _Papers, kind: Numbers, ids: Numbers) -> pa.Table:
    """The listings as they are printed."""
    lexicon = words()
    count = len(kind)
    again, preprint = kind == AGAIN, kind == PREPRINT
    loose = np.where(again, 1.0, 0.5)

    def absent(share: float) -> Flags:
        return np.asarray(rng.random(count) < share * loose)

    last = listed.page + listed.n_pages
    short = np.where(_some(rng, again, 0.3) & (last % 100 > listed.page % 100), last % 100, last)
    columns: dict[str, Column] = {
        "record_id": pc.binary_join_element_wise("r", _padded(ids, 9), ""),
        "title": _titles(rng, listed, kind, lexicon),
        "authors": _authors(rng, listed, again, lexicon),
        "year": _masked(pa.array(listed.year, pa.int32()), absent(0.08)),
        "venue": _masked(
            pc.if_else(
                _some(rng, again, 0.5),
                lexicon.short_venues.take(pa.array(listed.venue)),
                lexicon.venues.take(pa.array(listed.venue)),
            ),
            absent(0.08) | preprint,
        ),
        "volume": _masked(_string(listed.volume), absent(0.15) | preprint),
        "issue": _masked(_string(listed.issue), absent(0.3) | preprint),
        "pages": _masked(
            pc.binary_join_element_wise(_string(listed.page), _string(short), "-"),
            absent(0.2) | preprint,
        ),
        "doi": _masked(
            pc.binary_join_element_wise("10.5555/", _string(listed.doi), ""),
            absent(0.8) | preprint,
        ),
        "arxiv_id": _masked(
            pc.binary_join_element_wise("2101", _padded(ids % 100_000, 5), "."), ~preprint
        ),
        "type": pc.if_else(preprint, "preprint", "article"),
        "source": pc.if_else(again, "catalogue", pc.if_else(preprint, "archive", "index")),
    }
    nothing = {name: pa.nulls(count, RECORDS.field(name).type) for name in RECORDS.names}
    return pa.table(nothing | columns, schema=RECORDS)


def _titles(rng: Generator, listed: _Papers, kind: Numbers, lexicon: Words) -> Column:
    """Words in a row, in one of several cases, some with a remark at the end."""
    again = kind == AGAIN
    columns = listed.words
    columns[kind == CORRECTION, 0] = ERRATUM
    used = columns != -1
    chosen = columns[used]
    # Numbers below -1 are typos, which stand behind all words.
    chosen = np.where(chosen < -1, len(lexicon.words) - 2 - chosen, chosen)
    spelled = pa.concat_arrays([lexicon.words, lexicon.typos]).take(pa.array(chosen))
    titles = pc.utf8_capitalize(pc.binary_join(_lists(used.sum(axis=1), spelled), " "))
    titles = pc.if_else(_some(rng, again, 0.2), pc.utf8_title(titles), titles)
    titles = pc.if_else(_some(rng, again, 0.03), pc.utf8_upper(titles), titles)
    marks = np.select(
        [_some(rng, again, 0.01), _some(rng, again, 0.2)], [" [Chinese]", "."], ""
    ).astype(object)
    return pc.binary_join_element_wise(titles, pa.array(marks, pa.string()), "")


def _authors(rng: Generator, listed: _Papers, again: Flags, lexicon: Words) -> Column:
    """Names of the first authors of a group: `Ann Smith`, or in one listing of two `Smith, A.`."""
    count = len(again)
    lengths = listed.n_authors
    row = np.repeat(np.arange(count), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    author = listed.group[row] // _TEAM * _TEAM + (listed.group[row] + place) % _TEAM
    surname = _ranked(lexicon.surname_shares, author)
    given = lexicon.given.take(pa.array(author * 7 % len(lexicon.given)))
    middle = pa.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")).take(pa.array(author // _TEAM % 26))
    has_middle = author % 3 > 0
    misspelled = _some(rng, again[row], 0.03)
    family = pc.if_else(
        misspelled,
        lexicon.surname_typos.take(pa.array(surname)),
        lexicon.surnames.take(pa.array(surname)),
    )
    first = pc.utf8_slice_codeunits(given, 0, 1)
    initials = pc.if_else(has_middle, pc.binary_join_element_wise(first, middle, ". "), first)
    brief = pc.binary_join_element_wise(family, ", ", initials, ".", "")
    full = pc.if_else(
        has_middle,
        pc.binary_join_element_wise(given, " ", middle, ". ", family, ""),
        pc.binary_join_element_wise(given, family, " "),
    )
    names = pc.if_else(_some(rng, again, 0.5)[row], brief, full)
    return pc.if_else(
        rng.random(count) < 0.005, pa.nulls(count, pa.list_(pa.string())), _lists(lengths, names)
    )


def _drawn(rng: Generator, shares: NDArray[np.float64], count: int) -> Numbers:
    """Numbers as common as cumulated shares say."""
    return np.searchsorted(shares, rng.random(count)).astype(np.int64)


def _ranked(shares: NDArray[np.float64], number: Numbers) -> Numbers:
    """As `_drawn`, but a function of a number: its bits, mixed (a Weyl step), are the chance."""
    chance = (number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return np.searchsorted(shares, chance / float(1 << 53)).astype(np.int64)


def _some(rng: Generator, among: Flags, share: float) -> Flags:
    return np.asarray(among & (rng.random(len(among)) < share))


def _lists(lengths: Numbers, values: Column) -> Column:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, values)


def _masked(values: Column, missing: Flags) -> Column:
    return pc.if_else(missing, pa.scalar(None, values.type), values)


def _string(numbers: Numbers) -> Column:
    return pc.cast(pa.array(numbers), pa.string())


def _padded(numbers: Numbers, width: int) -> Column:
    return pc.utf8_lpad(_string(numbers), width, "0")
