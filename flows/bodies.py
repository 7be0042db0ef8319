"""Bodies of answers, read raw and decoded within bounds: what a source sends may be a bomb."""

import re
import zlib
from collections.abc import AsyncIterator, Mapping

_EXCERPT_BYTES = 4096


class TryAgainError(Exception):
    """This attempt failed, the next one may not. `wait`: seconds the source asked for."""

    def __init__(self, reason: str, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.wait = wait


class TooMuchError(Exception):
    """The answer is larger than allowed, or encoded in a way that cannot be bounded."""


async def read_body(headers: Mapping[str, str], chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Read a whole body raw and decode it, never holding more than `limit` decoded bytes.

    One gzip member, and nothing behind it: no source sends more, and a chain of tiny members would
    cost time without bound.

    Raises:
        TooMuchError: more than `limit` bytes, raw or decoded, or an encoding that we did not offer.
        TryAgainError: the body is incomplete or damaged.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise TooMuchError(f"its encoding {encoding[:40]!r} was not asked for and is refused")
    too_much = f"it is larger than the {limit} bytes that the source may send in one answer"
    length = headers.get("content-length")
    gunzip = zlib.decompressobj(31) if encoding == "gzip" else None
    body = bytearray()
    n_raw = 0
    async for chunk in chunks:
        n_raw += len(chunk)
        if n_raw > limit:
            raise TooMuchError(too_much)
        try:
            # With room for one byte more than allowed, all input is consumed, or it is too much.
            body += gunzip.decompress(chunk, limit + 1 - len(body)) if gunzip else chunk
        except zlib.error:
            raise TryAgainError("its gzip body is damaged") from None
        if len(body) > limit:
            raise TooMuchError(too_much)
        if gunzip and gunzip.unused_data:
            raise TryAgainError("bytes follow the end of its gzip body")
    is_chunked = "transfer-encoding" in headers
    if length is not None and not is_chunked and int(length) != n_raw:
        raise TryAgainError(f"{n_raw} bytes came instead of {length}")
    if gunzip and not gunzip.eof and n_raw:
        raise TryAgainError("its gzip body is cut off")
    return bytes(body)


async def beginning(headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> bytes:
    """The first bytes of an error's body, decoded as far as that goes."""
    raw = b""
    async for chunk in chunks:
        raw += chunk
        if len(raw) >= _EXCERPT_BYTES:
            break
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip":
        try:
            return zlib.decompressobj(31).decompress(raw, _EXCERPT_BYTES)
        except zlib.error:
            return b""
    return raw[:_EXCERPT_BYTES] if encoding in ("", "identity") else b""


def excerpt(body: bytes) -> str:
    """The first words of an error's body, for people: no markup, no control characters."""
    text = body[:_EXCERPT_BYTES].decode("utf-8", errors="replace")
    text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^<>]*>", " ", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 160 else text[:159] + "…"
