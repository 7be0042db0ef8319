"""From records as parsed to records that keep their promise, and problems for the quarantine.

A batch of up to 1,000 records is validated at once; only a batch that fails is looked at row by
row. A field nobody has declared is dropped and said once, so a source may grow; any other
disagreement puts the record aside with a reason.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from flows.source import Format, Raw
from schemas.normalize import excerpt

BATCH = 1_000
# A source that makes up field names without end is damaged, not growing.
_MOST_EXTRAS = 200
_MOST_ERRORS = 10_000

_Path: TypeAlias = tuple[str | None, ...]
"""Keys from the record down to a field; None stands for every entry of a list."""
_Tree: TypeAlias = dict[str | None, Any]
"""Paths by their first key; an empty tree marks the field to drop."""

_WANTED = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_type": "a number",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "list_type": "a list",
    "string_type": "text",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that goes to the quarantine, and why."""

    position: int
    """Place in the response, from 0."""
    reason: str
    """What is wrong, in words, beginning with the field."""
    where: str
    """Path inside the response."""
    excerpt: str | None
    """The start of the offending value."""


def validate(
    raws: Sequence[Raw], formats: Mapping[str, Format], known_extras: set[str]
) -> tuple[list[tuple[Raw, Any]], list[Problem], list[str]]:
    """Check every record against the schema of its format.

    Args:
        raws: records as parsed, of any of the formats.
        formats: the source's formats by name.
        known_extras: unknown fields seen so far in the run; new ones are added. They are removed
            before validation, so that a new field costs one slow batch and not a slow night.

    Returns:
        The sound records beside what they were made of, the problems, both in the given order,
        and warnings, one for each unknown field that is new to `known_extras`.
    """
    records: dict[int, Any] = {}
    problems: dict[int, Problem] = {}
    warnings: list[str] = []
    groups: dict[str, list[int]] = {}
    for index, raw in enumerate(raws):
        if raw.problem is None:
            groups.setdefault(raw.format, []).append(index)
        else:
            problems[index] = Problem(raw.position, raw.problem, raw.where, _excerpt(raw.data))
    for name, members in groups.items():
        for start in range(0, len(members), BATCH):
            batch = members[start : start + BATCH]
            for index, result in zip(
                batch,
                _batch([raws[i] for i in batch], formats[name], known_extras, warnings),
                strict=True,
            ):
                if isinstance(result, Problem):
                    problems[index] = result
                else:
                    records[index] = result
    return (
        [(raws[index], records[index]) for index in sorted(records)],
        [problems[index] for index in sorted(problems)],
        warnings,
    )


def _batch(
    raws: list[Raw], format_: Format, known_extras: set[str], warnings: list[str]
) -> list[Any]:
    """A validated record or a Problem for each raw record."""
    tree = _known(known_extras, format_.name)
    try:
        return _adapter(format_.record).validate_python([_strip(raw.data, tree) for raw in raws])
    except ValidationError:
        pass
    results = []
    n_known = len(known_extras)
    for raw in raws:
        results.append(_row(raw, format_, tree, known_extras, warnings))
        if len(known_extras) > n_known:
            tree, n_known = _known(known_extras, format_.name), len(known_extras)
    return results


def _row(
    raw: Raw, format_: Format, tree: _Tree, known_extras: set[str], warnings: list[str]
) -> Any:
    data = _strip(raw.data, tree)
    adapter = _adapter(format_.record)
    try:
        return adapter.validate_python([data])[0]
    except ValidationError as error:
        first = error
    if first.error_count() > _MOST_ERRORS:
        reason = f"disagrees with the record's form in {first.error_count():,} places"
        return Problem(raw.position, reason, raw.where, _excerpt(data))
    errors = first.errors(include_url=False)
    faults = [error for error in errors if error["type"] != "extra_forbidden"]
    if not faults:
        paths = {_path(error["loc"]) for error in errors}
        try:
            record = adapter.validate_python([_strip(data, _tree(paths))])[0]
        except ValidationError as error:
            faults = error.errors(include_url=False)
        else:
            _remember(sorted(paths, key=str), format_.name, known_extras, warnings)
            return record
    return _problem(raw, faults)


