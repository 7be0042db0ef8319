"""From candidate pairs to papers and editions, chunk by chunk: evidence, decision, clusters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.dedupe.arrays import in_stretches
from warehouse.dedupe.clusters import Conflict, Groups, Labels, cluster, pairs_within
from warehouse.dedupe.decision import (
    DIFFERENT,
    RELATED,
    SAME,
    VERSION,
    as_version,
    counted,
    decide,
    reasons_of,
    score,
)
from warehouse.dedupe.evidence import Reasons
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import Floats, Numbers, Pairs, pairs_of, ready
from warehouse.dedupe.weights import ACCEPTED, WEIGHTS

CHUNK = 50_000
"""Pairs that are compared at a time, about."""
STRONG_NO = 7.5
"""Two records of one group whose evidence comes to less are a conflict."""


@dataclass(frozen=True)
class Compared:
    """Pairs worth keeping: joined, related or undecided, with their reasons."""

    left: Numbers
    right: Numbers
    relation: npt.NDArray[np.int8]
    score: Floats
    contributions: npt.NDArray[np.int16]
    """In hundredths: one row a pair, one column a reason, in the order of `WEIGHTS`."""

    def evidence(self, kind: Any) -> Any:
        """The reasons of every pair that count, the strongest first.

        Args:
            kind: a list of structs of some of name, contribution and detail.
        """
        rows, places = np.nonzero(self.contributions)
        values = self.contributions[rows, places] / 100
        order = np.lexsort((places, -np.abs(values), rows))
        places = places[order]
        told: dict[str, Any] = {
            "name": pa.array(list(WEIGHTS), pa.string()).take(places),
            "contribution": pa.array(values[order], pa.float64()),
            "detail": pa.array([item.says for item in WEIGHTS.values()], pa.string()).take(places),
        }
        fields = list(kind.value_type)
        structs = pa.StructArray.from_arrays([told[item.name] for item in fields], fields=fields)
        offsets = np.searchsorted(rows[order], np.arange(len(self.left) + 1))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind)


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
        left: places of one side; pairs that passed the sieve, see `sifting`, so that few are hopeless.
        right: places of the other.
        model: under which they are compared.
        tell: told which share is done.
        seen: shown every chunk with its reasons, in order.
    """
    keys = ready(keys)

    def judged(some: slice) -> Compared:
        pairs = pairs_of(keys, left[some], right[some])
        reasons = reasons_of(pairs, model, cutoff=True)
        if seen is not None:
            seen(pairs, reasons)
        return _judged(left[some], right[some], reasons)

    found: list[Compared] = [_none()]
    for part in in_stretches(len(left), CHUNK, judged, cores=1 if seen is not None else None):
        found.append(part)
        if tell is not None:
            tell(min(1.0, (len(found) - 1) * CHUNK / len(left)))
    return Compared(
        *(
            np.concatenate([getattr(item, name) for item in found])
            for name in Compared.__dataclass_fields__
        )
    )


def _judged(left: Numbers, right: Numbers, reasons: Reasons) -> Compared:
    """What the reasons of pairs come to, without those that are simply different."""
    relation, _ = decide(reasons)
    kept = np.flatnonzero(relation != DIFFERENT)
    reasons = counted({name: values[kept] for name, values in reasons.items()}, relation[kept])
    table = np.zeros((len(kept), len(WEIGHTS)), np.int16)
    for at, (name, weight) in enumerate(WEIGHTS.items()):
        table[:, at] = np.rint(100 * weight.weight * reasons[name])
    return Compared(left[kept], right[kept], relation[kept], score(reasons), table)


def _none() -> Compared:
    numbers = np.zeros(0, np.int64)
    return Compared(
        numbers,
        numbers,
        np.zeros(0, np.int8),
        np.zeros(0, np.float32),
        np.zeros((0, len(WEIGHTS)), np.int16),
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
    certain: Labels | None = None
    """Groups that identifiers or people made; only a person's word speaks against these."""
    _compared: pa.Table = field(init=False)

    def __post_init__(self) -> None:
        self._compared = ready(self.keys)

    def papers(self, groups: Groups) -> Iterator[Conflict]:
        """Conflicts within papers."""
        return self._conflicts(groups, is_edition=False)

    def editions(self, groups: Groups) -> Iterator[Conflict]:
        """Conflicts within editions."""
        return self._conflicts(groups, is_edition=True)

    def _conflicts(self, groups: Groups, *, is_edition: bool) -> Iterator[Conflict]:
        for one, other in self.apart:
            if groups.labels[one] == groups.labels[other]:
                yield Conflict(one, other, is_final=True)
        if self.sources is not None:
            for members in groups:
                for one, other in filter(self._is_open, self._same_source(members)):
                    yield Conflict(one, other, is_final=True)
        # A group of two is a pair that was accepted.
        within = filter(
            self._is_open, chain.from_iterable(pairs_within(members) for members in groups.of(3))
        )
        while pairs := list(islice(within, CHUNK)):
            yield from self._strong_noes(pairs, is_edition=is_edition)

    def _is_open(self, pair: tuple[int, int]) -> bool:
        """Whether evidence has a say on a pair."""
        return self.certain is None or self.certain[pair[0]] != self.certain[pair[1]]

    def _same_source(self, members: list[int]) -> Iterator[tuple[int, int]]:
        assert self.sources is not None
        by_source: dict[int, list[int]] = {}
        for member in members:
            by_source.setdefault(int(self.sources[member]), []).append(member)
        for source, listed in by_source.items():
            if source >= 0 and len(listed) > 1:
                yield from combinations(listed, 2)

    def _strong_noes(
        self, within: list[tuple[int, int]], *, is_edition: bool
    ) -> Iterator[Conflict]:
        left, right = np.array(within, np.int64).T
        reasons = reasons_of(pairs_of(self._compared, left, right), self.model)
        relation, scores = decide(reasons)
        against = (relation == RELATED) | (
            (relation == DIFFERENT) & (as_version(reasons) < STRONG_NO)
        )
        if is_edition:
            against |= ((relation == DIFFERENT) & (scores < STRONG_NO)) | (
                (relation == VERSION) & (scores < ACCEPTED)
            )
        is_final = (reasons["doi_differs"] > 0) | (reasons["identifier_differs"] > 0)
        for at in np.flatnonzero(against).tolist():
            yield Conflict(*within[at], is_final=bool(is_final[at]))


def group(n: int, compared: Compared, guard: Guard) -> tuple[Labels, Labels]:
    """The paper and the edition of each of `n` records, each named after its smallest number."""
    left, right, strength = compared.left, compared.right, compared.score
    joined = compared.relation >= VERSION
    papers = cluster(n, left[joined], right[joined], strength[joined], guard.papers)
    same = (compared.relation == SAME) & (papers[left] == papers[right])
    editions = cluster(n, left[same], right[same], strength[same], guard.editions)
    return papers, editions
