"""What the views say of how papers came to be, on data small enough to reckon by hand."""

from pathlib import Path
from typing import Any

from schemas.fields import Row
from schemas.matching import Contribution, Decided, Match, MatchKeys, PaperEvent
from schemas.paper import Identifier, Relation
from tests.warehouse import lakes

A, B, C, D = "arxiv:1", "crossref:10.1/b", "crossref:10.1/c", "openalex:W4"


def match(left: str, right: str, relation: str, score: float, *names: str) -> Match:
    """A stored match with reasons of these names."""
    evidence = tuple(Contribution(name=name, contribution=1.0) for name in names)
    return Match(
        left_id=left, right_id=right, relation=relation, score=score, evidence=evidence, model=1
    )


def four() -> dict[str, list[Row]]:
    """A paper p1 in two editions, of which one is listed twice; its erratum p2; nothing else."""
    return {
        "listings": [
            lakes.listing(A, type="preprint", arxiv_id="1", venue="arXiv"),
            lakes.listing(B, type="article", doi="10.1/b", venue="Letters"),
            lakes.listing(C, title="Erratum: Title of 10.1/b", doi="10.1/c"),
            lakes.listing(D, type="article", publication_date=lakes.NIGHT),
        ],
        "papers": [
            lakes.paper("p1", A, best_listing_id=B, listings_count=3),
            lakes.paper("p2", C),
        ],
        "memberships": [
            lakes.member(A, "p1", relation="version", edition_id=A),
            lakes.member(B, "p1", edition_id=B),
            lakes.member(C, "p2"),
            lakes.member(D, "p1", edition_id=B),
        ],
        "matches": [
            match(A, B, "version", 12.5, "title", "year_near"),
            match(B, C, "related", 7.0, "title", "kind_differs"),
        ],
        "match_keys": [
            MatchKeys(listing_id=B, title="x", names=""),
            MatchKeys(listing_id=C, title="x", names="", kind="erratum"),
        ],
    }


def ask(root: Path, rows: dict[str, list[Row]], sql: str) -> list[tuple[Any, ...]]:
    """The rows of one query on a lake of these rows."""
    with lakes.opened(root, rows) as connection:
        return connection.execute(sql).fetchall()


def test_a_pair_stands_with_its_papers_and_reasons(tmp_path: Path) -> None:
    """Each pair tells whether it is in one paper, what people said of it, and each reason."""
    rows = four()
    decided = {"who": "Ada", "why": "read both", "decided_on": lakes.NIGHT}
    rows["decisions"] = [Decided(left_id=A, right_id=B, verdict="together", **decided)]
    found = ask(
        tmp_path,
        rows,
        "select left_id, right_id, left_paper_id, right_paper_id, is_joined, decision, relation, "
        "score, evidence[2].name, left_title from match_evidence order by left_id",
    )
    assert found == [
        (A, B, "p1", "p1", True, "together", "version", 12.5, "year_near", "Title of 1"),
        (B, C, "p1", "p2", False, None, "related", 7.0, "kind_differs", "Title of 10.1/b"),
    ]


def test_editions_of_a_paper(tmp_path: Path) -> None:
    """An edition has its listings, its own fields, and its place in the paper; the best listing speaks first."""
    found = ask(
        tmp_path,
        four(),
        "select edition_id, paper_id, relation, is_main, type, venue, year, doi, listings_count, "
        "listing_ids, sources from editions order by edition_id",
    )
    assert found == [
        (A, "p1", "version", False, "preprint", "arXiv", None, None, 1, [A], ["arxiv"]),
        (B, "p1", "same", True, "article", "Letters", 2026, "10.1/b", 2, [B, D], ["crossref", "openalex"]),
        (C, "p2", "same", True, None, None, None, "10.1/c", 1, [C], ["crossref"]),
    ]  # fmt: skip


