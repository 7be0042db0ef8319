import asyncio
import contextlib
import gzip
import logging
import pickle
import re
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.bodies import excerpt
from flows.fetching import Fetcher, hop_problem, open_client
from flows.pacing import FAILURES_TO_OPEN, Pace
from flows.settings import Settings
from flows.source import Fetch, Source
from flows.urls import absolute_url, redact, secret_names
from flows.waits import parse_rate_limit, parse_retry_after
from schemas.errors import (
    CircuitOpenError,
    FetchError,
    PaperlakeError,
    RefusedError,
    SettingsError,
    UnsafeError,
)
from warehouse.responses import Pack, read_pack

NIGHT = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
SECRET = "s3cr3t+v/lue"
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer; an underscore in a header's name stands for a dash."""
    lines = [f"HTTP/1.1 {status}", "Connection: close"]
    if "content_length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Server:
    """Answers each path with its answers in turn, the last one for ever, and writes down who asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.n_connections = 0
        self.base_url = ""

    def on(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    @property
    def targets(self) -> list[str]:
        return [target for target, _ in self.requests]

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            target = head[0].split(" ")[1]
            pairs = [line.partition(":") for line in head[1:] if line]
            self.requests.append(
                (target, {name.lower(): value.strip() for name, _, value in pairs})
            )
            answers = self.answers.get(target.partition("?")[0], [answer(b"", "404 Not Found")])
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(found, bytes):
                writer.write(found)
                await writer.drain()
            else:
                await found(writer)
        writer.close()


class Clock:
    """Sleeps without sleeping; the wall clock that the pace sees moves with it."""

    def __init__(self) -> None:
        self.now = time.time()
        self.waits: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def source(**changes: Any) -> Source:
    """A source that lists nothing."""

    def unused(*_: Any) -> Any:
        raise AssertionError

    values: dict[str, Any] = {
        "name": "example",
        "title": "Example",
        "homepage": "https://example.org/help",
        "data_license": "CC0",
        "base_url": "https://api.example.org",
        "hosts": frozenset({"api.example.org", "export.example.org"}),
        "pause_seconds": 0.0,
        "expected_seconds": 1.0,
        "parser_version": 1,
        "formats": (),
    }
    for name in ("lists", "requests", "parse", "listing", "expected_requests", "watermark"):
        values[name] = unused
    return Source(**(values | {"read_file": unused} | changes))


@dataclass
class World:
    """A server, and a fetcher that talks to it."""

    server: Server
    fetch: Fetcher
    clock: Clock
    folder: Path
    again: Callable[..., Fetcher] = dataclass_field(repr=False)
    """A further fetcher on the same pack and client; keyword arguments win."""

    @property
    def kept(self) -> str:
        """The text of the index."""
        return (self.folder / "responses" / "example" / f"{NIGHT}.jsonl").read_text()


@contextlib.asynccontextmanager
async def world(
    folder: Path, *, max_bytes: int = 1_000_000, settings: Settings | None = None, **options: Any
) -> AsyncIterator[World]:
    """A world whose clock only moves when somebody sleeps; options go to the fetcher."""
    clock = Clock()
    settings = settings or Settings(request_seconds=20)
    pack = Pack(folder / "responses", "example", NIGHT)
    pace = Pace(folder / "pace", sleep=clock.sleep, clock=clock.time)
    async with Server() as server, open_client(contact="mail@example.org") as client:

        def again(**changes: Any) -> Fetcher:
            values: dict[str, Any] = {
                "source": source(max_response_bytes=max_bytes),
                "run_id": "run-1",
                "pack": pack,
                "pace": pace,
                "client": client,
                "settings": settings,
                "now": lambda: NOW,
                "base_url": server.base_url,
                "sleep": clock.sleep,
            }
            return Fetcher(**(values | options | changes))

        yield World(server, again(), clock, folder, again)
    pack.close()


def run(test: Callable[[World], Awaitable[None]], folder: Path, **options: Any) -> None:
    """Run a test's coroutine function in a world of its own."""

    async def inside() -> None:
        async with world(folder, **options) as made:
            await test(made)

    asyncio.run(inside())


def test_an_answer_is_kept_before_it_is_used(tmp_path: Path) -> None:
    """When fetch returns, the body and what matters of the headers can be read from the disk."""

    async def test(w: World) -> None:
        headers = {"ETag": '"1"', "Set_Cookie": "a=b", "X_Api_Pool": "polite", "Server": "x"}
        w.server.on("/papers", answer(b'["\xc3\xa9"]', **headers))
        response = await w.fetch(
            "/papers",
            params={"date": "2026-11-24", "q": "a b&c", "p": 0},
            context={"list": "daily"},
        )
        [kept] = read_pack(tmp_path / "responses", "example", NIGHT)
        assert kept.body == response.body == b'["\xc3\xa9"]'
        assert kept.url == w.server.base_url + "/papers?date=2026-11-24&q=a%20b%26c&p=0"
        assert kept.status == 200
        assert kept.headers == {"etag": '"1"', "x-api-pool": "polite"}
        assert kept.fetched_at == NOW
        assert kept.context == {"list": "daily"}
        assert not response.is_replayed
        assert (w.fetch.n_responses, w.fetch.n_fetched, w.fetch.n_retries) == (1, 1, 0)

    run(test, tmp_path)


