"""The doctor's look at sources, Prefect and circuits, against servers on loopback that misbehave."""

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from flows.doctor import configured, network
from flows.doctor.examination import SECONDS
from flows.doctor.findings import Asked, Finding
from flows.doctor.probing import Probed, probe
from flows.pacing import FAILURES_TO_OPEN, Pace
from flows.settings import load_settings
from flows.source import Refusal, Source, load_sources
from tests.flows.examined import command, doctor, environment
from tests.flows.nights import night
from tests.flows.test_fetching import source
from warehouse.snapshots import Lake

Answers = dict[str, tuple[int, dict[str, str], str]]


@pytest.fixture
def answers() -> Answers:
    """What the server answers below each path: status, headers, body."""
    return {}


@pytest.fixture
def asked() -> list[str]:
    """What was asked of the server."""
    return []


@pytest.fixture
def server(answers: Answers, asked: list[str]) -> Iterator[str]:
    """A server on loopback; the path `/hangs` never answers while the test lasts."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            if path.startswith("/hangs"):
                ended.wait(30)
                return
            status, headers, body = next(
                (answer for prefix, answer in answers.items() if path.startswith(prefix)),
                (404, {}, ""),
            )
            self.send_response_only(status)
            for name, value in {"Date": formatdate(usegmt=True), **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        ended.set()
        listening.shutdown()
        thread.join(10)
        listening.server_close()


def dead_port() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def urls(arxiv: str, others: str) -> str:
    """The addresses of arXiv and of every other source, as their setting."""
    return json.dumps(dict.fromkeys(load_sources(), others) | {"arxiv": arxiv})


def others() -> list[Source]:
    """The sources beside arXiv that are asked without a key."""
    plain = load_settings()
    return [
        item for item in load_sources().values() if item.name != "arxiv" and item.off(plain) is None
    ]


OUTCOMES = [
    (200, {}, "", "ok", "", ""),
    (401, {}, "", "problem", "answers 401", "PAPERLAKE_CONTACT"),
    (403, {}, "<b>ChallengeRequired</b>", "problem", '"ChallengeRequired"', "may need a key"),
    (404, {}, "", "problem", "answers 404", "Correct PAPERLAKE_BASE_URLS"),
    (429, {"Retry-After": "77"}, "slow down", "warning", '"slow down"', "77 s"),
    (500, {}, "", "warning", "answers 500", "try again later"),
    (503, {}, "", "warning", "answers 503", "tries 5 times"),
    (
        301,
        {"Location": "https://new.example.net/?key=s3cret"},
        "",
        "warning",
        "new.example.net",
        "moved",
    ),
]


def test_every_status_has_its_meaning(
    tmp_path: Path, server: str, answers: Answers, asked: list[str]
) -> None:
    """Refused, throttled, broken, moved and gone are told apart, each with what to do; one request each."""
    for status, headers, body, state, seen, advice in OUTCOMES:
        answers["/oai"] = (status, headers, body)
        answers["/"] = (200, {}, "[]")
        asked.clear()
        examined = doctor(tmp_path, PAPERLAKE_BASE_URLS=urls(f"{server}/oai", server))
        found = examined.the("sources", state, "arxiv: ", seen)
        assert advice in str(found.advice)
        assert "s3cret" not in found.seen
        for item in others():
            examined.the("sources", "ok", f"{item.name}: ")
        expected = ["/oai?verb=Identify", *(f"/{item.probe}" for item in others())]
        assert sorted(asked) == sorted(expected)


@contextmanager
def silent_listener(answer: bytes = b"") -> Iterator[str]:
    """A port that accepts connections and answers what it is told to, whatever is asked."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_the_steps_of_a_connection_are_told_apart(tmp_path: Path) -> None:
    """A name that is not known, a port where nobody listens, no TLS, and a broken answer differ."""
    contact = {"PAPERLAKE_CONTACT": "me@somewhere.org"}
    own = urls("https://nothing.invalid/oai", dead_port())
    examined = doctor(tmp_path, PAPERLAKE_BASE_URLS=own, **contact)
    unknown = examined.the("sources", "problem", "arxiv", "its name is not known")
    assert "getent hosts nothing.invalid" in str(unknown.advice)
    for item in others():
        refused = examined.the("sources", "problem", item.name, "nobody listens there")
        assert "Start the server" in str(refused.advice)
    with silent_listener(b"HTTP/1.1 200 OK\r\n\r\n") as plain, silent_listener() as mute:
        own = urls(f"https://{plain}/oai", f"http://{mute}")
        examined = doctor(tmp_path, PAPERLAKE_BASE_URLS=own)
    tls = examined.the("sources", "problem", "arxiv", "no secure connection", "SSL")
    assert "clock" in str(tls.advice)
    for item in others():
        examined.the("sources", "problem", item.name, "the connection failed")
    examined = doctor(
        tmp_path, PAPERLAKE_BASE_URLS=urls("ftp://x", "http://u:p@127.0.0.1"), **contact
    )
    assert len(examined.of("sources", "problem")) == 1 + len(others())
    assert not any("u:p" in item.seen for item in examined.findings)


