"""Lists of words of many pairs as arrays of numbers, so that what they share is found all at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from warehouse.dedupe import arrays
from warehouse.dedupe.pairs import Flags, Numbers

MOST_AT_ONCE = 1_000_000
"""Words that are held against each other at a time, about."""


class Words(NamedTuple):
    """The words of one side, one entry a word, sorted by the rows they stand in."""

    rows: Numbers
    codes: Numbers
    """Places in the vocabulary."""

    def where(self, chosen: Flags) -> "Words":
        """Some of the entries."""
        return Words(self.rows[chosen], self.codes[chosen])


@dataclass(frozen=True)
class Vocabulary:
    """Distinct words."""

    words: Any
    """A string array."""

    @cached_property
    def texts(self) -> list[str]:
        """The words themselves."""
        found: list[str] = self.words.to_pylist()
        return found

    @cached_property
    def lengths(self) -> Numbers:
        """Characters of each word."""
        found: Numbers = pc.utf8_length(self.words).to_numpy().astype(np.int64)
        return found

    @cached_property
    def are_numbers(self) -> Flags:
        """Whether each word is of digits only."""
        found: Flags = pc.utf8_is_digit(self.words).to_numpy(zero_copy_only=False)
        return found

    @cached_property
    def letters(self) -> npt.NDArray[np.uint32]:
        """Which letters each word has, a bit a letter; all bits where it is not ASCII."""
        _, offset_buffer, letter_buffer = self.words.buffers()
        found = np.zeros(len(self.words), np.uint32)
        if letter_buffer is None:
            return found
        offsets = np.frombuffer(offset_buffer, np.int32)[: len(self.words) + 1]
        raw = np.frombuffer(letter_buffer, np.uint8)[: offsets[-1]]
        filled = np.flatnonzero(np.diff(offsets))
        if len(filled):
            bits = np.left_shift(np.uint32(1), (raw & 31).astype(np.uint32))
            found[filled] = np.bitwise_or.reduceat(bits, offsets[:-1][filled])
        found[np.diff(offsets) != self.lengths] = 0xFFFFFFFF
        return found

    def each(self, tell: Callable[[str], float]) -> npt.NDArray[np.float64]:
        """What is told of every word."""
        return np.fromiter(map(tell, self.texts), np.float64, len(self.texts))

    def alike(self, one: Numbers, other: Numbers, cutoff: int) -> Flags:
        """Whether words two by two are alike letter by letter.

        Args:
            one: places of words.
            other: places of as many others.
            cutoff: the share of letters, in percent, that must stand in both in one order.
        """
        lengths = self.lengths[one] + self.lengths[other]
        here, there = self.letters[one], self.letters[other]
        # Each letter that only one of them has must be left out.
        left_out = np.bitwise_count(here ^ there).astype(np.int64)
        unsure = (here == 0xFFFFFFFF) | (there == 0xFFFFFFFF)
        near = 100 * left_out <= (100 - cutoff) * lengths
        gap = np.abs(self.lengths[one] - self.lengths[other])
        near = (near | unsure) & (100 * gap <= (100 - cutoff) * lengths)
        found: Flags = near.copy()
        places = np.flatnonzero(near)
        found[places] = self._compared(one[places], other[places], cutoff)
        return found

    def _compared(self, one: Numbers, other: Numbers, cutoff: int) -> Any:
        texts = self._taken(one), self._taken(other)
        return process.cpdist(*texts, scorer=fuzz.ratio, score_cutoff=cutoff) > 0

    def within(self, part: Numbers, whole: Numbers) -> Flags:
        """Whether one word stands in the other, two by two."""
        missing = self.letters[part] & ~self.letters[whole]
        found: Flags = (missing == 0) | (self.letters[part] == 0xFFFFFFFF)
        found &= self.lengths[part] <= self.lengths[whole]
        places = np.flatnonzero(found)
        pairs = zip(self._taken(part[places]), self._taken(whole[places]), strict=True)
        found[places] = [word in other for word, other in pairs]
        return found

    def are_transposed(self, one: Numbers, other: Numbers) -> Flags:
        """Whether words are the same but for two neighbours in the other order, two by two."""
        found: Flags = self.letters[one] == self.letters[other]
        found &= self.lengths[one] == self.lengths[other]
        places = np.flatnonzero(found)
        pairs = zip(self._taken(one[places]), self._taken(other[places]), strict=True)
        found[places] = [_are_transposed(here, there) for here, there in pairs]
        return found

    def _taken(self, places: Numbers) -> list[str]:
        texts = self.texts
        return [texts[place] for place in places.tolist()]


def _are_transposed(one: str, other: str) -> bool:
    at = [place for place, letter in enumerate(one) if letter != other[place]]
    if len(at) != 2 or at[1] != at[0] + 1:
        return False
    return one[at[0]] == other[at[1]] and one[at[1]] == other[at[0]]


def read(left: Sequence[str], right: Sequence[str]) -> tuple[Vocabulary, Words, Words]:
    """The words of texts two by two, which stand between single blanks."""
    taken = pc.split_pattern(pa.array([*left, *right], pa.string()), " ")
    ends = taken.offsets.to_numpy()
    encoded: Any = pc.dictionary_encode(taken.flatten())
    codes = encoded.indices.to_numpy().astype(np.int64)
    vocabulary = Vocabulary(encoded.dictionary)
    rows = np.repeat(np.arange(len(taken)), np.diff(ends))
    present = vocabulary.lengths[codes] > 0 if len(codes) else np.zeros(0, bool)
    rows, codes = rows[present], codes[present]
    middle = np.searchsorted(rows, len(left))
    return (
        vocabulary,
        Words(rows[:middle], codes[:middle]),
        Words(rows[middle:] - len(left), codes[middle:]),
    )


def distinct(words: Words, vocabulary: Vocabulary) -> Words:
    """Each word once a row."""
    size = max(len(vocabulary.words), 1)
    keys = arrays.distinct(words.rows * size + words.codes)
    return Words(keys // size, keys % size)


def shared(left: Words, right: Words, vocabulary: Vocabulary) -> tuple[Flags, Flags]:
    """Which of the distinct words of either side the other has in the same row."""
    size = max(len(vocabulary.words), 1)
    one, other = left.rows * size + left.codes, right.rows * size + right.codes
    return np.isin(one, other, assume_unique=True), np.isin(other, one, assume_unique=True)


def crossed(left: Words, right: Words, n_rows: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Every word of the left with every word of the right of its row, as places in the two sides.

    Args:
        left: words of one side.
        right: words of the other.
        n_rows: how many rows there are.
    """
    n_right = np.bincount(right.rows, minlength=n_rows)
    starts = np.cumsum(n_right) - n_right
    partners = n_right[left.rows]
    ends = np.cumsum(partners)
    begin = 0
    while begin < len(left.rows):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + MOST_AT_ONCE, side="right")))
        n_each = partners[begin:end]
        one = np.repeat(np.arange(begin, end), n_each)
        place = np.arange(len(one)) - np.repeat(np.cumsum(n_each) - n_each, n_each)
        yield one, starts[left.rows[one]] + place
        begin = end
