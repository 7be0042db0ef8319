"""What every benchmark is given, and what it gives back."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bench:
    """How large, how often and where."""

    scale: float
    """1 is the size that the bars speak of."""
    repetitions: int
    cache: Path
    """Where what is slow to make is kept from one time to the next."""
    work: Path
    """A folder that may be emptied."""
    say: Callable[[str], None]

    def sized(self, count: int, least: int = 1) -> int:
        """A number of things at this scale."""
        return max(least, int(count * self.scale))

    def fresh(self, name: str) -> str:
        """The path of something that is not there, below `work`."""
        path = self.work / name
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
        return str(path)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    ours: str
    theirs: str = ""
    value: float | None = None
    """What the bar is about: a ratio, or an amount in `unit`."""
    unit: str = "x"
    bar: float | None = None
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """Whether bar and aim are met; empty for a line that only tells."""
        if self.value is None or self.bar is None:
            return ""
        if self.aim is not None and self.value <= self.aim:
            return "aim met"
        return "met" if self.value <= self.bar else "**missed**"


Case = Callable[[Bench], Iterator[Figure]]


def has(package: str) -> bool:
    """Whether a peer is installed."""
    return importlib.util.find_spec(package) is not None