def test_an_answer_that_cannot_be_kept_is_not_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk ends the fetch with an error instead of an answer that a rerun would not have."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    async def test(w: World) -> None:
        w.server.on("/", answer(b"x"))
        monkeypatch.setattr(Pack, "keep", full)
        with pytest.raises(OSError, match="No space left"):
            await w.fetch("/")
        assert len(w.server.requests) == 1

    run(test, tmp_path)


def test_the_same_run_asks_once(tmp_path: Path) -> None:
    """A second request of the run is answered from what was kept, unless a fresh one is wanted."""

    async def test(w: World) -> None:
        w.server.on("/a", answer(b"1"), answer(b"2"))
        assert (await w.fetch("/a", params={"p": 1})).body == b"1"
        replayed = await w.again()("/a", params={"p": 1})
        assert (replayed.body, replayed.is_replayed) == (b"1", True)
        assert len(w.server.requests) == 1
        assert (await w.fetch("/a", params={"p": 1}, fresh=True)).body == b"2"
        assert (await w.fetch("/a", params={"p": 1})).body == b"2"
        assert (await w.again(run_id="run-2")("/a", params={"p": 1})).is_replayed is False
        assert len(w.server.requests) == 3
        assert (w.fetch.n_responses, w.fetch.n_fetched) == (3, 2)

    run(test, tmp_path)


def test_we_say_who_we_are_and_send_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact is in the User-Agent, only gzip is offered; no proxy, no .netrc, no cookie counts."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    async def test(w: World) -> None:
        w.server.on("/", answer(b"x", Set_Cookie="a=b; Path=/"))
        await w.fetch("/")
        await w.fetch("/", fresh=True)
        for _, headers in w.server.requests:
            assert headers["user-agent"].startswith("paperlake/")
            assert headers["user-agent"].endswith(" (+mail@example.org)")
            assert headers["accept-encoding"] == "gzip"
            assert not {"cookie", "authorization"} & headers.keys()

    run(test, tmp_path)


@pytest.mark.parametrize("contact", ["a\nb", "José", "a(b)", " x"])
def test_a_contact_that_no_header_can_carry_is_refused(contact: str) -> None:
    """The error names the setting."""
    with pytest.raises(SettingsError, match="PAPERLAKE_CONTACT"):
        open_client(contact=contact)


@pytest.mark.parametrize("status", ["200 OK", "203 Non-Authoritative", "204 No Content"])
def test_an_empty_answer_is_the_sources_to_judge(tmp_path: Path, status: str) -> None:
    """An empty body is returned as it is."""

    async def test(w: World) -> None:
        raw = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        w.server.on("/", raw if status.startswith("204") else answer(b"", status))
        response = await w.fetch("/")
        assert (response.status, response.body) == (int(status[:3]), b"")

    run(test, tmp_path)


# Bodies: encodings, bounds, ends.


def test_gzip_is_decoded(tmp_path: Path) -> None:
    """A gzip body comes decoded, also in many small pieces without a length."""
    body = b"[" + b"1234567890," * 5000 + b"0]"

    async def pieces(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        )
        packed = gzip.compress(body)
        for start in range(0, len(packed), 7):
            piece = packed[start : start + 7]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def test(w: World) -> None:
        w.server.on("/whole", answer(gzip.compress(body), Content_Encoding="gzip"))
        w.server.on("/pieces", pieces)
        assert (await w.fetch("/whole")).body == body
        assert (await w.fetch("/pieces")).body == body
        assert w.fetch.warnings == []

    run(test, tmp_path)


def bomb(n_bytes: int) -> bytes:
    """So many zeros, as gzip."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1_000_000)
    parts = [packer.compress(block) for _ in range(n_bytes // len(block))]
    return b"".join([*parts, packer.flush()])


def test_a_gzip_bomb_is_bounded(tmp_path: Path) -> None:
    """200 MB in 200 KB of gzip are refused at once, within a few MB and without a retry."""
    packed = bomb(200_000_000)
    assert len(packed) < 300_000

    async def test(w: World) -> None:
        w.server.on("/", answer(packed, Content_Encoding="gzip"))
        tracemalloc.start()
        started = time.monotonic()
        with pytest.raises(UnsafeError, match="larger than the 1000000 bytes"):
            await w.fetch("/")
        assert time.monotonic() - started < 2
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
        tracemalloc.stop()
        assert len(w.server.requests) == 1
        assert w.kept == ""

    run(test, tmp_path)


def test_a_body_without_end_is_bounded(tmp_path: Path) -> None:
    """A plain body is refused as soon as it passes the source's bound."""

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            await writer.drain()

    async def test(w: World) -> None:
        w.server.on("/", endless)
        with pytest.raises(UnsafeError, match="larger than"):
            await w.fetch("/")

    run(test, tmp_path)


