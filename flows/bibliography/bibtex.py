r"""BibTeX: entries of fields in braces or quotes, ``@string`` macros, everything else passed over.

Read here rather than by a library: of one entry that is never closed pybtex 0.26 loses all that
follow; bibtexparser 1.4 ends in a RecursionError of nested braces, takes six seconds a megabyte, leaves
bad entries out without a word, and neither says at which line. Here an entry ends at the latest where
the next one begins, at the beginning of a line, so that a bad one costs itself only.
LaTeX in values stays, because the engine resolves it. https://www.ctan.org/pkg/btxdoc
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.bibliography.batches import (
    MOST_CHARACTERS,
    MOST_OF_A_RECORD,
    Batch,
    Complain,
    gathered,
)
from flows.bibliography.opened import Opened

_BEGIN = re.compile(
    r"\s*@\s*(?:(?:string|preamble|comment)\s*[{(]|[A-Za-z][\w-]*\s*[{(]\s*(?:[^\s,{}()=\"#]+\s*(?:,|$)|$))",
    re.IGNORECASE,
)
"""A line at which an entry begins; stricter than `_HEAD`, for abstracts have lines with @ as well."""
_HEAD = re.compile(r"@\s*([A-Za-z][\w-]*)\s*([{(])")
_STRAY = re.compile(r"^[ \t]*@[ \t]*[A-Za-z]\w*", re.MULTILINE)
_KEY = re.compile(r"\s*+([^\s,{}=\"#]++(?:[ \t]++[^\s,{}=\"#]++)*+)\s*+(?=[,})])")
_NAME = re.compile(r"([A-Za-z_][\w:.+/-]*)\s*=\s*")
_BARE = re.compile(r"[^\s,#{}\"()=]+")
_BLANK = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
_BRACE = re.compile(r"[{}]")
_BRACE_OR_QUOTE = re.compile(r'[{}"]')
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MOST_FIELDS = 1_000


class _BadEntryError(Exception):
    """An entry is not as it must be; says why."""


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    key: str
    fields: dict[str, str]
    end: int


def batches(opened: Opened, complain: Complain) -> Iterator[Batch]:
    """The entries of a file; there is nothing that makes the file as a whole unreadable."""
    return gathered(_records(opened, complain))


def _records(opened: Opened, complain: Complain) -> Iterator[tuple[int, dict[str, str], int]]:
    macros = {month: month for month in _MONTHS}
    for number, text in _chunks(opened, complain):
        yield from _entries(number, text, macros, complain)


def _chunks(opened: Opened, complain: Complain) -> Iterator[tuple[int, str]]:
    """The text from the beginning of one entry to that of the next, with its first line's number."""
    chunk: list[str] = []
    start, size = 1, 0
    for number, line in opened.lines(complain):
        if _BEGIN.match(line):
            if size <= MOST_OF_A_RECORD:
                yield start, "".join(chunk)
            chunk, start, size = [], number, 0
        size += len(line)
        if size <= MOST_OF_A_RECORD:
            chunk.append(line)
        elif chunk:
            if _BEGIN.match(chunk[0]):
                complain(start, f"begins an entry of more than {MOST_OF_A_RECORD:,} characters")
            chunk = []
    if chunk:
        yield start, "".join(chunk)


def _entries(
    number: int, text: str, macros: dict[str, str], complain: Complain
) -> Iterator[tuple[int, dict[str, str], int]]:
    """The entries of a chunk: mostly one, more where they share a line."""
    place, line, counted = 0, number, 0
    while True:
        head = _HEAD.search(text, place)
        gap = len(text) if head is None else head.start()
        if stray := _STRAY.search(text, place, gap):
            at = number + text.count("\n", 0, stray.end())
            complain(at, f"{stray[0].strip()[:40]} begins no entry: a brace is missing")
        if head is None:
            return
        line += text.count("\n", counted, head.start())
        counted = head.start()
        kind = head[1].lower()
        if kind == "comment":
            # BibTeX passes over the word only; what stands in its braces may hold anything.
            place = head.end()
            continue
        try:
            entry = _entry(text, head, kind, macros)
        except _BadEntryError as error:
            complain(line, f"is not BibTeX: {error}")
            return
        place = entry.end
        if kind == "string":
            macros.update(entry.fields)
        elif kind != "preamble":
            fields = {**entry.fields, "ENTRYTYPE": kind, "ID": entry.key}
            yield line, fields, entry.end - head.start()


def _entry(text: str, head: re.Match[str], kind: str, macros: Mapping[str, str]) -> _Entry:
    closing = "}" if head[2] == "{" else ")"
    place, key = head.end(), ""
    if kind == "preamble":
        _, place = _value(text, _skip(text, place), macros)
    elif kind != "string":
        match = _KEY.match(text, place)
        if match is None:
            raise _BadEntryError("the entry has no key")
        place, key = match.end(), match[1]
    fields: dict[str, str] = {}
    while True:
        place = _BLANK.match(text, place).end()  # type: ignore[union-attr]  # matches nothing too
        if text.startswith(closing, place):
            return _Entry(kind, key, fields, place + 1)
        if place >= len(text):
            raise _BadEntryError(f"the entry {key[:100]} is not closed before the next one begins")
        match = _NAME.match(text, place)
        if match is None:
            found = text[place : place + 20].split("\n")[0]
            raise _BadEntryError(
                f"the entry {key[:100]} has {found!r} where a field's name should be"
            )
        if len(fields) >= _MOST_FIELDS:
            raise _BadEntryError(f"the entry {key[:100]} has more than {_MOST_FIELDS:,} fields")
        value, place = _value(text, match.end(), macros)
        # The first counts, as BibTeX has it.
        fields.setdefault(match[1].lower(), value)


def _value(text: str, place: int, macros: Mapping[str, str]) -> tuple[str, int]:
    """The value at a place, its parts put together, and where it ends."""
    parts, size = [], 0
    while True:
        part, place = _part(text, place, macros)
        parts.append(part)
        size += len(part)
        if size > MOST_CHARACTERS:
            raise _BadEntryError(f"a field is longer than {MOST_CHARACTERS:,} characters")
        after = _skip(text, place)
        if not text.startswith("#", after):
            return "".join(parts), place
        place = _skip(text, after + 1)


def _part(text: str, place: int, macros: Mapping[str, str]) -> tuple[str, int]:
    first = text[place : place + 1]
    if first == "{":
        depth = 0
        for match in _BRACE.finditer(text, place):
            depth += 1 if match[0] == "{" else -1
            if not depth:
                return text[place + 1 : match.start()], match.end()
        raise _BadEntryError("a brace is opened that is not closed before the next entry begins")
    if first == '"':
        depth = 0
        for match in _BRACE_OR_QUOTE.finditer(text, place + 1):
            if match[0] == '"' and not depth:
                return text[place + 1 : match.start()], match.end()
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            if depth < 0:
                break
        raise _BadEntryError("a quote is opened that is not closed")
    bare = _BARE.match(text, place)
    if bare is None:
        raise _BadEntryError("a field has no value")
    return macros.get(bare[0].lower(), bare[0]), bare.end()


def _skip(text: str, place: int) -> int:
    return _SPACE.match(text, place).end()  # type: ignore[union-attr]  # matches nothing too
