"""What came, kept: one append-only pack a source and night, with its index.

`responses/<source>/<night>.pack` is a row of zstd frames; `<night>.jsonl` says, a line a response,
where each lies and what it answered. A frame is on disk before its line, and a line before anybody
uses the response. After a kill the tail without a line is cut off.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import zstandard
from pydantic import TypeAdapter, ValidationError

from schemas.errors import LakeError, UsageError
from warehouse.files import sync_folder, write_json

_LEVEL = 3
_REMOVED = "removed.json"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of a source, kept byte for byte."""

    url: str
    status: int
    headers: Mapping[str, str]
    """Headers that matter, lower-case names."""
    body: bytes
    """Decoded body."""
    sha256: str
    """SHA-256 of the decoded body, hexadecimal."""
    fetched_at: datetime
    """By the run's clock (UTC)."""
    context: Mapping[str, Any]
    """What the request was for: list, list_date, offset, ..."""
    is_replayed: bool = False
    """Whether it was kept by an earlier attempt of the same run."""


@dataclass(frozen=True, slots=True)
class _Entry:
    run_id: str
    url: str
    status: int
    headers: dict[str, str]
    sha256: str
    fetched_at: str
    context: dict[str, Any]
    offset: int
    length: int


_ENTRY = TypeAdapter(_Entry)


class Pack:
    """The kept responses of one source and night; one writer, under the lake's lock."""

    def __init__(self, folder: Path, source: str, night_date: date) -> None:
        base = folder / source
        base.mkdir(parents=True, exist_ok=True)
        self.source = source
        self._pack_path = base / f"{night_date.isoformat()}.pack"
        self._index_path = base / f"{night_date.isoformat()}.jsonl"
        self._entries = _recover(self._pack_path, self._index_path)
        self._pack = self._pack_path.open("ab")
        self._index = self._index_path.open("ab")
        sync_folder(base)
        self._by_request: dict[tuple[str, str, str], _Entry] = {}
        self._by_sha: dict[str, _Entry] = {}
        for entry in self._entries:
            self._by_request[_request(entry.run_id, entry.url, entry.context)] = entry
            self._by_sha[entry.sha256] = entry

    def keep(
        self,
        run_id: str,
        *,
        url: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        fetched_at: datetime,
        context: Mapping[str, Any],
    ) -> Response:
        """Store an answer durably and hand it back; the same bytes are stored once a pack."""
        sha256 = hashlib.sha256(body).hexdigest()
        known = self._by_sha.get(sha256)
        if known is None:
            frame = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)
            offset, length = self._pack.tell(), len(frame)
            self._pack.write(frame)
            self._pack.flush()
            os.fsync(self._pack.fileno())
        else:
            offset, length = known.offset, known.length
        entry = _Entry(
            run_id=run_id,
            url=url,
            status=status,
            headers=dict(headers),
            sha256=sha256,
            fetched_at=fetched_at.isoformat(),
            context=dict(context),
            offset=offset,
            length=length,
        )
        line = json.dumps({name: getattr(entry, name) for name in _Entry.__slots__}) + "\n"
        self._index.write(line.encode())
        self._index.flush()
        os.fsync(self._index.fileno())
        self._by_request[_request(run_id, url, context)] = entry
        self._by_sha[sha256] = entry
        return Response(url, status, dict(headers), body, sha256, fetched_at, dict(context))

    def find(self, run_id: str, url: str, context: Mapping[str, Any]) -> Response | None:
        """What this run already kept for a URL that was asked for in this context, or None."""
        entry = self._by_request.get(_request(run_id, url, context))
        return None if entry is None else self._read(entry)

    def count(self, run_id: str, list_name: str) -> int:
        """How many answers this run kept for a list."""
        return sum(
            entry.run_id == run_id and entry.context.get("list") == list_name
            for entry in self._by_request.values()
        )

    def mark(self) -> tuple[int, int]:
        """The present ends of pack and index, for `rewind`."""
        return self._pack.tell(), self._index.tell()

    def rewind(self, mark: tuple[int, int]) -> None:
        """Forget what was kept since a mark: an import that changed nothing leaves nothing."""
        self._index.truncate(mark[1])
        self._pack.truncate(mark[0])
        os.fsync(self._index.fileno())

    def close(self) -> None:
        """Close the files; everything kept is on disk already."""
        self._pack.close()
        self._index.close()

    def _read(self, entry: _Entry) -> Response:
        return _response(self._pack_path, entry)


def read_pack(folder: Path, source: str, night_date: date) -> Iterator[Response]:
    """Every response kept for a source and night, in the order of arrival, without writing.

    Raises:
        UsageError: they were removed, because the setting said how long they are kept.
    """
    base = folder / source
    pack_path = base / f"{night_date.isoformat()}.pack"
    index_path = base / f"{night_date.isoformat()}.jsonl"
    removed = _removed(base).get(night_date.isoformat())
    if removed is not None and not index_path.exists():
        raise UsageError(
            f"The responses of {source} of {night_date} were removed on {removed['removed_at'][:10]}, as "
            "PAPERLAKE_KEEP_RESPONSES says: what was read from them is still in the lake, but it cannot "
            "be read again."
        )
    for entry in _entries(index_path):
        yield _response(pack_path, entry)


