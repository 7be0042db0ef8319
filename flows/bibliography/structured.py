"""JSON, a record a line or one list of records, and Parquet; values may be lists and objects."""

from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from flows.bibliography.batches import Batch, Complain, gathered
from flows.bibliography.columns import column_of, wanted
from flows.bibliography.opened import Opened
from schemas.errors import UsageError

_MOST_OF_A_DOCUMENT = 1 << 30
_PARQUET_ROWS = 5_000


def json_batches(opened: Opened, complain: Complain) -> Iterator[Batch]:
    """The records of JSON lines, or of one JSON list.

    Raises:
        UsageError: it is one document, and no list of objects, or not JSON.
    """
    rows = _listed(opened) if opened.is_one_document else _lines(opened, complain)
    return gathered(_objects(opened, rows, complain))


def _lines(opened: Opened, complain: Complain) -> Iterator[tuple[int, Any, int]]:
    for number, line in opened.lines(complain):
        text = line.strip().removeprefix("\ufeff")
        if not text:
            continue
        try:
            yield number, orjson.loads(text), len(text)
        except ValueError as error:
            complain(number, f"is not JSON ({str(error)[:120]})")


def _listed(opened: Opened) -> Iterator[tuple[int, Any, int]]:
    try:
        rows = orjson.loads(opened.whole(_MOST_OF_A_DOCUMENT).lstrip(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise UsageError(
            f"{opened.path} is not JSON ({str(error)[:120]}): mend it, or write it as JSON lines, "
            "of which a bad one costs itself only."
        ) from None
    size = max(opened.size // max(len(rows), 1), 1)
    for number, row in enumerate(rows, 1):
        yield number, row, size


def _objects(
    opened: Opened, rows: Iterator[tuple[int, Any, int]], complain: Complain
) -> Iterator[tuple[int, dict[str, Any], int]]:
    has_title = False
    first: dict[str, Any] | None = None
    for place, row, size in rows:
        if not isinstance(row, dict):
            complain(place, "is no JSON object")
            continue
        first = row if first is None else first
        has_title = has_title or any(column_of(name) == "title" for name in row)
        yield place, {name: row[name] for name in wanted([*row])}, size
    if first is not None and not has_title:
        raise UsageError(
            f"{opened.path} has no field title; its first record has "
            f"{', '.join([*first][:10])[:200] or 'none'}: name the one that is it title."
        )


def parquet_batches(opened: Opened, complain: Complain) -> Iterator[Batch]:
    """The rows of a Parquet file.

    Raises:
        UsageError: it has no column title, or is damaged.
    """
    del complain  # a row of Parquet is whole, or its file is damaged
    try:
        with pq.ParquetFile(opened.path) as file:
            names = wanted(file.schema_arrow.names)
            if not any(column_of(name) == "title" for name in names):
                raise UsageError(
                    f"{opened.path} has no column title, only "
                    f"{', '.join(file.schema_arrow.names)[:200]}: rename the one that is it."
                )
            first = 1
            for rows in file.iter_batches(_PARQUET_ROWS, columns=names):
                places = [*range(first, first + rows.num_rows)]
                first += rows.num_rows
                yield Batch(places, {name: rows.column(name).to_pylist() for name in names})
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{opened.path} cannot be read as Parquet ({str(error).splitlines()[0][:150]}): make it again."
        ) from None