def test_a_server_that_hangs_does_not_hold_the_doctor(tmp_path: Path, server: str) -> None:
    """A source and a Prefect that never answer are told within the bound, and the process ends."""
    given = environment(
        tmp_path,
        PAPERLAKE_BASE_URLS=urls(f"{server}/hangs", f"{server}/hangs"),
        PREFECT_API_URL=f"{server}/hangs/api",
    )
    begun = time.monotonic()
    done = subprocess.run(
        command("--json"), cwd=tmp_path, env=given, capture_output=True, check=False, timeout=60
    )
    # Two seconds and more are Python's own start on a busy machine.
    assert time.monotonic() - begun < SECONDS + 6
    found = [item for item in json.loads(done.stdout) if item["state"] == "warning"]
    assert [item["name"] for item in found] == ["prefect", "sources", *["sources"] * len(others())]
    assert all("no answer within 6 s" in item["seen"] for item in found[1:])
    assert all("PAPERLAKE_REQUEST_SECONDS" in item["advice"] for item in found[1:])


def test_without_a_contact_no_real_source_is_asked(tmp_path: Path) -> None:
    """Sources want to know who is asking: without a contact they are left alone, and that is told."""
    examined = doctor(tmp_path)
    assert examined.of("contact", "problem")
    told = [item.seen.split()[0].rstrip(":") for item in examined.of("sources", "note")]
    assert told == list(load_sources())
    assert not (tmp_path / "shared").exists()


def test_offline_asks_nobody(tmp_path: Path, server: str, asked: list[str]) -> None:
    """With --offline there is no request, neither to the sources nor to Prefect."""
    own = {"PAPERLAKE_BASE_URLS": urls(server, server), "PREFECT_API_URL": f"{server}/api"}
    examined = doctor(tmp_path, "--offline", **own)
    assert asked == []
    for name in ("sources", "prefect"):
        examined.the(name, "note", "--offline")


def test_a_clock_that_differs_from_the_sources_is_a_warning(
    tmp_path: Path, server: str, answers: Answers
) -> None:
    """Three minutes against a source's Date are told, with the direction; what a cache held back is not."""
    for off, age, words in (
        (-180, "", "3 min ahead of"),
        (600, "", "10 min behind"),
        (-600, "590", ""),
    ):
        headers = {"Date": formatdate(time.time() + off, usegmt=True)} | (
            {"Age": age} if age else {}
        )
        answers["/"] = (200, headers, "")
        examined = doctor(tmp_path, PAPERLAKE_BASE_URLS=urls(server, server))
        if words:
            assert "timedatectl" in str(examined.the("clock", "warning", words).advice)
        else:
            assert not examined.of("clock", "warning")


# Sources of other kinds


class Own(BaseModel):
    """Settings of a source of its own."""

    key: str | None = None
    pages: int = 1


def looked_at(cwd: Path, url: str, *check: str, **changes: Any) -> list[Finding]:
    """What the checks of a source that only this test knows find, in this process."""
    variables = changes.pop("of_sources", {})
    settings = load_settings(
        lake=cwd / "lake",
        state_dir=cwd / "shared",
        contact="me@somewhere.org",
        base_urls={"example": url},
        of_sources=variables,
    )
    known = {"example": source(probe="ping", **changes)}
    asked = Asked(settings, Lake(settings.lake), known)
    return [*(network.sources(asked) if not check else configured.settings(asked))]


