"""How a source asks: bounded, hops checked, kept before used. Alone imports httpx and tenacity.

One GET goes this way: an answer that this run kept already is handed back; else every hop is
checked against the source's hosts, waits for its host's pace and circuit, and is read raw within
one deadline and two bounds (httpx would inflate 317 bytes of brotli into one chunk of 200 MB, end a
truncated gzip body without an error, and let a slow drip outlive each of its timeouts). Only a
complete answer is kept, and only a kept one is returned. What is kept, said or logged holds no
secret: URLs are redacted by parameter name, and the given secrets are blotted out by value.
"""

import asyncio
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import tenacity

from flows.bodies import TooMuchError, TryAgainError, beginning, excerpt, read_body
from flows.contact import is_sendable, user_agent
from flows.judging import REDIRECTS, USABLE, Answer, NoAnswerError, failed_step, judge
from flows.pacing import Pace
from flows.secrecy import Secrets
from flows.settings import Settings
from flows.source import Source
from flows.urls import HIDDEN, absolute_url, encode, parameter_name, redact, secret_names
from flows.waits import parse_rate, parse_rate_limit, parse_retry_after
from schemas.errors import CircuitOpenError, FetchError, SettingsError, UnsafeError
from warehouse.responses import Pack, Response

_LOG = logging.getLogger(__name__)
_MAX_HOPS = 5
_CONNECT_SECONDS = 20.0
_KEPT_HEADERS = re.compile(
    "content-type|link|location|etag|last-modified|date|retry-after|x-api-pool|x-concurrency-limit|"
    "(x-)?rate-?limit.*"
)


@cache
def _certificates() -> ssl.SSLContext:
    """What servers are trusted by, read once: it takes longer than a small answer."""
    return httpx.create_ssl_context(trust_env=False)


def open_client(*, contact: str | None) -> httpx.AsyncClient:
    """A client for all sources of a run, to be used in `async with`.

    It names us, speaks HTTP/1.1, accepts gzip only, follows no redirect and keeps no cookie. It takes
    nothing from the environment (`trust_env=False`): a proxy variable would lead the sandbox's
    loopback traffic away, and .netrc would send credentials that nobody configured here.

    Raises:
        SettingsError: the contact cannot stand in a header.
    """
    if contact and not is_sendable(contact):
        raise SettingsError(
            "PAPERLAKE_CONTACT: only ASCII without parentheses can stand in a User-Agent. "
            "Give a mail address or a URL."
        )
    # They log whole URLs at INFO and answers' headers at DEBUG, secrets included.
    for logger in ("httpx", "httpcore.http11"):
        logging.getLogger(logger).addFilter(_is_warning)
    return httpx.AsyncClient(
        headers={"User-Agent": user_agent(contact), "Accept-Encoding": "gzip"},
        http2=False,
        follow_redirects=False,
        trust_env=False,
        verify=_certificates(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=15),
    )