def test_a_notice_points_at_its_paper(tmp_path: Path) -> None:
    """Whichever listing_id comes first, the erratum is of the article and not the other way."""
    sql = (
        "select paper_id, related_paper_id, relation, is_directed, basis, listing_id, "
        "related_listing_id from related_papers"
    )
    expected = [("p2", "p1", "is-erratum-of", True, "likeness", C, B)]
    assert ask(tmp_path / "one", four(), sql) == expected
    rows = four()
    rows["match_keys"] = [
        MatchKeys(listing_id=B, title="x", names="", kind="reply"),
        MatchKeys(listing_id=C, title="x", names=""),
    ]
    expected = [("p1", "p2", "is-reply-to", True, "likeness", B, C)]
    assert ask(tmp_path / "other", rows, sql) == expected


def test_what_has_no_direction_stands_once(tmp_path: Path) -> None:
    """Parts, and pairs that are undecided, stand once with the smaller paper_id first; joined ones not at all."""
    rows = four()
    rows["papers"].append(lakes.paper("p0", D))
    rows["memberships"][3] = lakes.member(D, "p0")
    rows["matches"] = [
        match(A, B, "undecided", 9.0),
        match(A, D, "undecided", 9.1),
        match(B, D, "undecided", 9.5),
        match(C, D, "related", 7.0, "numbers_differ"),
    ]
    rows["match_keys"] = []
    found = ask(
        tmp_path,
        rows,
        "select paper_id, related_paper_id, relation, is_directed, score, listing_id, "
        "related_listing_id from related_papers order by related_paper_id",
    )
    assert found == [
        ("p0", "p1", "undecided", False, 9.5, D, B),
        ("p0", "p2", "is-other-part-of", False, 7.0, D, C),
    ]


def test_what_a_record_states_is_told_in_its_words(tmp_path: Path) -> None:
    """A relation to a work that the lake has leads to its paper; one to a work it has not leads nowhere."""
    rows = four()
    identifiers = (Identifier(scheme="doi", value="10.1/b"),)
    relations = (
        Relation(type="is-review-of", scheme="doi", value="10.1/b"),
        Relation(type="is-review-of", scheme="doi", value="10.1/unknown"),
    )
    rows["listings"][1] = lakes.listing(B, doi="10.1/b", identifiers=identifiers)
    rows["listings"][2] = lakes.listing(C, relations=relations)
    rows["matches"] = []
    found = ask(tmp_path, rows, "select * exclude (title, related_title) from related_papers")
    assert found == [("p2", "p1", "is-review-of", True, "stated", None, C, B)]


def test_history_of_paper_ids(tmp_path: Path) -> None:
    """Each event stands with its snapshot and the title that the paper has today."""
    rows = four()
    event = {"snapshot": 1, "listing_ids": (A,), "night_date": lakes.NIGHT}
    rows["paper_events"] = [
        PaperEvent(paper_id="p0", event="merged", other_id="p1", **event),
        PaperEvent(paper_id="p1", event="split", other_id="p2", **event),
    ]
    found = ask(
        tmp_path,
        rows,
        "select snapshot, paper_id, event, other_id, listing_ids, title, is_living "
        "from papers_history order by event",
    )
    assert found == [
        (1, "p0", "merged", "p1", [A], "Title of p1", False),
        (1, "p1", "split", "p2", [A], "Title of p1", True),
    ]


# A lake in which every part of a view makes a difference

E, F, G = "crossref:10.1/e", "crossref:10.1/f", "openalex:W7"


def seven() -> dict[str, list[Row]]:
    """Four papers of one listing and more beside p1, and a listing that no paper has."""
    rows = four()
    notices = {E: "supplement", F: "comment", G: ""}
    rows["listings"] += [
        lakes.listing(E, title="Supplement", doi="10.1/e"),
        lakes.listing(
            F, title="A comment", identifiers=(Identifier(scheme="pmid", value="10.1/c"),)
        ),
        lakes.listing(G, title=None),
    ]
    rows["papers"] += [lakes.paper("p3", E, title="Supplement"), lakes.paper("p4", F)]
    rows["memberships"] += [lakes.member(E, "p3"), lakes.member(F, "p4")]
    rows["match_keys"] += [
        MatchKeys(listing_id=key, title="x", names="", kind=kind) for key, kind in notices.items()
    ]
    return rows


