"""What words the titles of a pair share, and what words each has alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from warehouse.dedupe import wordlists
from warehouse.dedupe.contrasts import has_opposite, is_opposed
from warehouse.dedupe.model import Model
from warehouse.dedupe.pairs import Flags, Numbers
from warehouse.dedupe.wordlists import Vocabulary, Words

SPELT_ALIKE = 80
"""Percent of the letters that two spellings of a word share."""
TELLING = 0.5
"""Rarity of a word that, exchanged for another such word, makes another title."""
SHORT = 3
"""A word of no more letters is found in many words."""
MOST_COMPARED = 100_000
"""Two texts that have more pairs of words of their own are no titles with slips in them."""
_STEP = 2.0**20
"""Rarities are added in whole steps, so that their order does not matter."""


class OwnWords(NamedTuple):
    """Whose the words of two titles are; one value a pair."""

    own: np.ndarray
    """Rarity of the words that one title has alone: of the title that has less."""
    shared: np.ndarray
    """Rarity of the words of both."""
    n_fewer: Numbers
    """Distinct words of the shorter title."""
    are_opposed: Flags
    """Whether a word of one's own is the opposite of one of the other's."""
    are_exchanged: Flags
    """Whether each has one telling word of its own, and all others are the same."""


def own_words(left: Sequence[str], right: Sequence[str], model: Model) -> OwnWords:
    """Part the words of titles two by two; a misspelt, joined or parted word is not one of its own.

    Args:
        left: titles in folded words.
        right: as many others.
        model: which words are rare.
    """
    n = len(left)
    vocabulary, *sides = wordlists.read(left, right)
    one, other = (wordlists.distinct(side, vocabulary) for side in sides)
    rarity = np.rint(vocabulary.each(model.rarity) * _STEP)

    def weighed(words: Words) -> np.ndarray:
        return np.bincount(words.rows, rarity[words.codes], n) / _STEP

    shared, shared_too = wordlists.shared(one, other, vocabulary)
    both = weighed(one.where(shared))
    n_fewer = np.minimum(*(np.bincount(side.rows, minlength=n) for side in (one, other)))
    one, other = one.where(~shared), other.where(~shared_too)
    are_opposed = _opposed(one, other, vocabulary, n)
    has_variant = _variants(one, other, vocabulary, n)
    alone = [side.where(~has) for side, has in zip((one, other), has_variant, strict=True)]
    weights = np.stack([weighed(side) for side in alone])
    counts = np.stack([np.bincount(side.rows, minlength=n) for side in alone])
    are_exchanged = (counts == 1).all(0) & (weights >= TELLING).all(0)
    return OwnWords(weights.min(0), both, n_fewer, are_opposed, are_exchanged)


def _variants(one: Words, other: Words, vocabulary: Vocabulary, n: int) -> tuple[Flags, Flags]:
    """Which words of either side are another spelling, or a part, of one of the other side."""
    here, there = np.zeros(len(one.rows), bool), np.zeros(len(other.rows), bool)
    n_one, n_other = (np.bincount(side.rows, minlength=n) for side in (one, other))
    are_few = n_one * n_other <= MOST_COMPARED
    places, others = (np.flatnonzero(are_few[side.rows]) for side in (one, other))
    one, other = one.where(are_few[one.rows]), other.where(are_few[other.rows])
    for left, right in wordlists.crossed(one, other, n):
        are_alike = _are_variants(one.codes[left], other.codes[right], vocabulary)
        here[places[left[are_alike]]] = True
        there[others[right[are_alike]]] = True
    return here, there


def _are_variants(one: Numbers, other: Numbers, vocabulary: Vocabulary) -> Flags:
    is_shorter = vocabulary.lengths[one] <= vocabulary.lengths[other]
    short, long = np.where(is_shorter, one, other), np.where(is_shorter, other, one)
    are_words = ~(vocabulary.are_numbers[one] | vocabulary.are_numbers[other])
    found = np.zeros(len(one), bool)
    places = np.flatnonzero(are_words & (vocabulary.lengths[short] > SHORT))
    found[places] = vocabulary.within(short[places], long[places])
    places = np.flatnonzero(are_words & ~found & (vocabulary.lengths[long] > SHORT + 1))
    found[places] = vocabulary.alike(one[places], other[places], SPELT_ALIKE)
    # In a longer word two letters in the wrong order leave the rest alike enough.
    are_few = (vocabulary.lengths[short] >= SHORT) & (vocabulary.lengths[long] <= SHORT + 1)
    places = np.flatnonzero(are_words & are_few & ~found)
    found[places] = vocabulary.are_transposed(one[places], other[places])
    return found


def _opposed(one: Words, other: Words, vocabulary: Vocabulary, n: int) -> Flags:
    """Of which pairs a word of one's own is the opposite of one of the other's."""
    found = np.zeros(n, bool)
    telling = vocabulary.each(has_opposite) > 0
    sides = [side.where(telling[side.codes]) for side in (one, other)]
    words = [_by_row(side, vocabulary) for side in sides]
    for row in words[0].keys() & words[1].keys():
        found[row] = is_opposed(words[0][row], words[1][row])
    return found


def _by_row(words: Words, vocabulary: Vocabulary) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    texts = vocabulary.texts
    for row, code in zip(words.rows.tolist(), words.codes.tolist(), strict=True):
        found.setdefault(row, set()).add(texts[code])
    return found
