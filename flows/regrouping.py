"""Papers grouped anew without a harvest: decisions applied now, or the model made anew.

Goes the way of a night from its merge on: the same lock, the same checks, one snapshot or none.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flows import health, published
from flows.opening import new_id
from flows.pipeline import settle
from flows.runs import OPEN, OpenRun, Reporter, Silent, close
from flows.settings import Settings
from flows.source import load_sources
from schemas.errors import UsageError
from schemas.paper import Run
from warehouse import decisions
from warehouse.reading import select
from warehouse.snapshots import Lake


def regroup(
    settings: Settings,
    *,
    with_new_model: bool = False,
    overrides: Sequence[str] = (),
    report: Reporter | None = None,
) -> Run:
    """Apply the decisions of people now, and on request under a new model.

    Args:
        settings: the settings; no contact is needed.
        with_new_model: make the model anew from all listings, and compare them all again.
        overrides: checks that may fail.
        report: who watches.

    Returns:
        How it ended: published, unchanged or blocked; the kind is `regroup` or `model`.

    Raises:
        UsageError: there is no lake, or no snapshot in it yet.
        SettingsError: decisions.toml is broken or contradicts itself; nothing was done.
        BusyError: another process writes the lake.
    """
    lake = Lake(settings.lake)
    origin = lake.info().origin
    decisions.read(lake.root)
    lake.open_for_writing("paperlake regroup", origin, datetime.now(UTC))
    kind = "model" if with_new_model else "regroup"
    try:
        newest = lake.manifest()
        if newest is None:
            raise UsageError(
                f"The lake {lake.root} has no snapshot yet, so there is nothing to group: run "
                "`paperlake nightly` or `paperlake import`."
            )
        # A sandbox has a clock of its own, which stands still between nights.
        clock = None if origin == "real" else newest.created_at
        now = clock or datetime.now(UTC)
        night_date = now.date() if origin == "real" else newest.night_date
        run = OpenRun(
            settings=settings,
            lake=lake,
            kind=kind,
            run_id=new_id(kind, night_date),
            night_date=night_date,
            started_at=now,
            sources=load_sources(),
            report=report or Silent(),
            overrides=tuple(overrides),
            clock=clock,
        )
        OPEN[run.run_id] = run
    except BaseException:
        lake.close()
        raise
    try:
        if with_new_model:
            run.report.say("Making a new model; all listings are compared again.")
        return settle(run)
    finally:
        close(run.run_id)


_EXAMPLES = 5


def told(lake: Lake, run: Run) -> dict[str, Any]:
    """What a regrouping changed: counts of what became of papers, some examples, the model."""
    answer: dict[str, Any] = {
        "run": run.model_dump(mode="json"),
        "events": {"merged": 0, "split": 0, "restored": 0},
        "examples": [],
        "matching": None,
    }
    with published.reading(lake) as connection:
        answer["matching"] = health.matching(connection, lake)
        if run.snapshot is None:
            return answer
        for row in select(
            connection,
            "select event, count(*) as n from lake.paper_events where snapshot = ? group by event",
            [run.snapshot],
        ):
            answer["events"][row["event"]] = row["n"]
        answer["examples"] = select(
            connection,
            "select event, paper_id, other_id, listing_ids, title from main.papers_history "
            "where snapshot = ? qualify row_number() over (partition by event order by paper_id) <= ? "
            "order by event, paper_id",
            [run.snapshot, _EXAMPLES],
        )
    return answer
