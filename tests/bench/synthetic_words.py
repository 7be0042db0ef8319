"""Words, phrases, surnames and venues, some much more common than others, and their typos.

A vocabulary is made of syllables; the k-th word comes with a chance of 1 / (k + offset) ** power
(Zipf and Mandelbrot). Cumulated chances are kept, from which numbers are drawn by bisection.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

Shares = NDArray[np.float64]
Column = Any  # a pyarrow array, whose stubs know no array of just any values

_CONNECTORS = ["of", "for", "in", "with", "and", "on", "by", "from"]
# One after the other, as a follow-up turns the one into the next.
_MARKS = ["part i", "part ii", "five-year follow-up", "six-year follow-up"]
_GENERIC = ["editorial", "introduction", "book review", "preface", "news", "letter to the editor"]
_COMMON = """
    study analysis effect effects model method methods approach patients treatment new clinical
    evaluation systems network learning dynamics structure properties cells theory human data
    estimation response optimal control quantum risk growth assessment surface detection design
"""
_HEAD = [*_CONNECTORS, *_MARKS, "erratum:", *_GENERIC]

CONNECTORS = range(len(_CONNECTORS))
PART_ONE, _, FIVE_YEAR, _, ERRATUM, *GENERIC = range(len(_CONNECTORS), len(_HEAD))
CONTENT = len(_HEAD)
"""The number of the first word that may be misspelled."""
_GIVEN = """
    Ana Bo Carla Dmitri Elena Farid Grace Hiro Ines Jan Kemal Lucia Mei Nils Olga Pavel Qing Rosa
    Sven Tara Umar Vera Wei Xenia Yusuf Zoe Amir Beatriz Chen Dora Emil Fumiko Gita Hans Ivan
    Julia Karim Lars Maria Noor Oscar Petra Raj Sara Tomas Ulla Viktor Wanda Yan Zainab
"""
N_TYPOS = 3
_WORDS, _PHRASES, _SURNAMES, _VENUES = 50_000, 60_000, 20_000, 3_000


@dataclass(frozen=True, slots=True)
class Words:
    """Everything text is put together from."""

    words: Column
    typos: Column
    """`N_TYPOS` for each word, in the order of the words."""
    phrases: NDArray[np.int64]
    """Three word numbers each, -1 where there is none."""
    phrase_shares: Shares
    given: Column
    surnames: Column
    surname_typos: Column
    surname_shares: Shares
    venues: Column
    short_venues: Column
    venue_shares: Shares


@cache
def words() -> Words:
    """The vocabulary, made once a process, always the same."""
    rng = default_rng(11)
    common = _COMMON.split()
    content = [*common, *_made_up(rng, _WORDS - len(common), set(common))]
    every = [*_HEAD, *content]
    surnames = [name.capitalize() for name in _made_up(rng, _SURNAMES, set())]
    fields = rng.permutation(2_000)[:_VENUES] + 40
    kinds = [("Journal of", "J"), ("Annals of", "Ann"), ("Proceedings of", "Proc")]
    venues = [
        (kinds[number % 3], content[fields[number % 2_000]], content[40 + number * 7 % 90])
        for number in range(_VENUES)
    ]
    phrases = CONTENT + np.searchsorted(_shares(_WORDS, 20, 1.0), rng.random((_PHRASES, 3)))
    length = rng.integers(1, 4, _PHRASES)
    phrases[np.arange(3) >= length[:, None]] = -1
    return Words(
        words=pa.array(every),
        typos=pa.array([_typo(word, way) for word in every for way in range(N_TYPOS)]),
        phrases=phrases.astype(np.int64),
        phrase_shares=_shares(_PHRASES, 100, 0.8),
        given=pa.array(_GIVEN.split()),
        surnames=pa.array(surnames),
        surname_typos=pa.array([_typo(name, len(name) % N_TYPOS) for name in surnames]),
        surname_shares=_shares(_SURNAMES, 10, 0.9),
        venues=pa.array([f"{kind[0]} {a.title()} {b.title()}" for kind, a, b in venues]),
        short_venues=pa.array(
            [f"{kind[1]} {a[:4].title()} {b[:5].title()}" for kind, a, b in venues]
        ),
        venue_shares=_shares(_VENUES, 20, 0.9),
    )


def _shares(count: int, offset: float, power: float) -> Shares:
    chances = 1.0 / (np.arange(1, count + 1) + offset) ** power
    return np.asarray(np.cumsum(chances / chances.sum()))


def _made_up(rng: Generator, count: int, taken: set[str]) -> list[str]:
    """Distinct words of two to four syllables."""
    starts = [*"bcdfghklmnprstv", "br", "ch", "dr", "gr", "pr", "qu", "st", "tr"]
    vowels = [*"aeiou", "ae", "io", "ea"]
    ends = ["", "", "", "n", "r", "l", "s", "x", "m"]
    found: dict[str, None] = {}
    while len(found) < count:
        picks = rng.integers(0, (len(starts), len(vowels), len(ends)), (4, 3))
        syllables = [starts[a] + vowels[b] + ends[c] for a, b, c in picks]
        word = "".join(syllables[: int(rng.integers(2, 5))])
        if word not in taken:
            found[word] = None
    return list(found)


def _typo(word: str, way: int) -> str:
    """The word with two letters exchanged, one left out, or one doubled, in its middle."""
    if len(word) < 4:
        return word
    at = len(word) // 2
    middle = (word[at] + word[at - 1], word[at], word[at - 1] * 2 + word[at])[way]
    return word[: at - 1] + middle + word[at + 1 :]
