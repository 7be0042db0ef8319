"""What speaks for and against two records being one work: one small function a question.

Each function looks at many pairs at once and returns, for the reasons of `weights.WEIGHTS` it may
give, how strongly it gives them: 0 (not at all) to 1. A reason's contribution is its weight times
its strength, and a pair's score the sum of all contributions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process

from warehouse.dedupe import wordlists
from warehouse.dedupe.model import Model
from warehouse.dedupe.ownwords import own_words
from warehouse.dedupe.pairs import Flags, Floats, Numbers, Pairs
from warehouse.dedupe.titles import is_column
from warehouse.dedupe.venues import likeness
from warehouse.dedupe.weights import WEIGHTS

Reasons = dict[str, Floats]
Evidence = Callable[[Pairs, Model], Reasons]

LONG_PART = 18
"""A shorter piece of a title is found in many titles."""
LONGEST_PART = 500
"""A longer text is no title. Where in another it stands takes time that grows with its length cubed."""
PART = 0.92
"""What a title that is a part of the other counts, beside one that is equal."""
CONTAINED = 4
"""Words of fewer are found in many titles."""
MISSPELT = 75
"""Percent of the letters that two spellings of a surname share."""


def _ones(flags: Flags) -> Floats:
    return flags.astype(np.float32)


# ----------------------------------------------------------------------------------------- titles


def title(pairs: Pairs, model: Model, needed: Floats, vouched: Flags) -> Reasons:
    """Titles are alike letter by letter, or one is a part of the other, or each has its own words.

    Words of its own on either side tell works apart: "hash joins" here, "merge joins" there. Only
    pairs are looked at closely of which titles may come to what is needed; others keep a lower value.

    Args:
        pairs: what is compared.
        model: which words are rare.
        needed: what the titles have to add so that the pair comes to anything.
        vouched: where several people vouch for the pair, so that a title without its subtitle is known
            by any words it begins with.
    """
    left, right, titles = pairs.left.squeezed, pairs.right.squeezed, pairs.both("titles")
    ratio = np.asarray(process.cpdist(left, right, scorer=fuzz.ratio)) / 100
    lengths = np.array([list(map(len, left)), list(map(len, right))]).reshape(2, -1)
    shorter, longer = lengths.min(0), lengths.max(0)
    rare = np.minimum(np.minimum(pairs.left.rarity, pairs.right.rarity) / 8, 1)
    most = WEIGHTS["title"].weight * np.maximum(ratio, PART) + WEIGHTS["title_rare"].weight * rare
    close = (most >= needed) & (shorter > 0)
    parts = np.flatnonzero(
        close
        & (shorter >= LONG_PART)
        & (shorter <= LONGEST_PART)
        & (longer - shorter > 2)
        & (ratio < PART)
    ).tolist()
    if parts:
        part = process.cpdist(
            [left[at] for at in parts],
            [right[at] for at in parts],
            scorer=fuzz.partial_ratio,
        )
        ratio[parts] = np.maximum(ratio[parts], PART * np.asarray(part) / 100)
    for at in np.flatnonzero(close & vouched & (ratio < PART)).tolist():
        few, many = sorted((titles[0][at], titles[1][at]), key=len)
        if many.startswith(f"{few} ") and not is_column(few.split()):
            ratio[at] = PART
    own, opposed, exchanged = np.zeros((3, len(pairs)), np.float32)
    looked_at = np.flatnonzero(close & (ratio < 1))
    one, other = (list(map(side.__getitem__, looked_at.tolist())) for side in titles)
    words = own_words(one, other, model)
    contained = PART * words.shared / np.maximum(words.shared + words.own, 1e-9)
    told = (words.n_fewer >= CONTAINED) & (ratio[looked_at] < PART)
    ratio[looked_at[told]] = np.maximum(ratio[looked_at[told]], contained[told])
    own[looked_at] = np.minimum(1, words.own / 1.3)
    opposed[looked_at] = words.are_opposed
    exchanged[looked_at] = words.are_exchanged
    ratio[shorter == 0] = 0
    return {
        "title": ratio.astype(np.float32),
        "title_rare": (rare * np.clip((ratio - 0.8) / 0.2, 0, 1)).astype(np.float32),
        "title_leftover": own,
        "title_opposed": opposed,
        "title_exchanged": exchanged,
    }


def shared_title(pairs: Pairs, _model: Model) -> Reasons:
    """The title is one that many works bear, so that it tells little; with another difference, less."""
    shared = pairs.left.is_shared_title | pairs.right.is_shared_title
    short = np.minimum(pairs.left.rarity, pairs.right.rarity) < 1.2
    differs = np.zeros(len(pairs), bool)
    for name in ("year", "volume", "issue", "page"):
        one, other = pairs.both(name)
        differs |= (one >= 0) & (other >= 0) & (one != other)
    return {
        "title_shared": _ones(shared),
        "title_generic": _ones((shared | short) & differs),
    }


def numbers(pairs: Pairs, _model: Model) -> Reasons:
    """Each title has a number that the other lacks, or, which tells less, one only has; or one is a later part."""
    strength = np.zeros(len(pairs), np.float32)
    one, other = pairs.both("numbers")
    for at in np.flatnonzero((one != other) & (one != "") & (other != "")).tolist():
        left, right = set(one[at].split()), set(other[at].split())
        if left - right and right - left:
            strength[at] = 1.0 if len(left) == len(right) == 1 else 0.7
        elif left != right:
            strength[at] = 0.2
    one, other = pairs.both("part")
    # A work is rarely called the first part before there is a second.
    parts = np.isin(one, ["", "1"]) != np.isin(other, ["", "1"])
    return {"numbers_differ": np.where((one != other) & parts, 1, strength).astype(np.float32)}


def kind(pairs: Pairs, _model: Model) -> Reasons:
    """One record is a notice (erratum, reply, comment), the other is not, or another one."""
    one, other = pairs.both("kind")
    return {"kind_differs": _ones(one != other)}


# ---------------------------------------------------------------------------------------- authors


def authors(pairs: Pairs, _model: Model) -> Reasons:
    """How many authors of the shorter list are found in the other, and who stands first."""
    left, right = pairs.both("surnames")
    n_left, n_right = (left != 0).sum(1), (right != 0).sum(1)
    found = np.maximum(
        _n_found(left, pairs.right.name_words) / np.maximum(n_left, 1) * (n_left <= n_right),
        _n_found(right, pairs.left.name_words) / np.maximum(n_right, 1) * (n_right <= n_left),
    ).astype(np.float32)
    known = (n_left > 0) & (n_right > 0)
    few = np.minimum(n_left, n_right)
    read = np.flatnonzero(known & (found < 1) & (found > 0))
    found[read] = _share_found(*(side.texts("names", read) for side in (pairs.left, pairs.right)))
    first = known & (
        (left[:, :1] == pairs.right.name_words).any(1)
        | (right[:, :1] == pairs.left.name_words).any(1)
    )
    first_same = known & (left[:, 0] == right[:, 0])
    is_single = known & (few == 1) & (np.maximum(n_left, n_right) >= 3) & (found == 1)
    n_authors = np.minimum(*pairs.both("n_authors")) / np.maximum(
        1, np.maximum(*pairs.both("n_authors"))
    )
    rarity = np.minimum(pairs.left.name_rarity, pairs.right.name_rarity)
    return {
        "authors_all": _ones(known & (found == 1) & (few >= 2)),
        "authors_only": _ones(known & (found == 1) & (few == 1)) * n_authors.astype(np.float32),
        "authors_some": np.where(known, 1 - found, 0).astype(np.float32),
        "authors_missing": _ones(~known),
        "first_author_same": _ones(first_same),
        "first_author_differs": _ones(known & ~first),
        "author_not_first": _ones(is_single & ~first_same),
        "authors_rare": np.where(first_same, rarity, 0).astype(np.float32),
    }


def _share_found(left: list[str], right: list[str]) -> Any:
    """The share of the shorter list's surnames that the other has, as written or misspelt; of many pairs."""
    vocabulary, one, other = wordlists.read(left, right)
    here, there = np.zeros(len(one.rows), bool), np.zeros(len(other.rows), bool)
    for some, others in wordlists.crossed(one, other, len(left)):
        codes = one.codes[some], other.codes[others]
        alike = (codes[0] == codes[1]) | vocabulary.alike(*codes, MISSPELT)
        here[some[alike]] = True
        there[others[alike]] = True
    n_one, n_other = (np.bincount(side.rows, minlength=len(left)) for side in (one, other))
    found_one, found_other = (
        np.bincount(side.rows, found, len(left)) for side, found in ((one, here), (other, there))
    )
    return np.maximum(
        found_one / np.maximum(n_one, 1) * (n_one <= n_other),
        found_other / np.maximum(n_other, 1) * (n_other <= n_one),
    )