def verify_pack(folder: Path, source: str, night_date: date) -> Iterator[str | None]:
    """Read every kept answer of a pack, each once, however often it came.

    Yields:
        For each answer None, or what is wrong with it in a sentence.
    """
    base = folder / source
    pack_path = base / f"{night_date.isoformat()}.pack"
    try:
        entries = _entries(base / f"{night_date.isoformat()}.jsonl")
    except LakeError as error:
        yield str(error)
        return
    for entry in {(entry.offset, entry.sha256): entry for entry in entries}.values():
        try:
            _response(pack_path, entry)
        except FileNotFoundError:
            yield f"{pack_path} is missing although its index exists."
            return
        except LakeError as error:
            yield str(error)
        else:
            yield None


@dataclass(frozen=True, slots=True)
class KeptPack:
    """The responses kept of one source and night."""

    folder: Path
    """The folder of the source."""
    night_date: date
    bytes: int

    @property
    def source(self) -> str:
        """Whose they are."""
        return self.folder.name


def packs(folder: Path) -> list[KeptPack]:
    """Every pack below the folder of responses, by source and night."""
    sizes: dict[tuple[Path, date], int] = {}
    for path in sorted(folder.glob("*/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].*")):
        if path.suffix in (".pack", ".jsonl"):
            key = (path.parent, date.fromisoformat(path.stem))
            sizes[key] = sizes.get(key, 0) + path.stat().st_size
    return [KeptPack(base, night_date, size) for (base, night_date), size in sizes.items()]


def remove_pack(pack: KeptPack, now: datetime) -> None:
    """Remove the responses of a source and night, for good; killed anywhere, call it again.

    That they were removed is written down first; rows go on naming the sha256 of their response.
    """
    told = _removed(pack.folder)
    told[pack.night_date.isoformat()] = {"removed_at": now.isoformat(), "bytes": pack.bytes}
    write_json(pack.folder / _REMOVED, told)
    # The index first: bytes without an index are nothing, an index without bytes is a damage.
    for suffix in (".jsonl", ".pack"):
        (pack.folder / f"{pack.night_date.isoformat()}{suffix}").unlink(missing_ok=True)


def _removed(base: Path) -> dict[str, dict[str, Any]]:
    """Night -> when its responses were removed, and how many bytes they had."""
    try:
        told: dict[str, dict[str, Any]] = json.loads((base / _REMOVED).read_bytes())
    except FileNotFoundError:
        return {}
    return told


def _request(run_id: str, url: str, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells one request from another: a cursor may have the same URL on every page."""
    return run_id, url, json.dumps(context, sort_keys=True)


def _entries(index_path: Path) -> list[_Entry]:
    if not index_path.exists():
        return []
    lines = index_path.read_bytes().split(b"\n")
    try:
        # Without its line break the last line was never finished.
        return [_ENTRY.validate_json(line) for line in lines[:-1]]
    except ValidationError:
        raise LakeError(
            f"{index_path} is damaged: restore it from a backup, or move it and its .pack away to go "
            "on without these responses.",
            path=str(index_path),
        ) from None


def _recover(pack_path: Path, index_path: Path) -> list[_Entry]:
    """Cut off what a killed writer left unfinished, and return what is whole."""
    entries = _entries(index_path)
    if index_path.exists():
        data = index_path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(index_path, whole)
    end = max((entry.offset + entry.length for entry in entries), default=0)
    if pack_path.exists():
        size = pack_path.stat().st_size
        if size < end:
            raise LakeError(
                f"{pack_path} is shorter than its index says ({size} of {end} bytes): restore it from "
                "a backup, or move it and its .jsonl away to go on without these responses.",
                path=str(pack_path),
            )
        if size > end:
            os.truncate(pack_path, end)
    elif entries:
        raise LakeError(
            f"{pack_path} is missing although its index exists: restore it from a backup, or move the "
            "index away to go on without these responses.",
            path=str(pack_path),
        )
    return entries


def _response(pack_path: Path, entry: _Entry) -> Response:
    with pack_path.open("rb") as file:
        file.seek(entry.offset)
        frame = file.read(entry.length)
    try:
        body = zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError:
        body = b""
    if hashlib.sha256(body).hexdigest() != entry.sha256:
        raise LakeError(
            f"{pack_path} is damaged at byte {entry.offset}: restore it from a backup.",
            path=str(pack_path),
        )
    return Response(
        url=entry.url,
        status=entry.status,
        headers=entry.headers,
        body=body,
        sha256=entry.sha256,
        fetched_at=datetime.fromisoformat(entry.fetched_at),
        context=entry.context,
        is_replayed=True,
    )