def test_a_body_of_exactly_the_bound_is_taken(tmp_path: Path) -> None:
    """The bound itself is allowed, one byte more is not, packed or plain."""

    async def test(w: World) -> None:
        for name, size in (("at", 1000), ("above", 1001)):
            w.server.on(f"/{name}/plain", answer(bytes(size)))
            packed = gzip.compress(bytes(size))
            w.server.on(f"/{name}/gzip", answer(packed, Content_Encoding="gzip"))
        for kind in ("plain", "gzip"):
            assert len((await w.fetch(f"/at/{kind}")).body) == 1000
            with pytest.raises(UnsafeError):
                await w.fetch(f"/above/{kind}")

    run(test, tmp_path, max_bytes=1000)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip, identity", "deflate", "zstd", "x"])
def test_other_and_stacked_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    """What cannot be decoded within a bound is refused without a retry."""

    async def test(w: World) -> None:
        w.server.on("/", answer(gzip.compress(b"[]"), Content_Encoding=encoding))
        with pytest.raises(UnsafeError, match="was not asked for"):
            await w.fetch("/")
        assert len(w.server.requests) == 1
        assert w.kept == ""

    run(test, tmp_path)


PACKED = gzip.compress(b'{"papers": [1, 2, 3]}')
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
INCOMPLETE: dict[str, tuple[bytes, str]] = {
    "gzip cut off": (answer(PACKED[:-9], Content_Encoding="gzip"), "cut off"),
    "gzip checksum": (answer(PACKED[:-8] + bytes(8), Content_Encoding="gzip"), "damaged"),
    "not gzip": (answer(b"<html>", Content_Encoding="gzip"), "damaged"),
    "bytes behind": (answer(PACKED + b"!", Content_Encoding="gzip"), "bytes follow"),
    "second member": (answer(PACKED + PACKED, Content_Encoding="gzip"), "bytes follow"),
    "shorter than said": (answer(b"[1, 2", content_length="9"), "connection failed"),
    "gzip shorter": (
        answer(PACKED, Content_Encoding="gzip", content_length=str(len(PACKED) + 4)),
        "connection failed",
    ),
    "chunk cut off": (CHUNKED + b"9\r\n[1, 2", "connection failed"),
    "no last chunk": (CHUNKED + b"5\r\n[1, 2\r\n", "connection failed"),
    "nothing at all": (b"", "connection failed"),
    "not HTTP": (b"220 mail.example.org ESMTP\r\n", "connection failed"),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_an_incomplete_body_is_tried_again(tmp_path: Path, name: str) -> None:
    """A damaged answer is retried, the next whole one is used, and only that one is kept."""
    broken, reason = INCOMPLETE[name]

    async def test(w: World) -> None:
        w.server.on("/", broken, answer(b"[]"))
        w.server.on("/always", broken)
        assert (await w.fetch("/")).body == b"[]"
        assert w.fetch.n_retries == 1
        assert w.kept.count("\n") == 1
        with pytest.raises(FetchError, match=rf"no usable answer in 5 attempts.*{reason}") as error:
            await w.fetch("/always")
        assert error.value.facts["attempts"] == 5

    run(test, tmp_path)


def test_an_answer_without_any_length_is_used_with_a_warning(tmp_path: Path) -> None:
    """Nothing says whether such a body is whole, so it is said once."""

    async def test(w: World) -> None:
        w.server.on("/", b"HTTP/1.0 200 OK\r\n\r\n[]")
        assert (await w.fetch("/")).body == b"[]"
        await w.fetch("/", fresh=True)
        assert len(w.fetch.warnings) == 1

    run(test, tmp_path)


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oops"])
def test_a_slow_drip_meets_the_deadline(tmp_path: Path, status: bytes) -> None:
    """A body that comes a byte at a time ends when the whole request has taken too long."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def test(w: World) -> None:
        w.server.on("/", drip)
        started = time.monotonic()
        with pytest.raises(FetchError, match=r"longer than 0\.2 s"):
            await w.fetch("/")
        assert time.monotonic() - started < 1.5
        assert len(w.server.requests) == 2

    run(test, tmp_path, settings=Settings(request_seconds=0.2, attempts=2))


def test_nobody_at_home_is_a_failed_connection(tmp_path: Path) -> None:
    """A refused connection is retried and then told in a sentence."""

    async def test(w: World) -> None:
        async with Server() as gone:
            base_url = gone.base_url
        with pytest.raises(FetchError, match="ConnectError"):
            await w.again(base_url=base_url)("/")
        assert len(w.clock.waits) == 4

    run(test, tmp_path)


# Hops.


def redirect(to: str, status: str = "302 Found") -> bytes:
    """An answer that sends elsewhere."""
    return answer(b"", status, Location=to)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
def test_redirects_are_followed_at_home(tmp_path: Path, status: str) -> None:
    """A relative and an absolute Location are followed, and the answer is kept under what was asked."""

    async def test(w: World) -> None:
        w.server.on("/a", redirect("b/c?x=1#top", status))
        w.server.on("/b/c", redirect(w.server.base_url + "/d", status))
        w.server.on("/d", answer(b"there"))
        response = await w.fetch("/a")
        assert response.body == b"there"
        assert response.url == w.server.base_url + "/a"
        assert w.server.targets == ["/a", "/b/c?x=1", "/d"]
        assert (await w.fetch("/a")).is_replayed
        assert len(w.fetch.warnings) == (2 if status[:3] in ("301", "308") else 0)

    run(test, tmp_path)


@pytest.mark.parametrize(
    "form",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://user:pw@127.0.0.1:{own}/",
        "http://127.0.0.1:{own}@127.0.0.1:{port}/",
        "https://api.example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "http://[::1",
        "http://exa\tmple.org/",
        "http://127.0.0.1:99999/",
    ],
)
@pytest.mark.parametrize("way", ["given", "Location", "Location without scheme"])
def test_leaving_is_refused_before_connecting(tmp_path: Path, form: str, way: str) -> None:
    """A redirect or a given URL to another host or port ends the fetch before any connection."""

    async def test(w: World) -> None:
        async with Server() as other:
            ports = {"port": other.base_url.split(":")[2], "own": w.server.base_url.split(":")[2]}
            url = form.format(**ports)
            w.server.on("/a", redirect(url if way == "Location" else url.removeprefix("http:")))
            other.on("/", answer(b"stolen"))
            with pytest.raises(FetchError) as error:
                await w.fetch(url if way == "given" else "/a")
            await asyncio.sleep(0.01)
            assert other.n_connections == 0
            assert set(w.server.targets) == (set() if way == "given" else {"/a"})
            # httpx itself takes a Location that is no URL for a failed answer.
            assert isinstance(error.value, UnsafeError) or "Invalid" in str(error.value)

    run(test, tmp_path)


def test_a_circle_and_a_long_way_are_refused(tmp_path: Path) -> None:
    """A redirect back to a place seen, and a sixth redirect, end the fetch without a retry."""

    async def test(w: World) -> None:
        w.server.on("/a", redirect("/b"))
        w.server.on("/b", redirect("/a"))
        with pytest.raises(UnsafeError, match="in a circle"):
            await w.fetch("/a")
        assert w.server.targets == ["/a", "/b"]
        for n in range(7):
            w.server.on(f"/n{n}", redirect(f"/n{n + 1}"))
        with pytest.raises(UnsafeError, match="more than 5 times"):
            await w.fetch("/n0")
        w.server.on("/n5", answer(b"just"))
        assert (await w.fetch("/n0")).body == b"just"

    run(test, tmp_path)


def test_a_redirect_to_nowhere_is_an_error(tmp_path: Path) -> None:
    """A redirect without a Location is told as such."""

    async def test(w: World) -> None:
        w.server.on("/a", answer(b"", "302 Found"))
        with pytest.raises(FetchError, match="without saying where to"):
            await w.fetch("/a")

    run(test, tmp_path)


HOSTS = frozenset({"api.example.org", "export.example.org"})
HOPS = [
    ("https://api.example.org/x", "https://api.example.org", None),
    ("https://API.example.org:443/x", "https://api.example.org", None),
    ("https://export.example.org/x", "https://api.example.org", None),
    ("https://export.example.org/x", "https://mirror.example.org", None),
    ("https://mirror.example.org/x", "https://mirror.example.org", None),
    ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000", None),
    ("https://export.example.org/x", "http://127.0.0.1:8000", "leaves"),
    ("http://api.example.org/x", "https://api.example.org", "not https"),
    ("http://export.example.org/x", "http://127.0.0.1:8000", "not https"),
    ("https://api.example.org:8443/x", "https://api.example.org", "leaves"),
    ("https://127.0.0.1:8001/x", "https://127.0.0.1:8000", "leaves"),
    ("https://api.example.org.evil.net/", "https://api.example.org", "leaves"),
    ("https://evil.net/api.example.org", "https://api.example.org", "leaves"),
    ("https://evil.net#@api.example.org", "https://api.example.org", "leaves"),
    ("https://evil.net\\@api.example.org/", "https://api.example.org", "leaves|password"),
    ("https://api.example.org@evil.net/", "https://api.example.org", "password"),
    ("https://me:pw@api.example.org/", "https://api.example.org", "password"),
    ("https://api.example.org./", "https://api.example.org", "leaves"),
    ("https://api.examp\u217ce.org/", "https://evil.org", None),
    ("https://ap\u0456.example.org/", "https://api.example.org", "leaves"),
    ("https://0x7f000001/", "https://api.example.org", "leaves"),
    ("https://[::ffff:127.0.0.1]/", "https://api.example.org", "leaves"),
    ("ftp://api.example.org/", "https://api.example.org", "not https"),
]


@pytest.mark.parametrize(("url", "base", "problem"), HOPS)
def test_only_the_sources_hosts_are_asked(url: str, base: str, problem: str | None) -> None:
    """A URL is judged by the very object that would be connected to."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return
    found = hop_problem(parsed, httpx.URL(base), HOSTS)
    if problem is None and found is None:
        assert parsed.raw_host.decode() in HOSTS or parsed.netloc == httpx.URL(base).netloc
    else:
        assert problem is not None
        assert re.search(problem, found or "")


@pytest.mark.parametrize(
    "base_url", ["ftp://example.org", "example.org", "http://", "http://exa\x00mple.org", ""]
)
def test_a_wrong_base_url_is_explained(tmp_path: Path, base_url: str) -> None:
    """An address that is none is an error of the settings, before anything is asked."""

    async def test(w: World) -> None:
        settings = Settings(base_urls={"example": base_url})
        if base_url:
            with pytest.raises(SettingsError, match="PAPERLAKE_BASE_URLS"):
                w.again(base_url=None, settings=settings)
        else:
            assert w.again(base_url=None, settings=settings).base_url == "https://api.example.org"

    run(test, tmp_path)


# Refusals, retries, circuits.


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 451])
def test_a_refusal_is_final(tmp_path: Path, status: int) -> None:
    """Asking again would not help, so one request is made and the error carries the facts."""
    html = b"<html><style>p {}</style><p>No <b>such</b>\r\npaper\x00\x1b[31m</p></html>"

    async def test(w: World) -> None:
        w.server.on("/x", answer(html, f"{status} No"))
        with pytest.raises(RefusedError) as error:
            await w.fetch("/x")
        url = w.server.base_url + "/x"
        facts = {"source": "example", "url": url, "status": status, "attempts": 1}
        assert facts.items() <= error.value.facts.items()
        assert error.value.facts["excerpt"] == "No such paper [31m"
        assert str(error.value).startswith(f"example: {url}: it answered {status} ")
        assert "https://example.org/help" in str(error.value)
        assert len(w.server.requests) == 1
        assert w.clock.waits == []
        assert w.kept == ""
        clone = pickle.loads(pickle.dumps(error.value))
        assert (str(clone), clone.facts) == (str(error.value), error.value.facts)

    run(test, tmp_path)


