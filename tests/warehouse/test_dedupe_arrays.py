"""What is done to many pairs at once is what a plain loop would do to each of them."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapidfuzz import fuzz, process

from schemas.normalize.cleaning import word_set
from warehouse.dedupe import arrays, evidence, pairs, wordlists
from warehouse.dedupe.contrasts import is_opposed
from warehouse.dedupe.evidence import _share_found
from warehouse.dedupe.keys import Record, keys_of
from warehouse.dedupe.model import Model
from warehouse.dedupe.ownwords import own_words
from warehouse.dedupe.pairs import KEYS_SCHEMA, Pairs, keys_table, pairs_of, ready
from warehouse.dedupe.sifting import Sieve

_MODEL = Model(
    number=1, n_records=5_000, words={"moth": 900, "moths": 40, "of": 4_000}, surnames={}
)
_WORDS = st.one_of(
    st.sampled_from(
        sorted(
            word_set(
                "moth moths mothers of the lantern lanterns lantren lan tern adults children 2004 h2004 "
                "hypertension hypotension data base database μοθ 蛾 蛾々 été coat cobat from form tcp tpc"
            )
        )
    ),
    st.text("abc1é", min_size=1, max_size=6),
)
_TITLES = st.lists(_WORDS, max_size=8).map(" ".join)


def _are_variants(one: str, other: str) -> bool:
    if one.isdigit() or other.isdigit():
        return False
    short, long = sorted((one, other), key=len)
    if len(short) > 3 and short in long:
        return True
    if 3 <= len(one) <= 4 and any(
        one[:at] + one[at + 1] + one[at] + one[at + 2 :] == other for at in range(len(one) - 1)
    ):
        return True
    return len(long) > 4 and fuzz.ratio(one, other) >= 80


def _own(left: str, right: str) -> tuple[float, float, int, bool, bool]:
    one, other = set(left.split()), set(right.split())
    alone, alone_too = one - other, other - one
    rarities = [
        [_MODEL.rarity(word) for word in some if not any(_are_variants(word, x) for x in others)]
        for some, others in ((alone, alone_too), (alone_too, alone))
    ]
    both = sum(map(_MODEL.rarity, one & other))
    is_exchanged = all(len(some) == 1 and some[0] >= 0.5 for some in rarities)
    own = min(map(sum, rarities))
    return own, both, min(len(one), len(other)), is_opposed(alone, alone_too), is_exchanged


@given(st.lists(st.tuples(_TITLES, _TITLES), max_size=6))
@example([("data base systems", "database systems"), ("", ""), ("", "moth")])
def test_own_words_are_those_of_a_plain_loop(titles: list[tuple[str, str]]) -> None:
    """Words of one title alone, and of both, weigh what a loop over the words says they weigh."""
    found = own_words([one for one, _ in titles], [other for _, other in titles], _MODEL)
    for at, (left, right) in enumerate(titles):
        own, shared, *others = _own(left, right)
        assert found.own[at] == pytest.approx(own, abs=1e-4)
        assert found.shared[at] == pytest.approx(shared, abs=1e-4)
        assert [found.n_fewer[at], found.are_opposed[at], found.are_exchanged[at]] == others


@given(st.lists(st.tuples(_TITLES, _TITLES), min_size=1, max_size=6), st.data())
def test_own_words_do_not_depend_on_other_pairs(
    titles: list[tuple[str, str]], data: st.DataObject
) -> None:
    """A pair's words weigh the same to the last bit, alone or among others."""
    at = data.draw(st.integers(0, len(titles) - 1))
    every = own_words([one for one, _ in titles], [other for _, other in titles], _MODEL)
    alone = own_words([titles[at][0]], [titles[at][1]], _MODEL)
    assert [column[at] for column in every] == [column[0] for column in alone]


def _texts_of_own_words(n_words: int) -> tuple[str, str]:
    """Two texts that share every tenth word; of the others each is a spelling of the other text's."""
    one = [f"aaaaaa{at:06}b" for at in range(n_words)]
    return " ".join(one), " ".join(
        word if at % 10 == 0 else word + "c" for at, word in enumerate(one)
    )


def test_spellings_are_looked_for_in_titles_and_not_in_long_texts() -> None:
    """Words of two texts with thousands of their own are not held against each other, those of titles are."""
    (title, title_too), (text, text_too) = map(_texts_of_own_words, (30, 3_000))
    together = own_words([title, text], [title_too, text_too], _MODEL)
    assert together.own[0] == 0
    assert together.own[1] == pytest.approx(2_700 * _MODEL.rarity("aaaaaa000001b"), rel=1e-3)
    swapped = own_words([text_too, title_too], [text, title], _MODEL)
    assert swapped.own.tolist() == together.own[::-1].tolist()


