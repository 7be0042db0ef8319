"""Grouping in a lake: the same in any order of arrival, in one night or many, grown or made anew."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.datasets import MATCH_KEYS, MATCHES, MEMBERSHIPS, PAPERS, REDIRECTS
from schemas.paper import Author, Identifier, Listing
from tests.warehouse.writing import NOW, Tables
from warehouse.dedupe import renewal
from warehouse.dedupe.model import Model

TITLES = (
    "Patient Shuttles and the Thermodynamics of Woven Sails",
    "Patient Shuttles and the Thermodynamics of Woven Sails II",
    "Patient shuttle and the thermodynamics of woven sail",
    "Patient Shuttles and the Thermodynamics",
    "Erratum: Patient Shuttles and the Thermodynamics of Woven Sails",
    "A Slow Census of Lighthouse Moths",
    "Slow Census of Lighthouse Moths: an Extended Study",
    "Editorial",
)
PEOPLE = (("Ada Quill", "Bo Marsh", "Cy Lund"), ("Ada Quill", "Bo Marsh"), ("Dee Frost",), ())
MODEL = Model(number=1, n_records=1000, words={"the": 900, "and": 800, "of": 900})


def listing(
    key: str, title: str, people: Sequence[str], year: int | None, doi: str | None
) -> Listing:
    """A listing `source:id`, as new as its year is high."""
    source, _, source_id = key.partition(":")
    return Listing(
        listing_id=key,
        source=source,
        source_id=source_id,
        record_format="full",
        raw_title=title,
        title=title,
        authors=tuple(Author(name=name) for name in people),
        publication_date=date(year, 5, 1) if year else None,
        type="article" if source == "crossref" else "preprint",
        doi=doi,
        identifiers=(Identifier(scheme="doi", value=doi),) if doi else (),
        source_modified_at=datetime(2026, 1, 1, tzinfo=UTC),
        fetched_at=NOW,
    )


LISTINGS = st.builds(
    listing,
    st.sampled_from([f"{source}:{n}" for source in ("arxiv", "crossref", "z") for n in range(4)]),
    st.sampled_from(TITLES),
    st.sampled_from(PEOPLE),
    st.sampled_from([None, 2020, 2021]),
    st.sampled_from([None, None, None, "10.1/a", "10.1/b"]),
)
# A failing history takes minutes to shrink: it is told as it was found.
UNSHRUNK = (Phase.explicit, Phase.generate)
WORLDS = st.lists(LISTINGS, min_size=2, max_size=12, unique_by=lambda row: row.listing_id)


def grouping(house: Tables) -> dict[str, Any]:
    """What must not depend on how it came about: groups, editions, matches and keys."""
    papers: dict[str, set[str]] = {}
    editions = {}
    for key, row in house.by_key(MEMBERSHIPS).items():
        papers.setdefault(row["paper_id"], set()).add(key)
        editions[key] = (row["edition_id"], row["reach_id"], row["matched_by"], row["score"])
    return {
        "papers": sorted(map(sorted, papers.values())),
        "editions": editions,
        "matches": house.rows(MATCHES),
        "keys": [{**row, "blocks": sorted(row["blocks"])} for row in house.rows(MATCH_KEYS)],
    }


@pytest.fixture(params=[3, 50], ids=["crowded blocks", "roomy blocks"])
def most_in_block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many records may share a block; with 3, blocks grow past it all the time."""
    monkeypatch.setattr(renewal, "MOST_IN_BLOCK", request.param)
    return int(request.param)


@pytest.mark.usefixtures("most_in_block")
@settings(max_examples=4, phases=UNSHRUNK)
@given(world=WORLDS, data=st.data())
def test_the_grouping_does_not_depend_on_the_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, world: list[Listing], data: st.DataObject
) -> None:
    """Under one model one night with everything equals several nights with parts, in any order."""
    whole = Tables(tmp_path_factory.mktemp("whole"), model=MODEL)
    whole.write(world)
    order = data.draw(st.permutations(world))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(world)), min_size=1, max_size=3)))
    parts = Tables(tmp_path_factory.mktemp("parts"), model=MODEL)
    for start, end in zip([0, *cuts], [*cuts, len(world)], strict=True):
        parts.write(order[start:end])
    assert grouping(parts) == grouping(whole)


@pytest.mark.usefixtures("most_in_block")
@settings(max_examples=3, phases=UNSHRUNK)
@given(worlds=st.lists(WORLDS, min_size=2, max_size=3))
def test_changes_leave_what_a_fresh_lake_would_hold(
    tmp_path_factory: pytest.TempPathFactory, worlds: list[list[Listing]]
) -> None:
    """After listings changed their titles, years and DOIs the grouping is that of their last state."""
    grown = Tables(tmp_path_factory.mktemp("grown"), model=MODEL)
    state: dict[str, Listing] = {}
    for night, world in enumerate(worlds):
        newer = datetime(2026, 1, 1 + night, tzinfo=UTC)
        rows = [row.model_copy(update={"source_modified_at": newer}) for row in world]
        state |= {row.listing_id: row for row in rows}
        grown.write(rows)
        papers = grown.by_key(PAPERS)
        redirects = grown.by_key(REDIRECTS)
        assert not papers.keys() & redirects.keys()
        assert {row["merged_into"] for row in redirects.values()} <= papers.keys()
    fresh = Tables(tmp_path_factory.mktemp("fresh"), model=MODEL)
    fresh.write(list(state.values()))
    assert grouping(grown) == grouping(fresh)


def test_a_new_model_groups_as_a_fresh_lake_does(tmp_path: Path) -> None:
    """Made anew in a grown lake, model and grouping equal those of a lake that gets all at once."""
    rows = [
        listing(f"z:{n}", TITLES[n % len(TITLES)], PEOPLE[n % 4], 2020 + n % 2, None)
        for n in range(40)
    ]
    grown = Tables(tmp_path / "grown", model=MODEL)
    grown.write(rows[:15])
    grown.write(rows[15:])
    grown.write([], with_new_model=True)
    fresh = Tables(tmp_path / "fresh", model=Model(number=1))
    fresh.write(rows)
    fresh.write([], with_new_model=True)
    assert grouping(grown) == grouping(fresh)
