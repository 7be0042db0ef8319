"""What every format's reader gives and is given: batches of raw records, and the bounds they keep."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_CHARACTERS = 1_000_000
"""Of one field; a record with a longer one is bad."""
MOST_OF_A_RECORD = 4_000_000
"""Characters of one record; what is longer is bad, and reading goes on after it."""
MOST_ROWS = 20_000
"""Of a batch, ..."""
_MOST_OF_A_BATCH = 32_000_000
"""... or fewer, so that so many characters are not much exceeded."""

Complain = Callable[[int, str], None]
"""Told where a bad record begins and why it is bad, in words that follow on the place."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a file, raw."""

    places: list[int]
    """Where each begins: its line, or its number where the format has no lines; from 1."""
    columns: dict[str, list[Any]]
    """Field as the file names it -> a value a record, None where it has none."""


def gathered(records: Iterable[tuple[int, Mapping[str, Any], int]]) -> Iterator[Batch]:
    """Put single records (place, fields, size in characters) together in batches."""
    places: list[int] = []
    rows: list[Mapping[str, Any]] = []
    size = 0
    for place, fields, characters in records:
        places.append(place)
        rows.append(fields)
        size += characters
        if is_full(len(rows), size):
            yield _turned(places, rows)
            places, rows, size = [], [], 0
    if rows:
        yield _turned(places, rows)


def is_full(rows: int, characters: int) -> bool:
    """Whether a batch of so many rows should not grow any more."""
    return rows >= MOST_ROWS or characters >= _MOST_OF_A_BATCH


def _turned(places: list[int], rows: list[Mapping[str, Any]]) -> Batch:
    names = dict.fromkeys(name for row in rows for name in row)
    return Batch(places, {name: [row.get(name) for row in rows] for name in names})