def _remember(
    paths: list[_Path], format_name: str, known_extras: set[str], warnings: list[str]
) -> None:
    for path in paths:
        key = json.dumps([format_name, *path])
        if key in known_extras or len(known_extras) > _MOST_EXTRAS:
            continue
        if len(known_extras) == _MOST_EXTRAS:
            known_extras.add("")
            warnings.append(
                f"{format_name}: more than {_MOST_EXTRAS} unknown fields, not all named"
            )
            continue
        if len(key) <= 500:
            known_extras.add(key)
        warnings.append(f"unknown field {excerpt(_words(path), 200)} ignored")


def _problem(raw: Raw, faults: Sequence[ErrorDetails]) -> Problem:
    fault = faults[0]
    place = _words(fault["loc"][1:])
    more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
    subject = f"{excerpt(place, 200)}: " if place else ""
    return Problem(
        position=raw.position,
        reason=f"{subject}{_reason(fault)}{more}",
        where=excerpt(f"{raw.where}.{place}" if raw.where and place else raw.where or place, 400),
        excerpt=None if fault["type"] == "missing" else _excerpt(fault["input"]),
    )


def _reason(fault: ErrorDetails) -> str:
    kind, given, bounds = fault["type"], fault["input"], fault.get("ctx", {})
    if kind in _WANTED:
        return f"should be {_WANTED[kind]}, got {_kind_of(given)}"
    if kind == "missing":
        return "is missing"
    if kind == "string_too_long":
        return f"is longer than {bounds['max_length']:,} characters ({len(given):,})"
    if kind == "string_too_short":
        return "is empty"
    if kind == "too_long":
        return f"has more than {bounds['max_length']:,} entries"
    if kind == "string_pattern_mismatch":
        return f"does not have the expected form, got {excerpt(given, 80)!r}"
    if kind == "string_unicode":
        return "holds half a surrogate pair, which is no text"
    if kind == "greater_than_equal":
        return f"should be at least {bounds['ge']}, got {given}"
    if kind == "less_than_equal":
        return f"should be at most {bounds['le']:,}"
    return fault["msg"][:1].lower() + fault["msg"][1:]


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    for kind, words in (
        (str, "a string"),
        (int, "a number"),
        (float, "a decimal number"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, kind):
            return words
    return type(value).__name__


def _excerpt(value: Any) -> str | None:
    return None if value is None else excerpt(value)


@cache
def _adapter(record: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[record])


def _path(loc: Sequence[int | str]) -> _Path:
    """The location of an error without its row, list indexes as None."""
    return tuple(None if isinstance(part, int) else part for part in loc[1:])


def _words(path: Sequence[int | str | None]) -> str:
    """A path for people: `paper.authors[*].name`, `paper.authors[3].name`."""
    words = ""
    for part in path:
        if part is None or isinstance(part, int):
            words += "[*]" if part is None else f"[{part}]"
        else:
            words += f".{part}" if words else part
    return words


def _known(known_extras: set[str], format_name: str) -> _Tree:
    entries = (json.loads(key) for key in known_extras if key)
    return _tree(tuple(path) for name, *path in entries if name == format_name)


def _tree(paths: Iterable[_Path]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        node = tree
        for part in path:
            node = node.setdefault(part, {})
    return tree


def _strip(value: Any, tree: _Tree) -> Any:
    """A copy without the fields of the tree; what the tree does not name is shared, not copied."""
    if not tree:
        return value
    if isinstance(value, list) and None in tree:
        return [_strip(entry, tree[None]) for entry in value]
    if isinstance(value, dict):
        return {
            key: _strip(entry, tree[key]) if key in tree else entry
            for key, entry in value.items()
            if key not in tree or tree[key]
        }
    return value