@pytest.mark.parametrize("status", ["201 Created", "206 Partial", "304 Not Modified"])
def test_an_answer_nobody_asked_for_is_not_used(tmp_path: Path, status: str) -> None:
    """A partial or otherwise unexpected success is no answer."""

    async def test(w: World) -> None:
        w.server.on("/", answer(b"" if status.startswith("304") else b"[", status))
        with pytest.raises(FetchError, match=status[:3]):
            await w.fetch("/")
        assert len(w.server.requests) == 1

    run(test, tmp_path)


@pytest.mark.parametrize("status", [202, 408, 425, 429, 500, 502, 503, 504])
def test_a_passing_trouble_is_tried_again(tmp_path: Path, status: int) -> None:
    """The waits grow, jitter included, and the answer that comes at last is used."""

    async def test(w: World) -> None:
        trouble = answer(b"<h1>busy</h1>", f"{status} Busy")
        w.server.on("/", trouble, trouble, trouble, answer(b"[]"))
        assert (await w.fetch("/")).body == b"[]"
        first = 15 if status in (429, 503) else 1
        assert len(w.clock.waits) == 3
        for n, wait in enumerate(w.clock.waits):
            assert first * 2**n <= wait <= first * 2**n + 1
        assert w.fetch.n_retries == 3

    run(test, tmp_path)


