"""Dates and times in UTC."""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?)"
    r"[ ]?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_RFC_2822 = re.compile(
    r"(?:[a-z]{3},?\s+)?\d{1,2}\s+[a-z]{3}\s+\d{4}"
    r"(?:\s+\d\d?:\d\d(?::\d\d)?(?:\s+(?:[a-z]{1,5}|[+-]\d{4}))?)?",
    re.ASCII | re.IGNORECASE,
)
_YEARS = range(1500, 2201)
_TIME_LIMIT = 64


def to_datetime(text: str | None) -> datetime | None:
    """Read an ISO 8601 or RFC 2822 date or time as UTC; one without zone is UTC, a day its midnight.

    None for anything else and for years outside 1500 to 2200. Microseconds are kept.
    """
    if text is None or len(text) > _TIME_LIMIT:
        return None
    text = text.strip()
    try:
        if match := _ISO.fullmatch(text):
            day, time, zone = match.groups()
            is_utc = zone is None or zone.isalpha()
            found = datetime.fromisoformat(f"{day}T{time or '00:00'}{'+00:00' if is_utc else zone}")
        elif _RFC_2822.fullmatch(text):
            found = parsedate_to_datetime(text if ":" in text else f"{text} 00:00")
        else:
            return None
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in _YEARS else None


def to_date(text: str | None) -> date | None:
    """Read a day, or the UTC day of a time, as `to_datetime` reads times."""
    found = to_datetime(text)
    return None if found is None else found.date()
