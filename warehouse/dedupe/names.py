"""Names of authors as they are matched: a guess at each surname, and every long word.

Records name the same person as "Zuna, R. E.", "R E Zuna", "Zuna RE" or "Rosemary E. Zuna", and some
hold a whole list in one string. What is a surname is guessed; what must not be lost by a wrong guess
is kept beside it, in the long words.
"""

import re
from collections.abc import Iterator, Sequence

from schemas.normalize.cleaning import word_set
from schemas.normalize.text import folded_words
from warehouse.dedupe.remembering import remembered

MOST_AUTHORS = 8
"""Surnames kept of one record; two long lists that agree in so many are the same."""
MOST_WORDS = 24
"""Long words of names kept of one record."""

_PARTICLES = word_set("al da de del della den der di dos du el la le ten ter van vd von zu zur")
_SUFFIXES = frozenset(["jr", "sr", "ii", "iii", "iv", "2nd", "3rd", "md", "phd", "msc", "bsc"])
_NOBODY = frozenset(
    ["anonymous", "anon", "unknown", "et", "al", "others", "noauthor", "nn", "author"]
)
_GLUED = re.compile(r"\s*(?:;|\band\b|&)\s*", re.IGNORECASE)
_AND_OTHERS = re.compile(
    r"[\s,;]+(?:et\.?\s*al\b|(?:and|&)\s+others\b).*", re.IGNORECASE | re.DOTALL
)
_INITIAL_FIRST = re.compile(r"[^\W\d_](?:\.|\s)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[ -]?){1,4}")


def people(names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The surname and the long words of every author; lists in one string are taken apart.

    Args:
        names: authors as printed, each one person or, where a source glues them, many.

    Returns:
        In the order of the record: surname in folded letters, and all words of three letters and
        more, the surname's among them.
    """
    found = []
    for printed in _one_by_one(names):
        person = _person(printed)
        if person is not None:
            found.append(person)
    return found


def _one_by_one(names: Sequence[str]) -> Iterator[str]:
    """The names, those taken apart that hold several."""
    for printed in names:
        if len(names) == 1 or "&" in printed or ("," in printed and _is_list(printed)):
            yield from _taken_apart(_AND_OTHERS.sub("", printed))
        else:
            yield printed


def _is_list(text: str) -> bool:
    """Whether one of several names is a list itself: "A. Zuna, B. Wang", and "S. Lu" after an "and"."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 2:
        return all(_INITIAL_FIRST.match(part) and not _ends_in_initial(part) for part in parts)
    return len(parts) > 2 and _SUFFIXES.isdisjoint(folded_words(parts[-1]))


def _taken_apart(text: str) -> list[str]:
    """The names of a list in one string; a single name stays as it is."""
    parts = [part for part in _GLUED.split(text) if part]
    if len(parts) > 1:
        return [name for part in parts for name in _taken_apart(part)]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) < 2:
        return [text]
    is_initials = [_INITIALS.fullmatch(part) is not None for part in parts]
    if len(parts) > 2 and len(parts) % 2 == 0 and all(is_initials[1::2]):
        # "Zuna, R E, Wang, S S"
        return [f"{parts[at]}, {parts[at + 1]}" for at in range(0, len(parts), 2)]
    if len(parts) == 2 and (is_initials[1] or " " not in parts[0] or " " not in parts[1]):
        return [text]
    if len(parts) == 2 and _ends_in_initial(parts[1]) and not _ends_in_initial(parts[0]):
        # "van der Berg, Johanna M."
        return [text]
    return parts


def _ends_in_initial(text: str) -> bool:
    return len(text.split()[-1].rstrip(".")) == 1


@remembered
def _person(printed: str) -> tuple[str, tuple[str, ...]] | None:
    family, comma, given = printed.partition(",")
    words = folded_words(family)
    if words[:1] == ["and"]:
        del words[0]
    if words[-2:] == ["et", "al"]:
        del words[-2:]
    while len(words) > 1 and (words[-1] in _SUFFIXES or words[-1].isdigit()):
        words.pop()
    if comma and words:
        surname = [word for word in words if len(word) > 1] or words
        words = words + folded_words(given)
    else:
        surname = _surname_of(words, family)
    if not surname or surname[0] in _NOBODY:
        return None
    long = [
        word for word in words if len(word) > 2 and word not in _PARTICLES and not word.isdigit()
    ]
    spelt = _spelt(" ".join([surname[-1], *long])).split()
    return spelt[0], tuple(dict.fromkeys(spelt))


def _spelt(words: str) -> str:
    """One spelling of what is written with and without an umlaut: Mück, Mueck, Muck."""
    return words.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def _surname_of(words: list[str], printed: str) -> list[str]:
    """The surname of a name without comma: before trailing initials, else the last word."""
    at = len(words)
    if at < 2 or len(words[-1]) > 3:
        return words[-1:]
    tokens = printed.rsplit(None, 1)
    is_upper = bool(tokens) and (tokens[-1].isupper() or len(words[-1]) == 1)
    while at > 1 and len(words[at - 1]) <= 2 and is_upper:
        at -= 1
    if at > 1 and at == len(words) and is_upper and len(words[-1]) == 3 and not printed.isupper():
        at -= 1  # "Smith JAB"
    if at < len(words) and len(words[at - 1]) > 1:
        return words[:at]
    return words[-1:]