def test_the_last_failure_is_told(tmp_path: Path) -> None:
    """After the last attempt the error says what happened and how often."""

    async def test(w: World) -> None:
        w.server.on("/", answer(b"try later", "502 Bad Gateway"))
        with pytest.raises(FetchError, match=r'in 3 attempts, .*502 "try later"') as error:
            await w.fetch("/")
        assert (error.value.facts["status"], error.value.facts["attempts"]) == (502, 3)
        assert not isinstance(error.value, RefusedError)

    run(test, tmp_path, settings=Settings(attempts=3))


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "40"},
        {"Retry_After": "Tue, 24 Nov 2026 06:30:40 GMT", "Date": "Tue, 24 Nov 2026 06:30:00 GMT"},
        {"RateLimit": '"api";r=0;t=40', "RateLimit_Policy": '"api";q=500;w=300'},
    ],
)
@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_retry_after_is_honoured(tmp_path: Path, headers: dict[str, str], pause: float) -> None:
    """Seconds, a date by the source's own clock, and a spent budget are waited for."""

    async def test(w: World) -> None:
        w.server.on("/", answer(b"", "429 Slow Down", **headers), answer(b"[]"))
        started = w.clock.now
        assert (await w.fetch("/")).body == b"[]"
        assert 40 <= w.clock.now - started <= 41.5
        assert await Pace(tmp_path / "pace").failures(w.server.base_url[7:]) == 0

    run(test, tmp_path, pause_seconds=pause)


@pytest.mark.parametrize("value", ["54000", "9" * 4000, "Tue, 24 Nov 9999 06:30:40 GMT"])
def test_an_absurd_retry_after_fails_at_once(tmp_path: Path, value: str) -> None:
    """Longer than the setting allows is not waited for; the error says when to come back."""

    async def test(w: World) -> None:
        w.server.on("/", answer(b"budget spent", "429 Too Many", Retry_After=value))
        with pytest.raises(FetchError, match=r"left alone until .* start again then") as error:
            await w.fetch("/")
        assert error.value.facts["status"] == 429
        assert error.value.facts["until"]
        assert w.clock.waits == []
        assert len(w.server.requests) == 1

    run(test, tmp_path)


def test_a_spent_budget_holds_the_next_request(tmp_path: Path) -> None:
    """When a good answer says that nothing is left, the next request waits for a renewal that is near."""

    async def test(w: World) -> None:
        w.server.on("/a", answer(b"1", RateLimit='"api";r=0;t=120'))
        w.server.on("/b", answer(b"2", X_RateLimit_Remaining="0", X_RateLimit_Reset="99999"))
        w.server.on("/c", answer(b"3", RateLimit='"api";r=1;t=120'))
        await w.fetch("/a")
        assert w.clock.waits == []
        await w.fetch("/b")
        assert w.clock.waits == pytest.approx([120], abs=1)
        await w.fetch("/c")
        # A whole day is not waited for, nor a part of it: the next answer says what is left.
        assert len(w.clock.waits) == 1
        await w.fetch("/c", fresh=True)
        assert len(w.clock.waits) == 1

    run(test, tmp_path)


