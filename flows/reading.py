"""Files instead of the network: opened, unpacked and cut into bodies of bounded size."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import orjson

from flows.source import Raw
from schemas.errors import UsageError

MIB = 1024 * 1024
MOST_BYTES = 64 * MIB
"""The largest file (unpacked) that is read as one body."""
LINES_PER_BODY = 1_000
BYTES_PER_BODY = 8 * MIB
CUT = b" (line cut here: it is longer than 8 MiB)"
"""Ends the first kilobyte of a line that no body can hold."""

_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")


def read_whole(path: Path) -> bytes:
    """A file as one body, unpacked if it is gzip.

    Raises:
        UsageError: it cannot be read, or is larger than 64 MiB.
    """
    with _opened(path) as file:
        body = file.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise UsageError(
            f"{path} is larger than {MOST_BYTES // MIB} MiB unpacked: split it into smaller files.",
            path=str(path),
        )
    return body


def read_start(path: Path) -> bytes:
    """The first kilobyte, unpacked, without a byte order mark and leading blanks."""
    with _opened(path) as file:
        return file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """A file of lines as bodies of at most 1,000 lines and 8 MiB, cut at line ends.

    Of a line that is longer than 8 MiB only the first kilobyte is kept, marked with `CUT`.

    Yields:
        The number of the first line, from 1, and the body.

    Raises:
        UsageError: it cannot be read.
    """
    with _opened(path) as file:
        lines: list[bytes] = []
        size, number, first = 0, 0, 1
        while line := file.readline(BYTES_PER_BODY + 1):
            number += 1
            if len(line) > BYTES_PER_BODY:
                start = line[:1024]
                while line and not line.endswith(b"\n"):
                    line = file.readline(MIB)
                line = start + CUT + b"\n"
            if lines and (len(lines) == LINES_PER_BODY or size + len(line) > BYTES_PER_BODY):
                yield first, b"".join(lines)
                lines, size, first = [], 0, number
            lines.append(line)
            size += len(line)
        if lines:
            yield first, b"".join(lines)


def load_json(body: bytes) -> Any:
    """JSON, even with half a surrogate pair in a string: one bad record must not cost its page.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        first = error
    if b"\\ud" in body.lower():
        try:
            return json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            pass
    raise first


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def json_lines(body: bytes, format_name: str) -> list[Raw]:
    """The records of a body of JSON lines; a line that is no JSON is a record with a problem.

    Blank lines are no records; positions count every line.
    """
    raws: list[Raw] = []
    for position, line in enumerate(body.split(b"\n")):
        if not line or line.isspace():
            continue
        where = f"line {position + 1}"
        try:
            raws.append(Raw(format_name, position, orjson.loads(line), where=where))
        except orjson.JSONDecodeError as error:
            text = line[:1_000].decode(errors="replace")
            problem = f"is not a JSON object: {error}"
            if line.endswith(CUT):
                problem = "is longer than 8 MiB"
            raws.append(Raw(format_name, position, text, problem, where))
    return raws


def day_in_name(path: Path) -> date | None:
    """The first day in a file's name: `daily-2026-06-12.json`, `2026_06_12.json.gz`, `20260612`."""
    for year, _, month, day in _DAY.findall(path.name):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, unpacked if its first bytes say gzip, whatever it is called."""
    try:
        with path.open("rb") as file:
            magic = file.peek(4)[:4]
            if magic.startswith(b"PK\x03\x04"):
                raise UsageError(
                    f"{path} is a zip archive: unpack it, then import the file inside.",
                    path=str(path),
                )
            if magic.startswith(b"\x1f\x8b"):
                with gzip.open(file) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            else:
                yield file
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (EOFError, zlib.error) as error:
        raise _unreadable(path, f"damaged gzip, {error}") from error


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} cannot be read ({reason}): check the path.", path=str(path))
