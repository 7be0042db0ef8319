"""The whole examination: every check on its own, side by side, within bounds."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from flows.doctor import configured, disk, network, standing, stored, views
from flows.doctor.findings import Asked, Finding, unreadable
from flows.sandbox.client import sandbox_address
from flows.settings import Settings
from flows.source import load_sources
from schemas.errors import UsageError
from warehouse.snapshots import Lake

SECONDS = 9.0
"""How long the examination may take, `--deep` aside."""
# In the order in which they are told.
_CHECKS: tuple[tuple[str, Callable[[Asked], Iterator[Finding]]], ...] = (
    ("settings", configured.settings),
    ("contact", configured.contact),
    ("versions", configured.versions),
    ("disk", disk.disk),
    ("clock", standing.clock),
    ("locks", standing.locks),
    ("unfinished", standing.unfinished),
    ("snapshots", standing.snapshot),
    ("decisions", standing.decided),
    ("files", stored.files),
    ("orphans", stored.orphans),
    ("warehouse", views.views),
    ("prefect", network.prefect),
    ("sources", network.sources),
    ("circuits", network.circuits),
)


def examine(
    settings: Settings,
    *,
    sandbox_url: str | None = None,
    is_offline: bool = False,
    is_deep: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Finding]:
    """Look at everything; nothing in the lake is changed.

    Args:
        settings: the settings, which name the lake.
        sandbox_url: a sandbox to look at instead of the real sources.
        is_offline: no network at all.
        is_deep: read every file of the newest snapshot and every kept response; takes as long as that.
        say: told how far a deep examination is.

    Returns:
        Findings in the order of the checks.

    Raises:
        UsageError: what was asked for contradicts itself.
    """
    if sandbox_url and is_offline:
        raise UsageError("--offline and --sandbox exclude each other: leave one out.")
    if sandbox_url:
        sandbox_url = sandbox_address(sandbox_url)
    asked = Asked(settings, Lake(settings.lake), load_sources(), sandbox_url, is_offline)
    found = _side_by_side(asked)
    if is_deep:
        found += _seen("sha256", lambda: stored.hashes(asked, say))
    order = [name for name, _ in _CHECKS]
    # Stable: within a check as it was found.
    return sorted(
        found, key=lambda item: order.index(item.name) if item.name in order else len(order)
    )


def _side_by_side(asked: Asked) -> list[Finding]:
    results: dict[str, Sequence[Finding]] = {}

    def run(name: str, check: Callable[[Asked], Iterator[Finding]]) -> None:
        results[name] = _seen(name, lambda: check(asked))

    deadline = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=run, args=(name, check), name=f"doctor-{name}", daemon=True)
        for name, check in _CHECKS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    found: list[Finding] = []
    for name, _ in _CHECKS:
        if name in results:
            found += results[name]
        else:
            found.append(
                Finding(
                    name,
                    "warning",
                    f"Not finished within {SECONDS:g} s.",
                    "Run `paperlake doctor` again when this machine, its disk and its network have less "
                    "to do.",
                )
            )
    return found


def _seen(name: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check found until its end, or until it failed itself: the others must not miss it."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except PermissionError as error:
        found.append(unreadable(name, [str(error.filename)]))
    except Exception as error:  # whatever is damaged, the rest is still told
        reason = str(error).splitlines()[0] if str(error) else ""
        found.append(
            Finding(
                name,
                "problem",
                f"This could not be looked at to its end ({type(error).__name__}: {reason}).",
                "Mend what the message names; if it names nothing, report it with this output.",
            )
        )
    return found
