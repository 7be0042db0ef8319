"""Readable titles and abstracts, and the key that equal titles share."""

import re
import unicodedata
from collections.abc import Callable
from unicodedata import is_normalized

from schemas.normalize.cleaning import clean, line
from schemas.normalize.latex import MATH_PARTS, without_latex, without_macros
from schemas.normalize.markup import unescaped, without_tags

# --------------------------------------------------------------------------------- readable text

_ROUNDS = 8
"""Markup that still moves after so many rounds is not markup: the text stays as it was."""
# These begin with what they are about, not with what stands before it, so that a search is quick.
_TIE = re.compile(
    r"~(?:(?<=[\w.,;:)\]}%'\"”]~)|(?<![\s\S]~))"
    r"(?=[^\W\d_]|[(\[\s\\“\"`]|$|(?<=[^\W\d_]~)\d|(?<=[.)]~)\d)"
)
_QUOTED = re.compile(r"``([^`\n]{0,400}?)(?:''|\")")
_DASHES = re.compile("-{2,}")


def _dash(match: re.Match[str]) -> str:
    """A dash between two words, or between blanks; never an arrow, a comment's or a line's."""
    before = match.string[max(0, match.start() - 200) : match.start()]
    left, right = before[-1:], match.string[match.end() : match.end() + 1]
    if left.isspace():
        is_dash = not right or right.isspace()
    else:
        is_dash = left not in {"<", "!"} and right != ">" and not right.isspace()
    if not is_dash or len(match[0]) > 3:
        return match[0]
    word = before[before.rfind(" ") + 1 :]
    if "/" in word or "www." in word:
        return match[0]  # inside an address
    return "\u2013" if len(match[0]) == 2 else "\u2014"


def _is_marked(text: str) -> bool:
    return (
        "\\" in text
        or "{" in text
        or "&" in text
        or "<" in text
        or "~" in text
        or "--" in text
        or "``" in text
    )


def _folded_again(text: str, fold: Callable[[str], str]) -> str:
    """Fold what was folded before markup was resolved; mostly there is nothing to fold."""
    is_line = "  " not in text and text.isprintable() and text[:1] != " " and text[-1:] != " "
    return text if is_line and is_normalized("NFC", text) else fold(text)


def _is_marked_in_math_only(text: str) -> bool:
    """Whether nothing is to be done, because all marks stand in math, which stays as it is."""
    if "&" in text or ("$" not in text and "\\" not in text):
        return False
    return not _is_marked("".join(MATH_PARTS.split(text)[::2]))


def _typeset(text: str) -> str:
    """Do in text what belongs outside math: tags, ties, quotes, dashes."""
    if "<" in text:
        text = without_tags(text)
    if "~" in text:
        text = _TIE.sub(" ", text)
    if "``" in text:
        text = _QUOTED.sub(r"“\1”", text)
    if "--" in text:
        text = _DASHES.sub(_dash, text)
    return text


def _settled(text: str, fold: Callable[[str], str]) -> str:
    """Resolve markup until nothing changes, so that doing it again changes nothing either."""
    now = text
    for _ in range(_ROUNDS):
        if not _is_marked(now) or _is_marked_in_math_only(now):
            return now
        was = now
        if "&" in now:
            now = clean(unescaped(now))
        if "\\" in now or "{" in now:
            now = without_latex(now)
        if "$" in now or "\\" in now:
            parts = MATH_PARTS.split(now)
            parts[::2] = outside = list(map(_typeset, parts[::2]))
            now = "".join(parts)
        else:
            outside = [now := _typeset(now)]
        if now == was or (now := _folded_again(now, fold)) == was:
            return now
        # What is left stands in math: another round would find nothing to do.
        if "&" not in now and not _is_marked("".join(outside)):
            return now
    return text


# Words of ASCII without any mark of markup, one blank between: most titles, names and comments.
PLAIN_LINE = r"[!-%'-;=-\[\]-_a-z|}]+(?: [!-%'-;=-\[\]-_a-z|}]+)*"
"""Matches what `readable` leaves as it is, unless there is a `--` in it."""
_PLAIN_LINE = re.compile(PLAIN_LINE)


_PLAIN_BLOCK = re.compile(r"[\n !-%'-;=-\[\]-_a-z|}]*")


def readable(text: str | None) -> str | None:
    r"""Make text readable on one line; None where nothing is left.

    HTML entities (also escaped twice) and simple tags, LaTeX accents, symbols, text macros, quotes,
    dashes and ties are resolved outside math; NFC; white space folded. Math (``$...$``, ``\(...\)``)
    and macros that are not known stay as they are, as do braces that may be a set's
    (``{0,1}^n``) and a ``~`` that may mean "about".
    """
    if text is None:
        return None
    if "--" not in text and _PLAIN_LINE.fullmatch(text):
        return text
    return _settled(line(text), line) or None