def _n_found(surnames: Numbers, name_words: Numbers) -> Any:
    """How many surnames are among the words of the other's names."""
    return (
        ((surnames[:, :, None] == name_words[:, None, :]) & (surnames != 0)[:, :, None])
        .any(2)
        .sum(1)
    )


# ------------------------------------------------------------------------------- when and where


def year(pairs: Pairs, _model: Model) -> Reasons:
    """How far the years lie apart; a missing year is not a different one."""
    one, other = pairs.both("year")
    known = (one >= 0) & (other >= 0)
    gap = np.abs(one - other)
    return {
        "year_same": _ones(known & (gap == 0)),
        "year_near": _ones(known & (gap == 1)),
        "year_apart": _ones(known & (gap >= 2) & (gap <= 3)),
        "year_far": _ones(known & (gap > 3)),
        "year_missing": _ones(~known),
    }


def place(pairs: Pairs, _model: Model) -> Reasons:
    """Volume, issue and first page, and how they go together."""
    reasons: Reasons = {}
    same, differs = {}, {}
    for name in ("volume", "issue", "page"):
        one, other = pairs.both(name)
        known = (one >= 0) & (other >= 0)
        same[name], differs[name] = known & (one == other), known & (one != other)
        reasons[f"{name}_same"] = _ones(same[name])
        reasons[f"{name}_differs"] = _ones(differs[name])
    one, other = pairs.both("year")
    years = (one >= 0) & (other >= 0) & (np.abs(one - other) > 1)
    conflicts = differs["volume"].astype(int) + differs["page"] + years
    reasons["place_same"] = _ones(same["volume"] & same["page"])
    reasons["place_differs"] = _ones(conflicts >= 2)
    reasons["issue_and_page_differ"] = _ones(same["volume"] & differs["issue"] & differs["page"])
    return reasons


