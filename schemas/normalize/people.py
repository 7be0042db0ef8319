"""Names of people, as printed and in parts."""

import re

from schemas.normalize.text import readable
from schemas.paper import Author

# Most parts of names need nothing.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z.']*(?:[ -][A-Za-z][A-Za-z.']*)*")
_ORCID = re.compile(
    r"\s*(?:https?://(?:www\.)?orcid\.org/|orcid:\s?)?"
    r"(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dX])/?\s*",
    re.ASCII | re.IGNORECASE,
)


def orcid(text: str | None) -> str | None:
    """Read an ORCID iD, bare or as an address; None for anything else, its check digit included.

    https://support.orcid.org/hc/en-us/articles/360006897674 (ISO 7064, MOD 11-2).
    """
    match = _ORCID.fullmatch(text) if text is not None and len(text) <= 100 else None
    if match is None:
        return None
    digits = "".join(match.groups()).upper()
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = "0123456789X"[(12 - total % 11) % 11]
    return "-".join(match.groups()).upper() if digits[-1] == check else None


def name(text: str | None) -> str | None:
    """Make a person's name readable, as printed; None where no letter or digit is left."""
    if text and _PLAIN.fullmatch(text):
        return text
    found = readable(text)
    return found if found is not None and any(map(str.isalnum, found)) else None


def author(
    family: str | None,
    given: str | None = None,
    suffix: str | None = None,
    affiliation: str | None = None,
) -> Author | None:
    """Make an author of a name in parts, in reading order; None without a name."""
    # Lists that were split at commas leave the last author's "and" with the given names.
    given = name(given.strip().removeprefix("and ")) if given else None
    family = name(family)
    if suffix:
        family = " ".join(filter(None, (family, name(suffix)))) or None
    if not family and not given:
        return None
    return Author(
        name=f"{given} {family}" if given and family else given or family or "",
        given=given,
        family=family,
        affiliation=readable(affiliation),
    )


def author_of(
    printed: str | None, *, orcid_id: str | None = None, affiliation: str | None = None
) -> Author | None:
    """Make an author of a printed name; which part is the family name is not guessed."""
    found = name(printed)
    if found is None:
        return None
    return Author(name=found, orcid=orcid(orcid_id), affiliation=readable(affiliation))
