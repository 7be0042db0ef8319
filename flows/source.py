"""What a source is, and how the sources are found.

A source is one file in `flows/sources/` that ends in `SOURCE = Source(...)`, and one file in
`schemas/records/` with its records as they come. Nothing else is edited to add one.
"""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel

from flows.settings import Settings
from schemas.paper import Listing, Metric
from warehouse.responses import Response


class Fetch(Protocol):
    """How a source asks: bounded, paced, kept before used, never outside the source's own hosts."""

    @property
    def base_url(self) -> str:
        """Where the source's API begins: its real address, or another by setting or sandbox."""

    @property
    def n_retries(self) -> int:
        """Requests that had to be repeated so far: their first answers may have been lost."""

    def warn(self, text: str) -> None:
        """Say in the run's report what went well but should be looked at; the same text once."""

    def __call__(
        self,
        path_or_url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        context: Mapping[str, Any] | None = None,
        fresh: bool = False,
    ) -> Awaitable[Response]:
        """One GET.

        Args:
            path_or_url: a path below `base_url`, or an absolute URL such as a next link.
            params: the query; values are percent-encoded.
            context: facts that the parser's caller needs again when the kept response is read
                later (list, list_date, offset); JSON values only, kept in the index. The same URL
                with other facts is another request: a cursor may repeat on every page.
            fresh: ask again even if this run already kept an answer to the same request.

        Raises:
            RefusedError, FetchError, CircuitOpenError, UnsafeError: see `schemas.errors`.
        """


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One of a source's lists (or sets), harvested with a watermark of its own."""

    name: str
    first_days: int
    """How far back a new lake begins."""
    slice_days: int
    """The longest window harvested and committed as one."""
    overlap_days: int
    """Days before the watermark that are read again, because they change."""
    listing_weekdays: frozenset[int] = frozenset()
    """Weekdays (Monday is 0) on which it lists; empty: any number of rows is expected on any day."""
    quiet_days: frozenset[tuple[int, int]] = frozenset({(1, 1), (12, 25)})
    """(month, day) on which an empty list is no wonder."""
    is_capture: bool = False
    """A list as it stands now: one window without length, taken whole or not at all."""
    counts_by_list_day: bool = False
    """Whether silence is judged for each list day (else for the window as a whole)."""
    size: int = 0
    """How many entries make a capture; 0 for lists that are not captured."""
    query: str = ""
    """What to ask the source for, where the name does not say it."""
    rolling_days: int = 0
    """Days back that are read again every night where the source will not tell what changed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The span that one harvest covers: days from `start` to `end`, both included."""

    list: ListSpec
    start: date
    end: date
    is_open: bool
    """Whether it reaches to now, so that no upper bound is sent to the source."""
    now: datetime
    """The run's clock (UTC) when the window was cut."""


class Raw(NamedTuple):
    """One record as parsed: not yet validated against the record schema of its format."""

    format: str
    position: int
    """Place in the response, from 0."""
    data: Any
    """What the source said; None when it could not be read at all."""
    problem: str | None = None
    """Why it cannot be read; the record goes to quarantine with this reason."""
    where: str = ""
    """Path inside the response, for people: `[3].paper.title`, `record 7`."""


class Seen(NamedTuple):
    """The circumstances of a record: everything `listing()` may need that is not in it."""

    response: Response
    format: str
    position: int
    night_date: date
    parser_version: int

    @property
    def context(self) -> Mapping[str, Any]:
        """What the request was for; see `Fetch`."""
        return self.response.context


@dataclass(frozen=True, slots=True)
class Format:
    """A form in which the source's records come."""

    name: str
    record: Any
    """TypedDict of `schemas/records/`, with `extra="forbid"`: the record as the source gives it."""
    lacks: frozenset[str] = frozenset()
    """Columns of Listing that this form cannot carry: they keep the value they had."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error answer means, where its text says more than its status."""

    kind: str
    """A short name that `requests()` can tell it by: it stands in the error's facts."""
    reason: str
    """What happened and what to do, a sentence without its full stop."""


