"""Names of people, as printed and in parts."""

from schemas.normalize.text import readable
from schemas.paper import Author


def name(text: str | None) -> str | None:
    """Make a person's name readable, as printed; None where no letter or digit is left."""
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
    given = name((given or "").strip().removeprefix("and "))
    family = " ".join(filter(None, (name(family), name(suffix)))) or None
    printed = " ".join(filter(None, (given, family)))
    if not printed:
        return None
    return Author(name=printed, given=given, family=family, affiliation=readable(affiliation))


def author_of(printed: str | None) -> Author | None:
    """Make an author of a printed name; which part is the family name is not guessed."""
    found = name(printed)
    return None if found is None else Author(name=found)