def test_a_source_with_a_key_is_asked_with_it(
    tmp_path: Path, server: str, answers: Answers, asked: list[str]
) -> None:
    """A key goes along and is never told; a source that is off is not asked; its own words are told."""

    def refusal(status: int, _headers: object, body: bytes) -> Refusal | None:
        is_spent = status == 429 and b"budget" in body
        return Refusal("spent", "the day's budget is spent, go on tomorrow") if is_spent else None

    with_key: dict[str, Any] = {"secrets": lambda _: {"api_key": "s3cret"}, "refusal": refusal}
    answers["/ping"] = (200, {}, "")
    (fine,) = looked_at(tmp_path, server, **with_key)
    assert (fine.state, asked) == ("ok", ["/ping?api_key=s3cret"])
    answers["/ping"] = (429, {}, "budget of s3cret")
    (spent,) = looked_at(tmp_path, server, **with_key)
    assert spent.state == "problem"
    assert "the day's budget is spent" in spent.seen
    assert "s3cret" not in spent.seen
    (off,) = looked_at(tmp_path, server, off=lambda _: "It wants a key: set PAPERLAKE_EXAMPLE_KEY.")
    assert (off.state, "PAPERLAKE_EXAMPLE_KEY" in off.seen, len(asked)) == ("note", True, 2)
    (odd,) = looked_at(tmp_path, server, secrets=lambda _: {"x-key": "not ascii ä"})
    assert (odd.state, "must be ASCII" in odd.seen) == ("problem", True)


def test_settings_of_a_source_are_known_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source's own variable is no typing mistake, one that is nearly so is, and a bad value is told."""
    monkeypatch.setenv("PAPERLAKE_EXAMPLE_PAGES", "many")
    monkeypatch.setenv("PAPERLAKE_EXAMPLE_KYE", "x")
    found = looked_at(
        tmp_path,
        "http://127.0.0.1:1",
        "settings",
        settings=Own,
        of_sources={"example_pages": "many"},
    )
    (typo,) = (item for item in found if item.state == "warning")
    assert "PAPERLAKE_EXAMPLE_KEY is meant" in str(typo.advice)
    assert any(i.state == "problem" and "PAPERLAKE_EXAMPLE_PAGES" in i.seen for i in found)


def test_asking_closes_a_circuit_and_never_opens_one(
    tmp_path: Path, server: str, answers: Answers, asked: list[str]
) -> None:
    """A host that answers again is free for the next night; one that fails counts nothing against it."""
    host = server.removeprefix("http://")
    pace = Pace(tmp_path / "shared" / "pace")

    def ask(path: str) -> Probed:
        return asyncio.run(
            probe(
                source(probe=path),
                server,
                settings=load_settings(contact="me@somewhere.org"),
                pace=pace,
                pause_seconds=0.01,
                seconds=0.5,
            )
        )

    failing(host, FAILURES_TO_OPEN - 1)(pace)
    answers["/broken"], answers["/fine"] = (500, {}, ""), (200, {}, "")
    assert ask("broken").status == 500
    assert ask("hangs").failure == "timeout"
    assert pace.look(host).failures == FAILURES_TO_OPEN - 1
    assert ask("fine").status == 200
    assert pace.look(host).failures == 0
    asyncio.run(pace.hold(host, 60))
    asked.clear()
    assert (ask("fine").failure, asked) == ("queued", [])


# The sandbox


def test_a_sandbox_can_be_asked_instead(tmp_path: Path, sandbox_url: str) -> None:
    """--sandbox looks at the sandbox's sources, names one that is not there, and another's lake."""
    examined = doctor(tmp_path, "--sandbox", sandbox_url)
    assert len(examined.of("sources", "ok")) == len(load_sources())
    dead = doctor(tmp_path, "--sandbox", dead_port()).the(
        "sources", "problem", "No sandbox answers"
    )
    assert "paperlake sandbox serve" in str(dead.advice)
    night(tmp_path / "lake", sandbox_url)
    doctor(tmp_path).the("sources", "note", "sandbox:1:400")
    info = tmp_path / "lake" / "lake.json"
    info.write_text(info.read_text().replace("sandbox:1:400", "sandbox:7:9000"))
    doctor(tmp_path, "--sandbox", sandbox_url).the("sources", "problem", "sandbox:7:9000")


