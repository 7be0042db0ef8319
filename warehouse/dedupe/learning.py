"""Makes a model from a corpus: what is rare, what many share, what this data cannot be trusted in.

No label is read. Anchors, which are pairs that agree in title, authors and year, show by what else
they differ in which venues are one and which fields say little here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

import numpy as np

from warehouse.dedupe.evidence import Reasons
from warehouse.dedupe.keys import Record
from warehouse.dedupe.model import RARE, Model
from warehouse.dedupe.names import people
from warehouse.dedupe.pairs import Pairs
from warehouse.dedupe.titles import read_title

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
    first_authors: dict[str, set[str]] = {}
    years: dict[str, set[str]] = {}
    titles_of: dict[str, set[str]] = {}
    n_records = 0
    for record in records:
        n_records += 1
        authors = people(record.authors)
        surnames.update({surname for surname, _ in authors})
        if not record.title:
            continue
        title = read_title(record.title)
        words.update(set(title.words))
        squeezed = "".join(title.words)
        if authors:
            first_authors.setdefault(squeezed, set()).add(authors[0][0])
        if record.year is not None:
            years.setdefault(squeezed, set()).add(str(record.year))
        if record.doi is not None:
            titles_of.setdefault(record.doi, set()).add(squeezed[:40])
    return Model(
        number=number,
        n_records=n_records,
        words={word: n for word, n in words.items() if n >= RARE},
        surnames={surname: n for surname, n in surnames.items() if n >= RARE},
        shared_titles=frozenset(chain(_shared(first_authors), _shared(years))),
        shared_dois=frozenset(_shared(titles_of)),
    )


def _shared(found: Mapping[str, set[str]]) -> Iterator[str]:
    return (key for key, values in found.items() if len(values) >= SHARED_BY)


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
