"""Sources asked without a network, for the tests: a function answers, and what was asked is kept."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flows.source import Fetch, Source, Window
from warehouse.responses import Response

NOW = datetime(2026, 6, 12, 6, 30, tzinfo=UTC)
"""When everything is fetched, a Friday."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a source."""

    path: str
    """Path or address, as the source gave it."""
    url: str
    """In full, with its query."""
    query: dict[str, Any]
    context: Mapping[str, Any]
    is_fresh: bool


class Lost(bytes):
    """A body to a request that had to be repeated: the first answer was lost, and its page with it."""


class Kept(bytes):
    """A body that an earlier process of the same run has kept."""


Answer = bytes | tuple[bytes, Mapping[str, str]]
"""A body, or a body and its headers."""


class FakeFetch:
    """What a source is given to ask with; an answer may raise instead."""

    def __init__(self, source: Source, answer: Callable[[Asked], Answer]) -> None:
        self.base_url = source.base_url
        self.answer = answer
        self.asked: list[Asked] = []
        self.warnings: list[str] = []
        self.n_retries = 0

    def warn(self, text: str) -> None:
        """Keep what is to be looked at."""
        self.warnings.append(text)

    async def __call__(
        self,
        path_or_url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        context: Mapping[str, Any] | None = None,
        fresh: bool = False,
    ) -> Response:
        """Keep what is asked, and answer."""
        url = path_or_url if "://" in path_or_url else f"{self.base_url}/{path_or_url}"
        if params:
            url += "?" + urlencode(params)
        asked = Asked(path_or_url, url, dict(params or {}), context or {}, fresh)
        self.asked.append(asked)
        told = self.answer(asked)
        body, headers = told if isinstance(told, tuple) else (told, {})
        self.n_retries += isinstance(body, Lost)
        sha256 = hashlib.sha256(body).hexdigest()
        is_replayed = isinstance(body, Kept)
        return Response(
            url, 200, headers, body, sha256, NOW, asked.context, is_replayed=is_replayed
        )


def everything(source: Source, fetch: Fetch, window: Window) -> list[Response]:
    """Every response that a source yields for a window."""

    async def collect() -> list[Response]:
        return [response async for response in source.requests(fetch, window)]

    return asyncio.run(collect())
