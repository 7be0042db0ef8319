"""Which of Crossref's works are harvested: the setting PAPERLAKE_CROSSREF_LISTS, read strictly."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.normalize.cleaning import word_set

TYPES = word_set(
    "book book-chapter book-part book-section book-track database dataset dissertation "
    "edited-book journal-article monograph other peer-review posted-content proceedings "
    "proceedings-article reference-book reference-entry report standard"
)
"""Types of works that can be asked for; others hold works and are none."""
_FLAG = re.compile("true|false|1|0")
FILTERS: Mapping[str, re.Pattern[str]] = {
    "member": re.compile(r"[1-9][0-9]{0,8}"),
    "prefix": re.compile(r"10\.[0-9]{4,9}(\.[0-9]{1,9}){0,3}"),
    "type": re.compile("|".join(sorted(TYPES))),
    "issn": re.compile(r"[0-9]{4}-[0-9]{3}[0-9X]"),
    "isbn": re.compile(r"[0-9]{9}[0-9X]|[0-9]{13}"),
    "funder": re.compile(r"[0-9]{3,15}"),
    "orcid": re.compile(r"([0-9]{4}-){3}[0-9]{3}[0-9X]"),
    "has-abstract": _FLAG,
    "has-orcid": _FLAG,
    "has-relation": _FLAG,
    "has-update": _FLAG,
    "is-update": _FLAG,
}
"""The filters of Crossref that may stand in a list, and what each may be compared with."""
_MOST_PARTS = 20


def _read_lists(value: Any) -> Any:
    """The lists of the text: separated by blanks or semicolons, each a filter as Crossref writes it."""
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(_read_filter(part) for part in re.split(r"[\s;]+", value) if part))


def _read_filter(text: str) -> str:
    parts = sorted({part.strip() for part in text.split(",") if part.strip()})
    for part in parts:
        name, _, value = part.partition(":")
        if name not in FILTERS:
            raise ValueError(f"{part!r} is no filter: give {', '.join(FILTERS)}, as in member:320")
        if not FILTERS[name].fullmatch(value):
            raise ValueError(f"{part!r} cannot be: {value!r} is nothing that {name} may be")
    if not parts or len(parts) > _MOST_PARTS:
        raise ValueError(f"{text[:50]!r} has none, or more than {_MOST_PARTS} filters")
    return ",".join(parts)


class CrossrefSettings(BaseModel):
    """What is the source's own: PAPERLAKE_CROSSREF_LISTS."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    lists: Annotated[
        tuple[str, ...], BeforeValidator(_read_lists), Field(min_length=1, max_length=50)
    ] = ("member:320",)
    """Filters of Crossref's works, separated by blanks; in one, commas: member:320 type:posted-content."""