def place_and_people(pairs: Pairs, _model: Model) -> Reasons:
    """Year, volume, first page and all authors are the same: then a title may be a translation."""
    left, right = pairs.both("surnames")
    people = (left == right).all(1) & (left[:, 0] != 0)
    same = people.copy()
    for name in ("year", "volume", "page"):
        one, other = pairs.both(name)
        same &= (one >= 0) & (one == other)
    several = (left != 0).sum(1) >= 2
    return {"place_and_people": np.where(same, np.where(several, 1, 0.6), 0).astype(np.float32)}


def venue(pairs: Pairs, model: Model, needed: Flags) -> Reasons:
    """Whether the venues are the same one, also abbreviated or by a name the model has learnt.

    Args:
        pairs: what is compared.
        model: which names are one.
        needed: pairs of which it matters; of others neither is said.
    """
    alike = np.full(len(pairs), -1, np.float32)
    one, other = pairs.both("venue")
    for at in np.flatnonzero(needed & (one != "") & (other != "")).tolist():
        names = (one[at], other[at]) if one[at] <= other[at] else (other[at], one[at])
        alike[at] = 1.0 if names in model.venue_aliases else likeness(*names)
    return {
        "venue_same": _ones(alike >= 0.85),
        "venue_differs": _ones((alike >= 0) & (alike < 0.6)),
    }


def form(pairs: Pairs, _model: Model) -> Reasons:
    """One is a preprint, thesis, book or conference paper, and the other is not.

    What has a volume or pages and does not say what it is, is no preprint.
    """
    one, other = pairs.both("form")
    differs = (one != other) & (one != "") & (other != "")
    printed, printed_too = (
        (volume >= 0) | (page >= 0)
        for volume, page in zip(pairs.both("volume"), pairs.both("page"), strict=True)
    )
    differs |= (one == "preprint") & (other == "") & printed_too
    differs |= (other == "preprint") & (one == "") & printed
    return {"form_differs": _ones(differs)}


# ------------------------------------------------------------------------------------ identifiers


def doi(pairs: Pairs, _model: Model) -> Reasons:
    """DOIs are the same or not; a repository's says nothing against the publisher's."""
    one, other = pairs.both("doi")
    known = (one >= 0) & (other >= 0)
    open_one, open_other = pairs.both("is_open_doi")
    return {
        "doi_same": _ones(known & (one == other)),
        "doi_differs": _ones(known & (one != other) & ~open_one & ~open_other),
    }


def identifiers(pairs: Pairs, _model: Model) -> Reasons:
    """ArXiv ids or PMIDs are the same; or they differ, as those of two works do."""
    one, other = pairs.both("identifiers")
    known = (one != 0) & (other != 0)
    same = (known & (one == other)).any(1)
    return {
        "identifier_same": _ones(same),
        "identifier_differs": _ones((known & (one != other)).any(1) & ~same),
    }


EVIDENCE: tuple[Evidence, ...] = (
    shared_title, numbers, kind, authors, year, place, place_and_people,
    form, doi, identifiers,
)  # fmt: skip