class Fetcher:
    """`flows.source.Fetch` for one source and run; it belongs to one event loop.

    `base_url` is the given one, else the one in the settings, else the source's. `secrets` go to the
    origin of `base_url` only: a name with a dash (or `Authorization`) as a header, any other as a
    parameter of the query. Answers are kept in the event loop, not in a thread: it takes
    milliseconds, keeps their order, and cannot be cancelled half way. `sleep` is for tests.
    """

    def __init__(
        self,
        *,
        source: Source,
        run_id: str,
        pack: Pack,
        pace: Pace,
        client: httpx.AsyncClient,
        settings: Settings,
        now: Callable[[], datetime],
        base_url: str | None = None,
        pause_seconds: float | None = None,
        secrets: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base_url = base_url or settings.base_urls.get(source.name) or source.base_url
        self.n_responses = 0
        """Answers handed out, replayed ones included."""
        self.n_fetched = 0
        """Answers that came over the network."""
        self.n_retries = 0
        """Requests that were repeated."""
        self.warnings: list[str] = []
        """What went well but should be looked at; each sentence once."""
        self._source = source
        self._run_id = run_id
        self._pack = pack
        self._pace = pace
        self._client = client
        self._settings = settings
        self._now = now
        self._sleep = sleep
        self._least_pause = source.pause_seconds if pause_seconds is None else pause_seconds
        self._pause = self._least_pause
        self._base = parse_base(self.base_url, source.name)
        self._secrets = Secrets(secrets or {})

    async def __call__(
        self,
        path_or_url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        context: Mapping[str, Any] | None = None,
        fresh: bool = False,
    ) -> Response:
        """One GET; see `flows.source.Fetch`."""
        url = absolute_url(self.base_url, path_or_url, params)
        shown = self._secrets.shown(url)
        kept = None
        if not fresh and self._is_replayable(url):
            kept = self._pack.find(self._run_id, shown, context or {})
        if kept is None:
            answer = await self._retried(url)
            kept = self._pack.keep(
                self._run_id,
                url=shown,
                status=answer.status,
                headers={
                    name: self._secrets.blot(value)
                    for name, value in answer.headers.items()
                    if _KEPT_HEADERS.fullmatch(name)
                },
                body=answer.body,
                fetched_at=self._now(),
                context=context or {},
            )
            self.n_fetched += 1
        self.n_responses += 1
        return kept

    async def _retried(self, url: str) -> Answer:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._settings.attempts),
            retry=tenacity.retry_if_exception_type(TryAgainError),
            wait=_wait,
            sleep=self._sleep,
            before_sleep=self._before_sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, url)
        except TryAgainError as error:
            n = self._settings.attempts
            reason = (
                f"no usable answer in {n} attempts, the last time {error}; the next run goes on "
                f"from here, and if it lasts see {self._source.homepage}"
            )
            raise self._error(FetchError, url, reason, error.status, attempts=n) from None
        except FetchError as error:
            error.facts["attempts"] = retrying.statistics["attempt_number"]
            raise

    async def _attempt(self, url: str) -> Answer:
        """One try, its redirects included; after a failure the whole chain is taken again."""
        target = self._fill(self._parse(url))
        seen: set[httpx.URL] = set()
        while len(seen) <= _MAX_HOPS:
            problem = hop_problem(target, self._base, self._source.hosts)
            if problem is not None:
                raise self._error(UnsafeError, str(target), f"{problem}; nothing was sent there")
            if target in seen:
                raise self._error(UnsafeError, url, "it redirects in a circle")
            seen.add(target)
            answer = await self._hop(target)
            if answer.status not in REDIRECTS:
                return answer
            target = self._next_hop(target, answer)
        raise self._error(UnsafeError, url, f"it redirects more than {_MAX_HOPS} times")

    async def _hop(self, url: httpx.URL) -> Answer:
        """One request at the host's pace; how it ends is reported to the host's circuit."""
        host = origin(url)[1]
        await self._pace.wait(host, self._pause)
        try:
            await self._pace.check(host)
            answer = await self._exchange(url)
        except CircuitOpenError as error:
            shown = self._secrets.shown(str(url))
            facts = error.facts | {"source": self._source.name, "url": shown}
            raise CircuitOpenError(error.message, **facts) from None
        except TryAgainError:
            await self._pace.report(host, ok=False)
            raise
        except TooMuchError as error:
            await self._pace.report(host, ok=True)
            raise self._error(UnsafeError, str(url), str(error)) from None
        if self._pause:
            # Slower where the source asks for it, never faster than its file says.
            self._pause = max(self._least_pause, parse_rate(answer.headers) or 0.0)
        budget = parse_rate_limit(answer.headers, time.time())
        wait = parse_retry_after(answer.headers, time.time())
        if wait is None and answer.status == 429:
            wait = budget
        # 429, and 503 with a time to come back, are a host that manages its load, not a broken one.
        await self._pace.report(host, ok=answer.status < 500 or wait is not None)
        longest = self._settings.max_retry_after_seconds
        if budget is not None and budget <= longest:
            await self._pace.hold(host, budget)
        if answer.status in USABLE or answer.status in REDIRECTS:
            return answer
        if wait is not None and wait <= longest:
            await self._pace.hold(host, wait)
        raise self._judged(url, answer, wait)

    async def _exchange(self, url: httpx.URL) -> Answer:
        """The request itself, body included, within one deadline."""
        is_ours = origin(url) == origin(self._base)
        seconds = self._settings.request_seconds
        try:
            async with asyncio.timeout(seconds):
                return await exchange(
                    self._client,
                    url,
                    headers=self._secrets.headers if is_ours else {},
                    seconds=seconds,
                    connect_seconds=min(_CONNECT_SECONDS, seconds),
                    read=self._read,
                )
        except TimeoutError:
            raise TryAgainError(f"the answer took longer than {seconds:g} s") from None
        except NoAnswerError as error:
            reason = f"the connection failed ({error})".replace(".)", ")")
            raise TryAgainError(self._secrets.blot(reason)) from None

    async def _read(
        self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]
    ) -> bytes:
        """A usable answer's whole body, nothing of a redirect's, the beginning of any other's."""
        if status in REDIRECTS:
            return b""
        if status not in USABLE:
            return await beginning(headers, chunks)
        if status != 204 and not {"content-length", "transfer-encoding"} & headers.keys():
            self.warn("answers come without a length: one that is cut off may look complete.")
        return await read_body(headers, chunks, self._source.max_response_bytes)

    def _judged(self, url: httpx.URL, answer: Answer, wait: float | None) -> Exception:
        """The error that an answer is which cannot be used."""
        status, text = answer.status, self._secrets.blot(excerpt(answer.body))
        said = f'it answered {status} "{text}"' if text else f"it answered {status}"
        longest = self._settings.max_retry_after_seconds
        verdict = judge(self._source, answer, said, wait, longest)
        if verdict is None:
            return TryAgainError(said, status, wait)
        facts = {"excerpt": text, **verdict.facts}
        return self._error(verdict.kind, str(url), verdict.reason, status, **facts)

    def _before_sleep(self, state: tenacity.RetryCallState) -> None:
        self.n_retries += 1
        next_attempt = f"{state.attempt_number + 1} of {self._settings.attempts}"
        name, seconds = self._source.name, state.upcoming_sleep
        _LOG.info("%s: %s; attempt %s in %.0f s", name, _failure(state), next_attempt, seconds)

    def _fill(self, url: httpx.URL) -> httpx.URL:
        """Add the secrets that go into the query, also where a kept next link hides them."""
        if origin(url) != origin(self._base):
            return url
        given = dict(self._secrets.parameters)
        query = url.query.decode("ascii")
        if self._settings.contact and f"mailto={HIDDEN}" in query.split("&"):
            given["mailto"] = self._settings.contact
        if not given:
            return url
        parts = [part for part in query.split("&") if part and parameter_name(part) not in given]
        return url.copy_with(query="&".join([*parts, encode(given)]).encode("ascii"))

    def _next_hop(self, url: httpx.URL, answer: Answer) -> httpx.URL:
        location = answer.headers.get("location")
        if not location:
            reason = f"it answered {answer.status} without saying where to"
            raise self._error(FetchError, str(url), reason, answer.status)
        target = self._parse(location, url)
        if answer.status in (301, 308):
            old, new = (self._secrets.shown(str(item)) for item in (url, target))
            self.warn(f"{old} has moved to {new}: change it in the source.")
        return target

    def _parse(self, url: str, base: httpx.URL | None = None) -> httpx.URL:
        try:
            parsed = httpx.URL(url) if base is None else base.join(url)
            return parsed.copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            raise self._error(UnsafeError, url, f"it is not a URL ({error})") from None

    def _is_replayable(self, url: str) -> bool:
        """Whether the URL as it is kept still tells one page from another."""
        known = {*self._secrets.headers, *self._secrets.parameters, "mailto", "email"}
        unknown = secret_names(url) - known
        if unknown:
            names = ", ".join(sorted(unknown))
            self.warn(f"answers are not replayed, as {names} in the query may be a secret.")
        return not unknown

    def warn(self, text: str) -> None:
        """Say it in the run's report, once; see `flows.source.Fetch`."""
        text = f"{self._source.name}: {self._secrets.blot(text)}"
        if text not in self.warnings:
            self.warnings.append(text)

    def _error(
        self,
        kind: type[FetchError],
        url: str,
        reason: str,
        status: int | None = None,
        **facts: Any,
    ) -> FetchError:
        name, shown = self._source.name, self._secrets.shown(url)
        message = f"{name}: {shown}: {self._secrets.blot(reason)}."
        return kind(message, source=name, url=shown, status=status, **facts)


