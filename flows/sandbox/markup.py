"""How the sources write plain text: line breaks, LaTeX accents, folded and decomposed letters."""

import unicodedata
from collections.abc import Iterator, Sequence

SPECIAL = {
    "ø": r"{\o}",
    "Ø": r"{\O}",
    "ł": r"{\l}",
    "Ł": r"{\L}",
    "å": r"{\aa}",
    "Å": r"{\AA}",
    "ß": r"{\ss}",
    "\u0131": r"{\i}",  # the Turkish dotless i
    "í": r"\'{\i}",
}
"""Letters with a macro of their own (and the dotless i that careful authors put under an accent)."""

ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0306": "u",
    "\u0327": "c",
}
"""Combining marks and the LaTeX accent that prints them."""

FOLDED = {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "\u0131": "i"}


def latex(text: str) -> str:
    r"""The text with accented letters as LaTeX: `Núñez` as `N\'u\~nez`, `ö` as `{\"o}`."""
    if text.isascii():
        return text
    out: list[str] = []
    for letter in text:
        if letter.isascii():
            out.append(letter)
        elif letter in SPECIAL:
            out.append(SPECIAL[letter])
        else:
            out.append(_accented(letter))
    return "".join(out)


def _accented(letter: str) -> str:
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if len(marks) != 1 or marks[0] not in ACCENTS:
        return letter
    accent = ACCENTS[marks[0]]
    if accent.isalpha():
        return f"\\{accent}{{{base}}}"
    return f'{{\\"{base}}}' if accent == '"' else f"\\{accent}{base}"


def folded(text: str) -> str:
    """The text without accents, as printed by people who have no such keys."""
    if text.isascii():
        return text
    plain = "".join(FOLDED.get(letter, letter) for letter in text)
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))


def decomposed(text: str) -> str:
    """The same text in Unicode's decomposed form (NFD)."""
    return text if text.isascii() else unicodedata.normalize("NFD", text)


def lines(text: str, width: int) -> Iterator[str]:
    """The words of the text in lines of at most `width` characters."""
    start = 0
    while len(text) - start > width:
        cut = text.rfind(" ", start, start + width + 1)
        if cut <= start:
            cut = text.find(" ", start + width)
            if cut < 0:
                break
        yield text[start:cut]
        start = cut + 1
    yield text[start:]


def wrapped_title(text: str, width: int = 72) -> str:
    """A title as the sources send it: broken lines go on after two blanks."""
    return "\n  ".join(lines(text, width))


def wrapped_abstract(paragraphs: Sequence[str], width: int = 78) -> str:
    """An abstract as the sources send it: every paragraph begins with two blanks."""
    return "\n".join("\n".join(lines("  " + text, width)) for text in paragraphs)
