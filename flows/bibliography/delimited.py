"""CSV and its kin: a header, then a record a row, separated by commas, semicolons, tabs or bars.

Python's own reader, because it says at which line a row begins and goes on after a bad one: a quote
that never closes costs its row only. Rows become columns twenty thousand at a time.
"""

import csv
from collections import deque
from collections.abc import Iterator

from flows.bibliography.batches import (
    MOST_CHARACTERS,
    MOST_OF_A_RECORD,
    Batch,
    Complain,
    is_full,
)
from flows.bibliography.columns import column_of
from flows.bibliography.opened import Opened
from schemas.errors import UsageError

_DELIMITERS = (",", ";", "\t", "|")
_MOST_COLUMNS = 2_000
# Characters that are read again after rows that did not end; more are left out with their row.
_MOST_REREAD = 100_000_000
# As programs write a value that is missing; not in titles, which may be "None".
_MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"))


class _Lines:
    """Lines for the reader, one row at a time, which can be taken back."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self._again: deque[tuple[int, str]] = deque()
        self.row: list[tuple[int, str]] = []
        """What the row that is being read has taken so far."""
        self.size = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            if self.row:
                raise csv.Error("a quote is opened that is never closed")
            raise StopIteration
        self.row.append(line)
        self.size += len(line[1])
        if self.size > MOST_OF_A_RECORD:
            raise csv.Error(f"it does not end within {MOST_OF_A_RECORD:,} characters")
        return line[1]

    def begin(self) -> None:
        """A new row begins."""
        self.row = []
        self.size = 0

    def take_back(self) -> None:
        """All but the first line of the row are to be read again."""
        self._again.extendleft(reversed(self.row[1:]))


def batches(opened: Opened, complain: Complain) -> Iterator[Batch]:
    """The rows of a file.

    Raises:
        UsageError: it has no header with a title.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MOST_OF_A_RECORD))
    lines = _Lines(opened.lines(complain))
    delimiter, header = _header(opened, lines)
    columns: list[list[str | None]] = [[] for _ in header]
    is_title = [column_of(name) == "title" for name in header]
    places: list[int] = []
    size = 0
    for place, cells in _rows(lines, delimiter, complain):
        if len(cells) > len(header) and not any(cells[len(header) :]):
            del cells[len(header) :]
        if len(cells) != len(header):
            complain(
                place, f"its number of cells is {len(cells)}, but that of the header {len(header)}"
            )
            continue
        if lines.size > MOST_CHARACTERS and max(map(len, cells)) > MOST_CHARACTERS:
            complain(place, f"has a field of more than {MOST_CHARACTERS:,} characters")
            continue
        places.append(place)
        for column, cell, is_kept in zip(columns, cells, is_title, strict=True):
            column.append(None if cell in _MISSING and not (is_kept and cell) else cell)
        size += lines.size
        if is_full(len(places), size):
            yield Batch(places, dict(zip(header, columns, strict=True)))
            columns = [[] for _ in header]
            places, size = [], 0
    if places:
        yield Batch(places, dict(zip(header, columns, strict=True)))


_FOREIGN = (
    ("PMID-", "in PubMed's own format (.nbib)"),
    ("FN ", "in Web of Science's own format"),
    ("%0 ", "in EndNote's own format"),
    ("PK\x03\x04", "a spreadsheet or another packed file"),
)
"""How files begin that are no tables."""


def _header(opened: Opened, lines: _Lines) -> tuple[str, list[str]]:
    """The delimiter under which the first row names a title, and the names, made distinct."""
    head: list[str] = []
    # A quoted name may hold an end of line.
    while not "".join(head).strip() or ("".join(head).count('"') % 2 and len(head) < 20):
        lines.begin()
        more = next(lines, None)
        if more is None:
            break
        head = [*head, more] if "".join(head).strip() else [more]
    lines.begin()
    first = "".join(head).strip()
    if not first:
        raise UsageError(f"{opened.path} is empty: it needs a header with a column title.")
    for delimiter in _DELIMITERS:
        names = next(csv.reader(head, delimiter=delimiter), [])
        if len(names) > _MOST_COLUMNS:
            raise UsageError(
                f"{opened.path} has more than {_MOST_COLUMNS:,} columns: is it a table of papers?"
            )
        if any(column_of(name) == "title" for name in names):
            return delimiter, _distinct(names)
    foreign = next((name for start, name in _FOREIGN if first.startswith(start)), None)
    if foreign is not None:
        raise UsageError(f"{opened.path} is {foreign}: export it as RIS, BibTeX or CSV.")
    raise UsageError(
        f"{opened.path} has no column title in its first line ({first[:80]!r}): name the columns there, "
        "title at least."
    )


def _distinct(names: list[str]) -> list[str]:
    """Names made distinct; a later column of the same name only fills what the first leaves empty."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else name + "\0" * (seen[name] - 1))
    return distinct


def _rows(lines: _Lines, delimiter: str, complain: Complain) -> Iterator[tuple[int, list[str]]]:
    """The rows and the lines at which they begin; blank ones left out."""
    n_reread = 0
    # Strict, or a quote that is missing would silently make one row of two.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # Asked again, the reader begins a new row: the next line.
            n_reread += lines.size
            n_lost = len(lines.row) - 1 if n_reread > _MOST_REREAD else 0
            more = f"; it is left out with the {n_lost:,} lines after it" if n_lost else ""
            complain(lines.row[0][0], f"is not CSV: {error}{more}")
            if not n_lost:
                lines.take_back()
            continue
        if cells:
            yield lines.row[0][0], cells
