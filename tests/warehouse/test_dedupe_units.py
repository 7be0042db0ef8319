"""What single steps of deduplication make of hand-made titles, names, venues and pairs."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from warehouse.dedupe import alone, evidence, learning
from warehouse.dedupe.clusters import LARGEST_EXAMINED, Conflict, cluster, pairs_within
from warehouse.dedupe.decision import RELATIONS, decide, reasons_of, score
from warehouse.dedupe.grouping import Compared, Guard, compare, group
from warehouse.dedupe.keys import COLUMN_RARITY, Keys, Record, keys_of
from warehouse.dedupe.model import Model
from warehouse.dedupe.names import people
from warehouse.dedupe.pairs import Pairs, keys_table, pairs_of
from warehouse.dedupe.sifting import Sieve
from warehouse.dedupe.titles import is_column, read_title
from warehouse.dedupe.venues import likeness
from warehouse.dedupe.weights import WEIGHTS

NOTHING_KNOWN = Model()
LOOMS = Record(
    "Adaptive shuttles of quiet looms in mountain weaving",
    ["Maria Okafor", "Lars Nystrom"],
    2011,
    "Journal of Weaving",
    "12",
    "3",
    "101-110",
)


def keys(record: Record, model: Model = NOTHING_KNOWN, **changed: Any) -> Keys:
    """What a record is compared by, with some keys set by hand."""
    return keys_of(record, model)._replace(**changed)


def pair(one: Keys, other: Keys) -> Pairs:
    """A single pair."""
    return pairs_of(keys_table([one, other]), np.array([0]), np.array([1]))


def reasons(one: Record, other: Record, model: Model = NOTHING_KNOWN) -> dict[str, float]:
    """How strong every reason of a pair is, once all of it is settled."""
    found = reasons_of(pair(keys(one, model), keys(other, model)), model)
    return {name: float(values[0]) for name, values in found.items()}


def given(one: Record, other: Record, *names: str, model: Model = NOTHING_KNOWN) -> list[float]:
    """The strengths of some reasons of a pair, which are the same from the other side."""
    found, swapped = reasons(one, other, model), reasons(other, one, model)
    assert [found[name] for name in names] == [swapped[name] for name in names]
    return [found[name] for name in names]


# ---------------------------------------------------------------------------------------- titles


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Quiet looms [German]", "quiet looms"),
        ("Quiet looms (panel)", "quiet looms"),
        ("Quiet looms (panel session) of the north", "quiet looms of the north"),
        ("Quiet looms [Review] [French] (discussion)", "quiet looms"),
        ("Quiet looms [Erratum appears in Looms 1999; 3: 4]", "quiet looms"),
        ("Quiet looms (see comments) [German]", "quiet looms"),
        ("Quiet looms (vol 12, pg 101, 2011)", "quiet looms"),
        ("[Quiet looms]", "quiet looms"),
        ("(panel)", "panel"),
        ("RETRACTED: Quiet looms", "quiet looms"),
        ("Retracted article: Quiet looms", "quiet looms"),
        ("[Retracted] Quiet looms", "quiet looms"),
        ("WITHDRAWN: Quiet looms", "quiet looms"),
        ("RETRACTED:", "retracted"),
        ("Quiet looms (of the north)", "quiet looms of the north"),
    ],
)
def test_what_only_a_database_adds_is_cut(text: str, words: str) -> None:
    """Languages, panels, notices and places at the end of a title go, unless nothing else is there."""
    assert " ".join(read_title(text).words) == words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Quiet looms", ""),
        ("Erratum: Quiet looms", "erratum"),
        ("Quiet looms. Corrigendum", "erratum"),
        ("Quiet looms (vol 12, pg 101, 2011)", "erratum"),
        ("Correction of vision in quiet looms", ""),
        ("Retraction: Quiet looms", "retraction"),
        ("Retraction notice to: Quiet looms", "retraction"),
        ("RETRACTED ARTICLE: Quiet looms", ""),
        ("Quiet looms: study protocol", "protocol"),
        ("Quiet looms: a systematic review protocol.", "protocol"),
        ("Quiet looms: protocol for a randomised trial", "protocol"),
        ("A routing protocol for quiet looms", ""),
        ("Quiet looms and the Kyoto protocol", ""),
        ("Quiet looms: retraction", "retraction"),
        ("Reply to Okafor", "reply"),
        ("In reply", "reply"),
        ("Quiet looms: authors' reply", "reply"),
        ("Response of looms to heat", ""),
        ("Comment on quiet looms", "comment"),
        ("Quiet looms: commentary", "comment"),
        ("Letter to the weavers", "comment"),
        ("Supplementary material for quiet looms", "supplement"),
        ("Quiet looms: supplementary data", "supplement"),
    ],
)
def test_a_title_says_which_kind_of_notice_it_is(text: str, kind: str) -> None:
    """Errata, retractions, replies, comments and supplements are told from articles that use the words."""
    assert read_title(text).kind == kind


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Six-year follow-up of 12 looms", "12 6"),
        ("Looms in the 007 and 0 series", "0 7"),
        ("Phase I trial of looms", "1"),
        ("phase i trial of looms", "1"),
        ("phase iii trial of looms", "3"),
        ("Looms XIV", "14"),
        ("looms and the vi of the north", ""),
        ("What I weave", ""),
        ("Looms. I. Theory", "1"),
        ("Looms. X", "10"),
        ("Looms of type TRK-530", "530"),
        ("Second looms, first shuttles", "1 2"),
    ],
)
def test_numbers_of_a_title_have_one_spelling(text: str, numbers: str) -> None:
    """Digits, words and Roman numbers are numbers; a word that merely looks like one is none."""
    assert " ".join(read_title(text).numbers) == numbers


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Looms, Part II", "2"),
        ("Looms II: Shuttles", "2"),
        ("looms (part two)", "2"),
        ("Looms, pt. 07", "7"),
        ("Looms, chapter xii", "12"),
        ("Patients with looms of type II", ""),
        ("Looms, phase III", ""),
        ("Looms of the party", ""),
        ("Looms", ""),
    ],
)
def test_a_title_says_which_part_it_is(text: str, part: str) -> None:
    """A part is named or numbered at the end of a title; a type or phase is no part."""
    assert read_title(text).part == part


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Editorial", True),
        ("In this issue", True),
        ("Guest Editor's Introduction", True),
        ("Message from the chair", True),
        ("Editor's notes", True),
        ("Editor's notes on looms", False),
        ("Looms", False),
    ],
)
def test_columns_are_known_by_their_titles(title: str, expected: bool) -> None:
    """A column's title is all there is of it, and tells no more than one rare word."""
    words = read_title(title).words
    assert is_column(words) is expected
    assert (keys(Record(title)).rarity <= COLUMN_RARITY) is (expected or len(words) == 1)


