"""From candidate pairs to papers and editions, chunk by chunk: evidence, decision, clusters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.dedupe.clusters import LARGEST_EXAMINED, Labels, cluster, pairs_within
from warehouse.dedupe.decision import (
    DIFFERENT,
    RELATED,
    SAME,
    VERSION,
    as_version,
    decide,
    reasons_of,
)
from warehouse.dedupe.evidence import Reasons
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import COMPARED, Floats, Numbers, Pairs, pairs_of
from warehouse.dedupe.weights import ACCEPTED, WEIGHTS

CHUNK = 50_000
STRONG_NO = 7.5
"""Two records of one group whose evidence comes to less are a conflict."""


@dataclass(frozen=True)
class Compared:
    """Pairs worth keeping: joined, related or undecided, with their reasons."""

    left: Numbers
    right: Numbers
    relation: npt.NDArray[np.int8]
    score: Floats
    contributions: Floats
    """One row a pair, one column a reason, in the order of `WEIGHTS`."""

    def evidence(self) -> list[list[dict[str, Any]]]:
        """The reasons of every pair that count, the strongest first."""
        names = list(WEIGHTS)
        told = []
        for row in self.contributions:
            places = np.flatnonzero(row)
            places = places[np.argsort(-np.abs(row[places]), kind="stable")]
            told.append(
                [
                    {
                        "name": names[at],
                        "contribution": round(float(row[at]), 2),
                        "detail": WEIGHTS[names[at]].says,
                    }
                    for at in places
                ]
            )
        return told


def compare(
    keys: pa.Table,
    left: Numbers,
    right: Numbers,
    model: Model,
    tell: Callable[[float], None] | None = None,
    *,
    seen: Callable[[Pairs, Reasons], None] | None = None,
) -> Compared:
    """Judge pairs of rows of `keys`, and keep those that are not simply different.

    Args:
        keys: rows that are compared, see `pairs.KEYS_SCHEMA`.
        left: places of one side.
        right: places of the other.
        model: under which they are compared.
        tell: told which share is done.
        seen: shown every chunk with its reasons.
    """
    compared = keys.select(COMPARED).combine_chunks()
    found: list[Compared] = [_none()]
    for start in range(0, len(left), CHUNK):
        one, other = left[start : start + CHUNK], right[start : start + CHUNK]
        pairs = pairs_of(compared, one, other)
        reasons = reasons_of(pairs, model)
        if seen is not None:
            seen(pairs, reasons)
        relation, scores = decide(reasons)
        kept = np.flatnonzero(relation != DIFFERENT)
        table = (
            np.stack(
                [
                    reasons[name][kept] * np.float32(weight.weight)
                    for name, weight in WEIGHTS.items()
                ],
                1,
            )
            if len(kept)
            else np.zeros((0, len(WEIGHTS)), np.float32)
        )
        found.append(Compared(one[kept], other[kept], relation[kept], scores[kept], table))
        if tell is not None:
            tell(min(1.0, (start + CHUNK) / len(left)))
    return Compared(
        *(
            np.concatenate([getattr(item, name) for item in found])
            for name in Compared.__dataclass_fields__
        )
    )


def _none() -> Compared:
    numbers = np.zeros(0, np.int64)
    return Compared(
        numbers,
        numbers,
        np.zeros(0, np.int8),
        np.zeros(0, np.float32),
        np.zeros((0, len(WEIGHTS)), np.float32),
    )


@dataclass
class Guard:
    """Says which members of a group must not be together."""

    keys: pa.Table
    model: Model
    sources: Numbers | None = None
    """Number of each record's source, if a source lists a paper only once; -1 for an unknown one."""
    apart: frozenset[tuple[int, int]] = frozenset()
    """Pairs that a person said are not one paper."""
    together: frozenset[tuple[int, int]] = frozenset()
    """Pairs that a person said are one paper; nothing but another person's word speaks against it."""
    _compared: pa.Table = field(init=False)

    def __post_init__(self) -> None:
        self._compared = self.keys.select(COMPARED).combine_chunks()

    def papers(self, members: list[int]) -> Iterator[tuple[int, int]]:
        """Conflicts of a paper."""
        return self._conflicts(members, is_edition=False)

    def editions(self, members: list[int]) -> Iterator[tuple[int, int]]:
        """Conflicts of an edition."""
        return self._conflicts(members, is_edition=True)

    def _conflicts(self, members: list[int], *, is_edition: bool) -> Iterator[tuple[int, int]]:
        within = list(pairs_within(members)) if len(members) <= LARGEST_EXAMINED else []
        if self.apart:
            yield from (pair for pair in within if pair in self.apart)
        if self.sources is not None:
            yield from self._same_source(members)
        if len(members) > 2 and within:
            yield from self._strong_noes(within, is_edition=is_edition)

    def _same_source(self, members: list[int]) -> Iterator[tuple[int, int]]:
        assert self.sources is not None
        by_source: dict[int, list[int]] = {}
        for member in members:
            by_source.setdefault(int(self.sources[member]), []).append(member)
        for source, listed in by_source.items():
            if source >= 0 and len(listed) > 1:
                yield from pairs_within(listed)

    def _strong_noes(
        self, within: list[tuple[int, int]], *, is_edition: bool
    ) -> Iterator[tuple[int, int]]:
        left, right = (np.array(side, np.int64) for side in zip(*within, strict=True))
        reasons = reasons_of(pairs_of(self._compared, left, right), self.model)
        relation, scores = decide(reasons)
        against = (relation == RELATED) | (
            (relation == DIFFERENT) & (as_version(reasons) < STRONG_NO)
        )
        if is_edition:
            against |= ((relation == DIFFERENT) & (scores < STRONG_NO)) | (
                (relation == VERSION) & (scores < ACCEPTED)
            )
        for at in np.flatnonzero(against).tolist():
            if within[at] not in self.together:
                yield within[at]


def group(n: int, compared: Compared, guard: Guard) -> tuple[Labels, Labels]:
    """The paper and the edition of each of `n` records, each named after its smallest number."""
    left, right, strength = compared.left, compared.right, compared.score
    joined = compared.relation >= VERSION
    papers = cluster(n, left[joined], right[joined], strength[joined], guard.papers)
    same = (compared.relation == SAME) & (papers[left] == papers[right])
    editions = cluster(n, left[same], right[same], strength[same], guard.editions)
    return papers, editions
