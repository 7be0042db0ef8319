"""Pairs of records as columns: what the evidence looks at, a chunk at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.dedupe.keys import Keys
from warehouse.dedupe.names import MOST_AUTHORS, MOST_WORDS

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

KEYS_SCHEMA = pa.schema(
    [
        pa.field("title", pa.string()),
        pa.field("names", pa.string()),
        pa.field("surnames", pa.list_(pa.int64())),
        pa.field("name_words", pa.list_(pa.int64())),
        pa.field("n_authors", pa.int64()),
        pa.field("year", pa.int64()),
        pa.field("volume", pa.int64()),
        pa.field("issue", pa.int64()),
        pa.field("page", pa.int64()),
        pa.field("doi", pa.int64()),
        pa.field("is_open_doi", pa.bool_()),
        pa.field("identifiers", pa.list_(pa.int64())),
        pa.field("venue", pa.string()),
        pa.field("form", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("numbers", pa.string()),
        pa.field("part", pa.string()),
        pa.field("rarity", pa.float64()),
        pa.field("is_shared_title", pa.bool_()),
        pa.field("name_rarity", pa.float64()),
        pa.field("blocks", pa.list_(pa.int64())),
    ]
)
"""Columns of `warehouse.dedupe.keys.Keys`."""
COMPARED = [name for name in KEYS_SCHEMA.names if name != "blocks"]


def keys_table(keys: Sequence[Keys]) -> pa.Table:
    """Keys as columns, in their order."""
    columns = list(zip(*keys, strict=True)) or [()] * len(KEYS_SCHEMA)
    arrays = [
        pa.array(column, item.type) for column, item in zip(columns, KEYS_SCHEMA, strict=True)
    ]
    return pa.table(arrays, schema=KEYS_SCHEMA)


LARGE = 200_000
"""Rows from which on a chunk of a table is worth keeping as it is."""


def ready(keys: pa.Table) -> pa.Table:
    """Keys of which rows can be taken quickly: what is compared, in large pieces.

    A table in large pieces is not copied, so it may stand in a file that is memory-mapped.
    """
    compared = keys.select(COMPARED)
    n_chunks = max(column.num_chunks for column in compared.columns)
    is_ready = n_chunks == 1 or (n_chunks > 1 and len(keys) >= LARGE * n_chunks)
    return compared if is_ready else compared.combine_chunks()


_Order = tuple[Numbers, list[tuple[int, Numbers]]]


@dataclass(frozen=True)
class Side:
    """One side of many pairs; arrays run along the pairs. Missing numbers are -1."""

    keys: pa.Table
    """As `ready` makes them."""
    rows: Numbers
    _orders: dict[tuple[int, ...], _Order] = field(default_factory=dict, repr=False)
    """Of chunks of these lengths; most columns are cut alike."""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Any:
        """A column of the keys, in the order of the pairs."""
        column: Any = self.keys[name]
        if column.num_chunks == 1:
            return column.chunk(0).take(self.rows)
        places, wanted = self._order(tuple(map(len, column.chunks)))
        pieces = [column.chunk(at).take(rows) for at, rows in wanted]
        return pa.concat_arrays(pieces).take(places) if pieces else pa.array([], column.type)

    def _order(self, layout: tuple[int, ...]) -> _Order:
        """How to take rows from chunks: their places in what the chunks bring, and each one's rows."""
        if layout not in self._orders:
            starts = np.cumsum([0, *layout])
            chunk = np.searchsorted(starts, self.rows, side="right") - 1
            order = np.argsort(chunk, kind="stable")
            ends = np.searchsorted(chunk[order], np.arange(len(layout) + 1))
            wanted = [
                (at, self.rows[order[begin:end]] - starts[at])
                for at, (begin, end) in enumerate(pairwise(ends.tolist()))
                if end > begin
            ]
            self._orders[layout] = np.argsort(order), wanted
        return self._orders[layout]

    def texts(self, name: str, places: Numbers) -> list[str]:
        """A text column of some of the pairs."""
        return Side(self.keys, self.rows[places])._text(name)

    def _number(self, name: str) -> Numbers:
        return numbers_of(self.column(name))

    def _text(self, name: str) -> list[str]:
        found: list[Any] = self.column(name).to_pylist()
        return found

    def _padded(self, name: str, width: int) -> Numbers:
        """A list column as a matrix, filled up with 0."""
        column = self.column(name)
        matrix = np.zeros((len(column), width), np.int64)
        lengths = np.diff(column.offsets.to_numpy())
        rows = np.repeat(np.arange(len(column)), lengths)
        firsts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        places = np.arange(len(rows)) - firsts
        kept = places < width
        matrix[rows[kept], places[kept]] = column.flatten().to_numpy()[kept]
        return matrix

    @cached_property
    def titles(self) -> list[str]:
        """Folded words of the titles."""
        return self._text("title")

    @cached_property
    def squeezed(self) -> list[str]:
        """The titles without blanks."""
        return [title.replace(" ", "") for title in self.titles]

    @cached_property
    def surnames(self) -> Numbers:
        """Hashes of surnames, a row a record, `MOST_AUTHORS` wide."""
        return self._padded("surnames", MOST_AUTHORS)

    @cached_property
    def name_words(self) -> Numbers:
        """Hashes of all long words of names, `MOST_WORDS` wide."""
        return self._padded("name_words", MOST_WORDS)

    @cached_property
    def identifiers(self) -> Numbers:
        """Hashes of the work's other identifiers, two wide."""
        return self._padded("identifiers", 2)

    def __getattr__(self, name: str) -> Any:
        if name not in COMPARED:
            raise AttributeError(name)
        kind = self.keys.schema.field(name).type
        if pa.types.is_string(kind):
            found: Any = np.array(self._text(name), dtype=object)
        elif pa.types.is_boolean(kind):
            found = self.column(name).to_numpy(zero_copy_only=False)
        elif pa.types.is_floating(kind):
            found = self.column(name).to_numpy().astype(np.float32)
        else:
            found = self._number(name)
        object.__setattr__(self, name, found)
        return found


@dataclass(frozen=True)
class Pairs:
    """Pairs of records, left and right."""

    left: Side
    right: Side

    def __len__(self) -> int:
        return len(self.left)

    def both(self, name: str) -> tuple[Any, Any]:
        """A column of either side."""
        return getattr(self.left, name), getattr(self.right, name)


def numbers_of(column: Any) -> Numbers:
    """A column of whole numbers that are not negative; -1 where one is missing."""
    found: Numbers = pc.call_function("coalesce", [column, pa.scalar(-1, pa.int64())]).to_numpy()
    return found


def pairs_of(keys: pa.Table, left: Numbers, right: Numbers) -> Pairs:
    """Pairs by their places in a table of keys; quick where it is `ready`."""
    keys = ready(keys)
    return Pairs(Side(keys, left), Side(keys, right))
