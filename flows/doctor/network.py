"""Who can be reached: the sources, Prefect; and hosts that are left alone for a while."""

import asyncio
import importlib.metadata
import time
import urllib.error
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version

from flows.contact import is_contact
from flows.doctor.findings import Asked, Finding, State, age_text, told
from flows.doctor.probing import Probed, probe
from flows.pacing import FAILURES_TO_OPEN, Pace
from flows.prefect_api import ask
from flows.sandbox.client import Sandbox, is_loopback, read_sandbox
from flows.settings import prefect_api_url, prefect_home
from flows.source import Source
from flows.urls import redact
from schemas.errors import SettingsError, UsageError

PROBE_SECONDS = 6.0
_SANDBOX_SECONDS = 3.0
_CLOCK_SECONDS = 120.0
_FAILURES = {
    "dns": "its name is not known",
    "refused": "nobody listens there",
    "unreachable": f"no connection within {PROBE_SECONDS / 2:g} s",
    "timeout": f"no answer within {PROBE_SECONDS:g} s",
    "tls": "no secure connection",
    "connection": "the connection failed",
}


def sources(asked: Asked) -> Iterator[Finding]:
    """One request to each source, side by side; and the clock, by the time they say it is."""
    name = "sources"
    if asked.is_offline:
        yield Finding(name, "note", "Not asked (--offline).")
        return
    sandbox = None
    if asked.sandbox_url:
        try:
            sandbox = read_sandbox(asked.sandbox_url, seconds=_SANDBOX_SECONDS)
        except UsageError as error:
            yield Finding(name, "problem", *told(error))
            return
        if asked.origin not in (None, sandbox.origin):
            seen = f"The lake holds papers of {asked.origin}, that sandbox is {sandbox.origin}."
            yield Finding(name, "problem", seen, "Choose another folder with --lake DIR.")
    elif asked.is_sandbox:
        seen = f"The lake holds papers of {asked.origin}, so the real sources were not asked."
        yield Finding(name, "note", seen, "Name its sandbox with --sandbox URL.")
        return
    # Not asyncio.run, which would wait for a name server that does not answer.
    loop = asyncio.new_event_loop()
    try:
        found = loop.run_until_complete(_looks(asked, sandbox))
    finally:
        loop.close()
    for source, (url, answer) in zip(asked.sources.values(), found, strict=True):
        yield _judged(asked, source, url, answer)
    yield from _clocks([answer for _, answer in found if isinstance(answer, Probed)])


# A text says why a source is off; none is for one that could not be told who is asking.
_Answer = Probed | SettingsError | str | None


async def _looks(asked: Asked, sandbox: Sandbox | None) -> list[tuple[str, _Answer]]:
    return await asyncio.gather(*(_look(asked, item, sandbox) for item in asked.sources.values()))


async def _look(asked: Asked, source: Source, sandbox: Sandbox | None) -> tuple[str, _Answer]:
    """The address of a source, and its answer; none where it may not be asked."""
    given = asked.settings
    url = given.base_urls.get(source.name, source.base_url)
    shared = given.shared_dir
    try:
        if sandbox is not None:
            url, shared = sandbox.base_url(source), asked.lake.root / "state"
        elif (reason := source.off(given)) is not None:
            return url, reason
        is_local = is_loopback(url)
        if not is_local and not is_contact(given.contact or ""):
            return url, None
        return url, await probe(
            source,
            url,
            settings=given,
            pace=Pace(shared / "pace"),
            pause_seconds=0.0 if is_local else source.pause_seconds,
            seconds=PROBE_SECONDS,
        )
    except SettingsError as error:
        return url, error


def _judged(asked: Asked, source: Source, url: str, answer: _Answer) -> Finding:
    if answer is None:
        seen = f"{source.name}: not asked, as it could not be told by whom."
        return Finding("sources", "note", seen, "Set PAPERLAKE_CONTACT.")
    if isinstance(answer, str):
        return Finding("sources", "note", f"{source.name} is off, and was not asked: {answer}")
    if isinstance(answer, SettingsError):
        return Finding("sources", "problem", *told(answer))
    if answer.failure in ("open", "queued"):
        why = {"open": "its circuit is open", "queued": "others of this machine have it busy"}
        until = _moment(answer.until)
        seen = f"{source.name}: not asked, as {why[answer.failure]} until {until}."
        return Finding("sources", "note", seen, "Run `paperlake doctor` again then.")
    if answer.failure is not None:
        return _unreached(asked, source, url, answer)
    return _status(asked, source, answer)