# ----------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("printed", "surnames"),
    [
        (["Zuna, R. E.", "Wang, S."], "zuna wang"),
        (["Zuna, R. E., Wang, S. S., Lu, D."], "zuna wang lu"),
        (["Zuna RE, Wang SS, Lu D"], "zuna wang lu"),
        (["Rosemary Zuna and Sophia Wang; Dorothy Lu"], "zuna wang lu"),
        (["Zuna, R. E."], "zuna"),
        (["Zuna Maria, R. E."], "maria"),
        (["Rosemary Zuna, Sophia Wang"], "zuna wang"),
        (["van der Berg, Johanna M."], "berg"),
        (["Zuna R, Wang S"], "zuna wang"),
        (["Zuna, Rosemary Ellen"], "zuna"),
        (["Rosemary Zuna Jr.", "Wang III, S."], "zuna wang"),
        (["Zuna RE", "Smith JAB", "LEE KIM", "Li Xu"], "zuna smith kim xu"),
        (["van der Berg, J.", "Jan van der Berg"], "berg berg"),
        (["Zuna M, R."], "zuna"),
        (["Mück, A.", "Mueck, A.", "Muck, A."], "muck muck muck"),
        (["Anonymous", "et al.", "others", "Zuna, R."], "zuna"),
        (["J. R.", "X"], "r x"),
        (["R. Zuna et al."], "zuna"),
        (["Zuna, R., et al."], "zuna"),
        (["Zuna, R., Wang, S. and others"], "zuna wang"),
        (["et al"], ""),
        (["R. Zuna, S. Wang,", "and D. Lu."], "zuna wang lu"),
        (["Zuna, R., Wang, S., Xu, Q.", "Lu, D. & Berg, W."], "zuna wang xu lu berg"),
        (["van der Berg, Johanna Maria", "Zuna, Rosemary, Jr.", "R. Lu, M. D."], "berg zuna lu"),
        (["zuna r e", "rosemary zuna"], "zuna zuna"),
        (["R. Zuna", "S. Wang (1997)"], "zuna wang"),
    ],
)
def test_surnames_are_guessed(printed: list[str], surnames: str) -> None:
    """A surname is found before initials, before a comma, or last, also in a list in one string."""
    assert " ".join(surname for surname, _ in people(printed)) == surnames


def test_given_names_are_kept_beside_a_surname() -> None:
    """All long words of a name are kept, the surname first; particles and initials are not."""
    assert people(["van der Berg, Johanna M."]) == [("berg", ("berg", "johanna"))]
    assert people(["Berg, J. (1997)"]) == [("berg", ("berg",))]


# ---------------------------------------------------------------------------------------- venues


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nat rev nephrol", "nature reviews nephrology"),
        ("natl weaving lett", "national weaving letters"),
        ("the looms of weaving", "looms weaving"),
        ("vldb", "very large data bases"),
        ("looms", "international looms"),
        ("looms", "acm looms"),
        ("sigmod", "proc of sigmod"),
        ("proc int conf very large data bases", "vldb"),
        ("very large data bases", "vldb conf"),
        ("icml", "proc int conf on machine learning"),
        ("looms", "symposium on looms"),
    ],
)
def test_names_of_one_venue_are_alike(one: str, other: str) -> None:
    """Abbreviations, acronyms and little words make no other venue."""
    assert likeness(one, other) == likeness(other, one) == 1


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("vldb", "vldb journal", 0, 0.5),
        ("quilts record", "quilts", 0, 0.5),
        ("dc", "data cotton looms", 0, 0.9),
        ("ldq", "looms data", 0, 0.9),
        ("sigmod record", "sigmod conference", 0, 0.5),
        ("the of", "looms", 0, 0),
        ("sigmod conference", "proc acm sigmod int conf on management of data", 0.9, 0.96),
        ("conference on looms", "conference on sails", 0, 0.5),
        ("conference", "proceedings", 0, 0.5),
        ("looms", "workshop on sails", 0, 0.5),
        ("icml journal", "proc int conf on machine learning", 0, 0.5),
        ("weaving of looms", "looms weaving quarterly", 0.7, 0.99),
        ("looms weaving north", "north looms weaving", 0.99, 1),
        ("looms", "looms quarterly of northern mountain weaving", 0.9, 0.96),
        ("quilt", "zebra", 0, 0.5),
        ("q", "quilt looms", 0, 0.5),
        ("ld", "looms data", 0, 0.6),
        ("na looms", "ta looms", 0, 0.95),
        ("looms b", "looms babylonia b", 0, 0.96),
        ("n weaving", "animal weaving", 0, 0.96),
        ("ooms weaving", "looms weaving", 0.9, 0.97),
    ],
)
def test_other_venues_are_less_alike(one: str, other: str, least: float, most: float) -> None:
    """A journal is not the conference of its name, and a shared word or letter is not a name."""
    assert least <= likeness(one, other) <= most
    assert likeness(one, other) == likeness(other, one)


# --------------------------------------------------------------------------------- evidence: titles


def of_titles(one: str, other: str, model: Model = NOTHING_KNOWN) -> dict[str, float]:
    """What titles alone say of a pair."""
    return reasons(Record(one), Record(other), model)


def test_equal_titles_of_rare_words_count_most() -> None:
    """Equal titles are alike in full, and tell more the rarer their words are."""
    long, short = LOOMS.title or "", "Quiet looms"
    assert of_titles(long, long)["title"] == of_titles(short, short)["title"] == 1
    assert of_titles(long, long)["title_rare"] > 2 * of_titles(short, short)["title_rare"] > 0
    assert of_titles(long, "Quiet zebras of the far north")["title_rare"] == 0
    assert of_titles("", "")["title"] == of_titles("", long)["title"] == 0


def test_a_part_of_a_title_counts_nearly_as_much() -> None:
    """A title that was cut, or whose words are all in the other, is alike; a short piece is not."""
    long = LOOMS.title or ""
    assert of_titles(long, long[:30])["title"] == pytest.approx(evidence.PART)
    scattered = "Mountain looms, adaptive weaving, shuttles"
    assert of_titles(long, scattered)["title"] == pytest.approx(evidence.PART, abs=1e-3)
    assert of_titles(long, "Quiet looms")["title"] < 0.6
    assert of_titles(long, "weaving looms of")["title"] < 0.6


def test_words_on_either_side_tell_works_apart() -> None:
    """Words count as a title's own if both titles have some, and none is a spelling of the other's."""
    base = "shuttles of mountain weaving"

    def own(one: str, other: str) -> float:
        found, swapped = of_titles(one, other), of_titles(other, one)
        assert found["title_leftover"] == swapped["title_leftover"]
        return found["title_leftover"]

    assert own(f"hash {base}", f"merge {base}") > 0.5
    assert own(f"zymurgy hash {base}", f"merge xylophone {base}") == 1
    assert own(base, f"merge {base}") == 0
    assert own(f"weaving pattern {base}", f"weaving patern {base}") == 0
    assert own(f"data base {base}", f"database {base}") == 0
    assert own(f"multiloom quiet {base}", f"loom quietly {base}") == 0
    assert own(f"megaloom zebra {base}", f"loom zebras {base}") == 0
    assert own(f"quietloom {base}", f"loom {base}") == 0
    assert own(f"zebra loom {base}", f"loomzebra {base}") == 0
    assert own(f"2011 {base}", f"2012 {base}") > 0.5
    assert own(f"12011 {base}", f"12012 {base}") > 0.5
    assert own(f"1234 {base}", f"12345 {base}") > 0.5


FEW = Record("Rainbow", ["Xin Zuna", "Mukesh Wang"], 2002, "Proceedings of Looms")
MANY = FEW._replace(
    title="Rainbow: mapping-driven weaving of quilts", authors=["Wang, M", "Zuna, X"]
)