def test_the_circuit_opens_and_is_shared(tmp_path: Path) -> None:
    """Eight failures in a row end in an error that another process gets without any request."""

    async def test(w: World) -> None:
        w.server.on("/", answer(b"", "500 Oops"))
        with pytest.raises(FetchError, match="no usable answer"):
            await w.fetch("/")
        with pytest.raises(CircuitOpenError, match="left alone until") as error:
            await w.fetch("/")
        assert len(w.server.requests) == FAILURES_TO_OPEN
        assert error.value.facts["source"] == "example"
        assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)
        other = Pace(tmp_path / "pace", sleep=w.clock.sleep, clock=w.clock.time)
        with pytest.raises(CircuitOpenError):
            await w.again(pace=other)("/")
        assert len(w.server.requests) == FAILURES_TO_OPEN
        w.server.on("/", answer(b"well again"))
        w.clock.now += 601
        assert (await w.again(pace=other)("/")).body == b"well again"
        assert (await w.fetch("/", fresh=True)).body == b"well again"

    run(test, tmp_path)


@pytest.mark.parametrize("status", ["429 Slow Down", "404 Not Found", "503 Later"])
def test_a_host_that_answers_is_not_broken(tmp_path: Path, status: str) -> None:
    """429, refusals, and 503 with a time to come back do not open the circuit."""

    async def test(w: World) -> None:
        headers = {"Retry_After": "1"} if status.startswith("503") else {}
        w.server.on("/", answer(b"", status, **headers))
        for _ in range(3):
            with pytest.raises(FetchError):
                await w.fetch("/")
        await Pace(tmp_path / "pace").check(w.server.base_url[7:])

    run(test, tmp_path)


def test_every_request_waits_for_the_pace(tmp_path: Path) -> None:
    """Retries and redirects too lie a pause apart; answers from the pack cost none."""

    async def test(w: World) -> None:
        w.server.on("/a", redirect("/b"))
        w.server.on("/b", answer(b"1"))
        await w.fetch("/a")
        await w.fetch("/a")
        await w.fetch("/b")
        assert w.clock.waits == pytest.approx([3.0, 3.0], abs=0.5)

    run(test, tmp_path, pause_seconds=3.0)


