"""Makes a model from a corpus: what is rare, what many share, what this data cannot be trusted in.

No label is read. Anchors, which are pairs that agree in title, authors and year, show by what else
they differ in which venues are one and which fields say little here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from warehouse.dedupe.evidence import Reasons
from warehouse.dedupe.keys import Record
from warehouse.dedupe.model import RARE, Model
from warehouse.dedupe.names import people
from warehouse.dedupe.pairs import Pairs
from warehouse.dedupe.titles import read_title

_BATCH = 1_000
SHARED_BY = 3
"""A title of so many first authors or years, or a DOI of so many titles, tells little."""
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
    first_authors, years, titles_of = _Values(), _Values(), _Values()
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
                first_authors.add(squeezed, authors[0][0])
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
        shared_titles=frozenset(chain(first_authors.shared(), years.shared())),
        shared_dois=frozenset(titles_of.shared()),
    )


class _Values:
    """The different values of many keys, of which most have one only."""

    def __init__(self) -> None:
        self._first: dict[str, str | int] = {}
        self._all: dict[str, set[str | int]] = {}

    def add(self, key: str, value: str | int) -> None:
        first = self._first.setdefault(key, value)
        if first != value:
            self._all.setdefault(key, {first}).add(value)

    def shared(self) -> Iterator[str]:
        """The keys of `SHARED_BY` values or more, of which it takes two at least."""
        return (key for key, values in self._all.items() if len(values) >= SHARED_BY)


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
