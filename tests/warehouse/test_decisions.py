"""What people decide of listings: read strictly, honoured before everything else, undone without a trace."""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.datasets import DECISIONS, MEMBERSHIPS, PAPER_EVENTS, REDIRECTS
from schemas.errors import SettingsError
from schemas.matching import Decided
from tests.warehouse.test_identifiers import groups, listing
from tests.warehouse.writing import Tables
from warehouse import decisions
from warehouse.decisions import Decision

WHEN = date(2026, 11, 24)
A, B, C = "arxiv:1", "crossref:10.1/b", "huggingface:1"


def decision(verdict: str, *listings: str, who: str = "Ada", why: str = "read both") -> Decision:
    """A decision of one day."""
    return Decision.model_validate(
        {"verdict": verdict, "listings": listings, "who": who, "why": why, "when": WHEN}
    )


def decided(*given: Decision) -> list[Decided]:
    """What a file with these entries says."""
    return decisions.pairs_of("\n".join(decisions.as_toml(item) for item in given), "the file")


def assigned(house: Tables) -> dict[str, str]:
    """The paper_id of each listing."""
    return {key: row["paper_id"] for key, row in house.by_key(MEMBERSHIPS).items()}


def events(house: Tables, snapshot: int) -> list[tuple[str, str]]:
    """What became of papers in a snapshot."""
    rows = house.rows(PAPER_EVENTS)
    return [(row["event"], row["paper_id"]) for row in rows if row["snapshot"] == snapshot]


# The file


text = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda item: item.strip() == item)


listing_ids = text.filter(lambda item: "//" not in item).map(lambda item: f"arxiv:{item}")


@given(st.lists(listing_ids, min_size=2, max_size=4), text, text)
def test_what_is_written_is_read(listings: Sequence[str], who: str, why: str) -> None:
    """Whatever characters a decision holds, its entry is TOML and says the same."""
    made = decision("apart", *listings, who=who, why=why)
    (entry,) = tomllib.loads(decisions.as_toml(made))["decision"]
    assert Decision.model_validate(entry) == made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[decision]\n", "is not TOML"),
        ('[[decision]]\nverdict = "maybe"\n', "entry 1, verdict is 'maybe', neither 'together'"),
        (
            decisions.as_toml(decision("apart", A, B)).replace("who", "whom"),
            "entry 1, who is missing",
        ),
        (decisions.as_toml(decision("apart", A, B)).replace(f', "{B}"', ""), "needs two listings"),
        ('[decision]\nwho = "Ada"\n', "decision is no list: write [[decision]]"),
        (
            decisions.as_toml(decision("apart", A, B)).replace("when = ", 'when = "soon" # '),
            "when is no date",
        ),
        (
            decisions.as_toml(decision("apart", A, B)) * 2 + '[[decision]]\nverdict = "apart"\n'
            'listings = ["10.1/a", "arxiv:1"]\nwho = "Ada"\nwhy = "so"\nwhen = 2026-01-01\n',
            "entry 3, '10.1/a' is no listing_id, which has the form source:id",
        ),
        ("decisions = []\n", "toml: decisions means nothing here"),
        (
            decisions.as_toml(decision("apart", A, B)).replace("Ada", "A" * 1_001),
            "who is longer than",
        ),
        (decisions.as_toml(decision("apart", A, B)).replace("Ada", "  "), "entry 1, who is empty"),
        (
            decisions.as_toml(decision("apart", A, B)).replace(f'"{B}"', f'"{B}", ' * 100),
            "more than a hundred listings",
        ),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """A file that is broken or says something unknown is named, with what is wrong."""
    (tmp_path / decisions.NAME).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"decisions\.toml") as caught:
        decisions.read(tmp_path)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        [decision("together", A, B), decision("apart", B, A)],
        [decision("apart", A, C), decision("together", A, B), decision("together", B, C)],
        [decision("apart", A, A, B), decision("together", A, B, C)],
        [decision("together", A, B), decision("together", C, B), decision("apart", A, C)],
    ],
)
def test_a_contradiction_is_refused(given: list[Decision]) -> None:
    """Listings that are to be apart, and through whatever others together, are named."""
    with pytest.raises(SettingsError, match="the file contradicts itself"):
        decided(*given)


