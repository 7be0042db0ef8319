"""What holds of every record, pair and group, whatever is in them."""

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.normalize.text import folded_words
from warehouse.dedupe import learning
from warehouse.dedupe.alone import RECORDS, deduplicate, label, make_keys, read_records
from warehouse.dedupe.clusters import Conflict, Groups, Numbers, cluster, components
from warehouse.dedupe.decision import counted, decide, reasons_of, score
from warehouse.dedupe.grouping import compare
from warehouse.dedupe.keys import Record, keys_of
from warehouse.dedupe.model import Model
from warehouse.dedupe.names import people
from warehouse.dedupe.pairs import keys_table, pairs_of
from warehouse.dedupe.sifting import likeness, signatures
from warehouse.dedupe.titles import read_title

TEXT = st.text(max_size=60)
WORDS = st.sampled_from(
    [
        "adaptive",
        "hash",
        "joins",
        "over",
        "skewed",
        "streams",
        "part",
        "i",
        "ii",
        "six",
        "five",
        "year",
        "follow-up",
        "in",
        "adults",
        "children",
        "Editorial:",
        "a",
        "reply",
        "to",
        "[Erratum]",
        "(vol",
        "3,",
        "pg",
        "4,",
        "2001)",
        "stroke",
        "cervical",
        "cytology",
    ]
)
TITLE = st.one_of(TEXT, st.lists(WORDS, max_size=9).map(" ".join))
NAMES = st.lists(
    st.one_of(TEXT, st.sampled_from(["Zuna, R. E.", "Zuna RE", "S Wang", "Wang et al.", "Lu"])),
    max_size=5,
)
SMALL = st.one_of(st.none(), st.sampled_from(["", "1", "2", "3-9", "e12", "iv"]))
ROW = st.fixed_dictionaries(
    {
        "title": st.one_of(st.none(), TITLE),
        "authors": st.one_of(st.none(), NAMES),
        "year": st.one_of(st.none(), st.integers(1999, 2002)),
        "venue": st.one_of(
            st.none(), TEXT, st.sampled_from(["VLDB", "The VLDB Journal", "Stroke"])
        ),
        "volume": SMALL,
        "issue": SMALL,
        "pages": SMALL,
        "doi": st.one_of(st.none(), st.sampled_from(["10.1/a", "10.1/b", "10.48550/x"])),
        "pmid": st.one_of(st.none(), st.sampled_from(["11", "12"])),
        "type": st.one_of(st.none(), st.sampled_from(["article", "preprint", "inproceedings"])),
    }
)
ROWS = st.lists(ROW, min_size=2, max_size=12)


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    numbered = [{"record_id": f"r{place:03}", **row} for place, row in enumerate(rows)]
    columns = [pa.array([row.get(item.name) for row in numbered], item.type) for item in RECORDS]
    return pa.table(columns, schema=RECORDS)


def _silent(_share: float) -> None:
    return


def _keys(rows: list[dict[str, Any]]) -> tuple[pa.Table, Model]:
    table = _table(rows)
    model = learning.count(read_records(table, _silent), 1)
    return make_keys(table, model, _silent), model


@given(TITLE, NAMES, TEXT, TEXT, TEXT)
def test_keys_are_made_of_any_text(
    title: str, names: list[str], venue: str, volume: str, pages: str
) -> None:
    """No text is refused, equal records have equal keys, and all of them fit their columns."""
    record = Record(title, names, 2001, venue, volume, volume, pages, "10.1/a", None, "7", venue)
    keys = keys_of(record, Model())
    assert keys == keys_of(record, Model())
    assert keys_table([keys]).num_rows == 1
    assert list(keys.blocks) == sorted(set(keys.blocks))


@given(st.one_of(TEXT, TITLE))
def test_folding_twice_is_folding_once(text: str) -> None:
    """Folded words folded again are the same words."""
    words = folded_words(text)
    assert folded_words(" ".join(words)) == words
    again = read_title(" ".join(read_title(text).words)).words
    assert read_title(" ".join(again)).words == again


@given(NAMES)
def test_every_person_has_a_surname_among_its_words(names: list[str]) -> None:
    """A surname is never empty and is one of the person's words."""
    for surname, words in people(names):
        assert surname
        assert surname in words


