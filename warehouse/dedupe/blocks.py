"""The keys under which records are looked for; each survives other damage than the next.

Numbers of texts are made one by one. What is made of them is arithmetic modulo 2**60, done for many
records at once.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from warehouse.dedupe.remembering import remembered

_MASK = (1 << 60) - 1
_EMPTY = blake2b(digest_size=8)


def number_of(text: str) -> int:
    """The number that stands for a text, of 60 bits, the same on every machine and for ever."""
    digest = _EMPTY.copy()  # takes half the time of a new one
    digest.update(text.encode())
    return int.from_bytes(digest.digest(), "big") & _MASK


number_of_word = remembered(number_of)

ABSENT = -(1 << 63)
"""Stands for a part that a record lacks; whatever is made of it is left out."""
PARTS = (
    "title", "start", "head", "tail",
    "name_1", "name_2", "name_3", "word_1", "word_2", "word_3",
    "year", "volume", "page",
    "doi", "arxiv_id", "pmid",
)  # fmt: skip
"""What blocks are made of: the whole title and parts of it, its first surnames and rarest words, by
their numbers; what is a number itself; identifiers, which are blocks as they are."""
IDENTIFIERS = 3
_FORMULAS: list[list[tuple[str, ...]]] = [
    [("head",)],
    [("tail",)],
    [("start", "name_1"), ("start", "name_2")],
    [("low_word", "mid_word"), ("low_word", "high_word"), ("mid_word", "high_word")],
    [(f"word_{word}", f"name_{name}") for word in (1, 2) for name in (1, 2, 3)],
    [("name_1", "year", "page")],
    [("year", "volume", "page")],
    [("low_name", "mid_name", "high_name", "year")],
    [("title", "year")],
    [("title", "name_1")],
]
"""Parts of the blocks of each kind; what is low or high is so among the words, or names, of a record."""
_KINDS = [number_of(f"block {kind}") for kind in range(len(_FORMULAS))]
_FACTORS = [1, *(number_of(f"place {place}") | 1 for place in range(3))]
"""By which what stands second in a block is not what stands first."""


def blocks_of(parts: Iterable[int]) -> list[tuple[int, ...]]:
    """The blocks of some records, sorted.

    Args:
        parts: the `PARTS` of the first record, of the second, and so on.
    """
    columns = np.array(parts, np.int64).reshape(-1, len(PARTS)).T.astype(np.uint64)
    absent = np.int64(ABSENT).astype(np.uint64)  # more than any other, so that it is sorted last
    known = dict(zip(PARTS, columns, strict=True))
    words = np.sort([known["word_1"], known["word_2"], known["word_3"]], axis=0)
    names = np.sort([known["name_1"], known["name_2"], known["name_3"]], axis=0)
    names[2, names[2] == absent] = 0  # two names do as well as three
    known.update(zip(("low_word", "mid_word", "high_word"), words, strict=True))
    known.update(zip(("low_name", "mid_name", "high_name"), names, strict=True))
    found = []
    for kind, formulas in zip(_KINDS, _FORMULAS, strict=True):
        for formula in formulas:
            several = [known[name] for name in formula]
            mixed = [part * factor for part, factor in zip(several, _FACTORS, strict=False)]
            is_lacking = np.logical_or.reduce([part == absent for part in several])
            found.append(np.where(is_lacking, absent, (sum(mixed) + kind) & _MASK))
    blocks = np.sort(np.stack([*found, *columns[-IDENTIFIERS:]], axis=1), axis=1)
    is_kept = blocks != absent
    is_kept[:, 1:] &= blocks[:, 1:] != blocks[:, :-1]
    ends = np.cumsum(is_kept.sum(axis=1)).tolist()
    flat = blocks[is_kept].tolist()
    return [tuple(flat[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