def readable_block(text: str | None) -> str | None:
    r"""Make an abstract readable, one line a paragraph; None where nothing is left.

    A paragraph begins after a blank line, at a line that begins with two blanks (arXiv), or at a
    block-level tag; in the result a blank line stands between paragraphs.
    """
    if text is None:
        return None
    if "--" not in text and _PLAIN_BLOCK.fullmatch(text):
        inner = text.strip()
        if not (" \n" in inner or "\n " in inner or "\n\n" in inner or "  " in inner):
            return inner.replace("\n", " ") or None
    return _settled(_block(text), _block) or None


def _block(text: str) -> str:
    """Fold to one line a paragraph, with a blank line between; its own results stay as they are.

    A blank line ends a paragraph, and so does a line that begins with two blanks, as arXiv prints
    them; any other line break is only where the line was full.
    """
    text = unicodedata.normalize("NFC", clean(text)).strip()
    if text.isascii() and not ("\n\n" in text or "\n " in text or "\t" in text):
        if " \n" in text or "  " in text:
            return " ".join(text.split())
        return text.replace("\n", " ")
    paragraphs: list[list[str]] = [[]]
    for row in text.split("\n"):
        words = row.split()
        if paragraphs[-1] and (not words or row.startswith(("  ", "\t"))):
            paragraphs.append([])
        paragraphs[-1].extend(words)
    return "\n\n".join(" ".join(words) for words in paragraphs if words)


# ------------------------------------------------------------------------------------- title key

_ASCII_KEY = {code: None for code in range(128) if not chr(code).isalnum()}
_FOLDED_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
_GREEK = {
    0x3B1 + offset: unicodedata.name(chr(0x3B1 + offset))
    .split()[-1]
    .lower()
    .replace("lamda", "lambda")
    for offset in range(25)
}
_PLAIN = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t",
    "ŋ": "n", "\u0131": "i", "\u0237": "j",
}  # fmt: skip
"""Letters that do not decompose, as people without them type them."""
_SPELLED = _GREEK | {ord(letter): plain for letter, plain in _PLAIN.items()}


def title_key(title: str | None) -> str | None:
    r"""Reduce a title to what must be equal for a match; None where nothing is left.

    Letters and digits of the readable title in lower case: accents folded, Greek spelled out,
    ligatures and script variants resolved, math macros replaced by what they print. Letters of all
    scripts stay, with the marks that Indic scripts cannot do without.
    """
    return title_key_of(readable(title))


def title_key_of(text: str | None) -> str | None:
    """Reduce a title that is readable already; see `title_key`."""
    if text is None:
        return None
    if "\\" in text:
        text = without_macros(text)
    if text.isascii():
        return text.lower().translate(_ASCII_KEY) or None
    for _ in range(_ROUNDS):
        key = _folded(text)
        if key == text:
            break
        text = key
    return text or None


def _folded(text: str) -> str:
    text = _FOLDED_MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    kept = [c for c in text.translate(_SPELLED) if c.isalnum() or unicodedata.category(c)[0] == "M"]
    if not any(map(str.isalnum, kept)):
        return ""
    return unicodedata.normalize("NFC", "".join(kept))


# ---------------------------------------------------------------------------------- folded words

_ASCII_WORDS = bytes(
    ord(letter.lower()) if (letter := chr(code)).isascii() and letter.isalnum() else 0x20
    for code in range(256)
)
"""What parts words of ASCII becomes a blank; capitals become small."""
_APOSTROPHES = {ord(mark): None for mark in "'\u2018\u2019\u02bc`"}
_WRONGLY_DECODED = re.compile("[\u00c2\u00c3][\u0080-\u00bf\u0152-\u2122]|\u00e2[\u20ac\u0080]")


def folded_words(text: str) -> list[str]:
    """The words of readable text as they are matched: as `title_key` folds them, but apart.

    An apostrophe joins ("Hodgkin's" and "Hodgkins" are one word), every other mark parts. UTF-8 that
    somebody read as Windows-1252 is read again.
    """
    if "\\" in text:
        text = without_macros(text)
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS, b"'").decode().split()
    if _WRONGLY_DECODED.search(text):
        text = _decoded_again(text)
    text = text.translate(_APOSTROPHES)
    text = _FOLDED_MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(_SPELLED)
    parted = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text)
    return unicodedata.normalize("NFC", parted).split()


def _decoded_again(text: str) -> str:
    """UTF-8 that was read as Windows-1252, read as UTF-8; what is not such stays."""
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return text