def test_a_pair_of_a_listing_without_paper_is_not_joined(tmp_path: Path) -> None:
    """What has no paper is in none with others; a decision about another pair is not this pair's."""
    rows = seven()
    rows["matches"] = [
        match(A, B, "version", 12.5, "title"),
        match(A, G, "undecided", 9.0, "title"),
    ]
    rows["decisions"] = [
        Decided(left_id=A, right_id=E, verdict="apart", who="Ada", why="no", decided_on=lakes.NIGHT)
    ]
    sql = "select right_id, is_joined, right_paper_id, decision, left_title, right_title from match_evidence order by 1"
    assert ask(tmp_path, rows, sql) == [
        (B, True, "p1", None, "Title of 1", "Title of 10.1/b"),
        (G, False, None, None, "Title of 1", None),
    ]


def test_the_best_listing_speaks_for_its_edition(tmp_path: Path) -> None:
    """Title, type, venue and DOI are those of the paper's best listing, although its id comes last."""
    rows = seven()
    rows["papers"][0] = lakes.paper("p1", A, best_listing_id=D, listings_count=3)
    rows["listings"][1] = lakes.listing(B, type="posted", doi="10.1/b", venue="Letters")
    rows["listings"][3] = lakes.listing(
        D, type="article", doi="10.1/d", venue="Annals", title="As Printed"
    )
    rows["memberships"].append(lakes.member("openalex:W5", "p1", edition_id=B))
    rows["listings"].append(lakes.listing("openalex:W5", title="Once more"))
    sql = (
        "select title, type, venue, doi, listings_count, listing_ids, sources, is_main "
        f"from editions where edition_id = '{B}'"
    )
    assert ask(tmp_path, rows, sql) == [
        (
            "As Printed", "article", "Annals", "10.1/d", 3,
            [B, D, "openalex:W5"], ["crossref", "openalex"], True,
        )
    ]  # fmt: skip


def test_each_kind_of_notice_has_its_word(tmp_path: Path) -> None:
    """A supplement is one to its paper, a comment on it; what is undecided stays undecided; joined pairs are no relation."""
    rows = seven()
    rows["matches"] = [
        match(B, E, "related", 8.0, "title"),
        match(A, F, "related", 8.0, "title"),
        match(C, F, "undecided", 9.0, "title"),
        match(C, E, "same", 11.0, "title"),
    ]
    sql = "select paper_id, related_paper_id, relation, is_directed, related_title from related_papers order by 1, 2"
    assert ask(tmp_path, rows, sql) == [
        ("p2", "p4", "undecided", False, "Title of p4"),
        ("p3", "p1", "is-supplement-to", True, "Title of p1"),
        ("p4", "p1", "is-comment-on", True, "Title of p1"),
    ]


def test_what_is_stated_and_what_is_alike_stand_apart(tmp_path: Path) -> None:
    """A relation that a record states names its scheme, and does not take the place of likeness."""
    rows = seven()
    stated = Relation(type="related", scheme="doi", value="10.1/c")
    rows["listings"][1] = lakes.listing(B, relations=(stated,))
    rows["listings"][2] = lakes.listing(C, identifiers=(Identifier(scheme="doi", value="10.1/c"),))
    rows["match_keys"] = []
    rows["matches"] = [match(B, C, "related", 7.0, "title")]
    sql = "select paper_id, related_paper_id, relation, basis, score from related_papers order by basis"
    assert ask(tmp_path, rows, sql) == [
        ("p1", "p2", "related", "likeness", 7.0),
        ("p1", "p2", "related", "stated", None),
    ]
