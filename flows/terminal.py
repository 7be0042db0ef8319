"""How an answer is put on stdout: values, JSON, tables in every form of `paperlake sql`."""

import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flows.report import escaped

FORMATS = ("table", "csv", "json", "jsonl", "markdown")
_WIDEST = 60


def emit(text: str) -> None:
    """Print to stdout; a reader that went away (`| head`) is no error."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = io.TextIOWrapper(io.BytesIO())


def emit_json(value: Any) -> None:
    """Print one JSON document."""
    emit(json.dumps(_finite(value), ensure_ascii=False, indent=2, default=plain))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _distinct(columns: Sequence[str]) -> list[str]:
    """Column names made distinct as DuckDB does it: a, a_1, a_2."""
    seen: dict[str, int] = {}
    names = []
    for column in columns:
        seen[column] = seen.get(column, -1) + 1
        names.append(f"{column}_{seen[column]}" if seen[column] else column)
    return names


def plain(value: Any) -> Any:
    """A value JSON has no form for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def render(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> str:
    """A result in one of the forms of `paperlake sql`."""
    if form == "json":
        names = _distinct(columns)
        records = [_finite(dict(zip(names, row, strict=True))) for row in rows]
        return json.dumps(records, ensure_ascii=False, indent=2, default=plain) + "\n"
    if form == "jsonl":
        names = _distinct(columns)
        found = (_finite(dict(zip(names, row, strict=True))) for row in rows)
        return "".join(json.dumps(item, ensure_ascii=False, default=plain) + "\n" for item in found)
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv_cell(value) for value in row] for row in rows)
        return out.getvalue()
    if form == "markdown":
        cells = [[escaped(one_line(value, None)) for value in row] for row in rows]
        heading = [escaped(column) for column in columns]
        lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(columns)]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells]) + "\n"
    return text_table(columns, [[one_line(value, _WIDEST) for value in row] for row in rows])


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """These columns of rows that are dictionaries, as a table; what a row lacks is empty."""
    return render(columns, [[row.get(name) for name in columns] for row in rows], "table")


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns lined up by blanks, as wide as their contents; numbers to the right."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(column), *(cell_len(row[index]) for row in rows), 0)
        for index, column in enumerate(columns)
    ]
    right = [
        bool(rows)
        and all(row[i].replace(",", "").lstrip("-").isdigit() or not row[i] for row in rows)
        for i in range(len(columns))
    ]

    def line(cells: Sequence[str]) -> str:
        padded = [
            " " * (widths[i] - cell_len(cell)) + cell
            if right[i]
            else cell + " " * (widths[i] - cell_len(cell))
            for i, cell in enumerate(cells)
        ]
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(columns), rule, *(line(row) for row in rows)]) + "\n"


def one_line(value: Any, widest: int | None) -> str:
    """A value as a reader sees it, on one line, cut to `widest` characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="seconds")
    elif isinstance(value, list | dict):
        flat = isinstance(value, list) and all(isinstance(item, str) for item in value)
        text = ", ".join(value) if flat else json.dumps(value, ensure_ascii=False, default=plain)
    elif isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = str(value)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"


def _csv_cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=plain)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date | bytes):
        return plain(value)
    return value
