"""Abstracts in JATS, the XML of journals, as Crossref and preprint servers hand them on."""

import re

from schemas.normalize.text import readable_block

_MARKS = ("<jats:", "</p>", "<mml:")
_BREAKING = re.compile(
    r"</?jats:(?:title|sec|p|list|list-item|disp-formula|disp-quote|break)\b[^<>]*>"
)
_OTHER = re.compile(r"</?(?:jats|mml):[A-Za-z][\w.-]*[^<>]*>")
_HEADING = re.compile(r"(?:abstract|summary)\.?:?\n\n", re.IGNORECASE)
_TEX_END, _MATHML, _MATHML_END = "</jats:tex-math>", "<mml:math", "</mml:math>"


def readable_jats(text: str | None) -> str | None:
    """Make an abstract in JATS readable, one line a paragraph; None where nothing is left.

    Titles of sections are paragraphs of their own; the heading "Abstract" is left out. Line breaks
    between the tags are only layout. Of a formula given as TeX and as MathML the TeX stays. Text
    without such tags is read as `readable_block` reads it.
    """
    if text is None:
        return None
    if any(mark in text for mark in _MARKS):
        text = _OTHER.sub("", _BREAKING.sub("\n\n", _without_twins(" ".join(text.split()))))
    found = readable_block(text)
    while found and (heading := _HEADING.match(found)):
        found = found[heading.end() :]
    return found or None


def _without_twins(text: str) -> str:
    """Take off the MathML that follows the same formula in TeX."""
    first, *rest = text.split(_TEX_END)
    parts = [first]
    for part in rest:
        if part.lstrip().startswith(_MATHML):
            _, end, behind = part.partition(_MATHML_END)
            part = behind if end else part
        parts.append(part)
    return "".join(parts) if rest else text
