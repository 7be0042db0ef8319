"""A file as lines of text, whatever its encoding, packed by gzip or not; and which format it is of."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.bibliography.batches import MOST_OF_A_RECORD, Complain
from schemas.errors import UsageError

FORMATS = ("csv", "parquet", "json", "bibtex", "ris")
_OF_NAMES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".bib": "bibtex",
    ".bibtex": "bibtex",
    ".ris": "ris",
}
_LOOK = 65_536
_RIS = re.compile(r"^\s*TY {0,2}-", re.MULTILINE)
_BIBTEX = re.compile(r"^\s*@\s*[A-Za-z]+\s*[{(]", re.MULTILINE)
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
# The longer marks first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What damaged gzip files raise.
_DAMAGES = (EOFError, gzip.BadGzipFile, zlib.error)


class Opened:
    """A file of the user's, open for one reading from its beginning.

    Args:
        path: the file.

    Raises:
        UsageError: it is missing, no file, may not be read, or its gzip is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_other = 0
        """Lines so far that were not UTF-8, and were read as Windows-1252."""
        if not path.exists():
            raise UsageError(f"There is no file {path}: check the name.")
        if not path.is_file():
            raise UsageError(f"{path} is no file: name the files themselves, as in {path}/*.")
        try:
            file = path.open("rb")
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read ({error.strerror}): check who may read it."
            ) from None
        self.is_packed = file.read(2) == _GZIP
        """Whether it is packed by gzip."""
        file.seek(0)
        self.raw: io.BufferedReader[Any] = io.BufferedReader(
            gzip.GzipFile(fileobj=file) if self.is_packed else file, _LOOK
        )
        self._file = file
        self._head = self._first()
        self.format = self._format()

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()
        self._file.close()  # gzip leaves it open

    @property
    def size(self) -> int:
        """Its bytes on disk."""
        return self.path.stat().st_size

    @property
    def is_one_document(self) -> bool:
        """Whether it is one JSON list rather than a record a line."""
        is_named_lines = bool({".jsonl", ".ndjson"} & {*self._suffixes})
        return self.format == "json" and not is_named_lines and self.beginning.startswith("[")

    @property
    def beginning(self) -> str:
        """The first of its text, without what stands before it."""
        text = self._head.decode(self._encoding() or "latin-1", "replace")
        # A mark of UTF-8 is three characters of Latin-1, but found as a mark.
        return text.lstrip("\ufeff \t\r\n")

    def lines(self, complain: Complain) -> Iterator[tuple[int, str]]:
        r"""The lines of the text with their numbers from 1, each with its ``\n`` but for the last.

        A line that is not UTF-8 is read as Windows-1252, and where it is not that either as
        Latin-1, so that files put together of both are read right. A line beyond
        `MOST_OF_A_RECORD` is complained of and left out.
        """
        marked = self._encoding()
        # Latin-1 maps every byte to one character and back: this only finds the ends of lines.
        encoding = marked or "latin-1"
        text = io.TextIOWrapper(self.raw, encoding, errors="replace", newline=None)
        number = 0
        try:
            while piece := text.readline(MOST_OF_A_RECORD):
                number += 1
                if len(piece) == MOST_OF_A_RECORD and not piece.endswith("\n"):
                    while (rest := text.readline(MOST_OF_A_RECORD)) and not rest.endswith("\n"):
                        pass
                    complain(number, f"is longer than {MOST_OF_A_RECORD:,} characters")
                    continue
                yield number, piece if marked or piece.isascii() else self._decoded(piece)
        except _DAMAGES:
            raise UsageError(_damaged(self.path)) from None

    def whole(self, most: int) -> bytes:
        """All of its bytes; UsageError if there are more than `most`."""
        try:
            data = self.raw.read(most + 1)
        except _DAMAGES:
            raise UsageError(_damaged(self.path)) from None
        if len(data) > most:
            raise UsageError(
                f"{self.path} is one JSON document of more than {most:,} bytes: write it as JSON "
                "lines, a record a line."
            )
        encoding = self._encoding()
        return data.decode(encoding, "replace").encode() if encoding else data

    def _decoded(self, piece: str) -> str:
        data = piece.encode("latin-1")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.n_other += 1
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:
            return piece

    def _first(self) -> bytes:
        try:
            return self.raw.peek(_LOOK)[:_LOOK]
        except _DAMAGES:
            raise UsageError(_damaged(self.path)) from None

    @property
    def _suffixes(self) -> list[str]:
        """The last of its name, and the one before if that is gzip's."""
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        return suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]

    def _encoding(self) -> str | None:
        return next((name for mark, name in _MARKS if self._head.startswith(mark)), None)

    def _format(self) -> str:
        if self._head.startswith(_PARQUET):
            return "parquet"
        for suffix in self._suffixes:
            if suffix in _OF_NAMES:
                return _OF_NAMES[suffix]
        text = self.beginning
        if text.startswith(("{", "[")):
            return "json"
        # Whichever comes first: an abstract may hold the other's marks.
        found = [(match.start(), name) for name, match in _looks(text) if match]
        return min(found)[1] if found else "csv"


def _looks(text: str) -> list[tuple[str, re.Match[str] | None]]:
    return [("ris", _RIS.search(text)), ("bibtex", _BIBTEX.search(text))]


def _damaged(path: Path) -> str:
    return f"{path} is a damaged or cut-off gzip file: fetch or make it again."
