"""One seeded universe of papers: the same works in the same nights on every machine."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime
from threading import RLock
from typing import Any, TypeVar

from flows.sandbox import days
from flows.sandbox.births import Births
from flows.sandbox.days import FIRST_NIGHT, LAST_NIGHT
from flows.sandbox.works import Work
from schemas.errors import UsageError

__all__ = ["FIRST_NIGHT", "LAST_NIGHT", "Universe"]

T = TypeVar("T")

MOST_PAPERS = 100_000
"""Larger universes would run out of arXiv's 99,999 numbers a month."""


class Universe:
    """The papers of a sandbox and its calendar.

    Args:
        seed: another seed is another universe.
        papers: about how many papers the sources list in night 0; each weekday adds 2 %.
        oai_page_size: records on one page of arXiv's OAI-PMH.

    Raises:
        UsageError: papers is not from 1 to 100,000.
    """

    def __init__(self, seed: int = 1, papers: int = 5000, *, oai_page_size: int = 1000) -> None:
        if not 1 <= papers <= MOST_PAPERS:
            raise UsageError(f"a sandbox holds 1 to {MOST_PAPERS:,} papers, not {papers:,}")
        self.seed = seed
        self.papers = papers
        self.oai_page_size = oai_page_size
        self._lock = RLock()
        self._births = Births(seed, papers)
        self._births.first(papers)
        self._ends = [len(self._births.works)]
        self._states: OrderedDict[Hashable, Any] = OrderedDict()

    @property
    def origin(self) -> str:
        """What a lake that holds these papers calls its origin."""
        return f"sandbox:{self.seed}:{self.papers}"

    def night_date(self, night: int) -> date:
        """The day of a night."""
        return days.night_date(night)

    def now(self, night: int) -> datetime:
        """What the sandbox's clock shows in a night: 06:30 UTC."""
        return days.now(night)

    def works(self, night: int) -> Sequence[Work]:
        """Every work that exists by that night, oldest first."""
        weekday = days.weekdays_by(night)
        with self._lock:
            while len(self._ends) <= weekday:
                self._births.later(len(self._ends), self.papers)
                self._ends.append(len(self._births.works))
            return self._births.works[: self._ends[weekday]]

    def remember(self, key: Hashable, make: Callable[[], T], most: int = 64) -> T:
        """The value of that key, made once and kept while it is among the `most` last used."""
        with self._lock:
            if key in self._states:
                self._states.move_to_end(key)
                found: T = self._states[key]
                return found
            made = make()
            self._states[key] = made
            while len(self._states) > most:
                self._states.popitem(last=False)
            return made
