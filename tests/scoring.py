"""How well one grouping of records agrees with another: pairs, B-cubed, and which pairs differ.

A grouping is one label a record, of any kind that numpy can sort; records with the same label are
one thing. Two records of one label are a pair, so pairs are closed transitively by construction.
Where `tables` says of each record which table it comes from, only pairs across tables count: what
is labelled between two tables says nothing of duplicates inside one.

B-cubed: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space
model", 1998. Each record asks how much of its group is right, itself included, and all records
count alike, so one large wrong group weighs by its records and not by their squares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """What was found, held against the truth. Shares are 1 where there was nothing to get wrong."""

    gold_pairs: int
    """Pairs of the truth."""
    false_merges: int
    """Pairs that were found and are none."""
    missed_pairs: int
    """Pairs of the truth that were not found."""
    b_cubed_precision: float
    b_cubed_recall: float

    @property
    def shared_pairs(self) -> int:
        """Pairs that were found and are pairs."""
        return self.gold_pairs - self.missed_pairs

    @property
    def precision(self) -> float:
        """The share of the found pairs that are pairs."""
        return _share(self.shared_pairs, self.shared_pairs + self.false_merges)

    @property
    def recall(self) -> float:
        """The share of the truth's pairs that were found."""
        return _share(self.shared_pairs, self.gold_pairs)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall of pairs."""
        return _harmonic(self.precision, self.recall)

    @property
    def b_cubed_f1(self) -> float:
        """The harmonic mean of B-cubed precision and recall."""
        return _harmonic(self.b_cubed_precision, self.b_cubed_recall)


class Partners(NamedTuple):
    """For each record, with how many others it is paired."""

    found: Counts
    true: Counts
    shared: Counts
    """Found and true."""


def score(found: ArrayLike, truth: ArrayLike, tables: ArrayLike | None = None) -> Score:
    """Hold a grouping against the truth, in time and memory linear in records but for a sort.

    Args:
        found: one label a record.
        truth: the labels of the same records in the same order.
        tables: which table each record comes from; pairs inside one table do not count.

    Raises:
        ValueError: the three are not of the same length.
    """
    each = partners(found, truth, tables)
    gold = int(each.true.sum()) // 2
    agreed = int(each.shared.sum()) // 2
    return Score(
        gold_pairs=gold,
        false_merges=int(each.found.sum()) // 2 - agreed,
        missed_pairs=gold - agreed,
        b_cubed_precision=_mean((each.shared + 1) / (each.found + 1)),
        b_cubed_recall=_mean((each.shared + 1) / (each.true + 1)),
    )


def partners(found: ArrayLike, truth: ArrayLike, tables: ArrayLike | None = None) -> Partners:
    """How many others each record is paired with, as `score` counts them.

    Raises:
        ValueError: the three are not of the same length.
    """
    left, right, origin = _aligned(found, truth, tables)
    return Partners(*(_partners(labels, origin) for labels in (left, right, _both(left, right))))


def pairs_apart(
    together: ArrayLike, apart: ArrayLike, tables: ArrayLike | None = None
) -> Iterator[tuple[int, int]]:
    """Positions of records that one grouping puts together and the other keeps apart.

    `pairs_apart(found, truth)` are the false merges, `pairs_apart(truth, found)` what was missed.
    Each pair comes once, its smaller position first, in an order that depends on nothing else.
    """
    left, right, origin = _aligned(together, apart, tables)
    order = np.argsort(left, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(left[order])) + 1):
        for place, first in enumerate(group):
            rest = group[place + 1 :]
            keep = right[rest] != right[first]
            if origin is not None:
                keep &= origin[rest] != origin[first]
            for second in rest[keep]:
                yield int(first), int(second)


def _aligned(
    left: ArrayLike, right: ArrayLike, tables: ArrayLike | None
) -> tuple[Counts, Counts, Counts | None]:
    """Labels as small numbers, which cost nothing to compare and to combine."""
    labels = _codes(left), _codes(right)
    origin = None if tables is None else _codes(tables)
    lengths = {len(codes) for codes in (*labels, origin) if codes is not None}
    if len(lengths) > 1:
        raise ValueError(f"labels of the same records have one length, not {sorted(lengths)}")
    return *labels, origin


def _codes(labels: ArrayLike) -> Counts:
    values: NDArray[Any] = np.asarray(labels)
    return np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)


def _both(left: Counts, right: Counts) -> Counts:
    """One label for each combination of two."""
    return _codes(left * (right.max(initial=0) + 1) + right)


def _partners(labels: Counts, origin: Counts | None) -> Counts:
    """How many other records each record is paired with."""
    if origin is None:
        return np.bincount(labels)[labels] - 1
    inside = _both(labels, origin)
    return np.bincount(labels)[labels] - np.bincount(inside)[inside]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 1.0