async def exchange(
    client: httpx.AsyncClient,
    url: httpx.URL | str,
    *,
    headers: Mapping[str, str],
    seconds: float,
    connect_seconds: float,
    read: Callable[[int, Mapping[str, str], AsyncIterator[bytes]], Awaitable[bytes]],
) -> Answer:
    """One GET, following nowhere; a deadline for the whole of it is the caller's.

    `seconds` bounds each silence, `connect_seconds` the time until there is a connection. `read`
    takes of the body what is wanted, given status, headers and the raw chunks.

    Raises:
        NoAnswerError: there was no connection, or it broke.
    """
    timeout = httpx.Timeout(seconds, connect=connect_seconds)
    try:
        async with client.stream("GET", url, headers=headers, timeout=timeout) as response:
            found = dict(response.headers)
            body = await read(response.status_code, found, response.aiter_raw())
    except (httpx.TransportError, OSError) as error:
        step = failed_step(error)
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            step = "unreachable" if isinstance(error, httpx.ConnectTimeout) else "timeout"
        raise NoAnswerError(step, f"{type(error).__name__}: {error}") from None
    return Answer(response.status_code, found, body)


def hop_problem(url: httpx.URL, base: httpx.URL, hosts: frozenset[str]) -> str | None:
    """Why nothing may be sent to a URL, or None.

    Allowed are the origin of the base, host and port, and the source's hosts by https on the usual
    port. A base of plain http is a sandbox or a test: from there no way leads to the real hosts.
    """
    if url.userinfo:
        return "it carries a user name or password"
    if origin(url) == origin(base):
        return None
    if url.scheme != "https":
        return "it is not https"
    if base.scheme == "http" or url.port is not None or url.raw_host.decode("ascii") not in hosts:
        return "it leaves the source's own hosts"
    return None


def _wait(state: tenacity.RetryCallState) -> float:
    """What the source asked for, at least exponential; longer where it throttles without saying."""
    error = _failure(state)
    asked = error.wait if error is not None else None
    is_throttled = error is not None and error.status in (429, 503)
    first = 15 if is_throttled and asked is None else 1
    backoff = tenacity.wait_exponential(multiplier=first, max=240)(state)
    return max(asked or 0.0, backoff) + tenacity.wait_random(0, 1)(state)


def _failure(state: tenacity.RetryCallState) -> TryAgainError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, TryAgainError) else None


def parse_base(base_url: str, source: str) -> httpx.URL:
    """Where a source's API begins.

    Raises:
        SettingsError: it is no address of http or https, or carries a user name.
    """
    try:
        base = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError):
        base = httpx.URL("")
    if base.scheme not in ("http", "https") or not base.host or base.userinfo:
        raise SettingsError(
            f"The address of {source}, {redact(base_url)!r}, is not one of http or https: "
            "correct PAPERLAKE_BASE_URLS."
        )
    return base


def origin(url: httpx.URL) -> tuple[str, str]:
    """Scheme, and host with its port where that is not the usual one."""
    return url.scheme, url.netloc.decode("ascii")


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
