"""Which pairs are worth comparing: a glance at the titles' letters, before all evidence is asked for.

Most pairs that share a block are two works of one field or group. A title's letters, three at a time,
set some of 256 bits; pairs whose bits are unlike are told apart by counting bits, without the titles.
"""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapidfuzz import fuzz, process

from warehouse.dedupe.arrays import in_stretches
from warehouse.dedupe.pairs import Flags, Floats, Numbers, numbers_of, pairs_of

Signatures = npt.NDArray[np.uint64]
"""`PARTS` numbers of 64 bits a row."""
PARTS = 4

ALIKE = 0.5
"""Titles less alike are not one, nor one a part of the other."""
ALIKE_OF_STRANGERS = 0.65
"""The same of records that share no author."""
ALIKE_IN_ALL = 0.8
"""Titles less alike are read letter by letter, and must then be alike in the order of letters too."""
ALIKE_IN_ORDER = 0.75
"""Share of the letters of both titles that stand in one order."""
ALIKE_AT_PLACE = 0.55
"""The same of records that start on one page: there authors and place may make up for a title."""
GLANCED_AT = 100_000
"""Pairs that are sifted at a time."""
_ROWS = 20_000
_BITS = 64 * PARTS
_BLANK = 32


def signatures(titles: Any) -> Signatures:
    """The signature of every title of a column, in folded words; that of an empty one is 0.

    Letters are UTF-8's bytes, and three that stand in one word are taken together.
    """
    chunks = titles.chunks if isinstance(titles, pa.ChunkedArray) else [titles]
    found = [np.zeros((0, PARTS), np.uint64)]
    for chunk in chunks:
        found += in_stretches(len(chunk), _ROWS, partial(_signed, chunk))
    return np.concatenate(found)


def _signed(chunk: Any, stretch: slice) -> Signatures:
    titles = chunk[stretch]
    n = len(titles)
    _, offset_buffer, letter_buffer = titles.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[titles.offset : titles.offset + n + 1]
    marks = np.zeros(n * _BITS, bool)
    if letter_buffer is not None and offsets[-1] - offsets[0] >= 3:
        letters = np.frombuffer(letter_buffer, np.uint8)[offsets[0] : offsets[-1]]
        row = np.repeat(np.arange(n, dtype=np.int32), np.diff(offsets))
        blank = letters == _BLANK
        used = ~(blank[:-2] | blank[1:-1] | blank[2:]) & (row[:-2] == row[2:])
        marks[row[:-2][used] * np.int32(_BITS) + _places(letters)[used]] = True
    return np.packbits(marks, bitorder="little").view(np.uint64).reshape(n, PARTS)


def _places(letters: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The bit that each letter sets with the two that follow it."""
    mixed = letters[:-2].astype(np.uint32) * np.uint32(0x9E3779B1)
    mixed += letters[1:-1].astype(np.uint32) * np.uint32(0x85EBCA6B)
    mixed += letters[2:].astype(np.uint32) * np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    found: npt.NDArray[np.uint32] = mixed >> np.uint32(24)
    return found


def likeness(left: Signatures, right: Signatures) -> Floats:
    """What share of its bits the signature with fewer shares with the other, less what chance gives.

    1 where one of them has none: nothing speaks against a pair of which a title is missing.
    """
    shared = np.bitwise_count(left & right).sum(1, dtype=np.float32)
    one, other = (np.bitwise_count(side).sum(1, dtype=np.float32) for side in (left, right))
    fewer, more = np.minimum(one, other), np.maximum(one, other)
    by_chance = more / np.float32(64 * PARTS + 1)
    found = (shared / np.maximum(fewer, 1) - by_chance) / (1 - by_chance)
    return np.where(fewer > 0, found, 1).astype(np.float32)


class Sieve:
    """What of every record is looked at to see which pairs are worth comparing."""

    def __init__(self, keys: pa.Table) -> None:
        self._keys = keys
        self._signatures = signatures(keys["title"])
        self._people = _bits_of(keys["name_words"])
        self._surnames = _bits_of(keys["surnames"])
        self._numbers = {name: numbers_of(keys[name]) for name in ("year", "volume", "page", "doi")}
        chunks: list[Any] = keys["identifiers"].chunks
        both = [chunk.flatten().to_numpy().reshape(-1, 2) for chunk in chunks]
        self._identifiers = np.concatenate([np.zeros((0, 2), np.int64), *both])

    def sifted(self, left: Numbers, right: Numbers) -> Flags:
        """The same as `worthwhile`, of any number of pairs."""
        found = in_stretches(
            len(left), GLANCED_AT, lambda some: self.worthwhile(left[some], right[some])
        )
        return np.concatenate([np.zeros(0, bool), *found])

    def worthwhile(self, left: Numbers, right: Numbers) -> Flags:
        """Whether each pair of rows may be one work, related, or undecided.

        Without a shared identifier, or one place and the same authors, the titles must be alike, and
        where no author is shared all the more: what else agrees could not make up for it.
        """
        worthwhile, is_doubtful = self.glance(left, right)
        doubtful = np.flatnonzero(worthwhile & is_doubtful)
        left, right = left[doubtful], right[doubtful]
        titles = pairs_of(self._keys, left, right).both("titles")
        read = process.cpdist(*titles, scorer=fuzz.ratio, score_cutoff=100 * ALIKE_AT_PLACE)
        needed = np.where(self._same("page", left, right), ALIKE_AT_PLACE, ALIKE_IN_ORDER)
        worthwhile[doubtful[read < 100 * needed]] = False
        return worthwhile

    def glance(self, left: Numbers, right: Numbers) -> tuple[Flags, Flags]:
        """Whether each pair may be worthwhile, and whether its titles must be read to tell."""
        same = {name: self._same(name, left, right) for name in self._numbers}
        one, other = self._identifiers[left], self._identifiers[right]
        certain = same["doi"] | ((one == other) & (one != 0)).any(1)
        surnames = self._surnames[left]
        certain |= (
            same["page"]
            & (same["year"] | same["volume"])
            & ((surnames == self._surnames[right]) & (surnames != 0))
        )
        here, there = self._people[left], self._people[right]
        strangers = (here != 0) & (there != 0) & (here & there == 0)
        alike = likeness(self._signatures[left], self._signatures[right])
        needed = np.where(strangers & ~same["volume"], ALIKE_OF_STRANGERS, ALIKE)
        worthwhile: Flags = certain | (alike >= needed)
        return worthwhile, ~certain & (alike < ALIKE_IN_ALL)

    def _same(self, name: str, left: Numbers, right: Numbers) -> Flags:
        values = self._numbers[name]
        one = values[left]
        same: Flags = (one == values[right]) & (one >= 0)
        return same


def _bits_of(column: Any) -> npt.NDArray[np.uint64]:
    """64 bits that the numbers of a row's list set: rows that share a number share a bit."""
    found = np.zeros(len(column), np.uint64)
    start = 0
    for chunk in column.chunks:
        words = chunk.flatten().to_numpy()
        offsets = chunk.offsets.to_numpy()
        filled = np.flatnonzero(np.diff(offsets))
        if len(filled):
            bits = np.left_shift(np.uint64(1), (words & 63).astype(np.uint64))
            found[start + filled] = np.bitwise_or.reduceat(
                bits, (offsets[:-1] - offsets[0])[filled]
            )
        start += len(chunk)
    return found