@pytest.mark.parametrize(
    ("one", "other", "is_known"),
    [
        ({}, {}, True),
        ({"year": None}, {}, False),
        ({}, {"year": 2003}, False),
        ({"authors": ["Xin Zuna"]}, {"authors": ["Xin Zuna"]}, False),
        ({"authors": ["Xin Zuna", "Dorothy Lu"]}, {}, False),
        ({"title": "Rain"}, {}, False),
        ({"title": "Driven weaving"}, {}, False),
        ({"title": "Editorial"}, {"title": "Editorial: mapping-driven weaving of quilts"}, False),
    ],
)
def test_a_title_without_its_subtitle_is_known_by_its_people(
    one: dict[str, Any], other: dict[str, Any], is_known: bool
) -> None:
    """By the same several people in one year, a title is one that begins with all words of the other."""
    (strength,) = given(FEW._replace(**one), MANY._replace(**other), "title")
    assert (strength == pytest.approx(evidence.PART)) is is_known
    model = Model(shared_titles=frozenset(["rainbow"]))
    assert given(FEW, MANY, "title", model=model)[0] < 0.6


def test_opposites_tell_works_apart() -> None:
    """Titles that differ in opposite words are opposed; titles that share both are not."""
    assert of_titles("Looms in adults", "Looms in children")["title_opposed"] == 1
    assert of_titles("Hypertonic looms", "Hypotonic looms")["title_opposed"] == 1
    assert of_titles("Looms in adults", "Looms in adults and children")["title_opposed"] == 0
    assert of_titles("Looms in adults", "Looms in winter")["title_opposed"] == 0


def test_titles_that_many_bear_tell_little() -> None:
    """A shared title tells little, less where it is beside another field, and enough at one place."""
    model = Model(shared_titles=frozenset(["quietloomsofthenorth"]))
    names = ("title_shared", "title_generic")
    record = Record("Quiet looms of the north", ["A. Okafor", "B. Nystrom"])
    assert given(record, record, *names) == [0, 0]
    assert given(record, record, *names, model=model) == [1, 0]
    for field in ("volume", "issue", "pages"):
        changes: tuple[dict[str, Any], ...] = ({field: "1"}, {field: "2"})
        one, other = (record._replace(**change) for change in changes)
        assert given(one, other, *names, model=model) == [1, 1]
    assert given(record._replace(year=1), record._replace(year=3), *names, model=model) == [1, 1]
    assert given(record._replace(year=1), record._replace(year=3), *names) == [0, 0]
    placed = record._replace(volume="1", pages="7")
    assert given(placed, placed, *names, model=model) == [0, 0]
    published = record._replace(year=2001, venue="Looms")
    assert given(published, published, *names, model=model) == [0.5, 0]
    one, other = Record("Looms", year=2001), Record("Looms", year=2002)
    assert given(one, one, "title_generic") == [0]
    assert given(one, other, "title_generic") == [1]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Looms of 1999", "Looms of 2001", 1.0),
        ("Looms of 12 and 1999", "Looms of 12 and 2001", 0.7),
        ("Looms of 12 and 1999", "Looms of 12", 0.2),
        ("Looms of 12", "Looms of 12", 0.0),
        ("Looms", "Looms of 1999", 0.0),
        ("Looms", "Looms, Part II", 1.0),
        ("Looms, Part I", "Looms", 0.0),
        ("Looms of 2001, Part I", "Looms of 2001, Part II", 1.0),
    ],
)
def test_numbers_of_titles_differ(one: str, other: str, expected: float) -> None:
    """A number on either side, or a later part, is a difference; a first part may go unnamed."""
    strength = given(Record(one), Record(other), "numbers_differ")
    assert strength == pytest.approx([expected])


# -------------------------------------------------------------------------------- evidence: authors


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (["Zuna, R.", "Wang, S."], ["R Zuna", "S Wang"], {"authors_all": 1, "first_author_same": 1, "authors_rare": 1}),
        (["Zuna, R."], ["R Zuna"], {"authors_only": 1, "first_author_same": 1, "authors_rare": 1}),
        (["Zuna, R."], ["R Zuna", "S Wang"], {"authors_only": 0.5, "first_author_same": 1, "authors_rare": 1}),
        (["Wang, S."], ["R Zuna", "S Wang", "D Lu"], {"authors_only": 0.3333, "author_not_first": 1}),
        (["Wang, S."], ["R Zuna", "S Wang"], {"authors_only": 0.5}),
        (["Zuna, R.", "Wang, S."], ["S Wang", "R Zuna"], {"authors_all": 1}),
        (["Zuna, R.", "Wang, S."], ["R Zuna", "Q Xu", "W Berg"], {"authors_some": 0.5, "first_author_same": 1, "authors_rare": 1}),
        (["Zuna, R.", "Wang, S."], ["D Lu"], {"authors_some": 1, "first_author_differs": 1}),
        (["Zuna, R.", "Rosenthal, S."], ["R Zuna", "S Rosental"], {"authors_all": 1, "first_author_same": 1, "authors_rare": 1}),
        (["Zuna, R.", "Rosental, S."], ["R Zuna", "S Rosenthal", "D Lu"], {"authors_all": 1, "first_author_same": 1, "authors_rare": 1}),
        (["Okafor Maria", "S Wang"], ["Maria Okafor", "S Wang"], {"authors_all": 1}),
        (["Okafor Wang Rosemary", "Berg Quux"], ["M Okafor", "S Wang", "D Berg"], {"authors_some": 1}),
        (["Zuna, R.", "Zunna, S."], ["Zuna, R.", "Quux, X."], {"authors_all": 1, "first_author_same": 1, "authors_rare": 1}),
        ([], ["D Lu"], {"authors_missing": 1}),
        ([], [], {"authors_missing": 1}),
    ],
)  # fmt: skip
def test_authors_agree(one: list[str], other: list[str], expected: dict[str, float]) -> None:
    """Who is found in the other list, and who stands first, is said for lists of any length."""
    names = [name for name in WEIGHTS if "author" in name and name != "title_alone"]
    found = dict(
        zip(names, given(Record("Looms", one), Record("Looms", other), *names), strict=True)
    )
    assert {name: value for name, value in found.items() if value} == pytest.approx(
        expected, abs=1e-3
    )


def test_a_title_that_is_not_equal_needs_authors() -> None:
    """Titles that are not equal count less where a record names nobody."""
    named, nobody = LOOMS, LOOMS._replace(authors=[])
    other = LOOMS._replace(title="Adaptive shuttles of looms")
    assert given(named, nobody, "title_alone") == [0]
    assert given(nobody, other, "title_alone") == [1]
    assert given(named, other, "title_alone") == [0]


# -------------------------------------------------------------------------- evidence: when and where


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (2001, 2001, "year_same"),
        (2001, 2002, "year_near"),
        (2001, 2003, "year_apart"),
        (2004, 2001, "year_apart"),
        (2001, 2005, "year_far"),
        (2001, None, "year_missing"),
        (None, None, "year_missing"),
    ],
)
def test_years_lie_apart(one: int | None, other: int | None, expected: str) -> None:
    """Exactly one thing is said of two years."""
    names = [name for name in WEIGHTS if name.startswith("year_")]
    found = given(Record("Looms", year=one), Record("Looms", year=other), *names)
    assert dict(zip(names, found, strict=True)) == {name: name == expected for name in names}


