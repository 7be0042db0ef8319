"""Answers over HTTP: compressed where the client allows it, the same bytes every time."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

WORTH_COMPRESSING = 500


def answer(
    request: Request,
    body: bytes,
    media_type: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The body with its type, as gzip where Accept-Encoding names it."""
    sent = {**(headers or {}), "Vary": "Accept-Encoding"}
    offered = [
        part.strip().lower() for part in request.headers.get("accept-encoding", "").split(",")
    ]
    if "gzip" in (part.partition(";")[0] for part in offered if not part.endswith("q=0")) and (
        len(body) >= WORTH_COMPRESSING
    ):
        body = gzip.compress(body, 1, mtime=0)
        sent["Content-Encoding"] = "gzip"
    return Response(body, status, sent, media_type)


def as_json(value: Any) -> bytes:
    """Strict JSON in UTF-8, without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def json_answer(
    request: Request, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The value as JSON."""
    return answer(request, as_json(value), "application/json", status, headers)
