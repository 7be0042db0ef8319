"""What an examination finds, and what it is told to look at."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import ValidationError

from flows.settings import Settings
from flows.source import Source
from schemas.errors import PaperlakeError
from warehouse.manifest import Manifest, from_json
from warehouse.snapshots import Lake

State = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """The check: settings, contact, disk, locks, ..."""
    state: State
    """`problem`: something does not work; `warning`: it may not tomorrow; `note`: worth knowing."""
    seen: str
    """What was seen, in a sentence."""
    advice: str | None = None
    """What to do about it; every warning and every problem has it."""

    def __post_init__(self) -> None:
        assert self.advice or self.state in ("ok", "note"), self

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be examined."""

    settings: Settings
    lake: Lake
    sources: Mapping[str, Source]
    sandbox_url: str | None = None
    is_offline: bool = False

    @property
    def origin(self) -> str | None:
        """Whose papers the lake holds; None where there is no lake, or it does not say."""
        try:
            return self.lake.info().origin
        except (PaperlakeError, OSError):
            return None

    @property
    def is_sandbox(self) -> bool:
        """Whether a sandbox's papers are meant, not real ones."""
        return bool(self.sandbox_url) or (self.origin or "real") != "real"


def unreadable(name: str, paths: list[str]) -> Finding:
    """Files or folders that this user may not read."""
    return Finding(
        name,
        "problem",
        f"Not readable for this user: {some(paths)}.",
        "Run as the lake's owner, or let the owner give the right to read (chmod -R a+rX).",
    )


def newest_readable(lake: Lake) -> Manifest | None:
    """The newest snapshot's manifest; None where there is none or it is damaged."""
    try:
        return lake.manifest()
    except (PaperlakeError, OSError):
        return None


def told(error: PaperlakeError) -> tuple[str, str]:
    """Our own errors say in one sentence what is so, and behind the last colon what to do."""
    seen, _, advice = str(error).rpartition(": ")
    if not seen:
        return str(error), "Restore the lake from a backup."
    return f"{seen}.", advice[0].upper() + advice[1:]


def manifests(lake: Lake) -> dict[int, Manifest | None]:
    """Every snapshot's manifest, oldest first; None for one that is damaged."""
    found: dict[int, Manifest | None] = {}
    for number in lake.numbers():
        try:
            found[number] = from_json(lake.manifest_file(number).read_bytes())
        except (ValidationError, FileNotFoundError):
            found[number] = None
    return found


def size_text(n_bytes: float) -> str:
    """A size for people: `1.5 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} TB"


def age_text(age: timedelta) -> str:
    """A span of time for people: `3 h`."""
    minutes = max(0, round(age.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 72 else f"{round(hours / 24)} days"


def some(names: list[str], most: int = 3) -> str:
    """The first of many names, and how many are left."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
