"""Groups of records from pairs of them: connected, unless something in the group speaks against it.

A chain of likely pairs can join what does not belong together. So a group that holds a conflict is
built anew, strongest pair first, and two parts of it stay apart where too much speaks against it:
a conflict that is final, or doubts about more than a fifth of the pairs between them. Of a hundred
citations of one work some disagree about everything, and the others vouch for it.
What comes out depends on the pairs only, not on the order in which they are given.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Labels = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int64]

DOUBTFUL = 0.2
"""Two parts of a group may have doubts about so many of the pairs between them."""
LARGEST_EXAMINED = 150
"""In a larger group each member is held against half as many others, not against all."""


class Groups:
    """Groups of two and more; each one's members are listed only when asked for."""

    def __init__(self, labels: Labels) -> None:
        """Gather the records that bear one label."""
        self.labels = labels
        self._order = np.argsort(labels, kind="stable")
        named = labels[self._order]
        starts = np.flatnonzero(np.diff(named, prepend=-1))
        ends = np.append(starts[1:], len(labels))
        are_several = ends - starts > 1
        self._starts, self._ends = starts[are_several], ends[are_several]
        self._names = named[self._starts]

    def __iter__(self) -> Iterator[list[int]]:
        return self.of(2)

    def of(self, fewest: int) -> Iterator[list[int]]:
        """The members of each group of so many or more, in order."""
        for at in np.flatnonzero(self._ends - self._starts >= fewest).tolist():
            yield self._listed(at)

    def named(self, name: int) -> list[int]:
        """The members of one group."""
        return self._listed(int(np.searchsorted(self._names, name)))

    def _listed(self, at: int) -> list[int]:
        members: list[int] = self._order[self._starts[at] : self._ends[at]].tolist()
        return members


class Conflict(NamedTuple):
    """Two members of one group that had better not be together."""

    one: int
    other: int
    is_final: bool
    """Whether nothing makes up for it; else it is a doubt, which the other pairs may outweigh."""


Conflicts = Callable[[Groups], Iterable[Conflict]]
"""Many groups -> the conflicts within each."""
_NEVER = 1 << 40
"""What a final conflict counts as, in doubts."""


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
        conflicts: what speaks against each group; asked once for all groups.
    """
    labels = components(n, left, right)
    groups = Groups(labels)
    foes: dict[int, list[Conflict]] = {}
    for conflict in conflicts(groups):
        foes.setdefault(int(labels[conflict.one]), []).append(conflict)
    if not foes:
        return labels
    of_component = labels[left]
    order = np.lexsort((right, left, -np.round(strength, 3), of_component))
    of_component = of_component[order]
    for name, against in foes.items():
        edges = order[slice(*np.searchsorted(of_component, (name, name + 1)))]
        accepted = zip(left[edges].tolist(), right[edges].tolist(), strict=True)
        for group in _rebuilt(groups.named(name), accepted, against):
            labels[group] = min(group)
    return labels


def _rebuilt(
    members: list[int], edges: Iterable[tuple[int, int]], against: Iterable[Conflict]
) -> Iterator[list[int]]:
    """Join members pair by pair, but no two parts of which too much says that they are apart."""
    group_of = {member: [member] for member in members}
    # Each part's doubts about every member of another part, summed over its own members.
    doubts: dict[int, Counter[int]] = {id(group): Counter() for group in group_of.values()}
    for one, other, is_final in against:
        weight = _NEVER if is_final else 1
        doubts[id(group_of[one])][other] += weight
        doubts[id(group_of[other])][one] += weight
    bearable = DOUBTFUL * examined_share(len(members))
    refused: set[tuple[int, int, int, int]] = set()
    for one, other in edges:
        group, joining = group_of[one], group_of[other]
        if group is joining:
            continue
        if len(group) < len(joining):
            group, joining = joining, group
        # Parts only grow, so these are the same two as long as they are as large.
        both = (id(group), len(group), id(joining), len(joining))
        if both in refused:
            continue
        found = doubts[id(group)]
        if sum(found[member] for member in joining) > bearable * len(group) * len(joining):
            refused.add(both)
            continue
        found.update(doubts.pop(id(joining)))
        group.extend(joining)
        for member in joining:
            group_of[member] = group
    seen: set[int] = set()
    for member in members:
        group = group_of[member]
        if id(group) not in seen:
            seen.add(id(group))
            yield group


def examined_share(n: int) -> float:
    """Which share of the pairs of a group of `n` comes from `pairs_within`, about."""
    return min(1.0, LARGEST_EXAMINED / n)


def pairs_within(members: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs of a group, the smaller number on the left: of a large group not all, but all near ones."""
    members = sorted(members)
    if len(members) <= LARGEST_EXAMINED:
        return combinations(members, 2)
    return (
        (one, other)
        for place, one in enumerate(members)
        for other in members[place + 1 : place + 1 + LARGEST_EXAMINED // 2]
    )