def test_a_long_text_is_compared_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one text stands in another letter by letter is asked of titles only; it may take hours."""
    text = " ".join(f"word{at}" for at in range(400))
    lengths: list[int] = []

    def cpdist(left: list[str], right: list[str], **options: Any) -> Any:
        if options["scorer"] is fuzz.partial_ratio:
            lengths.extend(map(min, map(len, left), map(len, right)))
        return process.cpdist(left, right, **options)

    monkeypatch.setattr(evidence, "process", SimpleNamespace(cpdist=cpdist))
    titles = ["Lanterns and moths of the south", text]
    longer = [f"{title} and what more there is to say of it" for title in titles]
    keys = keys_table([keys_of(Record(title), _MODEL) for title in [*titles, *longer]])
    compared = pairs_of(keys, np.array([0, 1]), np.array([2, 3]))
    reasons = evidence.title(compared, _MODEL, np.full(2, -np.inf, np.float32), np.zeros(2, bool))
    assert lengths == [len("lanternsandmothsofthesouth")]
    assert reasons["title"].min() > 0.9


_NAMES = st.lists(
    st.sampled_from(
        sorted(word_set("zuna zuma wang wong vonderberg vandenberg li ng müller miller"))
    ),
    min_size=1,
    max_size=5,
)


@given(st.lists(st.tuples(_NAMES, _NAMES), max_size=5))
def test_surnames_are_found_as_by_a_plain_loop(names: list[tuple[list[str], list[str]]]) -> None:
    """Of the shorter list the share that the other has is what a loop over both counts."""
    found = _share_found([" ".join(one) for one, _ in names], [" ".join(two) for _, two in names])
    for at, (one, other) in enumerate(names):
        shares = [
            sum(any(fuzz.ratio(name, x) >= 75 for x in many) for name in few) / len(few)
            for few, many in ((one, other), (other, one))
            if len(few) <= len(many)
        ]
        assert found[at] == pytest.approx(max(shares))


def test_every_word_is_held_against_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the words of a row are more than are looked at at a time, none is left out."""
    monkeypatch.setattr(wordlists, "MOST_AT_ONCE", 3)
    left, right = ["a b", "", "c d e", "f"], ["x y z", "q", "r s", ""]
    vocabulary, one, other = wordlists.read(left, right)
    texts = vocabulary.texts
    found = [
        (texts[one.codes[here]], texts[other.codes[there]])
        for some, others in wordlists.crossed(one, other, len(left))
        for here, there in zip(some.tolist(), others.tolist(), strict=True)
    ]
    assert found == [
        pair
        for row, others in zip(left, right, strict=True)
        for pair in product(row.split(), others.split())
    ]


@given(st.lists(st.integers(-5, 5)))
def test_distinct_numbers(numbers: list[int]) -> None:
    """Each number comes once, in order."""
    assert arrays.distinct(np.array(numbers, np.int64)).tolist() == sorted(set(numbers))


@pytest.mark.parametrize("cores", [1, 2, None])
@given(n=st.integers(0, 50), size=st.integers(1, 20))
def test_stretches_come_in_order(cores: int | None, n: int, size: int) -> None:
    """Every row is in one stretch, and results come in the order of the rows."""
    done = arrays.in_stretches(n, size, lambda some: list(range(n))[some], cores=cores)
    assert [row for part in done for row in part] == list(range(n))


def test_what_fails_in_a_stretch_is_raised() -> None:
    """An error in any stretch reaches who asked."""
    with pytest.raises(ZeroDivisionError):
        list(arrays.in_stretches(10, 1, lambda some: 1 // (some.start - 7), cores=2))


def _records() -> list[Record]:
    return [
        Record(f"Moths of the {word} lighthouse", ["Ada Quill", word], 1990 + at, doi=f"10.1/{at}")
        for at, word in enumerate(["northern", "southern", "little", "crooked", "sunken"])
    ]


def test_keys_in_pieces_are_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows taken from a table in large pieces, which is not copied, are those of the whole table."""
    rows = [keys_of(record, _MODEL) for record in _records()]
    whole = keys_table(rows)
    pieces = pa.concat_tables([keys_table(rows[:1]), keys_table(rows[1:4]), keys_table(rows[4:])])
    monkeypatch.setattr(pairs, "LARGE", 1)
    assert ready(pieces)["title"].num_chunks == 3
    left, right = np.array([4, 0, 3, 3, 1]), np.array([0, 4, 2, 1, 4])
    one, other = pairs_of(whole, left, right), pairs_of(pieces, left, right)
    for name in ready(whole).schema.names:
        for here, there in zip(one.both(name), other.both(name), strict=True):
            assert np.array_equal(here, there), name
    assert Sieve(ready(pieces)).glance(left, right)[0].tolist() == (
        Sieve(ready(whole)).glance(left, right)[0].tolist()
    )


@pytest.mark.parametrize("large", [1, 1_000], ids=["as they are", "made one"])
def test_columns_may_be_cut_at_different_rows(monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    """Each column brings the rows that were asked for, wherever it and the others are cut."""
    monkeypatch.setattr(pairs, "LARGE", large)
    table = keys_table([keys_of(record, _MODEL) for record in _records()])
    halves = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    thirds = pa.concat_tables([table.slice(0, 1), table.slice(1, 3), table.slice(4)])
    cut = halves.set_column(0, KEYS_SCHEMA.field("title"), thirds["title"])
    assert ready(cut)["title"].num_chunks == (3 if large == 1 else 1)
    found: Pairs = pairs_of(cut, np.array([4, 1]), np.array([1, 3]))
    assert found.both("titles") == tuple(
        [table["title"][row].as_py() for row in rows] for rows in ((4, 1), (1, 3))
    )
    assert found.both("year")[0].tolist() == [1994, 1991]
