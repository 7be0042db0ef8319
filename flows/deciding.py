"""A person's word on listings, written into the lake's decisions.toml."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from flows.explaining import listing_of
from flows.published import reading
from schemas.errors import UsageError
from warehouse import decisions
from warehouse.decisions import Decision
from warehouse.snapshots import Lake


@dataclass(frozen=True, slots=True)
class Decided:
    """What was written, and where."""

    path: Path
    decision: Decision
    unknown: Sequence[str]
    """Listings that the lake has not, or not yet."""


def decide(lake: Lake, verdict: str, keys: Sequence[str], *, who: str, why: str) -> Decided:
    """Append a decision to the lake's file; the next run, or `paperlake regroup`, applies it.

    Args:
        lake: the lake.
        verdict: together or apart.
        keys: listing_ids, also of listings that are not there yet; other keys as `listing_of` takes.
        who: who decided.
        why: why.

    Raises:
        UsageError: fewer than two listings, an unknown verdict or key, or no lake.
        SettingsError: the file is broken or says the contrary; nothing was written.
    """
    lake.info()
    unknown: list[str] = []
    listings = [_listing(lake, key, unknown) for key in keys]
    if len(set(listings)) < 2:
        raise UsageError(
            f"A decision is about two listings or more, and {', '.join(keys) or 'nothing'} names "
            f"{len(set(listings))}: name others."
        )
    try:
        decision = Decision.model_validate(
            {
                "verdict": verdict,
                "listings": list(dict.fromkeys(listings)),
                "who": who,
                "why": why,
                "when": datetime.now(UTC).date(),
            }
        )
    except ValidationError as error:
        raise UsageError(f"{decisions.problem_of(error)}. Nothing was written.") from None
    return Decided(decisions.add(lake.root, decision), decision, unknown)


def _listing(lake: Lake, key: str, unknown: list[str]) -> str:
    """The listing of a key; one that may come yet as it stands."""
    if lake.manifest() is not None:
        with reading(lake) as connection:
            try:
                return listing_of(connection, key)
            except UsageError:
                if not decisions.is_listing_id(key):
                    raise
    if not decisions.is_listing_id(key):
        raise UsageError(
            f"'{key}' is no listing_id: it has the form source:id, such as arxiv:2401.00001."
        )
    unknown.append(key)
    return key
