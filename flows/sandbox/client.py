"""What a run knows of the sandbox it talks to: whose papers, which night, where each source is."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import date, datetime

from flows.source import Source
from schemas.errors import UsageError


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The loopback internet a run talks to, at one night."""

    url: str
    origin: str
    night: int
    night_date: date
    now: datetime

    def base_url(self, source: Source) -> str:
        """Where the sandbox serves a source."""
        path = urllib.parse.urlsplit(source.base_url).path.rstrip("/")
        return f"{self.url}/night/{self.night}/{source.name}{path}"


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine."""
    host = urllib.parse.urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def sandbox_address(url: str) -> str:
    """The address of a sandbox as it was typed, without its last slash.

    Raises:
        UsageError: it is not on this machine.
    """
    url = url.rstrip("/")
    if not is_loopback(url) or not url.startswith("http://"):
        raise UsageError(
            f"{url} is not on this machine: a sandbox listens on http://127.0.0.1:PORT."
        )
    return url


def read_sandbox(url: str, night: int | None = None, *, seconds: float = 30) -> Sandbox:
    """What a running sandbox says of itself: at a night, or of its first night.

    Raises:
        UsageError: it is not on this machine, or does not answer as a sandbox within `seconds`.
    """
    url = sandbox_address(url)
    try:
        # No proxy: the environment must not lead loopback away.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/night/{night or 0}/", timeout=seconds) as answer:
            facts = json.loads(answer.read(65536))
        return Sandbox(
            url=url,
            origin=facts["origin"],
            night=facts["night"],
            night_date=date.fromisoformat(facts["night_date"]),
            now=datetime.fromisoformat(facts["now"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"No sandbox answers at {url} ({error}): start one with `paperlake sandbox serve`."
        ) from None