def at(volume: int | None, issue: int | None, page: int | None, year: int | None = None) -> Record:
    """A record of which only the place is known."""
    text = [None if number is None else str(number) for number in (volume, issue, page)]
    return Record("Looms", (), year, None, *text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (at(1, 2, 3), at(1, 2, 3), "volume_same issue_same page_same place_same"),
        (at(1, 2, 3), at(None, None, None), ""),
        (at(None, None, None), at(None, None, None), ""),
        (at(1, 2, 3), at(1, 4, 5), "volume_same issue_differs page_differs issue_and_page_differ"),
        (at(1, 2, 3), at(6, 4, 5), "volume_differs issue_differs page_differs place_differs"),
        (at(1, 2, 3), at(6, 2, 3), "volume_differs issue_same page_same"),
        (at(1, None, None, 2001), at(2, None, None, 2002), "volume_differs"),
        (at(1, None, None, 2001), at(2, None, None, 2003), "volume_differs place_differs"),
        (at(1, None, None, 2001), at(2, None, None), "volume_differs"),
        (at(None, 2, 3), at(None, 4, 5), "issue_differs page_differs"),
    ],
)
def test_places_agree(one: Record, other: Record, expected: str) -> None:
    """Volume, issue and page are held against each other where both are known."""
    names = [
        name
        for name in WEIGHTS
        if name.startswith(("volume", "issue", "page", "place")) and name != "place_and_people"
    ]
    found = given(one, other, *names)
    assert {name for name, value in zip(names, found, strict=True) if value} == set(
        expected.split()
    )


def test_people_at_one_place_make_up_for_a_title() -> None:
    """Equal years, volumes, pages and authors say much, and then a title's own words say nothing."""
    other = LOOMS._replace(title="Lärmende Webstühle im Gebirge")
    assert given(LOOMS, other, "place_and_people", "title_leftover") == [1, 0]
    single = LOOMS._replace(authors=["Okafor, M."])
    assert given(single, single, "place_and_people") == pytest.approx([0.6])
    for changed in ({"year": 2012}, {"volume": "13"}, {"pages": "7"}, {"year": None}):
        assert given(LOOMS, other._replace(**changed), "place_and_people") == [0]
    for authors in ([], ["Maria Okafor", "Someone Else"]):
        assert given(
            LOOMS._replace(authors=[]), other._replace(authors=authors), "place_and_people"
        ) == [0]
    assert given(
        LOOMS, other._replace(authors=["Maria Okafor", "Someone Else"]), "place_and_people"
    ) == [0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Looms", "Looms", [1, 0]),
        ("J Weaving Looms", "Journal of Weaving and Looms", [1, 0]),
        ("Looms quarterly of mountain weaving", "Looms quartexly of mountain weaving", [1, 0]),
        ("Looms", "Zebra quilts", [0, 1]),
        ("Weaving letters north", "Weaving newsletter", [0, 1]),
        ("Looms", None, [0, 0]),
        ("zymurgy", "brewing", [1, 0]),
    ],
)
def test_venues_agree(one: str, other: str | None, expected: list[float]) -> None:
    """Venues are one or two by their names or by what the model knows, and nothing where one is missing."""
    model = Model(venue_aliases=frozenset([("brewing", "zymurgy")]))
    found = given(
        LOOMS._replace(venue=one),
        LOOMS._replace(venue=other),
        "venue_same",
        "venue_differs",
        model=model,
    )
    assert found == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"type": "preprint"}, {"type": "article"}, 1),
        ({"venue": "arXiv"}, {"type": "journal-article"}, 1),
        ({"type": "article"}, {"type": "article"}, 0),
        ({"type": "preprint"}, {}, 1),
        ({"type": "preprint"}, {"volume": None}, 1),
        ({"type": "preprint"}, {"pages": None}, 1),
        ({"type": "preprint"}, {"volume": None, "pages": None}, 0),
        ({"type": "article"}, {}, 0),
    ],
)
def test_forms_differ(one: dict[str, Any], other: dict[str, Any], expected: float) -> None:
    """Forms differ where both are known; an archive's papers are preprints, what has a volume or pages is not."""
    bare = LOOMS._replace(venue=None)
    assert given(bare._replace(**one), bare._replace(**other), "form_differs") == [expected]


# ----------------------------------------------------------------------------- evidence: identifiers


def test_dois_agree() -> None:
    """DOIs are the same or differ; a repository's, and one that many bear, says nothing against."""
    names = ("doi_same", "doi_differs")
    one, other = LOOMS._replace(doi="10.1016/one"), LOOMS._replace(doi="10.1016/other")
    preprint = LOOMS._replace(doi="10.48550/arxiv.2001.00001")
    assert given(one, one, *names) == [1, 0]
    assert given(one, other, *names) == [0, 1]
    assert given(one, preprint, *names) == [0, 0]
    assert given(one, LOOMS, *names) == [0, 0]
    shared = Model(shared_dois=frozenset(["10.1016/one"]))
    assert given(one, one, *names, model=shared) == [0, 0]
    assert given(one, other, *names, model=shared) == [0, 0]


def test_identifiers_agree() -> None:
    """One shared arXiv id or PMID is enough; without any, another one speaks against."""
    names = ("identifier_same", "identifier_differs")
    one, other = LOOMS._replace(pmid="11"), LOOMS._replace(pmid="12")
    assert given(one, one, *names) == [1, 0]
    assert given(one, other, *names) == [0, 1]
    assert given(one, LOOMS, *names) == given(LOOMS, LOOMS, *names) == [0, 0]
    arxiv = "2001.00001"
    assert given(one._replace(arxiv_id=arxiv), other._replace(arxiv_id=arxiv), *names) == [1, 0]


def test_an_identifier_of_unlike_records_is_void() -> None:
    """A shared identifier is void, and shown to a person, where titles and authors both disagree."""
    base = LOOMS._replace(doi="10.1016/one", pmid="11")
    names = ("identifier_void", "doi_same", "identifier_same")
    stranger = base._replace(title="Zebra quilts", authors=["X. Quux"], year=1990)
    assert given(base, stranger, *names) == [1, 0, 0]
    assert given(base, base._replace(title="Zebra quilts"), *names) == [0, 1, 1]
    assert given(base, base._replace(authors=["X. Quux"]), *names) == [0, 1, 1]
    assert relation(base, stranger._replace(volume=None, issue=None, pages=None)) == "undecided"


@pytest.mark.parametrize("venue", ["Journal of Weaving", "Zebra"])
def test_a_void_identifier_scores_the_same_at_a_glance(venue: str) -> None:
    """A pair that is kept for a void identifier has its venues compared, however unlike it is."""
    base = LOOMS._replace(doi="10.1016/one")
    stranger = Record("Zebra quilts", ["X. Quux"], 1990, venue, doi="10.1016/one")
    pairs = pair(keys(base), keys(stranger))
    quick, full = reasons_of(pairs, NOTHING_KNOWN, cutoff=True), reasons_of(pairs, NOTHING_KNOWN)
    for name in ("venue_same", "venue_differs", "identifier_void"):
        assert quick[name] == full[name]


