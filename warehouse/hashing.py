"""The hash of a row and of a table, as SQL.

A row's hash is the MD5 of its hashed columns that hold something, each written in one fixed way after
its permanent number and separated by control characters that cleaned text cannot hold. It is written
out type by type, not left to a cast or to JSON, so that every DuckDB version gives the same. What is
null or an empty list is left out, so that a column which is added later changes no hash. A table's content hash is the sum of
its row hashes modulo 2^128: it follows additions and removals without reading the table again.
"""

from typing import Any

import pyarrow as pa

from schemas.arrow import column_of, hashed_columns, schema_of
from schemas.fields import Row

MODULUS = 1 << 128
# ASCII separators: of columns, marks for null, of list elements, of struct fields.
_COLUMN, _NULL, _ELEMENT, _FIELD = "chr(31)", "chr(30)", "chr(29)", "chr(28)"


def row_hash_sql(model: type[Row], alias: str) -> str:
    """SQL for the row hash (32 hexadecimal digits) of `alias`, which has the model's columns."""
    schema = schema_of(model)
    parts = [
        _part(column_of(model, name).id, f'{alias}."{name}"', schema.field(name).type)
        for name in hashed_columns(model)
    ]
    return f"md5(concat_ws({_COLUMN}, {', '.join(parts)}))"


def sums_sql(column: str) -> str:
    """Two aggregates over row hashes: the sums of their upper and of their lower 64 bits."""
    upper = f"coalesce(sum(('0x' || {column}[1:16])::ubigint), 0)"
    lower = f"coalesce(sum(('0x' || {column}[17:32])::ubigint), 0)"
    return f"{upper}, {lower}"


def moved(content_hash: str, added: tuple[int, int], removed: tuple[int, int]) -> str:
    """A content hash after rows were added and removed, given the sums of their halves."""
    value = int(content_hash, 16)
    value += ((added[0] - removed[0]) << 64) + (added[1] - removed[1])
    return f"{value % MODULUS:032x}"


def _part(number: int, expression: str, data_type: Any) -> str:
    """One column, or null where it is empty: concat_ws passes over nulls."""
    text = f"'{number}' || {_FIELD} || {_text(expression, data_type)}"
    if pa.types.is_list(data_type):
        return f"case when len({expression}) > 0 then {text} end"
    return f"case when {expression} is not null then {text} end"


def _text(expression: str, data_type: Any, depth: int = 0) -> str:
    if pa.types.is_list(data_type):
        item = f"item{depth}"
        inner = _text(item, data_type.value_type, depth + 1)
        return (
            # The length tells no element from one that is empty.
            f"coalesce(len({expression})::varchar || {_ELEMENT}{_nested(depth)} || "
            f"array_to_string(list_transform({expression}, lambda {item}: {inner}), "
            f"{_ELEMENT}{_nested(depth)}), {_NULL})"
        )
    if pa.types.is_struct(data_type):
        inner = ", ".join(
            _text(f'{expression}."{item.name}"', item.type, depth) for item in data_type
        )
        return f"concat_ws({_FIELD}{_nested(depth)}, {inner})"
    if pa.types.is_timestamp(data_type):
        return f"coalesce(epoch_us({expression})::varchar, {_NULL})"
    if pa.types.is_date(data_type):
        return f"coalesce(strftime({expression}, '%Y-%m-%d'), {_NULL})"
    if pa.types.is_string(data_type):
        return f"coalesce({expression}, {_NULL})"
    if pa.types.is_integer(data_type) or pa.types.is_boolean(data_type):
        return f"coalesce({expression}::varchar, {_NULL})"
    if pa.types.is_floating(data_type):
        # To the thousandth: how a double is printed in full differs between versions.
        return f"coalesce(round({expression} * 1000)::bigint::varchar, {_NULL})"
    raise TypeError(
        f"no fixed way to hash {data_type}: declare the column Column(..., hashed=False)"
    )


def _nested(depth: int) -> str:
    """Deeper lists and structs get separators of their own."""
    return f" || chr({27 - depth})" if depth else ""