@given(st.lists(TITLE, min_size=1, max_size=8), st.integers(0, 7))
def test_signatures_do_not_depend_on_neighbours(titles: list[str], at: int) -> None:
    """A title's signature is the same alone and in a column, and a title is like itself."""
    folded = [" ".join(folded_words(title)) for title in titles]
    at %= len(folded)
    column = signatures(pa.array(folded, pa.string()))
    assert (column[at] == signatures(pa.array([folded[at]], pa.string()))[0]).all()
    assert likeness(column, column).min() == pytest.approx(1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_evidence_is_the_same_from_either_side(rows: list[dict[str, Any]]) -> None:
    """Swapping left and right changes neither score nor relation."""
    keys, model = _keys(rows)
    left, right = np.triu_indices(len(rows), 1)
    relation, score = decide(reasons_of(pairs_of(keys, left, right), model))
    swapped, other = decide(reasons_of(pairs_of(keys, right, left), model))
    assert score == pytest.approx(other, abs=1e-3)
    near = np.abs(score - np.array([[8.8], [10.0]])).min(0) < 1e-3
    assert (relation == swapped)[~near].all()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_looking_less_closely_changes_no_outcome(rows: list[dict[str, Any]]) -> None:
    """Pairs that are kept have the same score whether or not hopeless titles were looked at closely."""
    keys, model = _keys(rows)
    left, right = np.triu_indices(len(rows), 1)
    reasons = reasons_of(pairs_of(keys, left, right), model)
    relation, _ = decide(reasons)
    expected = score(counted(reasons, relation))
    compared = compare(keys, left, right, model)
    kept = relation > 0
    assert compared.left.tolist() == left[kept].tolist()
    assert compared.relation.tolist() == relation[kept].tolist()
    assert compared.score == pytest.approx(expected[kept], abs=1e-3)


N = 12
EDGES = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda pair: pair[0] < pair[1]),
    unique=True,
    max_size=20,
)


def _clustered(
    edges: list[tuple[int, int]],
    strength: list[float],
    foes: set[tuple[int, int]],
    *,
    are_final: bool = True,
) -> Numbers:
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    return cluster(
        N,
        left,
        right,
        np.array(strength, np.float32),
        lambda groups: [Conflict(*pair, are_final) for pair in _within(groups, foes)],
    )


def _within(groups: Groups, foes: set[tuple[int, int]]) -> list[tuple[int, int]]:
    return [pair for group in groups for pair in combinations(sorted(group), 2) if pair in foes]


@given(EDGES, EDGES, st.permutations(range(N)), st.booleans(), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_order_or_numbers(
    edges: list[tuple[int, int]],
    foes: list[tuple[int, int]],
    renamed: list[int],
    are_final: bool,
    random: Any,
) -> None:
    """Groups are the same in any order of the pairs and under any numbers, and hold no final conflict."""
    strength = [10.0 + place / 8 for place in range(len(edges))]
    random.shuffle(strength)
    against = set(foes)
    groups = _clustered(edges, strength, against, are_final=are_final)
    if are_final:
        assert not [pair for pair in against if groups[pair[0]] == groups[pair[1]]]
    order = list(range(len(edges)))
    random.shuffle(order)
    shuffled = _clustered(
        [edges[at] for at in order], [strength[at] for at in order], against, are_final=are_final
    )
    assert shuffled.tolist() == groups.tolist()

    def moved(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(min(one, other), max(one, other)) for one, other in _named(pairs, renamed)]

    elsewhere = _clustered(moved(edges), strength, set(moved(foes)), are_final=are_final)
    for one, other in combinations(range(N), 2):
        together = groups[one] == groups[other]
        assert together == (elsewhere[renamed[one]] == elsewhere[renamed[other]])


def _named(pairs: list[tuple[int, int]], renamed: list[int]) -> list[tuple[int, int]]:
    return [(renamed[one], renamed[other]) for one, other in pairs]


@given(EDGES)
def test_groups_without_conflicts_are_the_connected_ones(edges: list[tuple[int, int]]) -> None:
    """Where nothing speaks against it, whatever is connected is one group."""
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    assert (
        _clustered(edges, [10.0] * len(edges), set()).tolist()
        == components(N, left, right).tolist()
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_records_means_nothing(rows: list[dict[str, Any]], random: Any) -> None:
    """Records in another order are grouped the same."""
    table = _table(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    groups = deduplicate(table).clusters.to_pylist()
    shuffled = deduplicate(table.take(order)).clusters.to_pylist()
    assert [shuffled[order.index(place)] for place in range(len(rows))] == groups


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_an_unrelated_record_changes_nothing(rows: list[dict[str, Any]]) -> None:
    """Under one model a record that is like no other leaves the others' groups as they were."""
    stranger = {"title": "Zymurgical xylophones of quaint Ouagadougou", "authors": ["Quux, Q."]}
    keys, model = _keys(rows)
    more = make_keys(_table([*rows, stranger]), model, _silent)
    before, after = label(keys, model), label(more, model)
    assert after.papers.tolist() == [*before.papers.tolist(), len(rows)]
    assert after.editions.tolist() == [*before.editions.tolist(), len(rows)]
