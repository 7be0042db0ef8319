"""Groups of records from pairs of them: connected, unless something in the group speaks against it.

A chain of likely pairs can join what does not belong together. So a group that holds a conflict is
built anew, strongest pair first, and a pair that would bring a conflict into a group is refused.
What comes out depends on the pairs only, not on the order in which they are given.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Labels = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64]
Conflicts = Callable[[list[int]], Iterable[tuple[int, int]]]
"""Members of a group -> the pairs among them that must not be in one group."""

LARGEST_EXAMINED = 150
"""In a larger group only pairs that were compared anyway can be conflicts."""


def components(n: int, left: Numbers, right: Numbers) -> Labels:
    """Connected components: for each of `n` records the smallest number in its component."""
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    return _named(labels.astype(np.int64))


def _named(labels: Labels) -> Labels:
    """Labels after the smallest member."""
    first = np.full(int(labels.max(initial=-1)) + 1, len(labels), np.int64)
    np.minimum.at(first, labels, np.arange(len(labels)))
    named: Labels = first[labels]
    return named


def cluster(
    n: int, left: Numbers, right: Numbers, strength: npt.NDArray[np.float32], conflicts: Conflicts
) -> Labels:
    """The group of each of `n` records, named after its smallest number.

    Args:
        n: records are numbered from 0.
        left: one side of the accepted pairs.
        right: the other side.
        strength: of each pair; ties are broken by the numbers.
        conflicts: which pairs of a group must not be together.
    """
    labels = components(n, left, right)
    members = _members(labels)
    if not members:
        return labels
    of_component = labels[left]
    order = np.lexsort((right, left, -np.round(strength, 3), of_component))
    starts = np.searchsorted(of_component[order], sorted(members))
    ends = np.append(starts[1:], len(order))
    for name, start, end in zip(sorted(members), starts.tolist(), ends.tolist(), strict=True):
        against = set(conflicts(members[name]))
        if against:
            edges = order[start:end]
            for group in _rebuilt(
                members[name],
                zip(left[edges].tolist(), right[edges].tolist(), strict=True),
                against,
            ):
                labels[group] = min(group)
    return labels


def _members(labels: Labels) -> dict[int, list[int]]:
    """Members of each component of two and more."""
    order = np.argsort(labels, kind="stable")
    names, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    return {
        int(name): order[start : start + count].tolist()
        for name, start, count in zip(names, starts, counts, strict=True)
        if count > 1
    }


def _rebuilt(
    members: list[int], edges: Iterable[tuple[int, int]], against: set[tuple[int, int]]
) -> Iterator[list[int]]:
    """Join members pair by pair, but never two that are in conflict."""
    group_of = {member: [member] for member in members}
    foes: dict[int, set[int]] = {member: set() for member in members}
    for one, other in against:
        foes[one].add(other)
        foes[other].add(one)
    foes_of = {id(group_of[member]): foes[member] for member in members}
    for one, other in edges:
        group, joining = group_of[one], group_of[other]
        if group is joining or not foes_of[id(group)].isdisjoint(joining):
            continue
        foes_of[id(group)] |= foes_of.pop(id(joining))
        group.extend(joining)
        for member in joining:
            group_of[member] = group
    seen: set[int] = set()
    for member in members:
        group = group_of[member]
        if id(group) not in seen:
            seen.add(id(group))
            yield group


def pairs_within(members: list[int]) -> Iterator[tuple[int, int]]:
    """Every pair of a group, the smaller number on the left."""
    return combinations(sorted(members), 2)
