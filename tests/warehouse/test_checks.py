"""Every check holds on a sound lake, and fails on a lake that is broken in its way."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.fields import Row
from schemas.matching import Contribution, Decided, Match, ModelEntry
from schemas.paper import Identifier, Quarantined, Redirect, Run, SnapshotRow
from tests.warehouse import lakes
from warehouse.manifest import Table
from warehouse.verify import CHECKS, check_names, miscounted, run_checks

Rows = dict[str, list[Row]]


def snapshot(number: int, n_listings: int, n_papers: int) -> SnapshotRow:
    """A published state with that many rows."""
    return SnapshotRow(
        snapshot=number,
        created_at=lakes.NOON,
        content_hash="0" * 32,
        run_id=f"run-{number}",
        kind="nightly",
        night_date=lakes.NIGHT,
        n_listings=n_listings,
        n_metrics=0,
        n_papers=n_papers,
        n_memberships=0,
        n_quarantine=0,
    )


def jumped(name: str, before: int, now: int, n_papers: int = 1000) -> Callable[[Rows], None]:
    """Two snapshots, the second with more of one count, and of papers."""

    def change(rows: Rows) -> None:
        one, other = snapshot(1, 2000, 1000), snapshot(2, 2000, n_papers)
        rows["snapshots"] = [
            one.model_copy(update={name: before}),
            other.model_copy(update={name: now}),
        ]

    return change


def sound() -> Rows:
    """A lake with something in every table that checks read."""
    return {
        **lakes.small_rows(),
        "metrics": [lakes.metric("huggingface:2611.00001", lakes.NOON, rank=1, upvotes=3)],
        "redirects": [Redirect(paper_id="p0", merged_into="p1", night_date=lakes.NIGHT)],
        "snapshots": [snapshot(1, 5, 3)],
        "runs": [
            Run(
                run_id="run-1",
                kind="nightly",
                night_date=lakes.NIGHT,
                started_at=lakes.NOON,
                state="published",
            )
        ],
        "quarantine": [
            Quarantined(
                response_sha256="f" * 64,
                position=3,
                source="arxiv",
                reason="title: is empty",
                where="record 3",
                night_date=lakes.NIGHT,
                quarantined_at=lakes.NOON,
            )
        ],
    }


def twice(table: str) -> Callable[[Rows], None]:
    """The first row of a table is there once more."""
    return lambda rows: rows[table].append(rows[table][0])


def without(table: str, position: int) -> Callable[[Rows], None]:
    """A row of a table is missing."""

    def change(rows: Rows) -> None:
        del rows[table][position]

    return change


def changed(table: str, position: int, **values: Any) -> Callable[[Rows], None]:
    """A row of a table has other values."""

    def change(rows: Rows) -> None:
        rows[table][position] = rows[table][position].model_copy(update=values)

    return change


def collapsed(**counts: int) -> Callable[[Rows], None]:
    """Two snapshots, of 1000 rows each, the second with fewer of one kind."""

    def change(rows: Rows) -> None:
        now = {"n_listings": 1000, "n_papers": 1000, **counts}
        rows["snapshots"] = [snapshot(1, 1000, 1000), snapshot(2, **now)]

    return change


def many(n_odd: int, n_sane: int, **values: Any) -> Callable[[Rows], None]:
    """Listings without title and paper, of which some are odd."""

    def change(rows: Rows) -> None:
        for number in range(n_odd + n_sane):
            odd = values if number < n_odd else {}
            rows["listings"].append(lakes.listing(f"dblp:{number}", title=None, **odd))

    return change


SUBMITTED = {
    "submitted_date": date(2026, 11, 20),
    "updated_at": datetime(2026, 11, 18, 23, tzinfo=UTC),
}

# Check -> ways to break what it claims.
BROKEN: dict[str, list[Callable[[Rows], None]]] = {
    "best_listings_are_members": [
        changed("papers", 0, best_listing_id="huggingface:2611.00003"),
        changed("papers", 0, best_listing_id="arxiv:none"),
    ],
    "dois_of_papers_do_not_jump": [
        jumped("n_papers_of_two_dois", 100, 131),
        jumped("n_papers_of_two_dois", 0, 71, n_papers=2000),
        jumped("n_papers_of_two_dois", 0, 21, n_papers=900),
    ],
    "identifiers_name_one_paper": [
        changed("papers", 1, identifiers=(Identifier(scheme="doi", value="10.1000/x"),))
    ],
    "largest_paper_does_not_jump": [
        jumped("n_largest_paper", 4, 25),
        jumped("n_largest_paper", 100, 151),
    ],
    "list_days_have_come": [
        changed("metrics", 0, list_date=lakes.NIGHT + timedelta(days=2)),
    ],
    "listed_twice_does_not_jump": [
        jumped("n_papers_listed_twice", 0, 21),
        jumped("n_papers_listed_twice", 0, 71, n_papers=2000),
        jumped("n_papers_listed_twice", 100, 131),
    ],
    "listing_ids_are_unique": [twice("listings")],
    "listings_are_in_one_paper": [
        lambda rows: rows["memberships"].append(lakes.member("arxiv:2611.00001", "p2"))
    ],
    "listings_do_not_collapse": [collapsed(n_listings=899)],
    "living_papers_are_not_redirected": [changed("redirects", 0, paper_id="p2")],
    "members_are_listings": [without("listings", 3)],
    "members_have_papers": [without("papers", 2)],
    "metric_keys_are_unique": [
        twice("metrics"),
        lambda rows: rows.update(
            metrics=[lakes.metric("huggingface:2611.00001", lakes.NOON, list_date=None)] * 2
        ),
    ],
    "metrics_belong_to_listings": [changed("metrics", 0, listing_id="huggingface:none")],
    "paper_ids_are_unique": [twice("papers")],
    "papers_count_their_listings": [
        changed("papers", 0, listings_count=3),
        without("memberships", 3),
    ],
    "papers_do_not_collapse": [collapsed(n_papers=899)],
    "publication_dates_are_sane": [
        many(21, 0, publication_date=date(1499, 12, 31)),
        many(21, 2000, publication_date=lakes.NIGHT + timedelta(days=401)),
    ],
    "quarantine_keys_are_unique": [twice("quarantine")],
    "review_list_does_not_jump": [
        jumped("n_undecided", 1000, 1201),
        jumped("n_undecided", 0, 201, n_papers=2000),
    ],
    "run_ids_are_unique": [twice("runs")],
    "redirects_are_unique": [
        lambda rows: rows["redirects"].append(
            Redirect(paper_id="p0", merged_into="p2", night_date=lakes.NIGHT)
        )
    ],
    "redirects_end_at_papers": [changed("redirects", 0, merged_into="p00")],
    "submissions_precede_updates": [many(21, 0, **SUBMITTED), many(21, 2000, **SUBMITTED)],
    "titled_listings_have_a_paper": [without("memberships", 3)],
}

# What is odd, and yet no claim is broken.
BEARABLE: list[Callable[[Rows], None]] = [
    lambda rows: rows.update(metrics=[], redirects=[], snapshots=[]),
    changed("metrics", 0, list_date=lakes.NIGHT + timedelta(days=1)),
    changed("metrics", 0, list_date=None),
    collapsed(n_listings=900, n_papers=900),
    lambda rows: rows.update(snapshots=[snapshot(1, 25, 25), snapshot(2, 5, 5)]),
    lambda rows: rows.update(
        snapshots=[snapshot(1, 1000, 1000), snapshot(2, 500, 500), snapshot(3, 500, 500)]
    ),
    # At the edge of a jump; after a snapshot of an earlier version; and in the first.
    jumped("n_papers_of_two_dois", 100, 130),
    jumped("n_papers_of_two_dois", 0, 70, n_papers=2000),
    jumped("n_papers_of_two_dois", 0, 20, n_papers=900),
    jumped("n_papers_listed_twice", 0, 70, n_papers=2000),
    jumped("n_papers_listed_twice", 100, 130),
    jumped("n_undecided", 0, 200, n_papers=2000),
    jumped("n_largest_paper", 4, 24),
    jumped("n_largest_paper", 100, 150),
    jumped("n_undecided", 1000, 1200),
    jumped("n_undecided", 1000, 0),
    lambda rows: rows.update(
        snapshots=[
            snapshot(1, 5, 3),
            snapshot(2, 5, 3).model_copy(update={"n_undecided": 9999, "n_largest_paper": 999}),
        ]
    ),
    lambda rows: rows.update(
        snapshots=[snapshot(1, 5, 3).model_copy(update={"n_papers_listed_twice": 9999})]
    ),
    many(20, 0, publication_date=date(1499, 12, 31)),
    many(21, 2079, publication_date=date(1499, 12, 31)),
    many(21, 0, publication_date=lakes.NIGHT + timedelta(days=400)),
    many(20, 0, **SUBMITTED),
    many(21, 0, submitted_date=date(2026, 11, 20), updated_at=datetime(2026, 11, 19, tzinfo=UTC)),
]


def failing(
    folder: Path, rows: Rows, changed_in: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The checks that a lake of these rows fails."""
    with lakes.opened(folder, rows) as connection:
        return {name: found for name, found in run_checks(connection, changed_in).items() if found}


