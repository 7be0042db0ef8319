"""The sandbox's calendar: nights, and the weekdays on which the sources list."""

from datetime import UTC, date, datetime, time, timedelta

FIRST_NIGHT = date(2026, 3, 3)
"""Day of night 0, a Tuesday."""
LAST_NIGHT = 400
"""Nights beyond are not served."""
LISTING_HOUR = time(6, 30, tzinfo=UTC)
"""When a night looks at the sources."""


def night_date(night: int) -> date:
    """The day of a night."""
    return FIRST_NIGHT + timedelta(days=night)


def now(night: int) -> datetime:
    """What the sandbox's clock shows in a night (UTC)."""
    return datetime.combine(night_date(night), LISTING_HOUR)


def is_weekday(day: date) -> bool:
    """Whether sources list on that day."""
    return day.weekday() < 5


def weekday_on_or_after(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    while not is_weekday(day):
        day += timedelta(days=1)
    return day


def weekday_on_or_before(day: date) -> date:
    """The day itself, or the Friday before a weekend."""
    while not is_weekday(day):
        day -= timedelta(days=1)
    return day


def weekdays(first: date, last: date) -> list[date]:
    """The weekdays from first to last, both included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if is_weekday(day)]


def weekday_night(count: int) -> int:
    """The night of the count-th weekday after FIRST_NIGHT: 0, 1, 2, 3, then 6 (a Monday)."""
    week, day = divmod(count + FIRST_NIGHT.weekday(), 5)
    return week * 7 + day - FIRST_NIGHT.weekday()


def weekdays_by(night: int) -> int:
    """How many weekdays after FIRST_NIGHT have begun by that night."""
    week, day = divmod(night + FIRST_NIGHT.weekday(), 7)
    return week * 5 + min(day, 4) - FIRST_NIGHT.weekday()
