"""Whether two names of a venue mean the same one."""

from functools import lru_cache

from rapidfuzz import fuzz

from schemas.normalize.cleaning import word_set

_LITTLE = word_set(
    "the of and on in for de la et der die und an a to annual international acm ieee"
)
_MARKS = {
    **dict.fromkeys(
        word_set("journal j jnl trans transactions letters lett magazine annals"), "journal"
    ),
    **dict.fromkeys(word_set("record rec bulletin newsletter review reviews"), "record"),
    **dict.fromkeys(
        word_set("conference conf proceedings proc congress symposium symp workshop meeting"),
        "meeting",
    ),
}
"""Words that tell what kind of venue it is: "VLDB" and "The VLDB Journal" are two."""
_MAYBE_MEETING = {"", "meeting"}
_OF_MEETINGS = {word for word, kind in _MARKS.items() if kind == "meeting"} | {"int", "intl"}
_PROCEEDINGS = ("proceedings", "proc")


@lru_cache(maxsize=300_000)
def likeness(one: str, other: str) -> float:
    """How alike two folded venue names are, from 0 to 1: as written, abbreviated, or as an acronym.

    "nat rev nephrol" and "nature reviews nephrology" are one, and so are "vldb" and "very large data
    bases".
    """
    if one == other:
        return 1.0
    few, many = sorted((_words(one), _words(other)), key=len)
    if not few:
        return 0.0
    if _abbreviates(few, many):
        return 1.0
    marks = {mark(one), mark(other)}
    # A meeting is often called by its bare name, a journal is not: SIGMOD, Proc. of SIGMOD.
    if len(marks) > 1 and marks != _MAYBE_MEETING:
        return min(0.5, fuzz.ratio(one, other) / 100)
    if _is_acronym(few, many):
        return 1.0
    if "meeting" in marks:
        bare, bare_too = (
            [word for word in words if word not in _OF_MEETINGS] for words in (few, many)
        )
        if bare and bare_too:
            one, other = " ".join(bare), " ".join(bare_too)
            if _is_acronym(bare, many) or _is_acronym(bare_too, few):
                return 1.0
    return max(fuzz.token_sort_ratio(one, other), fuzz.token_set_ratio(one, other) * 0.95) / 100


def mark(name: str) -> str:
    """What kind of venue a folded name says it is: journal, record, meeting, or nothing."""
    return next((_MARKS[word] for word in name.split() if word in _MARKS), "")


def _words(text: str) -> list[str]:
    return [word for word in text.split() if word not in _LITTLE]


def _abbreviates(few: list[str], many: list[str]) -> bool:
    """Whether both have as many words, each the other's or short for it, in order."""
    if len(few) != len(many):
        return False
    return all(_shortens(one, other) for one, other in zip(few, many, strict=True))


def _shortens(one: str, other: str) -> bool:
    """Whether the shorter word is the longer one with later letters left out, as "natl" of "national"."""
    short, long = sorted((one, other), key=len)
    letters = iter(long)
    return short[0] == long[0] and all(letter in letters for letter in short)


def _is_acronym(few: list[str], many: list[str]) -> bool:
    """Whether one word holds the first letters of the other name's words, in order."""
    if len(few) != 1 or not 3 <= len(few[0]) <= 8:
        return False
    return few[0] in "".join(word[0] for word in many if word not in _PROCEEDINGS)
