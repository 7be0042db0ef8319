"""Joining by identifiers: connected components, stable ids, best fields."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.datasets import MATCHES, MEMBERSHIPS, PAPERS, REDIRECTS
from schemas.paper import Author, Identifier, Listing, Relation
from tests.warehouse.writing import NOW, Tables
from warehouse.dedupe.model import Model


def listing(key: str, ids: Sequence[str], version: int = 1, **values: Any) -> Listing:
    """A listing `source:id` with identifiers `scheme:value`."""
    source, _, source_id = key.partition(":")
    given: dict[str, Any] = {"title": f"Title of {key}", "type": "preprint", **values}
    return Listing(
        listing_id=key,
        source=source,
        source_id=source_id,
        record_format="full",
        raw_title=key,
        source_modified_at=datetime(2026, 1, version, tzinfo=UTC),
        fetched_at=NOW,
        identifiers=tuple(
            Identifier(scheme=scheme, value=value)
            for scheme, _, value in sorted(item.partition(":") for item in ids)
        ),
        **given,
    )


def groups(house: Tables) -> list[list[str]]:
    """The listings of each paper."""
    found: dict[str, list[str]] = {}
    for key, row in house.by_key(MEMBERSHIPS).items():
        found.setdefault(row["paper_id"], []).append(key)
    return sorted(sorted(group) for group in found.values())


@pytest.fixture
def house(tmp_path: Path) -> Tables:
    """An empty one."""
    return Tables(tmp_path)


def test_listings_are_joined_through_others(house: Tables) -> None:
    """A and C share nothing, but B shares a DOI with one and an arXiv id with the other: one paper."""
    house.write(
        [
            listing("a:1", ["doi:10.1/x"]),
            listing("b:1", ["doi:10.1/x", "arxiv:2401.00001"]),
            listing("c:1", ["arxiv:2401.00001"]),
            listing("d:1", []),
            listing("e:1", ["issn:10.1/x"]),
        ]
    )
    assert groups(house) == [["a:1", "b:1", "c:1"], ["d:1"], ["e:1"]]
    members = house.by_key(MEMBERSHIPS)
    assert members["b:1"]["matched_by"] == "arxiv+doi"
    assert (members["d:1"]["matched_by"], members["d:1"]["relation"]) == (None, "same")


def test_a_merge_keeps_the_older_id_and_leaves_a_redirect(house: Tables) -> None:
    """Papers that turn out to be one keep the id born first; the other leads there, also over two merges."""
    house.write([listing("b:1", ["doi:10.1/x"])])
    house.write([listing("a:1", ["arxiv:1"]), listing("a:2", ["arxiv:2"])])
    before = {key: row["paper_id"] for key, row in house.by_key(MEMBERSHIPS).items()}
    house.write([listing("c:1", ["arxiv:1", "arxiv:2"])])
    middle = house.by_key(MEMBERSHIPS)["c:1"]["paper_id"]
    assert middle == min(before["a:1"], before["a:2"])
    house.write([listing("d:1", ["arxiv:1", "doi:10.1/x"])])
    assert groups(house) == [["a:1", "a:2", "b:1", "c:1", "d:1"]]
    (paper,) = house.by_key(PAPERS)
    assert paper == before["b:1"]
    assert {key: row["merged_into"] for key, row in house.by_key(REDIRECTS).items()} == {
        before["a:1"]: paper,
        before["a:2"]: paper,
    }


def test_a_split_leaves_the_id_with_the_birth_listing(house: Tables) -> None:
    """When the joining identifier goes, the id stays where it was born, and the other part gets its own back."""
    house.write([listing("a:1", ["doi:10.1/x"])])
    house.write([listing("b:1", ["doi:10.1/y"])])
    ids = {key: row["paper_id"] for key, row in house.by_key(MEMBERSHIPS).items()}
    house.write([listing("b:1", ["doi:10.1/x"], version=2)])
    assert set(house.by_key(PAPERS)) == {ids["a:1"]}
    house.write([listing("b:1", ["doi:10.1/y"], version=3)])
    assert {key: row["paper_id"] for key, row in house.by_key(MEMBERSHIPS).items()} == ids
    assert house.by_key(REDIRECTS) == {}


def test_the_published_form_leads_and_the_preprint_is_a_version(house: Tables) -> None:
    """A preprint and its published form are one paper; each field has its best source."""
    house.write(
        [
            listing(
                "arxiv:1", ["doi:10.1/x", "arxiv:1"], title="Preprint title", comments="9 pages"
            ),
            listing(
                "crossref:10.1/x",
                ["doi:10.1/x"],
                title="Published",
                type="article",
                venue="J. Tests",
            ),
            listing(
                "huggingface:1", ["arxiv:1"], title="Page title", tldr="Short.", tldr_source="hf"
            ),
        ]
    )
    (paper,) = house.by_key(PAPERS).values()
    assert (paper["title"], paper["type"], paper["venue"]) == ("Published", "article", "J. Tests")
    assert (paper["comments"], paper["tldr"]) == ("9 pages", "Short.")
    assert paper["best_listing_id"] == "crossref:10.1/x"
    assert (paper["listings_count"], paper["sources"]) == (3, ["arxiv", "crossref", "huggingface"])
    relations = {key: row["relation"] for key, row in house.by_key(MEMBERSHIPS).items()}
    assert relations == {
        "arxiv:1": "version",
        "crossref:10.1/x": "same",
        "huggingface:1": "version",
    }


def test_the_same_title_is_joined_by_likeness(house: Tables) -> None:
    """A saved page and the API list one paper without a common identifier: one paper all the same."""
    title = "How Do Feathers Fall in Still Air? A Patient Attempt"
    house.write([listing("huggingface_page:abc", [], title=title)])
    house.write([listing("huggingface:2303.00001", ["arxiv:2303.00001"], title=title)])
    assert groups(house) == [["huggingface:2303.00001", "huggingface_page:abc"]]
    members = house.by_key(MEMBERSHIPS).values()
    assert {row["matched_by"] for row in members} == {"likeness"}
    assert all(0.5 <= row["score"] < 1 for row in members)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a:1", "a:2", "b:1", "b:2", "c:1", "c:2"]),
        st.sets(st.sampled_from(["doi:1", "doi:2", "arxiv:1", "arxiv:2"]), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


def components(state: dict[str, set[str]]) -> list[list[str]]:
    """The plain definition: listings that reach each other over shared identifiers."""
    groups: list[tuple[set[str], set[str]]] = []
    for key, ids in state.items():
        together = [group for group in groups if group[1] & ids]
        merged = ({key}.union(*(g[0] for g in together)), ids.union(*(g[1] for g in together)))
        groups = [group for group in groups if group not in together] + [merged]
    return sorted(sorted(group[0]) for group in groups)


@settings(max_examples=8)
@given(st.lists(STEPS, min_size=1, max_size=3))
def test_grouping_follows_the_identifiers_through_any_history(
    tmp_path_factory: pytest.TempPathFactory, nights: list[list[tuple[str, set[str]]]]
) -> None:
    """Night by night the papers are the components of what is listed now; ids are unique and led on."""
    house = Tables(tmp_path_factory.mktemp("house"))
    state: dict[str, set[str]] = {}
    version = 1
    everborn: set[str] = set()
    for night in nights:
        records = []
        for key, ids in dict(night).items():
            version += 1
            state[key] = set(ids)
            records.append(listing(key, sorted(ids), version))
        house.write(records)
        assert groups(house) == components(state)
        papers = set(house.by_key(PAPERS))
        members = house.by_key(MEMBERSHIPS)
        assert {row["paper_id"] for row in members.values()} == papers
        everborn |= papers
        redirects = house.by_key(REDIRECTS)
        assert everborn - papers == set(redirects)
        assert {row["merged_into"] for row in redirects.values()} <= papers
        for paper_id, paper in house.by_key(PAPERS).items():
            assert members[paper["birth_listing_id"]]["paper_id"] == paper_id


def test_a_paper_is_named_after_its_smallest_listing(house: Tables) -> None:
    """A paper born with several listings has the id and the birth of the smallest of them."""
    house.write([listing("b:1", ["doi:10.1/x"]), listing("a:1", ["doi:10.1/x"])])
    ((paper_id, paper),) = house.by_key(PAPERS).items()
    assert paper["birth_listing_id"] == "a:1"
    assert paper_id == "p" + hashlib.sha256(b"a:1").hexdigest()[:16]


@pytest.mark.parametrize("order", [("b:1", "a:1"), ("a:1", "b:1")])
def test_a_preprint_that_names_its_published_form_joins_it(
    house: Tables, order: tuple[str, str]
) -> None:
    """A stated is-preprint-of joins two records without a common identifier, whichever comes first."""
    stated = Relation(type="is-preprint-of", scheme="doi", value="10.1/journal")
    rows = {
        "a:1": listing("a:1", ["doi:10.1/preprint"], relations=(stated,)),
        "b:1": listing("b:1", ["doi:10.1/journal"], type="article"),
    }
    for key in order:
        house.write([rows[key]])
    assert groups(house) == [["a:1", "b:1"]]
    members = house.by_key(MEMBERSHIPS)
    assert members["a:1"]["matched_by"] == "is-preprint-of"
    assert members["b:1"]["matched_by"] == "doi"


def test_other_relations_join_nothing(house: Tables) -> None:
    """A review names the work it is about, and stays a paper of its own."""
    stated = Relation(type="is-review-of", scheme="doi", value="10.1/journal")
    house.write(
        [
            listing("a:1", ["doi:10.1/review"], relations=(stated,)),
            listing("b:1", ["doi:10.1/journal"]),
        ]
    )
    assert groups(house) == [["a:1"], ["b:1"]]


def test_who_cannot_know_of_a_withdrawal_has_no_say(tmp_path: Path) -> None:
    """A format that carries no withdrawal leaves the word to the sources whose records do."""
    house = Tables(tmp_path, {"mute": frozenset({"is_withdrawn"})})
    best = listing("crossref:1", ["doi:10.1/x"]).model_copy(update={"record_format": "mute"})
    house.write([best, listing("arxiv:1", ["doi:10.1/x"], is_withdrawn=True)])
    (paper,) = house.rows(PAPERS)
    assert (paper["best_listing_id"], paper["is_withdrawn"]) == ("crossref:1", True)
    alone = listing("crossref:2", []).model_copy(update={"record_format": "mute"})
    house.write([alone])
    assert [row["is_withdrawn"] for row in house.rows(PAPERS)].count(False) == 1


def test_a_doi_that_many_titles_bear_joins_nothing(tmp_path: Path) -> None:
    """Abstracts of one supplement, all under its DOI, are papers of their own, and the audit is content."""
    titles = (
        "Moths of Northern Lighthouses", "Slow Currents in Shallow Fjords",
        "Weaving Patterns of Garden Spiders", "A Census of Harbour Bells",
    )  # fmt: skip
    model = Model(number=1, n_records=9, shared_dois=frozenset(["10.1/supplement"]))
    house = Tables(tmp_path, model=model)
    rows = [
        listing(f"a:{n}", ["doi:10.1/supplement"], title=title, doi="10.1/supplement")
        for n, title in enumerate(titles)
    ]
    house.write(rows[:2])
    house.write(rows[2:])
    assert groups(house) == [["a:0"], ["a:1"], ["a:2"], ["a:3"]]


def test_an_identifier_given_by_mistake_joins_nothing(house: Tables) -> None:
    """Two records with one DOI, of which neither the titles nor the authors agree, wait for a person."""
    house.write(
        [
            listing(
                "a:1", ["doi:10.1/x"], title="Moths of Northern Lighthouses", doi="10.1/x",
                authors=(Author(name="Ada Quill"), Author(name="Bo Marsh")),
            ),
            listing(
                "b:1", ["doi:10.1/x"], title="Weaving Patterns of Garden Spiders", doi="10.1/x",
                authors=(Author(name="Cy Lund"), Author(name="Dee Frost")),
            ),
        ]
    )  # fmt: skip
    assert groups(house) == [["a:1"], ["b:1"]]
    (match,) = house.rows(MATCHES)
    assert match["relation"] == "undecided"
    assert "identifier_void" in {item["name"] for item in match["evidence"]}
