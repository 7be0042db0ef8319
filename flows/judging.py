"""What it means where no answer came, or one that cannot be used; knows nothing of HTTP's library."""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flows.source import Source
from schemas.errors import FetchError, RefusedError

USABLE = frozenset({200, 203, 204})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# 202: not ready yet. 425: too early.
_RETRIED = frozenset({202, 408, 425, 429})


class NoAnswerError(Exception):
    """No whole answer came; `step` says how far it got, see `failed_step`."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step = step


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: names of headers in lower case, the body decoded as far as it was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why asking again now will not help."""

    kind: type[FetchError]
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def judge(
    source: Source, answer: Answer, said: str, wait: float | None, longest: float
) -> Verdict | None:
    """What an answer that cannot be used means: refused, come back later, or (None) try again.

    `said` is the answer in words, with which the reason begins; `wait` are the seconds that it asks
    to wait, if it does, and `longest` those that a run waits at the most.
    """
    status = answer.status
    refusal = source.refusal(status, answer.headers, answer.body)
    if refusal is not None:
        return Verdict(RefusedError, f"{said}; {refusal.reason}", {"refusal": refusal.kind})
    if status not in _RETRIED and status < 500:
        kind = RefusedError if status >= 400 else FetchError
        return Verdict(kind, f"{said}; {_advice(status)}, see {source.homepage}")
    if wait is None or wait <= longest:
        return None
    until = _utc(time.time() + wait)
    reason = (
        f"{said} and asks to be left alone until {until}; start again then "
        f"(PAPERLAKE_MAX_RETRY_AFTER_SECONDS is {longest:g})"
    )
    return Verdict(FetchError, reason, {"until": until})


def failed_step(error: BaseException) -> str:
    """Which step of asking failed, told by the innermost cause that says it.

    Returns:
        `dns`, `refused`, `tls`, or `connection` for any other.
    """
    causes: list[BaseException] = [error]
    for cause in causes:  # grows while it is read
        if isinstance(cause, socket.gaierror):
            return "dns"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, ConnectionRefusedError):
            return "refused"
        if isinstance(cause, BaseExceptionGroup):
            causes.extend(cause.exceptions)
        following = cause.__cause__ or cause.__context__
        if following is not None and following not in causes:
            causes.append(following)
    return "connection"


def _advice(status: int) -> str:
    if status in (401, 403):
        return "it may need a key, or have blocked us"
    if status in (404, 410):
        return "it is not there, or has moved"
    return "the request no longer suits the source"


def _utc(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return "the end of time"