# -------------------------------------------------------------------------------------- decisions


def relation(one: Record, other: Record, model: Model = NOTHING_KNOWN) -> str:
    """What becomes of a pair of records, from either side."""
    both = [pair(keys(one, model), keys(other, model)), pair(keys(other, model), keys(one, model))]
    found = {RELATIONS[decide(reasons_of(pairs, model))[0][0]] for pairs in both}
    assert len(found) == 1
    return found.pop()


def decided(**strengths: float) -> str:
    """What becomes of reasons that are set by hand."""
    every = {name: np.array([strengths.get(name, 0)], np.float32) for name in WEIGHTS}
    return RELATIONS[decide(every)[0][0]]


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [
        ({"title": 1}, "same"),
        ({"title": 0.9}, "undecided"),
        ({"title": 0.8}, "different"),
        # Another form of a work.
        ({"title": 1, "form_differs": 1, "doi_same": 1}, "version"),
        ({"title": 1, "form_differs": 1, "authors_all": 1}, "version"),
        ({"title": 0.92, "form_differs": 1, "authors_all": 1, "title_rare": 1}, "version"),
        ({"title": 0.92, "form_differs": 1, "authors_all": 1}, "undecided"),
        ({"title": 0.92, "form_differs": 1, "year_apart": 1, "authors_all": 1, "title_rare": 1}, "version"),
        ({"title": 1, "form_differs": 1, "year_far": 1, "authors_all": 1}, "different"),
        ({"title": 1, "form_differs": 1, "year_apart": 1, "authors_only": 0.5, "title_rare": 0.5}, "version"),
        ({"title": 1, "form_differs": 1, "year_apart": 1, "authors_only": 0.4, "title_rare": 0.5}, "undecided"),
        ({"title": 1, "form_differs": 1, "year_apart": 1, "title_rare": 0.5}, "undecided"),
        ({"title": 1, "form_differs": 1, "year_apart": 1, "authors_all": 1, "doi_differs": 0.1, "title_rare": 0.5}, "undecided"),
        ({"title": 1, "form_differs": 1, "year_apart": 1, "authors_all": 1, "identifier_differs": 0.1, "title_rare": 0.5}, "undecided"),
        ({"title": 0.93, "page_differs": 1, "volume_differs": 1, "authors_all": 1, "title_rare": 1}, "undecided"),
        ({"title": 1, "page_differs": 1, "volume_differs": 1, "authors_all": 1}, "version"),
        ({"title": 1, "page_differs": 1, "doi_same": 1}, "same"),
        ({"title": 1, "page_differs": 0.3, "volume_differs": 1, "doi_same": 1}, "same"),
        ({"title": 1, "venue_differs": 1, "doi_same": 1}, "same"),
        ({"title": 0.96, "venue_differs": 1, "doi_same": 1}, "version"),
        ({"title": 1, "venue_differs": 1, "year_near": 1, "doi_same": 1}, "version"),
        ({"title": 1, "venue_differs": 1, "year_apart": 1, "doi_same": 1}, "version"),
        ({"title": 1, "venue_differs": 1, "year_far": 1, "doi_same": 1}, "version"),
        ({"title": 1, "venue_differs": 1, "page_differs": 1, "doi_same": 1}, "version"),
        ({"title": 1, "venue_differs": 1, "volume_differs": 1, "doi_same": 1}, "version"),
        ({"title": 1, "venue_differs": 1, "year_near": 1, "place_same": 1, "doi_same": 1}, "same"),
        # Related works, and what cannot be decided.
        ({"title": 1, "kind_differs": 1, "authors_all": 1, "doi_same": 1}, "related"),
        ({"title": 1, "kind_differs": 1, "doi_same": 1}, "related"),
        ({"title": 1, "kind_differs": 1, "form_differs": 1, "doi_same": 1}, "related"),
        ({"title": 0.8, "kind_differs": 1, "authors_all": 1}, "related"),
        ({"title": 0.8, "numbers_differ": 0.5, "authors_all": 1}, "related"),
        ({"title": 0.8, "numbers_differ": 0.2, "authors_all": 1}, "different"),
        ({"title": 0.8, "title_opposed": 1, "authors_only": 1}, "related"),
        ({"title": 0.99, "kind_differs": 0.5, "authors_all": 0.1}, "related"),
        ({"title": 0.8, "kind_differs": 1}, "different"),
        ({"title": 0.7, "kind_differs": 1, "authors_all": 1}, "different"),
        ({"title": 1, "numbers_differ": 0.5, "authors_all": 1, "doi_same": 1}, "same"),
        ({"identifier_void": 1}, "undecided"),
        ({"title": 1, "identifier_void": 1}, "undecided"),
        ({"title": 1, "identifier_void": 1, "doi_same": 1}, "same"),
    ],
)  # fmt: skip
def test_reasons_come_to_a_relation(strengths: dict[str, float], expected: str) -> None:
    """A pair is same, version, related, undecided or different by its sum and by what differs."""
    assert decided(**strengths) == expected


def test_softened_fields_weigh_less() -> None:
    """What a model has softened weighs that much less, also where two fields go together."""
    other = LOOMS._replace(volume="13", issue="4", pages="7")
    names = ("volume_differs", "issue_differs", "page_differs")
    assert given(LOOMS, other, *names) == [1, 1, 1]
    model = Model(softened={"volume": 0.5, "page": 0.25})
    assert given(LOOMS, other, *names, model=model) == [0.5, 1, 0.25]
    other = other._replace(volume="12")
    assert given(LOOMS, other, "issue_and_page_differ") == [1]
    assert given(LOOMS, other, "issue_and_page_differ", model=model) == [0.25]
    issues = Model(softened={"issue": 0.5})
    assert given(LOOMS, other, "issue_and_page_differ", model=issues) == [0.5]


# ------------------------------------------------------------------------------------------ groups


def grouped(
    records: list[Record], edges: list[tuple[int, int, str, float]], **guarded: Any
) -> tuple[list[int], list[int]]:
    """Papers and editions of records that are joined as said."""
    left, right = np.array([edge[:2] for edge in edges], np.int64).T
    compared = Compared(
        left,
        right,
        np.array([RELATIONS.index(edge[2]) for edge in edges], np.int8),
        np.array([edge[3] for edge in edges], np.float32),
        np.zeros((len(edges), len(WEIGHTS)), np.int16),
    )
    guard = Guard(keys_table([keys(record) for record in records]), NOTHING_KNOWN, **guarded)
    found = group(len(records), compared, guard)
    return found[0].tolist(), found[1].tolist()


ERRATUM = LOOMS._replace(title=f"Erratum: {LOOMS.title}")
ZEBRAS = Record("Zebra quilts of the old south", ["X. Quux"], 1990)


def test_a_group_without_conflict_is_whole() -> None:
    """Records that are joined are one group, of editions as of papers; versions are one paper only."""
    chain = [(0, 1, "same", 12.0), (1, 2, "version", 11.0), (0, 2, "related", 9.0)]
    assert grouped([LOOMS] * 3, chain) == ([0, 0, 0], [0, 0, 2])
    assert grouped([LOOMS] * 4, [(2, 3, "same", 12.0)]) == ([0, 1, 2, 2], [0, 1, 2, 2])