@pytest.mark.parametrize(
    "args", [["--offline", "--sandbox", "http://127.0.0.1:1"], ["--sandbox", "http://example.org"]]
)
def test_what_cannot_be_asked_for_is_exit_2(args: list[str], tmp_path: Path) -> None:
    """Options that contradict each other, and a sandbox elsewhere, are a user's mistake."""
    done = subprocess.run(
        command(*args),
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("paperlake: ")


# Circuits


def pace(cwd: Path, shared: str, work: Callable[[Pace], object]) -> Pace:
    """Do something to the pace that a folder's processes share."""
    found = Pace(cwd / shared / "pace")
    work(found)
    return found


def failing(host: str, times: int) -> Callable[[Pace], None]:
    """So many failures in a row."""

    async def fail(found: Pace) -> None:
        for _ in range(times):
            await found.report(host, ok=False)

    return lambda found: asyncio.run(fail(found))


def test_an_open_circuit_is_told_and_left_alone(
    tmp_path: Path, server: str, answers: Answers, asked: list[str]
) -> None:
    """A host whose circuit is open is named with its end and its file, and is not asked."""
    host = server.removeprefix("http://")
    found = pace(tmp_path, "shared", failing(host, FAILURES_TO_OPEN))
    answers["/"] = (200, {}, "")
    own = {"PAPERLAKE_BASE_URLS": urls(server, server)}
    examined = doctor(tmp_path, **own)
    warning = examined.the("circuits", "warning", "failed 8 times in a row", "left alone until")
    assert f"remove {found.path(host)}" in str(warning.advice)
    left = [item for item in examined.of("sources", "note") if "its circuit is open" in item.seen]
    assert len(left) == 1 + len(others())
    assert asked == []
    found.path(host).unlink()
    assert doctor(tmp_path, **own).of("circuits", "ok")
    assert len(asked) == 1 + len(others())


def test_hosts_that_wait_are_told(tmp_path: Path) -> None:
    """A host that asked to be left alone is a note; so is one that may be tried: since when, and which file says so."""
    pace(tmp_path, "shared", lambda found: asyncio.run(found.hold("held.example.net", 900)))
    later = pace(tmp_path, "shared", failing("tried.example.net", FAILURES_TO_OPEN))
    path = later.path("tried.example.net")
    state = json.loads(path.read_bytes())
    path.write_text(json.dumps({**state, "open_until": time.time() - 5}))
    examined = doctor(tmp_path, "--offline", PAPERLAKE_CONTACT="me@somewhere.org")
    examined.the("circuits", "note", "held.example.net", "as it asked for")
    tried = examined.the("circuits", "note", "tried.example.net", "may be tried")
    assert "8 times in a row, 10 min ago" in tried.seen
    assert f"{path} remembers it for all lakes of this machine" in str(tried.advice)
    assert examined.code == 0


# Prefect


def test_a_prefect_of_the_users_own_is_asked(tmp_path: Path, server: str, answers: Answers) -> None:
    """Its health and version are told; one that is older, or is something else, is a warning."""
    ours = version("prefect")
    own = {"PREFECT_API_URL": f"{server}/api", "PAPERLAKE_CONTACT": "me@somewhere.org"}
    own["PAPERLAKE_BASE_URLS"] = urls(f"{server}/oai", server)
    answers["/oai"] = (200, {}, "")
    answers["/api/health"] = (200, {}, "true")
    answers["/api/admin/version"] = (200, {}, json.dumps(ours))
    assert f"{ours}, ours is {ours}" in doctor(tmp_path, **own).the("prefect", "ok").seen
    answers["/api/admin/version"] = (200, {}, '"3.0.1"')
    older = doctor(tmp_path, **own).the("prefect", "warning", "3.0.1, older than ours")
    assert ours in str(older.advice)
    answers["/api/admin/version"] = (401, {}, "")
    doctor(tmp_path, **own).the("prefect", "note", "it answers 401")
    answers["/api/health"] = (200, {}, "<html>")
    wrong = doctor(tmp_path, **own).the("prefect", "warning", "something else answers")
    assert "unset it" in str(wrong.advice)
    own["PREFECT_API_URL"] = server
    answers["/health"] = (404, {}, "")
    wrong = doctor(tmp_path, **own).the("prefect", "warning", "404")
    assert "ends in /api" in str(wrong.advice)


def test_a_dead_prefect_is_a_warning_and_none_is_told_as_embedded(tmp_path: Path) -> None:
    """A night goes on without a dead server, so that is a warning; without one the place is told."""
    contact = {"PAPERLAKE_CONTACT": "me@somewhere.org"}
    dead = doctor(
        tmp_path,
        PREFECT_API_URL=f"{dead_port()}/api",
        PAPERLAKE_BASE_URLS=urls(dead_port(), dead_port()),
        **contact,
    )
    assert "prefect server start" in str(dead.the("prefect", "warning", "refused").advice)
    none = doctor(tmp_path, "--offline", **contact).the("prefect", "ok", version("prefect"))
    assert str(tmp_path / "lake" / "prefect") in none.seen
    given = doctor(tmp_path, "--offline", PREFECT_HOME="/srv/prefect", **contact)
    given.the("prefect", "ok", "/srv/prefect")
