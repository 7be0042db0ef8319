"""Makes a model from a corpus: what is rare, what many share, what this data cannot be trusted in.

No label is read. Anchors, which are pairs that agree in title, authors and year, show by what else
they differ in which venues are one and which fields say little here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np

from warehouse.dedupe.evidence import Reasons
from warehouse.dedupe.keys import Record
from warehouse.dedupe.model import RARE, Model
from warehouse.dedupe.names import people
from warehouse.dedupe.pairs import Pairs
from warehouse.dedupe.titles import read_title

_Value = TypeVar("_Value", str, int)

_BATCH = 1_000
SHARED_BY = 3
"""A title of so many first authors or years, or a DOI of so many titles, tells little."""
SELDOM = 0.1
"""What comes so much more seldom than the commonest is a slip of the pen: of a hundred citations of one
work some name other authors and years."""
LONG_TITLE = 30
"""Letters from which two works hardly have one title by chance: more has to show that they do."""
SELDOM_IF_LONG = 0.2
YEARS_APART = 4
"""A long title that comes back for so many years is that of a series; a report, a paper and an article
of one work appear within fewer."""
NAMED_TOGETHER = 3
"""Two venues that fewer anchors name may be two."""
FEWEST_ANCHORS = 20
"""Fewer anchors prove nothing about a field."""
TRUSTED = 0.15
"""Anchors may differ in a field this often before a difference in it weighs less."""


def count(records: Iterable[Record], number: int) -> Model:
    """A first model of a corpus: how rare words and surnames are, and what many works share."""
    words: Counter[str] = Counter()
    surnames: Counter[str] = Counter()
    people_of: _Values[str] = _Values()
    years: _Values[int] = _Values()
    titles_of: _Values[str] = _Values()
    n_records = 0
    every = iter(records)
    while batch := list(islice(every, _BATCH)):
        n_records += len(batch)
        # A Counter is quicker with many things at once than with a few at a time.
        words_of: list[str] = []
        surnames_of: list[str] = []
        for record in batch:
            authors = people(record.authors)
            surnames_of += {surname for surname, _ in authors}
            if not record.title:
                continue
            title = read_title(record.title)
            words_of += set(title.words)
            squeezed = "".join(title.words)
            if authors:
                # As one text, which takes a third of the memory of a tuple.
                people_of.add(squeezed, " ".join(surname for surname, _ in authors))
            if record.year is not None:
                years.add(squeezed, record.year)
            if record.doi is not None:
                titles_of.add(record.doi, squeezed[:40])
        words.update(words_of)
        surnames.update(surnames_of)
    return Model(
        number=number,
        n_records=n_records,
        words={word: n for word, n in words.items() if n >= RARE},
        surnames={surname: n for surname, n in surnames.items() if n >= RARE},
        shared_titles=frozenset(_shared_titles(people_of, years)),
        shared_dois=frozenset(
            doi for doi, titles in titles_of.several() if _is_shared(titles, SELDOM)
        ),
    )


class _Values(Generic[_Value]):
    """The different values of many keys and how often each came; most keys have one value only."""

    def __init__(self) -> None:
        self._first: dict[str, _Value] = {}
        self._again: Counter[str] = Counter()
        self._all: dict[str, Counter[_Value]] = {}

    def add(self, key: str, value: _Value) -> None:
        if key in self._all:
            self._all[key][value] += 1
        elif key not in self._first:
            self._first[key] = value
        elif self._first[key] == value:
            self._again[key] += 1
        else:
            self._all[key] = Counter({self._first[key]: 1 + self._again.pop(key, 0), value: 1})

    def several(self) -> Iterator[tuple[str, Counter[_Value]]]:
        """The keys of two values and more."""
        yield from self._all.items()


def _shared_titles(people_of: _Values[str], years: _Values[int]) -> Iterator[str]:
    """Titles that several works seem to bear: by different people, or year after year."""
    for title, named in people_of.several():
        is_long = len(title) >= LONG_TITLE
        by = _teams(named) if is_long else _first_authors(named)
        if _is_shared(by, SELDOM_IF_LONG if is_long else SELDOM):
            yield title
    for title, found in years.several():
        if len(title) < LONG_TITLE:
            if _is_shared(found, SELDOM):
                yield title
        elif _is_shared(found, SELDOM_IF_LONG):
            often = _often(found, SELDOM_IF_LONG)
            if max(often) - min(often) >= YEARS_APART:
                yield title


def _is_shared(values: Counter[_Value], seldom: float) -> bool:
    return len(values) >= SHARED_BY and len(_often(values, seldom)) >= SHARED_BY


def _often(values: Counter[_Value], seldom: float) -> list[_Value]:
    """The values that are no slips."""
    most = max(values.values())
    return [value for value, n in values.items() if n >= seldom * most]


def _first_authors(named: Counter[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for surnames, n in named.items():
        found[surnames.split()[0]] += n
    return found


def _teams(named: Counter[str]) -> Counter[str]:
    """How many records each team signs; people who sign one record together are of one team."""
    leader: dict[str, str] = {}

    def led_by(person: str) -> str:
        while leader.setdefault(person, person) != person:
            leader[person] = person = leader[leader[person]]
        return person

    for surnames in named:
        first, *others = surnames.split()
        for other in others:
            leader[led_by(other)] = led_by(first)
    found: Counter[str] = Counter()
    for surnames, n in named.items():
        found[led_by(surnames.split()[0])] += n
    return found


class Anchors:
    """What anchors differ in, counted chunk by chunk."""

    def __init__(self) -> None:
        self.n = 0
        self.known: Counter[str] = Counter()
        self.differs: Counter[str] = Counter()
        self.venues: Counter[tuple[str, str]] = Counter()

    def add(self, pairs: Pairs, reasons: Reasons) -> None:
        """Count the anchors among some pairs whose reasons are known."""
        anchors = (
            (reasons["title"] >= 0.99)
            & (reasons["title_rare"] >= 0.3)
            & (reasons["authors_all"] > 0)
            & (reasons["year_same"] > 0)
            & (reasons["kind_differs"] == 0)
        )
        self.n += int(anchors.sum())
        for name in ("volume", "issue", "page"):
            self.known[name] += int(
                (anchors & ((reasons[f"{name}_same"] + reasons[f"{name}_differs"]) > 0)).sum()
            )
            self.differs[name] += int((anchors & (reasons[f"{name}_differs"] > 0)).sum())
        one, other = pairs.both("venue")
        anchors &= (reasons["volume_differs"] == 0) & (reasons["page_differs"] == 0)
        for at in np.flatnonzero(anchors & (one != "") & (other != "")).tolist():
            self.venues[(min(one[at], other[at]), max(one[at], other[at]))] += 1

    def taught(self, model: Model) -> Model:
        """A model with what the anchors show: aliases of venues, fields not to be trusted."""
        return replace(
            model, venue_aliases=frozenset(self.aliases()), softened=dict(self.softened())
        )

    def aliases(self) -> Iterator[tuple[str, str]]:
        """Venues that anchors say are one: often together, for how often either is in an anchor."""
        total: Counter[str] = Counter()
        for (one, other), n in self.venues.items():
            total[one] += n
            if other != one:
                total[other] += n
        for (one, other), n in self.venues.items():
            if one != other and n >= NAMED_TOGETHER and n >= 0.3 * min(total[one], total[other]):
                yield one, other

    def softened(self) -> Iterator[tuple[str, float]]:
        """Fields in which anchors differ often, and what a difference in each still weighs."""
        for name, known in self.known.items():
            if known >= FEWEST_ANCHORS:
                rate = self.differs[name] / known
                if rate > TRUSTED:
                    yield name, max(0.0, 1 - (rate - TRUSTED) / 0.45)