@pytest.mark.parametrize("stranger", [ERRATUM, ZEBRAS])
def test_a_chain_to_a_stranger_is_cut(stranger: Record) -> None:
    """An unlike or related record is in no group with the others, however strongly it is joined."""
    edges = [(0, 1, "same", 11.0), (1, 2, "same", 12.0)]
    assert grouped([LOOMS, LOOMS, stranger], edges) == ([0, 0, 2], [0, 0, 2])


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [((12.0, 11.0), [0, 0, 2, 0]), ((11.0, 12.0), [0, 1, 1, 0]), ((12.0, 12.0), [0, 0, 2, 0])],
)
def test_a_chain_is_cut_at_its_weakest_pair(
    strengths: tuple[float, float], expected: list[int]
) -> None:
    """A group with a conflict is built again, strongest pair first, then that of smaller numbers."""
    edges = [(1, 2, "same", strengths[1]), (0, 1, "same", strengths[0]), (0, 3, "same", 20.0)]
    found = grouped([LOOMS] * 4, edges, apart=frozenset([(0, 2)]))
    assert found == (expected, expected)


def test_equal_strengths_are_settled_by_numbers() -> None:
    """Of two equally strong pairs of one record the one with the smaller number is joined."""
    edges = [(0, 2, "same", 12.0), (0, 1, "same", 12.0)]
    assert grouped([LOOMS] * 3, edges, apart=frozenset([(1, 2)]))[0] == [0, 0, 2]


def test_foes_of_a_member_are_foes_of_its_group() -> None:
    """What is in conflict with one member joins none of the others, whichever side it stands on."""
    edges = [(0, 1, "same", 14.0), (1, 2, "same", 13.0), (2, 3, "same", 12.0), (1, 3, "same", 11.0)]
    for foes in ((0, 3), (1, 3), (2, 3)):
        assert grouped([LOOMS] * 4, edges, apart=frozenset([foes]))[0] == [0, 0, 0, 3]
    edges = [(2, 3, "same", 14.0), (0, 1, "same", 13.0), (1, 2, "same", 12.0), (0, 2, "same", 11.0)]
    for foes in ((0, 2), (0, 3), (1, 3)):
        assert grouped([LOOMS] * 4, edges, apart=frozenset([foes]))[0] == [0, 0, 2, 2]


def test_what_identifiers_joined_is_not_parted_by_likeness() -> None:
    """Within one certain group evidence and sources have no say; a person has."""
    edges = [(0, 1, "same", 12.0), (1, 2, "same", 11.0)]
    records = [LOOMS, LOOMS, ZEBRAS]
    certain = np.array([0, 0, 0])
    assert grouped(records, edges, certain=certain)[0] == [0, 0, 0]
    assert grouped(records, edges, certain=certain, sources=certain)[0] == [0, 0, 0]
    assert grouped(records, edges, certain=np.array([0, 0, 2]))[0] == [0, 0, 2]
    apart = frozenset([(0, 2)])
    assert grouped(records, edges, certain=certain, apart=apart)[0] == [0, 0, 2]


def test_a_persons_word_parts_what_is_alike() -> None:
    """Two records that a person said are apart are not in one paper; others are as they were."""
    assert grouped([LOOMS] * 2, [(0, 1, "same", 12.0)], apart=frozenset([(0, 1)]))[0] == [0, 1]
    assert grouped([LOOMS] * 3, [(0, 1, "same", 12.0)], apart=frozenset([(1, 2)]))[0] == [0, 0, 2]


def test_a_source_lists_a_paper_once() -> None:
    """Of two listings of one source the stronger pair is kept; unknown sources may repeat."""
    edges = [(0, 1, "same", 11.0), (0, 2, "same", 12.0)]
    assert grouped([LOOMS] * 3, edges, sources=np.array([0, 1, 1]))[0] == [0, 1, 0]
    assert grouped([LOOMS] * 3, edges, sources=np.array([0, -1, -1]))[0] == [0, 0, 0]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"year": 2009, "volume": None, "issue": None, "pages": None}, "version"),
        ({"authors": [], "volume": "3", "issue": None, "pages": "7"}, "different"),
    ],
)
def test_conflicts_within_editions_are_finer(changed: dict[str, Any], expected: str) -> None:
    """Records that may be forms of one work part an edition, though not the paper."""
    printed = LOOMS._replace(title="Quiet looms of weavers", authors=["M. Okafor"], type="article")
    preprint = printed._replace(type="preprint", venue="arXiv", **changed)
    assert relation(printed, preprint) == expected
    edges = [(0, 1, "same", 12.0), (1, 2, "same", 11.0)]
    assert grouped([printed, printed, preprint], edges) == ([0, 0, 0], [0, 0, 2])


def test_a_paper_that_fell_apart_has_no_common_edition() -> None:
    """Pairs that the papers refused join no editions, whatever they are."""
    edges = [(0, 1, "same", 12.0), (1, 2, "same", 11.0)]
    papers, editions = grouped([LOOMS] * 3, edges, apart=frozenset([(0, 2)]))
    assert papers == editions == [0, 0, 2]
    edges = [(0, 1, "version", 14.0), (0, 2, "same", 12.0)]
    papers, editions = grouped([LOOMS] * 3, edges, apart=frozenset([(1, 2)]))
    assert (papers, editions) == ([0, 0, 2], [0, 1, 2])


@pytest.mark.parametrize(
    ("size", "doubts", "is_final", "is_in"),
    [
        (4, 1, False, False),
        (5, 1, False, True),
        (9, 2, False, False),
        (10, 2, False, True),
        (10, 1, True, False),
        (10 * LARGEST_EXAMINED, 20, False, True),
        (10 * LARGEST_EXAMINED, 40, False, False),
    ],
)
def test_doubts_are_outweighed_and_what_is_final_is_not(
    size: int, doubts: int, is_final: bool, is_in: bool
) -> None:
    """A record is in a group that doubts it in a fifth of the pairs that were looked at, not in more."""
    edges = [(0, other, 12.0) for other in range(1, size)] + [(0, size, 11.0)]
    left, right, strength = map(np.array, zip(*edges, strict=True))
    against = [Conflict(number, size, is_final) for number in range(1, 1 + doubts)]
    found = cluster(size + 1, left, right, strength.astype(np.float32), lambda _groups: against)
    assert bool(found[size] == 0) is is_in
    assert (found[:size] == 0).all()


def test_large_groups_are_looked_at_in_part() -> None:
    """Of a large group every member is held against the same number of those that follow it."""
    small = list(pairs_within(list(range(LARGEST_EXAMINED))))
    assert len(small) == LARGEST_EXAMINED * (LARGEST_EXAMINED - 1) // 2
    large = list(pairs_within(list(range(10 * LARGEST_EXAMINED))[::-1]))
    follow = LARGEST_EXAMINED // 2
    assert len(large) == follow * 10 * LARGEST_EXAMINED - follow * (follow + 1) // 2
    assert all(0 < other - one <= follow for one, other in large)


# ------------------------------------------------------------------------------ blocks and the sieve