def _unreached(asked: Asked, source: Source, url: str, answer: Probed) -> Finding:
    """A source that did not answer at all."""
    assert answer.failure is not None
    host = urlsplit(url).netloc.rpartition("@")[2]
    own = "PAPERLAKE_BASE_URLS" if source.name in asked.settings.base_urls else ""
    own = "--sandbox" if asked.sandbox_url else own
    correct = f", or correct {own}" if own else ""
    firewall = "a firewall in between may forbid it, and Paperlake uses no proxy"
    if is_loopback(url):
        start = f"Start the server that should listen at {host}{correct}."
        advice = {"refused": start, "unreachable": start}
    else:
        advice = {
            "refused": f"See whether {source.homepage} is up{correct}; {firewall}.",
            "unreachable": "See whether this machine reaches the internet and its name server"
            f"{correct}; {firewall}.",
        }
    advice |= {
        "dns": f"See whether this machine has a network and a name server (getent hosts "
        f"{urlsplit(url).hostname}){correct}.",
        "timeout": "Try again in some minutes; a night is more patient "
        f"(PAPERLAKE_REQUEST_SECONDS is {asked.settings.request_seconds:g}).",
        "tls": "See whether this machine's clock is right and whether something in between (a proxy, a "
        f"hotel's portal) answers in place of {host}{correct}.",
        "connection": f"Try again in some minutes{correct}.",
    }
    reason = f" ({answer.reason})" if answer.failure in ("tls", "connection") else ""
    seen = f"{source.name}: {answer.url}: {_FAILURES[answer.failure]}{reason}."
    state: State = "warning" if answer.failure == "timeout" else "problem"
    return Finding("sources", state, seen, advice[answer.failure])


def _status(asked: Asked, source: Source, answer: Probed) -> Finding:
    """A source that answered."""
    status = answer.status or 0
    seen = f"{source.name}: {answer.url} answers {status}"
    if status < 300:
        return Finding("sources", "ok", f"{seen}.")
    if answer.refusal is not None:
        advice = f"Mend what it names, or see {source.homepage}."
        return Finding("sources", "problem", f"{seen}: {answer.refusal}.", advice)
    if answer.reason:
        seen += f' "{answer.reason}"'
    if status < 400:
        to = redact(answer.headers.get("location", ""))
        if source.probe is None:
            return Finding("sources", "ok", f"{seen}, so it is there.")
        return Finding(
            "sources",
            "warning",
            f"{seen} and points to {to or 'nowhere'}, where nothing was asked.",
            "If it has moved for good, put the new address into PAPERLAKE_BASE_URLS; a portal of the "
            "network in between answers like this too.",
        )
    wait = answer.headers.get("retry-after")
    later = f"Wait{f' ({wait} s, it says)' if wait and wait.isdigit() else ''}, and try again later"
    tries = f"a night tries {asked.settings.attempts} times and waits as it is told"
    if status == 429:
        advice = f"{later}: too much was asked from this address. {tries.capitalize()}."
        return Finding("sources", "warning", f"{seen}.", advice)
    if status >= 500:
        advice = f"{later}: the fault is there. {tries.capitalize()}."
        return Finding("sources", "warning", f"{seen}.", advice)
    if status in (401, 403):
        advice = (
            "It may need a key or have blocked this address: see that PAPERLAKE_CONTACT is right, and "
            f"read {source.homepage}."
        )
        return Finding("sources", "problem", f"{seen}.", advice)
    if source.probe is None:
        return Finding("sources", "ok", f"{seen}, so it is there.")
    own = " Correct PAPERLAKE_BASE_URLS." if source.name in asked.settings.base_urls else ""
    advice = (
        f"Its API may have moved or changed: see {source.homepage}, and upgrade paperlake.{own}"
    )
    return Finding("sources", "problem", f"{seen}.", advice)


