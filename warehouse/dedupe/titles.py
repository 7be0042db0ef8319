"""Titles as they are matched: what only a database adds is taken off, what tells works apart is noted.

Databases add languages, panels and notices to titles ("[German]", "(discussion)", "[Erratum appears
in ...]"); these are cut. Two things are read off before: which kind of notice the title announces,
and the numbers in it, which alone tell part I from part II and the six-year from the five-year
follow-up.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from schemas.normalize.cleaning import word_set
from schemas.normalize.text import folded_words
from warehouse.dedupe.remembering import remembered

ARTICLE = ""
"""Kind of whatever is no notice about another work."""

_NOTICE = re.compile(
    r"\s*[\[(](?:published )?(?:erratum|errata|corrected|correction|comments? (?:in|on)|see comments?"
    r"|retraction|retracted|summary for patients|original report|update of|appears in|the erratum)"
    r"[^\])]{0,300}[\])]?\s*\.?\s*$",
    re.IGNORECASE,
)
_TRAILER = re.compile(
    r"\s*(?:\[[^\[\]]{1,60}\]"
    r"|\((?:panel|discussion|abstract(?: only)?|tutorial|invited|demo|demonstration|poster|extended abstract"
    r"|review|editorial|letter|with discussion|keynote(?: address)?|book review)\))\s*\.?\s*$",
    re.IGNORECASE,
)
_FORMAT = re.compile(
    r"\s*\((?:[a-z]{2,12}[ -]){0,2}(?:panel|tutorial|demo|demonstration|abstract|session|poster|keynote"
    r"|invited|experience|industrial)(?:[ -][a-z]{2,12}){0,2}\)",
    re.IGNORECASE,
)
"""How it was presented, not what it is about: (panel session), (demo abstract)."""
_PLACE = re.compile(
    r"\s*\((?:vol|volume|pg|pages?)\b[^()]{3,80}\d[^()]{0,20}\)?\s*\.?\s*$", re.IGNORECASE
)
"""Web of Science names what an erratum is about: (vol 360, pg 542, 2009)."""

_BARE = re.compile(
    r"\s*[\[(](?:(errat(?:um|a)|corrigend(?:um|a)|correction|addend(?:um|a))|retraction)[\])]\s*\.?\s*$",
    re.IGNORECASE,
)
"""A record that is a notice itself; one that only has a notice says where: [Erratum appears in ...]."""

_STAMP = re.compile(
    r"^\s*(?:[\[(]\s*(?:retracted|withdrawn)(?: (?:article|paper|chapter))?\s*[\])]\s*[:.\u2013\u2014-]?"
    r"|(?:retracted|withdrawn)(?: (?:article|paper|chapter))?\s*[:\u2013\u2014])\s*",
    re.IGNORECASE,
)
"""What publishers print before the title of the work itself; a notice of it says "Retraction"."""

_KINDS = (
    ("erratum", re.compile(r"^(?:published |author )?(?:errat(?:um|a)|correct(?:ion|ions|ed)|corrigend(?:um|a)|addend(?:um|a))\b(?!.{0,12}\b(?:of|for) (?!the article))|\b(?:erratum|corrigendum)\s*[.\])]?$", re.IGNORECASE)),
    ("retraction", re.compile(r"^(?:retraction|retracted|withdrawn|notice of retraction|statement of retraction|expression of concern)\b|\bretraction$", re.IGNORECASE)),
    ("reply", re.compile(r"^(?:(?:the )?authors?'?s?'? )?(?:reply|response|rejoinder)\b(?: (?:to|from|by)\b|[:.\]]|$)|^in (?:reply|response)\b|[-\u2013\u2014:.(\[] ?(?:(?:the )?authors?'?s?'? )?(?:reply|response|rejoinder)[.)\]]*$|\bauthors?'?s?'? (?:reply|response)[.)\]]*$", re.IGNORECASE)),
    ("comment", re.compile(r"^(?:comments?|commentary|discussion|re|letter) ?(?::|on\b|to\b)|^(?:invited )?(?:commentary|comment)\b(?: on\b|:|$)|[-\u2013\u2014:.(\[] ?(?:invited )?(?:comment|commentary)[.)\]]*$", re.IGNORECASE)),
    ("protocol", re.compile(r"\b(?:study|trial|review|analysis) protocols?[\s.)\]]*$|\bprotocols? (?:for|of) (?:an?|the)\b.*\b(?:review|trial|study|analysis)\b|[:.\u2013\u2014] ?(?:an? |the )?(?:study )?protocol[\s.)\]]*$", re.IGNORECASE)),
    ("supplement", re.compile(r"^supplement(?:ary|al)? (?:material|information|data|to|for)\b|[:(\[] ?supplement(?:ary|al)? (?:material|information|data)[.)\]]*$", re.IGNORECASE)),
)  # fmt: skip

_HINTS = (
    "errat", "correct", "corrig", "addend", "retract", "withdr", "concern", "reply", "respon", "rejoin",
    "comment", "discuss", "letter", "supplement", "re:", "re :", "protocol",
)  # fmt: skip
"""One of these is in every notice; most titles need no closer look."""

_NUMBER_WORDS = {
    word: value
    for value, words in enumerate(
        [
            "one first", "two second", "three third", "four fourth", "five fifth", "six sixth",
            "seven seventh", "eight eighth", "nine ninth", "ten tenth", "eleven eleventh",
            "twelve twelfth", "thirteen", "fourteen", "fifteen",
        ],
        1,
    )
    for word in words.split()
}  # fmt: skip
_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})")
_ONES = {"": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
_NUMERALS = _NUMBER_WORDS.keys() | {
    tens + ones for tens in ("", "x", "xx", "xxx") for ones in _ONES if tens or ones
}
_TELLING = re.compile(
    r"\d|errat|correct|corrig|addend|retract|withdr|concern|reply|respon|rejoin|comment|discuss|letter"
    r"|supplement|protocol|^re$|part|pt$|chapter|volume|book"
)
_COUNTED = word_set(
    "part parts phase type class grade stage chapter volume book study experiment trial section report "
    "paper group level factor focus"
)
"""Words before a number, even a roman one of one letter."""
_STANDING = re.compile(r"(?:^|[\s(\u2013\u2014-])([IVX])(?=\s*(?:[.:;)\u2013\u2014]|$))")
"""A roman number of one letter that stands before a mark or at the end: "Methods. I. Theory"."""
_COLUMNS = word_set(
    "editorial editorials introduction preface foreword letters contents index abstracts discussion reply "
    "response comment commentary correction erratum errata corrigendum obituary news panel conclusion "
    "conclusions announcements acknowledgments bookreview bookreviews bookreviewed letter lettertotheeditor "
    "letterstotheeditor inthisissue fromtheeditor fromtheeditors tableofcontents guesteditorial "
    "guesteditorsintroduction guesteditorialintroduction specialissueintroduction aboutthisissue "
    "chairsmessage messagefromthechair messagefromtheeditor authorindex subjectindex masthead "
    "titlepage frontmatter backmatter coverimage calendar calendarofevents callforpapers viewpoint "
    "perspective abouttheauthors listofreviewers reviewers acknowledgmentofreviewers keynote "
    "keynoteaddress openingremarks closingremarks welcome welcomemessage workshopsummary panelsummary"
)
"""Whole titles, without blanks, that come back in issue after issue."""
_EDITORS = re.compile(
    r"(?:guest ?)?(?:editors?|chairs?|presidents?|publishers?)(?:in ?chief)? ?(?:s )?"
    r"(?:notes?|comments?|introductions?|messages?|pages?|letters?|column|corner|foreword|preface|remarks)"
)


class Title(NamedTuple):
    """A title, ready to be compared."""

    words: tuple[str, ...]
    """Folded, in order; nothing a database added."""
    numbers: tuple[str, ...]
    """Numbers and codes, each in one spelling, sorted."""
    kind: str
    """erratum, retraction, reply, comment, protocol, supplement, else `ARTICLE`."""
    part: str
    """Which part of a work in parts it says to be, as a number; empty where it does not."""


def read_title(text: str) -> Title:
    """Read a title that is readable on one line (see `schemas.normalize.text.readable`)."""
    kind = ARTICLE
    if "(" in text or "[" in text:
        text, kind = _without_trailers(text)
    words = tuple(folded_words(text))
    if text.isascii() and "\\" not in text and not any(map(_is_telling, words)):
        return Title(words, (), kind, "")
    lower = text.lower()
    if "retract" in lower or "withdr" in lower:
        plain = _STAMP.sub("", text)
        if plain != text and any(map(str.isalnum, plain)):
            text, words, lower = plain, tuple(folded_words(plain)), plain.lower()
    if kind == ARTICLE and any(hint in lower for hint in _HINTS):
        kind = next((name for name, form in _KINDS if form.search(text)), ARTICLE)
    return Title(words, _numbers(words, text), kind, _part(text))


@remembered
def _is_telling(word: str) -> bool:
    """Whether a word may be a number or may announce a notice or a part."""
    return word in _NUMERALS or _TELLING.search(word) is not None


_NAMED_PART = re.compile(
    r"\b(?:parts?|pt\.|chapter|volume|book)\s+(\d{1,3}|[ivx]{1,5}|one|two|three|four|five)\b",
    re.IGNORECASE,
)
_NUMBERED_PART = re.compile(r"(\w*)[\s,:;(]\s*(III?|IV|VI{1,3}|IX)(?=\s*[):.,;]|\s*$)")


_PART_HINTS = ("part", "pt.", "chapter", "volume", "book")


def _part(text: str) -> str:
    """`2` of "Looms, Part II", "Looms II: Shuttles" and "looms (part two)"; not of "type II"."""
    lower = text.lower()
    named = any(hint in lower for hint in _PART_HINTS) and _NAMED_PART.search(text)
    if named:
        number = named[1].lower()
    else:
        is_numbered = "II" in text or "IV" in text or "VI" in text or "IX" in text
        numbered = _NUMBERED_PART.search(text) if is_numbered else None
        if numbered is None or numbered[1].lower() in _COUNTED:
            return ""
        number = numbered[2].lower()
    if number.isdigit():
        return number.lstrip("0")
    if number in _NUMBER_WORDS:
        return str(_NUMBER_WORDS[number])
    return _roman(number)


def _roman(word: str) -> str:
    """The number that a Roman one stands for, up to 39; empty for any other word."""
    roman = _ROMAN.fullmatch(word)
    return str(10 * len(roman[1]) + _ONES[roman[2]]) if roman else ""


def is_column(words: Sequence[str]) -> bool:
    """Whether a title, in folded words, is that of a column, which comes back in every issue."""
    if len(words) > 5:
        return False
    return "".join(words) in _COLUMNS or _EDITORS.fullmatch(" ".join(words)) is not None


def _without_trailers(text: str) -> tuple[str, str]:
    kind = ARTICLE
    plain = _FORMAT.sub("", text)
    text = plain if any(map(str.isalnum, plain)) else text
    place = _PLACE.search(text)
    if place and place.start():
        text, kind = text[: place.start()], "erratum"
    bare = _BARE.search(text)
    if bare and bare.start():
        text, kind = text[: bare.start()], "erratum" if bare[1] else "retraction"
    for _ in range(4):
        shorter = _TRAILER.sub("", _NOTICE.sub("", text))
        if shorter == text or not any(map(str.isalnum, shorter)):
            return text, kind
        text = shorter
    return text, kind


def _numbers(words: tuple[str, ...], text: str) -> tuple[str, ...]:
    found = []
    before = ""
    for word in words:
        if word in _NUMBER_WORDS:
            found.append(str(_NUMBER_WORDS[word]))
        elif not word.isalpha():
            found.extend(digits.lstrip("0") or "0" for digits in _DIGITS.findall(word))
        elif (len(word) > 1 or before in _COUNTED) and word[0] in "ivx":
            roman = _roman(word)
            if roman and (before in _COUNTED or word.upper() in text):
                found.append(roman)
        before = word
    is_standing = not found and ("I" in text or "V" in text or "X" in text)
    standing = _STANDING.search(text) if is_standing else None
    if standing:
        found.append(_roman(standing[1].lower()))
    return tuple(sorted(found))
