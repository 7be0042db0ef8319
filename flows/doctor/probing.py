"""One look at a source: whether it is there, and what it says, before a night has to know."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from flows.bodies import beginning, excerpt
from flows.fetching import exchange, open_client, origin, parse_base
from flows.judging import REDIRECTS, USABLE, NoAnswerError
from flows.pacing import Pace
from flows.secrecy import Secrets
from flows.settings import Settings
from flows.source import Source
from flows.urls import absolute_url


@dataclass(frozen=True, slots=True)
class Probed:
    """What one look at a source told."""

    url: str
    """What was asked, as it may be seen."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    received_at: float = 0.0
    """Seconds since 1970 by our clock."""
    failure: str | None = None
    """`open`, `queued`: not asked; `dns`, `refused`, `unreachable`, `timeout`, `tls`, `connection`."""
    reason: str = ""
    """The failure, or the beginning of an error's body, in words."""
    refusal: str | None = None
    """What the source itself means by this error, and what to do."""
    until: float = 0.0
    """Where it was not asked: until when, in seconds since 1970."""


async def probe(
    source: Source,
    base_url: str,
    *,
    settings: Settings,
    pace: Pace,
    pause_seconds: float,
    seconds: float,
) -> Probed:
    """Ask a source once whether it is there: at its pace, following nowhere, keeping nothing.

    A host that others of this machine keep busy for longer than `seconds`, or whose circuit is
    open, is not asked. A success closes a circuit; a failure does not count, as a night waits longer.

    Raises:
        SettingsError: the address is not one, the contact cannot be sent, or the folder of the pace
            cannot be written.
    """
    host = origin(parse_base(base_url, source.name))[1]
    secrets = Secrets(source.secrets(settings))
    url = absolute_url(base_url, source.probe or "", secrets.parameters)
    shown = secrets.blot(absolute_url(base_url, source.probe or "", None))
    now = time.time()
    state = pace.look(host)
    if state.open_until > now:
        return Probed(shown, failure="open", until=state.open_until)
    if pause_seconds and state.free_at > now + seconds / 2:
        return Probed(shown, failure="queued", until=state.free_at)
    try:
        async with asyncio.timeout(seconds), open_client(contact=settings.contact) as client:
            await pace.wait(host, pause_seconds)
            answer = await exchange(
                client,
                url,
                headers=secrets.headers,
                seconds=seconds,
                connect_seconds=seconds / 2,
                read=_read,
            )
    except TimeoutError:
        return Probed(shown, failure="timeout")
    except NoAnswerError as error:
        return Probed(shown, failure=error.step, reason=secrets.blot(str(error)))
    received_at = time.time()
    if pause_seconds and answer.status < 500:
        await pace.report(host, ok=True)
    refusal = None
    if not _is_fine(answer.status):
        refusal = source.refusal(answer.status, answer.headers, answer.body)
    return Probed(
        shown,
        status=answer.status,
        headers=answer.headers,
        received_at=received_at,
        reason=secrets.blot(excerpt(answer.body)),
        refusal=None if refusal is None else secrets.blot(refusal.reason),
    )


def _is_fine(status: int) -> bool:
    return status in USABLE | REDIRECTS


async def _read(status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> bytes:
    """Only what an error says: of a source that is there nothing more is wanted."""
    return b"" if _is_fine(status) else await beginning(headers, chunks)