def _clocks(answers: list[Probed]) -> Iterator[Finding]:
    """How far this machine's clock is from the sources'; caches say how old their answers are."""
    for answer in answers:
        age = answer.headers.get("age", "")
        try:
            theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        except (TypeError, ValueError, IndexError, OverflowError):
            continue
        off = answer.received_at - theirs - (float(age) if age.isdigit() else 0.0)
        if abs(off) > _CLOCK_SECONDS:
            where = "ahead of" if off > 0 else "behind"
            yield Finding(
                "clock",
                "warning",
                f"This machine's clock is {abs(off) / 60:.0f} min {where} that of "
                f"{urlsplit(answer.url).netloc}.",
                "Set the clock (timedatectl set-ntp true); if it is right, the fault is there.",
            )
            return


def circuits(asked: Asked) -> Iterator[Finding]:
    """Hosts that failed too often, and hosts that asked to be left alone."""
    name, now, alone = "circuits", time.time(), 0
    memories = (
        (asked.settings.shared_dir, "all lakes of this machine"),
        (asked.lake.root / "state", "this lake alone"),
    )
    for shared, whose in memories:
        for host in Pace(shared / "pace").look_at_all():
            if host.open_until > now:
                alone += 1
                yield Finding(
                    name,
                    "warning",
                    f"{host.name} failed {host.failures} times in a row and is left alone until "
                    f"{_moment(host.open_until)}.",
                    f"Wait, or remove {host.path} if the fault was here and is mended.",
                )
            elif host.failures >= FAILURES_TO_OPEN:
                alone += 1
                age = age_text(timedelta(seconds=now - host.opened_at))
                yield Finding(
                    name,
                    "note",
                    f"{host.name} failed {host.failures} times in a row, {age} ago; its circuit may "
                    "be tried.",
                    f"The next night tries it with one request. {host.path} remembers it for "
                    f"{whose}.",
                )
            elif host.free_at > now + 60:
                alone += 1
                seen = f"{host.name} is left alone until {_moment(host.free_at)}, as it asked for."
                yield Finding(name, "note", seen, "A night waits that long by itself.")
    if not alone:
        yield Finding(name, "ok", "No host is left alone.")


def prefect(asked: Asked) -> Iterator[Finding]:
    """Whether the user's own Prefect answers, and fits; or which one is used in its place."""
    name = "prefect"
    try:
        ours = importlib.metadata.version("prefect")
    except importlib.metadata.PackageNotFoundError:
        return  # told under versions
    url = prefect_api_url()
    if url is None:
        home = prefect_home(asked.lake.root)
        seen = f"PREFECT_API_URL is not set: nights use Prefect {ours} with its files in {home}."
        yield Finding(name, "ok", seen)
        return
    if asked.is_offline:
        yield Finding(name, "note", "PREFECT_API_URL is set, but not asked (--offline).")
        return
    shown = redact(url)
    mend = (
        "Start it (prefect server start --background), correct PREFECT_API_URL, or unset it; until "
        "then nights run without Prefect."
    )
    try:
        if ask(url, "/health") is not True:
            raise ValueError("something else answers")
    except (OSError, ValueError) as error:
        reason = "something else answers" if isinstance(error, ValueError) else str(error)
        seen = f"The Prefect API at {shown} does not answer as one ({reason})."
        is_short = "/api" not in urlsplit(url).path
        yield Finding(name, "warning", seen, mend + " Its path ends in /api." * is_short)
        return
    try:
        theirs = str(ask(url, "/admin/version"))
        is_older = Version(theirs).release[:2] < Version(ours).release[:2]
    except (OSError, ValueError, InvalidVersion) as error:
        why = f"it answers {error.code}" if isinstance(error, urllib.error.HTTPError) else "unclear"
        seen = f"The Prefect API at {shown} answers; its version is not told ({why})."
        yield Finding(name, "note", seen)
        return
    if is_older:
        seen = f"The Prefect server at {shown} is {theirs}, older than ours, {ours}."
        remedy = f"Upgrade the server (pip install 'prefect=={ours}'), or install its version here."
        yield Finding(name, "warning", seen, remedy)
    else:
        yield Finding(name, "ok", f"The Prefect API at {shown} answers: {theirs}, ours is {ours}.")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