def test_a_cancelled_fetch_ends_at_once(tmp_path: Path) -> None:
    """Cancellation during a request is passed on, and nothing is kept."""

    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async def test(w: World) -> None:
        w.server.on("/", silent)
        task = asyncio.create_task(w.fetch("/"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert w.kept == ""
        w.server.on("/", answer(b"[]"))
        assert (await w.fetch("/")).body == b"[]"

    run(test, tmp_path)


# Secrets.


@pytest.mark.parametrize("name", ["api_key", "x-api-key", "Authorization", "odd"])
def test_a_secret_is_sent_and_nowhere_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """The source gets it; the index, the errors, the warnings and the log do not."""
    caplog.set_level(logging.DEBUG)

    async def test(w: World) -> None:
        echo = f"<{w.server.base_url}/b?odd=1&cursor=abc&{name}={httpx.QueryParams(k=SECRET)}>"
        echo = echo.replace("k=", "")
        moved = f"/b?{httpx.QueryParams({name: SECRET})}"
        w.server.on("/a", answer(b"[]", "500 Oops"), redirect(moved, "301 Moved"))
        w.server.on("/b", answer(b"[]", Link=f'{echo}; rel="next"', ETag=SECRET))
        w.server.on("/c", answer(f"bad key {SECRET}".encode(), "403 Forbidden"))
        response = await w.fetch("/a", params={"cursor": "*"})
        with pytest.raises(RefusedError) as error:
            await w.fetch("/c")
        with pytest.raises(UnsafeError) as other:
            await w.fetch(f"https://evil.example.net/?{httpx.QueryParams({name: SECRET})}")

        asked, headers = w.server.requests[0]
        sent = headers.get(name.lower(), "") + str(httpx.URL(asked).params.get(name))
        assert SECRET in sent
        assert response.url == w.server.base_url + "/a?cursor=*"
        assert "cursor=abc" in response.headers["link"]
        texts = [w.kept, caplog.text, repr(response), *w.fetch.warnings]
        for failure in (error.value, other.value):
            texts += [str(failure), repr(failure.facts), repr(pickle.dumps(failure))]
        assert len(w.fetch.warnings) == 1
        for text in texts:
            assert SECRET not in text
            assert "s3cr3t" not in text

    run(test, tmp_path, secrets={name: SECRET})


def test_a_next_link_gets_its_secret_back(tmp_path: Path) -> None:
    """A kept link hides the key and the address; followed, it is sent with both, and replayed."""

    async def test(w: World) -> None:
        link = f"{w.server.base_url}/b?api_key=k3y-k3y&cursor=abc&mailto=m%40example.org"
        w.server.on("/a", answer(b"[]", Link=f'<{link}>; rel="next"'))
        w.server.on("/b", answer(b"[]"))
        kept = (await w.fetch("/a")).headers["link"]
        following = kept[1 : kept.index(">")]
        assert following == f"{w.server.base_url}/b?api_key=***&cursor=abc&mailto=***"
        await w.fetch(following)
        params = httpx.URL(w.server.targets[1]).params
        assert dict(params) == {
            "api_key": "k3y-k3y",
            "cursor": "abc",
            "mailto": "me@example.org",
        }
        assert (await w.fetch(following)).is_replayed

    settings = Settings(contact="me@example.org")
    run(test, tmp_path, secrets={"api_key": "k3y-k3y"}, settings=settings)


def test_pages_that_differ_in_a_hidden_value_are_not_mixed_up(tmp_path: Path) -> None:
    """Where redaction makes two URLs one, answers are not replayed, and a warning says so."""

    async def test(w: World) -> None:
        w.server.on("/", answer(b"1"), answer(b"2"))
        assert (await w.fetch("/", params={"token": "one"})).body == b"1"
        assert (await w.fetch("/", params={"token": "two"})).body == b"2"
        assert w.fetch.warnings == [
            "example: answers are not replayed, as token in the query may be a secret."
        ]
        assert "one" not in w.kept

    run(test, tmp_path)


def test_secrets_stay_at_the_base_url(tmp_path: Path) -> None:
    """Another host of the source gets neither the header nor the parameter."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "api.example.org":
            return httpx.Response(302, headers={"location": "https://export.example.org/x"})
        stream = httpx.ByteStream(b"[]")
        return httpx.Response(200, stream=stream, headers={"content-length": "2"})

    async def test(w: World) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client:
            fetch = w.again(base_url="https://api.example.org", client=client)
            await fetch("/a")
        first, second = seen
        assert first.headers["x-api-key"] == "abc-123"
        assert first.url.params["api_key"] == "abc-456"
        assert "x-api-key" not in second.headers
        assert second.url == "https://export.example.org/x"

    run(test, tmp_path, secrets={"x-api-key": "abc-123", "api_key": "abc-456"})


def test_a_secret_that_no_header_can_carry_is_refused_unseen(tmp_path: Path) -> None:
    """The error names the secret, not its value."""

    async def test(w: World) -> None:
        with pytest.raises(SettingsError, match="x-api-key") as error:
            w.again(secrets={"x-api-key": "s3cr3t\n"})
        assert "s3cr3t" not in str(error.value)

    run(test, tmp_path)


# Pure functions.


REDACTED: Sequence[tuple[str, str]] = [
    ("https://a.org/x?b=1&api_key=k", "https://a.org/x?b=1&api_key=***"),
    ("https://a.org/x?API-Key=k&b=1", "https://a.org/x?API-Key=***&b=1"),
    ("https://a.org/x?apikey=k;key=l", "https://a.org/x?apikey=***;key=***"),
    ("https://a.org/x?%6Bey=k", "https://a.org/x?%6Bey=***"),
    ("https://a.org/x?access_token=k&password=p", "https://a.org/x?access_token=***&password=***"),
    ("https://a.org/x?clientSecret=k#token=1", "https://a.org/x?clientSecret=***"),
    ("https://a.org/x?mailto=me@b.org&token=t", "https://a.org/x?mailto=***&token=***"),
    ("https://me:pw@a.org/x@y", "https://***@a.org/x@y"),
    ("//me@a.org/", "//***@a.org/"),
    (
        "https://a.org/x?resumptionToken=a|b&cursor=*",
        "https://a.org/x?resumptionToken=a|b&cursor=*",
    ),
    ("https://a.org/x?pageToken=1&keyword=k&author=a&sort_keys=", "="),
    ("https://a.org/x?key=", "="),
    ("https://a.org/x?key", "="),
    ("https://a.org/x?a=1&&b=%20?c", "="),
    ("/papers", "="),
    ("", "="),
]


@pytest.mark.parametrize(("url", "expected"), REDACTED)
def test_redact(url: str, expected: str) -> None:
    """Secrets go, paging tokens and everything else stay as they are."""
    assert redact(url) == (url if expected == "=" else expected)


@given(url=st.text())
def test_redact_is_total_and_stable(url: str) -> None:
    """Any text is redacted without an error, twice is once, and nothing hidden is left to hide."""
    once = redact(url)
    assert redact(once) == once
    assert secret_names(once) == set()


VALUE = st.text(st.characters(exclude_characters="&;#=", codec="utf-8"), min_size=1)
NAME = st.sampled_from(["key", "api_key", "x-secret", "accessToken", "mailto", "PASSWORD", "pwd"])
BENIGN = st.sampled_from(["q", "cursor", "resumptionToken", "date", "keywords", "page_token"])


@given(st.lists(st.tuples(NAME, VALUE)), st.lists(st.tuples(BENIGN, VALUE)))
def test_redact_hides_exactly_the_secrets(
    secret: list[tuple[str, str]], benign: list[tuple[str, str]]
) -> None:
    """Among any values, all of the named secrets are hidden and no other is changed."""
    query = "&".join(f"{name}={value}" for name, value in [*secret, *benign])
    hidden = [f"{name}=***" for name, _ in secret] + [f"{name}={value}" for name, value in benign]
    assert redact(f"https://a.org/?{query}") == "https://a.org/?" + "&".join(hidden)


TIME = 1_800_000_000.0
RETRY_AFTER: Sequence[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"retry-after": "0"}, 0.0),
    ({"retry-after": " 120 "}, 120.0),
    ({"retry-after": "-5"}, None),
    ({"retry-after": "1.5"}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "\u0661\u0662"}, None),
    ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
    ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
    ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT", "date": "?"}, 60.0),
    (
        {
            "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT",
            "date": "Sun, 06 Nov 1994 08:49:30 GMT",
        },
        7.0,
    ),
]


@pytest.mark.parametrize(("headers", "expected"), RETRY_AFTER)
def test_parse_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """Seconds and dates are read, nonsense is nothing."""
    assert parse_retry_after(headers, TIME) == expected


RATE_LIMIT: Sequence[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"ratelimit": '"api";r=0;t=120'}, 120.0),
    ({"ratelimit": '"api"; t=120; r=0'}, 120.0),
    ({"ratelimit": '"api";r=1;t=120'}, None),
    ({"ratelimit": '"api";r=100;t=120'}, None),
    ({"ratelimit": '"api";r=0'}, None),
    ({"ratelimit": '"day";r=0;t=50, "minute";r=0;t=60, "hour";r=7;t=999'}, 60.0),
    ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30.0),
    ({"x-ratelimit-remaining": "0.4", "x-ratelimit-reset": "30"}, 30.0),
    ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "30"}, None),
    ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000045"}, 45.0),
    ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000000"}, 0.0),
    ({"x-ratelimit-remaining": "0"}, None),
]


@pytest.mark.parametrize(("headers", "expected"), RATE_LIMIT)
def test_parse_rate_limit(headers: dict[str, str], expected: float | None) -> None:
    """The time to wait is read only where a budget is spent."""
    assert parse_rate_limit(headers, TIME) == expected


HEADER = st.text() | st.from_regex(r"[0-9]{1,30}(\.[0-9]*)?|.*;r=[0-9]*;t=[0-9]*.*")
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "date",
            "ratelimit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
        ]
    ),
    HEADER,
)


@given(headers=HEADERS)
def test_reading_headers_is_total(headers: dict[str, str]) -> None:
    """Any text in the headers gives None or a finite time that is not negative."""
    for parse in (parse_retry_after, parse_rate_limit):
        found = parse(headers, TIME)
        assert found is None or 0 <= found < float("inf")


@given(body=st.binary(max_size=6000))
def test_an_excerpt_is_short_and_printable(body: bytes) -> None:
    """Whatever an error's body holds, its excerpt fits on one line."""
    text = excerpt(body)
    assert len(text) <= 160
    assert text == text.strip()
    assert text.isprintable()


ABSOLUTE: Sequence[tuple[str, str, dict[str, str | int] | None, str]] = [
    (
        "https://a.org/oai",
        "",
        {"verb": "ListRecords", "set": "cs:cs"},
        "https://a.org/oai?verb=ListRecords&set=cs:cs",
    ),
    ("https://a.org", "/api/x", None, "https://a.org/api/x"),
    ("https://a.org/v1/", "works", {"cursor": "*", "n": 5}, "https://a.org/v1/works?cursor=*&n=5"),
    ("https://a.org/v1", "works?a=1", {"b": "é+ "}, "https://a.org/v1/works?a=1&b=%C3%A9%2B%20"),
    ("https://a.org/v1", "?a=1", None, "https://a.org/v1?a=1"),
    ("https://a.org/v1", "//evil.net/x", None, "https://a.org/v1/evil.net/x"),
    ("https://a.org/v1", "https://b.org/x", {"a": 1}, "https://b.org/x?a=1"),
]


@pytest.mark.parametrize(("base", "path", "params", "expected"), ABSOLUTE)
def test_absolute_url(
    base: str, path: str, params: dict[str, str | int] | None, expected: str
) -> None:
    """Paths go below the base, and the query keeps its order."""
    assert absolute_url(base, path, params) == expected


def test_a_fetcher_is_a_fetch(tmp_path: Path) -> None:
    """The protocol that sources are written against is fulfilled."""

    async def test(w: World) -> None:
        fetch: Fetch = w.fetch
        assert fetch.base_url == w.server.base_url

    run(test, tmp_path)


def test_errors_are_the_projects_own(tmp_path: Path) -> None:
    """Whatever a server sends, a fetch ends in an answer or in an error of the project."""

    async def test(w: World) -> None:
        heads = [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 999 ?\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n"]
        lines = [b"Content-Length: -1", b"Content-Length: 1, 2", b"Transfer-Encoding: gzip", b": x"]
        heads += [b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\nx" for line in lines]
        heads += [b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe://\xe9\r\n\r\n", b"\x16\x03\x01\x00"]
        heads += [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"]
        for n, head in enumerate(heads):
            w.server.on(f"/{n}", head)
            with contextlib.suppress(PaperlakeError):
                await w.fetch(f"/{n}")

    run(test, tmp_path, settings=Settings(attempts=1))