def test_every_check_has_a_lake_that_breaks_it() -> None:
    """No check is without a test, and each states its claim first."""
    assert sorted(BROKEN) == check_names()
    for path in CHECKS.glob("*.sql"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("-- "), path.name
        assert lines[-1] == "limit 100", path.name


def test_a_sound_lake_passes(tmp_path: Path) -> None:
    """A lake as it must be breaks no claim."""
    assert failing(tmp_path, sound()) == {}


@pytest.mark.parametrize("number", range(len(BEARABLE)))
def test_what_is_odd_may_be_right(tmp_path: Path, number: int) -> None:
    """At the edge of what a check allows, nothing fails."""
    rows = sound()
    BEARABLE[number](rows)
    assert failing(tmp_path, rows) == {}


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name, changes in BROKEN.items() for change in changes],
    ids=[f"{name}-{n}" for name, changes in BROKEN.items() for n in range(len(changes))],
)
def test_a_broken_lake_fails(tmp_path: Path, name: str, change: Callable[[Rows], None]) -> None:
    """The check finds the break, and its rows say first what is wrong."""
    rows = sound()
    change(rows)
    found = failing(tmp_path, rows)
    assert name in found
    assert next(iter(found[name][0])) == "what"
    assert found[name][0]["what"]
    # Everything was written by snapshot 1, so a look at what it wrote finds the same.
    assert name in failing(tmp_path / "again", rows, changed_in=1)


