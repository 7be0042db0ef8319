"""Which pairs are worth comparing: a glance at the titles' letters, before all evidence is asked for.

Most pairs that share a block are two works of one field or group. A title's letters, three at a time,
set some of 256 bits; pairs whose bits are unlike are told apart by counting bits, without the titles.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapidfuzz import fuzz, process

from warehouse.dedupe.pairs import Flags, Floats, Numbers, Side

Signatures = npt.NDArray[np.uint64]
"""`PARTS` numbers of 64 bits a row."""
PARTS = 4

ALIKE = 0.5
"""Titles less alike are not one, nor one a part of the other."""
ALIKE_OF_STRANGERS = 0.65
"""The same of records that share no author."""
ALIKE_IN_ALL = 0.75
"""Titles less alike are read letter by letter, and must then be alike in the order of letters too."""
ALIKE_IN_ORDER = 0.55
"""Share of the letters of both titles that stand in one order."""
GLANCED_AT = 100_000
"""Pairs that are sifted at a time."""
_ROWS = 200_000
_BLANK = 32


def signatures(titles: Any) -> Signatures:
    """The signature of every title of a column, in folded words; that of an empty one is 0.

    Letters are UTF-8's bytes, and three that stand in one word are taken together.
    """
    chunks = titles.chunks if isinstance(titles, pa.ChunkedArray) else [titles]
    found = [
        _signed(chunk.slice(start, _ROWS))
        for chunk in chunks
        for start in range(0, len(chunk), _ROWS)
    ]
    return np.concatenate([np.zeros((0, PARTS), np.uint64), *found])


def _signed(titles: Any) -> Signatures:
    _, offset_buffer, letter_buffer = titles.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[
        titles.offset : titles.offset + len(titles) + 1
    ]
    signed = np.zeros((len(titles), PARTS), np.uint64)
    if letter_buffer is None or offsets[-1] - offsets[0] < 3:
        return signed
    letters = np.frombuffer(letter_buffer, np.uint8)[offsets[0] : offsets[-1]]
    mixed = letters[:-2].astype(np.uint32) * np.uint32(0x9E3779B1)
    mixed += letters[1:-1].astype(np.uint32) * np.uint32(0x85EBCA6B)
    mixed += letters[2:].astype(np.uint32) * np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    place = mixed >> np.uint32(24)
    bits = np.left_shift(np.uint64(1), (place & np.uint32(63)).astype(np.uint64))
    blank = letters == _BLANK
    bits[blank[:-2] | blank[1:-1] | blank[2:]] = 0
    starts, ends = offsets[:-1] - offsets[0], offsets[1:] - offsets[0]
    # The two threes that run over a title's end belong to no title.
    for back in (1, 2):
        over = ends - back
        bits[over[(over >= 0) & (over < len(bits))]] = 0
    filled = np.flatnonzero(ends - starts >= 3)
    if len(filled):
        part = place >> np.uint32(6)
        for side in range(PARTS):
            chosen = np.where(part == side, bits, np.uint64(0))
            signed[filled, side] = np.bitwise_or.reduceat(chosen, starts[filled])
    return signed


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
        self._titles = keys["title"]
        self._signatures = signatures(self._titles)
        side = Side(keys)
        self._people = _people_bits(side.name_words)
        self._numbers = {name: getattr(side, name) for name in ("year", "volume", "page", "doi")}
        self._identifiers = side.identifiers

    def sifted(self, left: Numbers, right: Numbers) -> Flags:
        """The same as `worthwhile`, of any number of pairs."""
        steps = range(0, len(left), GLANCED_AT)
        stretches = (slice(start, start + GLANCED_AT) for start in steps)
        found = [self.worthwhile(left[some], right[some]) for some in stretches]
        return np.concatenate([np.zeros(0, bool), *found])

    def worthwhile(self, left: Numbers, right: Numbers) -> Flags:
        """Whether each pair of rows may be one work, related, or undecided.

        Without a shared identifier or place the titles must be alike, and where no author is shared
        all the more: what else agrees could not make up for it.
        """
        worthwhile, is_doubtful = self.glance(left, right)
        doubtful = np.flatnonzero(worthwhile & is_doubtful)
        read = process.cpdist(
            self._titles.take(left[doubtful]).to_pylist(),
            self._titles.take(right[doubtful]).to_pylist(),
            scorer=fuzz.ratio,
            score_cutoff=100 * ALIKE_IN_ORDER,
            workers=-1,
        )
        worthwhile[doubtful[read == 0]] = False
        return worthwhile

    def glance(self, left: Numbers, right: Numbers) -> tuple[Flags, Flags]:
        """Whether each pair may be worthwhile, and whether its titles must be read to tell."""
        same = {name: self._same(name, left, right) for name in self._numbers}
        one, other = self._identifiers[left], self._identifiers[right]
        certain = same["doi"] | ((one == other) & (one != 0)).any(1)
        certain |= same["page"] & (same["year"] | same["volume"])
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


def _people_bits(name_words: Numbers) -> npt.NDArray[np.uint64]:
    """64 bits that the words of a record's names set: records that share a word share a bit."""
    bits = np.left_shift(np.uint64(1), (name_words & 63).astype(np.uint64))
    found: npt.NDArray[np.uint64] = np.bitwise_or.reduce(
        np.where(name_words == 0, np.uint64(0), bits), axis=1
    )
    return found