def test_the_first_of_several_that_agree_counts() -> None:
    """Each pair stands once, its smaller listing_id first, as whoever decided first said it."""
    found = decided(decision("apart", C, B, A, A, who="Ada"), decision("apart", A, B, who="Bob"))
    assert [(row.left_id, row.right_id) for row in found] == [(A, B), (A, C), (B, C)]
    assert {row.who for row in found} == {"Ada"}


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """What is not text, and what is no file, are refused with what to do, also when adding to it."""
    path = tmp_path / decisions.NAME
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        decisions.add(tmp_path, decision("together", A, B))
    assert path.read_bytes() == b"\xff"
    with pytest.raises(SettingsError, match=r"cannot be read .* mend it or move it away"):
        decisions.read(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        decisions.read(tmp_path)


def test_a_decision_is_added_after_the_others(tmp_path: Path) -> None:
    """What people wrote stays as it is, comments too; what contradicts it is not written."""
    path = tmp_path / decisions.NAME
    assert decisions.read(tmp_path) == []
    decisions.add(tmp_path, decision("together", A, B))
    before = "# Read by Ada.\n" + path.read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    decisions.add(tmp_path, decision("apart", A, C))
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before)
    found = [(item.left_id, item.right_id, item.verdict) for item in decisions.read(tmp_path)]
    assert found == [(A, B, "together"), (A, C, "apart")]
    with pytest.raises(SettingsError, match="contradicts itself"):
        decisions.add(tmp_path, decision("together", B, C))
    assert path.read_text(encoding="utf-8") == after


# In a lake


def test_together_joins_and_undoing_restores(tmp_path: Path) -> None:
    """A decision joins what shares nothing; without it the earlier papers live again under their ids."""
    house = Tables(tmp_path)
    house.write([listing(A, []), listing(B, []), listing(C, [])])
    before = assigned(house)
    house.write([], verdicts=decided(decision("together", A, B)))
    assert groups(house) == [[A, B], [C]]
    found = house.by_key(MEMBERSHIPS)
    assert [found[key]["matched_by"] for key in (A, B, C)] == ["decision", "decision", None]
    assert events(house, 2) == [("merged", before[B])]
    assert house.rows(DECISIONS)[0]["who"] == "Ada"
    house.write([], verdicts=())
    assert assigned(house) == before
    assert sorted(events(house, 3)) == [("restored", before[B]), ("split", before[A])]
    assert house.rows(REDIRECTS) == []
    assert house.rows(DECISIONS) == []


def test_apart_holds_against_identifiers(tmp_path: Path) -> None:
    """Listings that share a DOI are split, stay so in later nights, and are one again when it is undone."""
    house = Tables(tmp_path)
    shared = [listing(key, ["doi:10.1/x"], title="One Title") for key in (A, B)]
    house.write(shared)
    before = assigned(house)
    assert groups(house) == [[A, B]]
    apart = decided(decision("apart", A, B))
    house.write([], verdicts=apart)
    assert groups(house) == [[A], [B]]
    assert events(house, 2) == [("split", before[A])]
    # Both come again, changed, and with a third that shares the DOI as well: it goes with one of them.
    again = [listing(key, ["doi:10.1/x"], 2, title="Another") for key in (A, B, C)]
    house.write(again, verdicts=apart)
    found = assigned(house)
    assert found[A] != found[B]
    assert found[C] in (found[A], found[B])
    house.write([], verdicts=())
    assert set(assigned(house).values()) == {before[A]}


def test_a_decision_waits_for_listings_that_come_later(tmp_path: Path) -> None:
    """What was decided of a listing that the lake has not applies in the night that brings it."""
    house = Tables(tmp_path)
    verdicts = decided(decision("together", A, B), decision("apart", A, C))
    house.write([listing(A, ["doi:10.1/x"])], verdicts=verdicts)
    house.write([listing("dblp:1", [])], verdicts=verdicts)
    house.write([listing(B, []), listing(C, ["doi:10.1/x"])], verdicts=verdicts)
    assert groups(house) == [[A, B], ["dblp:1"], [C]]


def test_a_decision_on_a_listing_without_title_joins_nothing(tmp_path: Path) -> None:
    """A listing that has no title is in no paper, whatever is decided; others are grouped as ever."""
    house = Tables(tmp_path)
    shared = [listing(key, ["doi:10.1/x"], title="One Title") for key in (B, C)]
    untitled = listing(A, [], title=None)
    house.write([untitled, *shared], verdicts=decided(decision("together", A, B)))
    assert groups(house) == [[B, C]]


def test_deciding_the_same_again_changes_nothing(tmp_path: Path) -> None:
    """A night with the decisions of the night before writes no paper and no decision."""
    house = Tables(tmp_path)
    verdicts = decided(decision("together", A, B))
    house.write([listing(A, []), listing(B, [])], verdicts=verdicts)
    before = house.rows(MEMBERSHIPS)
    house.write([], verdicts=verdicts)
    assert house.manifest is not None
    assert not any("/000002-" in file.path for file in house.manifest.files())
    assert house.rows(MEMBERSHIPS) == before