def test_what_an_earlier_snapshot_wrote_is_not_looked_at_again(tmp_path: Path) -> None:
    """A night judges what it wrote; an old row that is wrong is found by `paperlake check`."""
    rows = sound()
    rows["listings"] += [lakes.listing("dblp:1")]
    assert "titled_listings_have_a_paper" in failing(tmp_path / "all", rows)
    assert failing(tmp_path / "new", rows, changed_in=2) == {}


def test_only_what_changed_is_judged_by_its_dates(tmp_path: Path) -> None:
    """Odd dates that an earlier snapshot let pass do not block the nights that follow."""
    rows = sound()
    many(50, 0, publication_date=date(1400, 1, 1), **SUBMITTED)(rows)
    rows["snapshots"] = [snapshot(1, 55, 3), snapshot(2, 55, 3)]
    assert failing(tmp_path, rows) == {}


def test_rows_that_are_hidden_are_missed(tmp_path: Path) -> None:
    """A table with other than the rows that its manifest tells is named; a right one is not."""
    rows = sound()
    told = {name: Table(rows=len(rows[name])) for name in ("listings", "papers", "memberships")}
    with lakes.opened(tmp_path, rows) as connection:
        assert miscounted(connection, told) is None
        wrong = {**told, "papers": Table(rows=4)}
        assert miscounted(connection, wrong) == "The table papers would have 3 rows instead of 4."


def test_a_hundred_rows_are_enough(tmp_path: Path) -> None:
    """However much is wrong, a check returns at most a hundred rows."""
    rows = sound()
    rows["listings"] += [lakes.listing(f"dblp:{number}") for number in range(150)]
    found = failing(tmp_path, rows)
    assert {name: len(items) for name, items in found.items()} == {
        "titled_listings_have_a_paper": 100
    }


def test_an_identifier_may_stand_in_papers_that_are_apart_on_purpose(tmp_path: Path) -> None:
    """Where a person said so, or the identifier is void, two papers may bear it; a third may not."""
    rows = sound()
    doi = (Identifier(scheme="doi", value="10.1000/x"),)
    rows["papers"][1] = rows["papers"][1].model_copy(update={"identifiers": doi})
    pair = {"left_id": "arxiv:2611.00001", "right_id": "arxiv:math/0309136"}
    said = {"verdict": "apart", "who": "Ada", "why": "read both", "decided_on": lakes.NIGHT}
    rows["decisions"] = [Decided(**pair, **said)]
    assert failing(tmp_path / "decided", rows) == {}
    rows["decisions"] = []
    void = (Contribution(name="identifier_void", contribution=-0.1),)
    rows["matches"] = [Match(**pair, relation="undecided", score=3.0, evidence=void, model=1)]
    assert failing(tmp_path / "void", rows) == {}
    assert failing(tmp_path / "night", rows, changed_in=1) == {}
    rows["papers"][2] = rows["papers"][2].model_copy(update={"identifiers": doi})
    assert set(failing(tmp_path / "third", rows)) == {"identifiers_name_one_paper"}
    shared = {"model": 1, "kind": "shared_doi", "key": "10.1000/x", "other": "", "value": 3.0}
    rows["dedupe_model"] = [ModelEntry(**shared)]
    assert failing(tmp_path / "shared", rows) == {}


def test_together_does_not_excuse_an_identifier(tmp_path: Path) -> None:
    """Only a decision that they are apart lets two papers bear one identifier."""
    rows = sound()
    doi = (Identifier(scheme="doi", value="10.1000/x"),)
    rows["papers"][1] = rows["papers"][1].model_copy(update={"identifiers": doi})
    said = {"verdict": "together", "who": "Ada", "why": "read both", "decided_on": lakes.NIGHT}
    pair = {"left_id": "arxiv:2611.00001", "right_id": "arxiv:math/0309136"}
    rows["decisions"] = [Decided(**pair, **said)]
    assert set(failing(tmp_path, rows)) == {"identifiers_name_one_paper"}