def _never_off(_settings: Settings) -> str | None:
    return None


def _no_secrets(_settings: Settings) -> Mapping[str, str]:
    return {}


def _nothing_special(_status: int, _headers: Mapping[str, str], _body: bytes) -> Refusal | None:
    return None


@dataclass(frozen=True, slots=True)
class Source:
    """Everything the pipeline knows about a source."""

    name: str
    title: str
    homepage: str
    data_license: str
    base_url: str
    hosts: frozenset[str]
    """Host names it may talk to, next links and redirects included."""
    pause_seconds: float
    """Least time between two requests of this machine to one of its hosts."""
    expected_seconds: float
    """What a request usually takes, for the estimate before a harvest."""
    parser_version: int
    lists: Callable[[Settings], Sequence[ListSpec]]
    formats: Sequence[Format]
    requests: Callable[[Fetch, Window], AsyncIterator[Response]]
    """Async generator: every response of the window, in order, kept already."""
    parse: Callable[[bytes], list[Raw]]
    """Pure: bytes in, records out, or BrokenResponseError."""
    listing: Callable[[Any, Seen], tuple[Listing, Sequence[Metric]]]
    """Pure: one validated record to one listing, and what its list says of it."""
    expected_requests: Callable[[Window], int]
    watermark: Callable[[Window, Response | None], datetime]
    """How far the list is complete after the window (UTC), given the window's first response."""
    read_file: Callable[[Path, Mapping[str, Any]], Iterator[tuple[bytes, Mapping[str, Any]]]]
    """For `import`: a file as bodies of bounded size, each with its context."""
    aliases: Sequence[str] = field(default=())
    """Further source names under which its listings may stand (`huggingface_page`)."""
    first_day: date | None = None
    """Before this day it lists nothing."""
    probe: str | None = None
    """What `doctor` asks for, below `base_url`: the cheapest request that answers 200."""
    max_response_bytes: int = 64 * 1024 * 1024
    """Decoded size beyond which an answer is refused."""
    settings: type[BaseModel] | None = None
    """Its own settings, PAPERLAKE_<NAME>_<FIELD>; read with `Settings.of`."""
    off: Callable[[Settings], str | None] = _never_off
    """Why it cannot be harvested with these settings and what to do, or None."""
    secrets: Callable[[Settings], Mapping[str, str]] = _no_secrets
    """Header or parameter -> secret, sent to the origin of `base_url` only and kept nowhere."""
    refusal: Callable[[int, Mapping[str, str], bytes], Refusal | None] = _nothing_special
    """Looks at an error answer (status, headers, beginning of the body) that must not be retried."""
    work_rank: int = 50
    """Place among the sources for what describes a work: publisher 10, archive 30, page 60."""
    page_rank: int = 50
    """Place for what only a page about a work tells: summary, code, thumbnail, who submitted it."""
    lists_once: bool = False
    """Whether it lists a paper once: two of its listings are then never taken for one by likeness."""


def load_sources() -> dict[str, Source]:
    """Every source of the folder `flows/sources/`, by name, in the order of names."""
    from flows import sources

    found: dict[str, Source] = {}
    for module in sorted(pkgutil.iter_modules(sources.__path__), key=lambda m: m.name):
        source = importlib.import_module(f"flows.sources.{module.name}").SOURCE
        found[source.name] = source
    return found


def setting_names(sources: Mapping[str, Source]) -> list[str]:
    """The settings of single sources: <NAME>_<FIELD> in lower case."""
    return [
        f"{source.name}_{field}"
        for source in sources.values()
        if source.settings is not None
        for field in source.settings.model_fields
    ]


def lists_once() -> list[str]:
    """The names of sources in which a paper has one listing at most."""
    return [source.name for source in load_sources().values() if source.lists_once]
