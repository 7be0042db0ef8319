"""The first step for every text: what no text may hold goes, and one line is folded."""

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # control characters
    "\u202a-\u202e\u2066-\u2069"  # bidi embeddings, overrides, isolates
    "\ufeff\ufffe\uffff]"  # byte order mark and what is no character
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    r"""Make text safe for Arrow, JSON, XML and terminals; all text passes here once, first.

    Halves of a surrogate pair are joined, lone ones become U+FFFD. Line ends of any kind become
    ``\n``. Control characters other than ``\n`` and ``\t`` go, and with them the byte order mark
    and the bidi controls that can make a title read as another one; zero-width joiners stay,
    because Persian and Indic words need them.
    """
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))


def line(text: str) -> str:
    """Fold to one line: cleaned, NFC, single blanks."""
    return " ".join(unicodedata.normalize("NFC", clean(text)).split())


def word_set(text: str) -> frozenset[str]:
    """Make a table of words of one text, so that long ones read as prose."""
    return frozenset(text.split())
