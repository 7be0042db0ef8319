"""What follows from the corpus as a whole, frozen until somebody asks for a new one.

How rare a word is, which venues are one, which fields cannot be trusted in this data: each depends on
every record, so a model of it is made once, numbered and stored. Under one model whether two records
match is a function of these two only, so the order of their arrival does not matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import log

from warehouse.dedupe.remembering import remembered


@dataclass(frozen=True, slots=True)
class Model:
    """A frozen view of the corpus; the empty one knows nothing and takes every word for rare."""

    number: int = 0
    """Counts up in a lake; 0 is the empty one."""
    n_records: int = 0
    """Records it was made from."""
    words: Mapping[str, int] = field(default_factory=dict)
    """Word of titles -> records that have it; what is in fewer than `RARE` is left out."""
    surnames: Mapping[str, int] = field(default_factory=dict)
    """Surname -> records that have it, the same way."""
    shared_titles: frozenset[str] = frozenset()
    """Titles that three or more first authors bear, or that come back in so many years: "Editorial"."""
    shared_dois: frozenset[str] = frozenset()
    """DOIs of three or more titles: whole supplements and proceedings."""
    venue_aliases: frozenset[tuple[str, str]] = frozenset()
    """Pairs of venues (sorted) that name the same one, learnt from records that agree in all else."""
    softened: Mapping[str, float] = field(default_factory=dict)
    """Field -> what a difference in it weighs, from 1 (as declared) to 0: records that agree in all
    else disagree in it so often."""

    def rarity(self, word: str) -> float:
        """How much a word of a title tells, from 0 (in every record) to 1 (in one of `TELLING` or fewer)."""
        return rarities(self.n_records)(self.words.get(word, 0))

    def surname_rarity(self, surname: str) -> float:
        """The same of a surname."""
        return rarities(self.n_records)(self.surnames.get(surname, 0))


RARE = 3
"""Words in fewer records than this are not kept: they are all alike, rare."""


TELLING = 2_000
"""A word in one of so many records tells as much as a word can. Not the size of the corpus: what a
word tells of two records does not change when others come in."""


@lru_cache(maxsize=8)
def rarities(n_records: int) -> Callable[[int], float]:
    """How much a word tells, from 0 to 1, by how many of so many records have it; 0 if it is not kept.

    A corpus of a few records is taken for a part of a larger one.
    """
    return remembered(partial(_rarity, max(n_records, TELLING)))


def _rarity(n_records: int, n_with: int) -> float:
    return min(1.0, max(0.0, log(n_records / (n_with or RARE // 2)) / log(TELLING)))