@pytest.mark.parametrize("name", ["doi", "arxiv_id", "pmid"])
def test_a_shared_identifier_is_a_shared_block(name: str) -> None:
    """Records that share an identifier are compared, however unlike they are."""
    change: dict[str, Any] = {name: "7"}
    one, other = LOOMS._replace(**change), ZEBRAS._replace(**change)
    assert set(keys(LOOMS).blocks).isdisjoint(keys(ZEBRAS).blocks)
    assert len(set(keys(one).blocks) & set(keys(other).blocks)) == 1


def test_a_record_is_looked_for_under_few_blocks() -> None:
    """The fullest record has 21 blocks."""
    full = LOOMS._replace(authors=["Zuna", "Wang", "Lu"], doi="10.1/a", arxiv_id="7", pmid="7")
    assert len(keys(full).blocks) == 21


AT_PLACE: dict[str, Any] = {"year": 2001, "volume": "3", "pages": "7"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, True),
        ({}, {"title": "Zebra quilts of the old south"}, False),
        ({"pmid": "1"}, {"title": "Zebra quilts of the old south", "pmid": "1"}, True),
        ({"doi": "10.1/a"}, {"title": "Zebra quilts of the old south", "doi": "10.1/a"}, True),
        (AT_PLACE | {"authors": ["A. Okafor"]}, AT_PLACE | {"title": "Zebra quilts of the old south", "authors": ["A. Okafor"]}, True),
        (AT_PLACE | {"authors": ["A. Okafor"]}, AT_PLACE | {"title": "Zebra quilts of the old south", "authors": ["A. Okafor", "B. Quux"]}, False),
        ({"year": 2001, "pages": "7", "authors": ["A. Okafor"]}, {"title": "Zebra quilts of the old south", "year": 2001, "pages": "7", "authors": ["A. Okafor"]}, True),
        ({"volume": "3", "pages": "7", "authors": ["A. Okafor"]}, {"title": "Zebra quilts of the old south", "volume": "3", "pages": "7", "authors": ["A. Okafor"]}, True),
        ({"pages": "7", "authors": ["A. Okafor"]}, {"title": "Zebra quilts of the old south", "pages": "7", "authors": ["A. Okafor"]}, False),
        (AT_PLACE, AT_PLACE | {"title": "Zebra quilts of the old south"}, False),
        ({"pages": "7"}, {"title": "Zebra quilts of the old south", "pages": "7"}, False),
        ({"volume": "3"}, {"title": "Zebra quilts of the old south", "volume": "3"}, False),
        # Half of the letters: enough for the same people, not for strangers.
        ({"authors": ["A. Okafor"]}, {"title": "Adaptive shuttles of quiet looms in zebra quilting", "authors": ["A. Okafor"]}, True),
        ({"authors": ["A. Okafor"]}, {"title": "Adaptive shuttles of quiet zebra quilts from olden years", "authors": ["B. Quux"]}, False),
        ({"authors": ["A. Okafor"]}, {"title": "Adaptive shuttles of quiet zebra quilts from olden years"}, False),
        ({"authors": ["A. Okafor"], "pages": "7"}, {"title": "Adaptive shuttles of quiet zebra quilts from olden years", "pages": "7"}, True),
        ({"authors": ["A. Okafor"]} | AT_PLACE, {"title": "Adaptive shuttles of quiet zebra quilts from olden years", "authors": ["B. Quux"]} | AT_PLACE, True),
        ({"authors": ["A. Okafor"], "pages": "7"}, {"title": "Adaptive shuttles of quiet zebra quilts from olden years", "authors": ["B. Quux"], "pages": "7"}, False),
        ({}, {"title": ""}, True),
        # Like in letters, though in another order.
        ({}, {"title": "Mountain weaving in olden years and adaptive quilts"}, False),
    ],
)  # fmt: skip
def test_unlike_pairs_are_not_compared(
    one: dict[str, Any], other: dict[str, Any], expected: bool
) -> None:
    """Titles must be alike, more so between strangers, less so at one place; identifiers stand for them."""
    bare = Record("Adaptive shuttles of quiet looms in mountain weaving")
    table = keys_table([keys(bare._replace(**one)), keys(bare._replace(**other))])
    here, there = np.array([0, 1]), np.array([1, 0])
    assert Sieve(table).sifted(here, there).tolist() == [expected, expected]


# ---------------------------------------------------------------------------------------- learning


def learnt(both: list[tuple[Record, Record]]) -> learning.Anchors:
    """What pairs show."""
    table = keys_table([keys(record) for pair in both for record in pair])
    pairs = pairs_of(table, np.arange(0, 2 * len(both), 2), np.arange(1, 2 * len(both), 2))
    anchors = learning.Anchors()
    anchors.add(pairs, reasons_of(pairs, NOTHING_KNOWN))
    return anchors


@pytest.mark.parametrize(
    ("differing", "known", "expected"),
    [(0, 20, None), (3, 20, None), (6, 20, 2 / 3), (20, 20, 0.0), (10, 10, None)],
)
def test_fields_that_anchors_differ_in_are_softened(
    differing: int, known: int, expected: float | None
) -> None:
    """A field weighs less the more often sure pairs differ in it, once there are enough of them."""
    other = LOOMS._replace(pages="999")
    both = [(LOOMS, other)] * differing + [(LOOMS, LOOMS)] * (known - differing)
    both += [(LOOMS, LOOMS._replace(pages=None))] * 30
    softened = dict(learnt(both).softened())
    assert softened == ({} if expected is None else {"page": pytest.approx(expected)})


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Adaptive shuttles of quiet looms in mountain"},
        {"authors": ["Maria Okafor"]},
        {"year": 2012},
        {"title": f"{LOOMS.title} (vol 12, pg 101, 2011)"},
    ],
)
def test_only_sure_pairs_are_anchors(changed: dict[str, Any]) -> None:
    """A pair that differs in title, authors, year or kind proves nothing about other fields."""
    assert learnt([(LOOMS, LOOMS)]).n == 1
    assert learnt([(LOOMS, LOOMS._replace(**changed))]).n == 0
    short = LOOMS._replace(title="Looms")
    assert learnt([(short, short)]).n == 0


def test_venues_that_anchors_name_together_are_aliases() -> None:
    """Two names are one venue if sure pairs say so thrice, and often for how often they occur."""
    one, other, third = (LOOMS._replace(venue=name) for name in ("brewing", "zymurgy", "quilts"))
    assert set(learnt([(one, other)] * 2 + [(other, one)]).aliases()) == {("brewing", "zymurgy")}
    assert set(learnt([(one, other)] * 2).aliases()) == set()
    assert set(learnt([(one, one)] * 3).aliases()) == set()
    often = [(one, one)] * 30 + [(other, other)] * 30
    assert set(learnt([(one, other)] * 3 + often).aliases()) == set()
    assert set(learnt([(one, other)] * 3 + [(one, one)] * 30).aliases()) == {("brewing", "zymurgy")}
    assert set(learnt([(one, other)] * 3 + [(other, other)] * 6).aliases()) == {
        ("brewing", "zymurgy")
    }
    both = [(one, other)] * 3 + [(one, one)] * 5 + [(other, other)] * 5
    assert set(learnt(both).aliases()) == {("brewing", "zymurgy")}
    elsewhere = third._replace(volume="99")
    assert set(learnt([(one, elsewhere)] * 3).aliases()) == set()


