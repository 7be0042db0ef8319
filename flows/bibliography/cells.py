"""One raw value of a file as text, a year, a number or authors; ValueError says why it cannot be."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flows.bibliography.batches import MOST_CHARACTERS
from schemas.normalize.cleaning import clean
from schemas.normalize.markup import unescaped

# As spreadsheets write whole numbers.
_WHOLE = re.compile(r"(\d+)\.0+")
_YEAR = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d|2100)(?!\d)")
_MOST_AUTHORS = 20_000
_AND = re.compile(r" and ", re.IGNORECASE)
_AND_OR_BRACE = re.compile(r"[{}]| and(?= )", re.IGNORECASE)


def text_of(value: Any) -> str | None:
    """A value as text, without blanks around it; of a list the first that is not empty."""
    if isinstance(value, str):
        if len(value) > MOST_CHARACTERS:
            raise ValueError(f"is longer than {MOST_CHARACTERS:,} characters")
        return clean(value).strip() or None
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return next((text for item in value if (text := text_of(item))), None)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value) if value.is_integer() else value)
    if isinstance(value, bytes):
        return text_of(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        raise ValueError("is an object, not a text")
    return text_of(str(value))


def number_of(value: Any) -> str | None:
    """A value as text, without the ``.0`` that spreadsheets give whole numbers."""
    text = text_of(value)
    match = _WHOLE.fullmatch(text) if text else None
    return match[1] if match else text


def year_of(value: Any) -> int | None:
    """The first year from 1400 to 2100 in a number, a date, or a text; None where there is none."""
    if isinstance(value, date):
        return value.year
    if isinstance(value, Mapping):
        # As citation styles in JSON and Crossref write dates.
        value = value.get("date-parts") or value.get("raw") or value.get("literal")
        while isinstance(value, list) and value:
            value = value[0]
    text = text_of(value)
    match = _YEAR.search(text) if text else None
    return int(match[1]) if match else None


def authors_of(value: Any) -> list[str] | None:
    """Each author as printed; a text that cannot be split safely is one.

    Texts are split at ``;``, else at ``|``, else at ``and`` outside of braces. Entities are resolved
    first, because they end in ``;``. A list is taken as it is, unless it is one text.
    """
    if isinstance(value, str):
        found = _split(text_of(value) or "")
    elif isinstance(value, list | tuple):
        found = [name for item in value if (name := _name_of(item))]
        if len(found) == 1 and ";" in found[0]:
            found = _split(found[0])
    else:
        found = [name] if (name := _name_of(value)) else []
    if len(found) > _MOST_AUTHORS or sum(map(len, found)) > MOST_CHARACTERS:
        raise ValueError("is too long a list")
    return found or None


def _name_of(value: Any) -> str | None:
    """The name of one author, a text or an object."""
    if not isinstance(value, Mapping):
        return text_of(value)
    for key in ("name", "literal", "display_name", "full_name"):
        if name := text_of(value.get(key)):
            return name
    if isinstance(value.get("author"), Mapping):  # as OpenAlex writes authorships
        return _name_of(value["author"])
    family = text_of(value.get("family")) or text_of(value.get("last"))
    given = text_of(value.get("given")) or text_of(value.get("first"))
    return f"{family}, {given}" if family and given else family or given


def _split(text: str) -> list[str]:
    text = " ".join((unescaped(unescaped(text)) if "&" in text else text).split())
    if ";" in text:
        parts: Sequence[str] = text.split(";")
    elif "|" in text:
        parts = text.split("|")
    elif "{" in text:
        parts = _outside_braces(text)
    else:
        parts = _AND.split(text)
    return [name for part in parts if (name := part.strip())]


def _outside_braces(text: str) -> list[str]:
    """Split at ``and`` where no brace is open: ``{Barnes and Noble} and Doe, J.`` are two."""
    parts, depth, start = [], 0, 0
    for match in _AND_OR_BRACE.finditer(text):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth = max(depth - 1, 0)
        elif not depth:
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]
