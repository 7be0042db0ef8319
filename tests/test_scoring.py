"""Scores agree with what can be counted by hand, and with counting pair by pair."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring import Score, pairs_apart, score

groupings = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.integers(0, high), min_size=n, max_size=n) for high in (4, 4, 2))
    )
)


def _pairs(labels: list[int], tables: list[int] | None) -> set[tuple[int, int]]:
    return {
        (a, b)
        for a, b in combinations(range(len(labels)), 2)
        if labels[a] == labels[b] and (tables is None or tables[a] != tables[b])
    }


def _b_cubed_precision(found: list[int], truth: list[int], tables: list[int] | None) -> float:
    def group(labels: list[int], record: int) -> set[int]:
        partners = {record}
        for pair in _pairs(labels, tables):
            partners |= set(pair) if record in pair else set()
        return partners

    shares = [
        len(group(found, record) & group(truth, record)) / len(group(found, record))
        for record in range(len(found))
    ]
    return sum(shares) / len(shares) if shares else 1.0


def test_counts_of_a_case_by_hand() -> None:
    """Of {0 1 2} {3 4} {5}, finding {0 1} {2 3 4} {5} shares two pairs, adds two and misses two."""
    found = score(["x", "x", "y", "y", "y", "z"], [7, 7, 7, 8, 8, 9])
    assert (found.gold_pairs, found.shared_pairs) == (4, 2)
    assert (found.false_merges, found.missed_pairs) == (2, 2)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.b_cubed_precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3 + 1) / 6)
    assert found.b_cubed_recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert list(pairs_apart([1, 1, 2, 2, 2, 3], [7, 7, 7, 8, 8, 9])) == [(2, 3), (2, 4)]
    assert list(pairs_apart([7, 7, 7, 8, 8, 9], [1, 1, 2, 2, 2, 3])) == [(0, 2), (1, 2)]


def test_pairs_inside_a_table_do_not_count() -> None:
    """Two rows of one table in a group are no pair, but each is one with the other table's row."""
    found = score([1, 1, 1], [1, 2, 1], tables=["acm", "acm", "dblp"])
    assert (found.gold_pairs, found.false_merges, found.missed_pairs) == (1, 1, 0)
    assert found.b_cubed_precision == pytest.approx((1 + 1 / 2 + 2 / 3) / 3)
    assert found.b_cubed_recall == 1.0
    assert list(pairs_apart([1, 1, 1], [1, 2, 1], ["acm", "acm", "dblp"])) == [(1, 2)]


def test_nothing_to_find_is_found() -> None:
    """Without any pair, and without any record, no share is lost."""
    for labels in ([], [1], [1, 2, 3]):
        assert score(labels, labels) == Score(0, 0, 0, 1.0, 1.0)
        assert score(labels, labels).f1 == 1.0


def test_finding_nothing_has_a_recall_of_nothing() -> None:
    """Records left alone merge nothing wrongly, and F1 is 0."""
    found = score([1, 2], [1, 1])
    assert (found.precision, found.recall, found.f1, found.false_merges) == (1.0, 0.0, 0.0, 0)


def test_groupings_of_other_lengths_are_refused() -> None:
    """Labels of other records are a mistake and no score."""
    with pytest.raises(ValueError, match="one length"):
        score([1, 2], [1])
    with pytest.raises(ValueError, match="one length"):
        score([1, 2], [1, 2], [0])


def test_a_large_group_is_counted_without_its_pairs() -> None:
    """A million records in one group are half a billion pairs, counted in a moment."""
    n = 1_000_000
    found = score(np.zeros(n, dtype=np.int64), np.arange(n) // 2)
    assert (found.gold_pairs, found.missed_pairs) == (n // 2, 0)
    assert found.false_merges == n * (n - 1) // 2 - n // 2


@given(groupings, st.booleans())
def test_scores_are_those_of_counting_pairs(
    labels: tuple[list[int], list[int], list[int]], crossed: bool
) -> None:
    """Counts, shares and listed pairs equal those of comparing all pairs one by one."""
    found, truth, origin = labels
    tables = origin if crossed else None
    ours = score(found, truth, tables)
    mine, gold = _pairs(found, tables), _pairs(truth, tables)
    assert ours.gold_pairs == len(gold)
    assert ours.shared_pairs == len(mine & gold)
    false, missed = (list(pairs_apart(*two, tables)) for two in ((found, truth), (truth, found)))
    assert len(false) == ours.false_merges
    assert len(missed) == ours.missed_pairs
    assert set(false) == mine - gold
    assert set(missed) == gold - mine
    assert ours.b_cubed_precision == pytest.approx(_b_cubed_precision(found, truth, tables))
    assert ours.b_cubed_recall == pytest.approx(_b_cubed_precision(truth, found, tables))


@given(groupings, st.booleans())
def test_scores_are_bounded_and_symmetric(
    labels: tuple[list[int], list[int], list[int]], crossed: bool
) -> None:
    """Shares lie in 0 to 1; exchanging found and true exchanges precision and recall."""
    found, truth, origin = labels
    tables = origin if crossed else None
    one, other = score(found, truth, tables), score(truth, found, tables)
    assert one.false_merges == other.missed_pairs
    assert one.b_cubed_precision == other.b_cubed_recall
    assert one.f1 == pytest.approx(other.f1)
    assert one.b_cubed_f1 == pytest.approx(other.b_cubed_f1)
    for value in (one.precision, one.recall, one.f1, one.b_cubed_f1):
        assert 0 <= value <= 1
    assert score(found, found, tables).f1 == 1
    # Names of groups are names: other labels for the same groups change nothing.
    assert score([f"group {-label}" for label in found], truth, tables) == one