def counted(changes: list[dict[str, Any]]) -> Model:
    """The model of records that are LOOMS but for what each changes."""
    return learning.count((LOOMS._replace(**change) for change in changes), 1)


def by(*names: str) -> list[dict[str, Any]]:
    """One record for each list of surnames, which are separated by a space."""
    return [{"authors": people_named.split()} for people_named in names]


def in_years(*years: int) -> list[dict[str, Any]]:
    """One record for each year."""
    return [{"year": year} for year in years]


def test_what_many_works_share_is_counted() -> None:
    """Titles of three first authors or years and DOIs of three titles are shared; of two, not."""
    squeezed = (LOOMS.title or "").lower().replace(" ", "")
    assert counted(by("Zuna", "Wang")).shared_titles == set()
    assert counted(by("Zuna", "Wang", "Lu")).shared_titles == {squeezed}
    assert counted(in_years(2001, 2004, 2005)).shared_titles == {squeezed}
    assert counted(in_years(2001, 2005)).shared_titles == set()
    titles = [{"doi": "10.1/a", "title": name} for name in ("Quilts", "Zebras", "Looms")]
    assert counted(titles).shared_dois == {"10.1/a"}
    assert counted(titles[:2]).shared_dois == set()
    assert counted([{}, {}]).words == {}
    assert counted([{}, {}, {}]).words["looms"] == counted([{}, {}, {}]).surnames["okafor"] == 3


@pytest.mark.parametrize(
    ("changes", "is_shared"),
    [
        (in_years(2001, 2002, 2003), False),
        (by("Zuna Wang", "Wang Zuna", "Lu Wang"), False),
        (by("Zuna Wang", "Abe Lu", "Lu Cho"), False),
        (by("Zuna", "Abe", "Wang Lu", "Lu"), True),
        (by(*["Zuna"] * 5, "Abe", "Lu"), True),
        (by(*["Zuna"] * 6, "Abe", "Lu"), False),
        (in_years(*[2001] * 5, 2004, 2008), True),
        (in_years(*[2001] * 6, 2004, 2008), False),
    ],
)
def test_a_long_title_needs_more_to_be_shared(
    changes: list[dict[str, Any]], is_shared: bool
) -> None:
    """Coauthors are one team, a work appears within three years, and what is seldom is a slip."""
    assert bool(counted(changes).shared_titles) is is_shared


@pytest.mark.parametrize(
    ("changes", "is_shared"),
    [
        (in_years(2001, 2002, 2003), True),
        (by("Zuna Wang", "Wang Zuna", "Lu Wang"), True),
        (by(*["Zuna"] * 10, "Abe", "Lu"), True),
        (by(*["Zuna"] * 11, "Abe", "Lu"), False),
        (in_years(*[2001] * 10, 2002, 2003), True),
        (in_years(*[2001] * 11, 2002, 2003), False),
    ],
)
def test_a_short_title_is_shared_sooner(changes: list[dict[str, Any]], is_shared: bool) -> None:
    """Three first authors or years are enough, unless they are ten times rarer than the commonest."""
    titled = [{**change, "title": "News of the trade"} for change in changes]
    assert bool(counted(titled).shared_titles) is is_shared


def test_a_doi_of_misprinted_titles_is_not_shared() -> None:
    """Titles that a DOI bears ten times more seldom than its commonest are slips."""
    titles = [{"doi": "10.1/a", "title": name} for name in ["Quilts"] * 11 + ["Quilt", "Kilts"]]
    assert counted(titles).shared_dois == set()
    assert counted(titles[1:]).shared_dois == {"10.1/a"}


# Candidates


def paired(*blocks: tuple[int, ...]) -> set[tuple[int, int]]:
    """The pairs of records of one title, each in these blocks."""
    keys = [
        keys_of(Record("Patient Shuttles and the Thermodynamics of Sails"), Model())._replace(
            blocks=found
        )
        for found in blocks
    ]
    with duckdb.connect() as db:
        left, right = alone.candidates(db, keys_table(keys))
    return set(zip(left.tolist(), right.tolist(), strict=True))


def test_a_small_block_is_enough() -> None:
    """Two records that share one block which hardly anybody else is in are compared."""
    assert paired((1,), (1,), (2,)) == {(0, 1)}


def test_a_larger_block_needs_another() -> None:
    """In a block of more records than a few only those are compared that share another block."""
    crowd = [(1,)] * (alone.FEW_IN_BLOCK + 1)
    assert paired(*crowd) == set()
    assert paired(*crowd, (1, 2), (1, 2)) == {(len(crowd), len(crowd) + 1)}


def test_in_a_crowded_block_neighbours_are_compared() -> None:
    """Past the most that a block may hold, each record is compared with the four that follow it."""
    n = alone.MOST_IN_BLOCK + 5
    found = paired(*[(1,)] * n)
    assert found == {
        (one, one + step) for one in range(n) for step in range(1, 5) if one + step < n
    }


def test_a_crowd_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that more share than a crowd tells nothing."""
    monkeypatch.setattr(alone, "MOST_IN_CROWD", 60)
    assert paired(*[(1,)] * 61) == set()


def test_keys_that_find_no_room_name_their_file() -> None:
    """A full disk is told with the file that could not be written."""
    tables = iter([keys_table([keys(LOOMS)])] * 2_000)
    with pytest.raises(OSError, match=r"No space left on device \(TMPDIR") as caught:
        alone._kept_in_file(tables, Path("/dev/full"))
    assert caught.value.filename == "/dev/full"


def test_label_learns_from_what_it_groups() -> None:
    """Venues that records which agree in all else give side by side are one, also with keys at hand."""
    titles = [
        "Moths of Northern Lighthouses",
        "Slow Currents in Shallow Fjords",
        "A Census of Harbour Bells",
    ]
    records = [
        Record(f"{title} and Their Keepers", ["Ada Quill", f"Bo {title.split()[0]}"], 2001, venue)
        for title in titles
        for venue in ("Annals of Lamps", "Transactions on Beacons")
    ]
    keys = keys_table([keys_of(record, Model()) for record in records])
    compared = alone.label(keys, Model()).compared
    assert len(compared.left) == 3
    assert not compared.contributions[:, list(WEIGHTS).index("venue_differs")].any()
    untaught = compare(keys, compared.left, compared.right, Model())
    assert untaught.contributions[:, list(WEIGHTS).index("venue_differs")].all()


def test_related_pairs_tell_the_whole_of_their_titles() -> None:
    """What is told of a related pair does not depend on whether its score could have joined it."""
    bare = LOOMS._replace(year=None, volume=None, issue=None, pages=None)
    one = bare._replace(title="Adaptive shuttles of quiet looms", doi="10.1/a")
    other = one._replace(title="Adaptive shuttles of quiet looms II: beyond felt", doi="10.1/b")
    table = keys_table([keys(one), keys(other)])
    left, right = np.array([0]), np.array([1])
    compared = compare(table, left, right, Model())
    assert [RELATIONS[code] for code in compared.relation] == ["related"]
    whole = reasons_of(pairs_of(table, left, right), Model())
    assert compared.score == pytest.approx(score(whole))
