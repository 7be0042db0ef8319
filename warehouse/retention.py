"""How long snapshots and responses are kept: `all`, or so many nights, months or years."""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Unit = Literal["nights", "months", "years"]
_UNITS: dict[str, Unit] = {"night": "nights", "month": "months", "year": "years"}
_LONGEST_REST = timedelta(days=62)
_FORM = re.compile(r"([1-9][0-9]{0,4}) (night|month|year)s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keep:
    """How much is kept; without a unit, everything."""

    count: int = 0
    unit: Unit | None = None

    def __str__(self) -> str:
        return "all" if self.unit is None else f"{self.count} {self.unit}"

    def first_night(self, nights: Iterable[date]) -> date | None:
        """The earliest of these nights that is kept; None where all are.

        Nights are counted as they were run, months and years back from the newest: a lake that
        rests loses nothing.
        """
        known = sorted({*nights})
        if self.unit is None or not known:
            return None
        if self.unit == "nights":
            return known[-self.count] if len(known) > self.count else None
        # A night far ahead of all others is more likely a clock that was wrong.
        newest = min(known[-1], known[-2] + _LONGEST_REST) if len(known) > 1 else known[-1]
        return _back(newest, self.count * (12 if self.unit == "years" else 1))


def keep(text: str) -> Keep:
    """What a setting says: `all`, `30 nights`, `12 months`, `2 years`.

    Raises:
        ValueError: it says something else.
    """
    folded = " ".join(text.split())
    if folded.lower() == "all":
        return Keep()
    match = _FORM.fullmatch(folded)
    if match is None:
        raise ValueError(f"'{text}' is no time to keep: write all, 30 nights, 12 months or 2 years")
    return Keep(int(match[1]), _UNITS[match[2].lower()])


def _back(day: date, months: int) -> date:
    """The same day so many months earlier, or the last of that month; never before the year 1."""
    total = day.year * 12 + day.month - 1 - months
    if total < 12:
        return date.min
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
