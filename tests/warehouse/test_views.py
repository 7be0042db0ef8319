"""What each view says, on data small enough to reckon by hand, and how its SQL is written."""

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.fields import Row
from schemas.paper import Author, Identifier, Metric, Quarantined, Redirect
from tests.warehouse import lakes
from warehouse.verify import CHECKS
from warehouse.viewfiles import VIEWS, load_views

H1, H2, H3 = "huggingface:1", "huggingface:2", "huggingface:3"
FILES = sorted([*VIEWS.glob("*.sql"), *CHECKS.glob("*.sql")])
HOUR = timedelta(hours=1)


def at(day: int, hour: float = 6.5) -> datetime:
    """A moment of November 2026."""
    return datetime(2026, 11, day, tzinfo=UTC) + hour * HOUR


def three() -> dict[str, list[Row]]:
    """Papers p1, p2, p3, each listed by Hugging Face; p1 by arXiv too."""
    return {
        "listings": [
            *(lakes.listing(key, landing_page_url=f"https://hf/{key[-1]}") for key in (H1, H2, H3)),
            lakes.listing("arxiv:1"),
        ],
        "papers": [
            lakes.paper("p1", H1, listings_count=2, landing_page_url="https://arxiv/1"),
            lakes.paper("p2", H2),
            lakes.paper("p3", H3),
        ],
        "memberships": [
            lakes.member(H1, "p1"),
            lakes.member("arxiv:1", "p1"),
            lakes.member(H2, "p2"),
            lakes.member(H3, "p3"),
        ],
        "metrics": [],
    }


def ask(root: Path, rows: dict[str, list[Row]], sql: str) -> list[tuple[Any, ...]]:
    """The rows of one query on a lake of these rows."""
    with lakes.opened(root, rows) as connection:
        return connection.execute(sql).fetchall()


def with_metrics(*metrics: Metric) -> dict[str, list[Row]]:
    """The three papers, with what lists said."""
    return {**three(), "metrics": [*metrics]}


def trending(key: str, moment: datetime, rank: int, **values: Any) -> Metric:
    """An entry of a trending capture."""
    return lakes.metric(key, moment, list="trending", rank=rank, **values)


# Trending


def test_rates_are_per_day_since_a_day_before(tmp_path: Path) -> None:
    """A rate is the change since the newest capture at least 24 hours older, over the days between."""
    rows = with_metrics(
        trending(H1, at(10), 1, upvotes=10, github_stars=100),
        trending(H1, at(11), 1, upvotes=16),
        trending(H1, at(12, 18.5), 1, upvotes=22, github_stars=190),
        trending(H2, at(12, 18.5), 2, upvotes=5, github_stars=7),
    )
    found = ask(
        tmp_path,
        rows,
        "select list_date, paper_id, upvotes, upvotes_per_day, github_stars, github_stars_per_day "
        "from trending_history order by list_date, rank",
    )
    assert found == [
        (date(2026, 11, 10), "p1", 10, None, 100, None),
        # Exactly 24 hours are enough; the stars of the day before stand in, their rate is unknown.
        (date(2026, 11, 11), "p1", 16, 6.0, 100, None),
        # Upvotes since the 11th (1.5 days), stars since the 10th (2.5 days).
        (date(2026, 11, 12), "p1", 22, 4.0, 190, 36.0),
        (date(2026, 11, 12), "p2", 5, None, 7, None),
    ]


def test_a_second_less_than_a_day_is_too_little(tmp_path: Path) -> None:
    """A capture 23:59:59 before does not count, the one before it does."""
    second = timedelta(seconds=1)
    rows = with_metrics(
        trending(H1, at(9), 1, upvotes=10),
        trending(H1, at(11) + second, 1, upvotes=40),
        trending(H1, at(12), 1, upvotes=70),
        trending(H2, at(11) + second, 2, upvotes=1),
        trending(H2, at(12), 2, upvotes=9),
    )
    sql = "select paper_id, upvotes_per_day from trending_papers order by rank"
    assert ask(tmp_path, rows, sql) == [("p1", 20.0), ("p2", None)]


def test_other_lists_tell_the_number_of_a_day_before(tmp_path: Path) -> None:
    """What any list said of any listing of the paper counts for its rate."""
    rows = with_metrics(
        lakes.metric(H1, at(9), upvotes=1),
        lakes.metric(H1, at(10), upvotes=4),
        trending(H1, at(12), 1, upvotes=10),
        lakes.metric(H1, at(12, 9), upvotes=99),
    )
    sql = "select upvotes, upvotes_per_day from trending_papers"
    assert ask(tmp_path, rows, sql) == [(10, 3.0)]


def test_a_capture_without_numbers_shows_the_last_known(tmp_path: Path) -> None:
    """Where a capture gives no number, the last one and its rate stand in; a loss is negative."""
    rows = with_metrics(
        trending(H1, at(9), 1, upvotes=10),
        trending(H1, at(10), 1, upvotes=8),
        trending(H1, at(11), 1),
    )
    sql = "select upvotes, upvotes_per_day, github_stars, github_stars_per_day from trending_papers"
    assert ask(tmp_path, rows, sql) == [(8, -2.0, None, None)]


def test_a_capture_is_what_has_the_newest_moment_of_its_night(tmp_path: Path) -> None:
    """Entries that a second capture of the night did not meet again are not of the list any more."""
    rows = with_metrics(
        trending(H1, at(10), 1, upvotes=1),
        trending(H2, at(10, 6.6), 1, upvotes=2),
        trending(H3, at(10, 6.6), 2, upvotes=3),
    )
    sql = "select rank, paper_id, captured_at from trending_papers"
    assert ask(tmp_path, rows, sql) == [(1, "p2", at(10, 6.6)), (2, "p3", at(10, 6.6))]


def test_days_on_the_list(tmp_path: Path) -> None:
    """Days are counted once, whatever the nights and the gaps, and from the first one on."""
    day = date(2026, 11, 10)
    rows = with_metrics(
        trending(H1, at(10), 1),
        trending(H2, at(10), 2),
        # The same list day, captured again in the next night, and now without p2.
        trending(H1, at(11), 1, list_date=day),
        trending(H1, at(13), 2),
        trending(H2, at(13), 1),
        # A list that names no day counts for its night.
        trending(H1, at(14), 1, list_date=None),
    )
    found = ask(
        tmp_path,
        rows,
        "select list_date, night_date, paper_id, days_on_list, first_listed_date, is_last_of_day "
        "from trending_history order by night_date, rank",
    )
    assert found == [
        (day, day, "p1", 1, day, False),
        (day, day, "p2", 1, day, False),
        (day, date(2026, 11, 11), "p1", 1, day, True),
        (date(2026, 11, 13), date(2026, 11, 13), "p2", 2, day, True),
        (date(2026, 11, 13), date(2026, 11, 13), "p1", 2, day, True),
        (date(2026, 11, 14), date(2026, 11, 14), "p1", 3, day, True),
    ]


def test_trending_is_the_latest_capture_in_its_order(tmp_path: Path) -> None:
    """The latest list alone, by rank without being asked; a paper listed twice has its best rank."""
    rows = with_metrics(
        trending(H3, at(10), 1),
        trending(H2, at(11), 3),
        trending(H1, at(11), 2),
        trending("arxiv:1", at(11), 4).model_copy(update={"source": "huggingface"}),
        trending(H3, at(11), 1),
    )
    sql = "select rank, paper_id, listing_id, landing_page_url from trending_papers"
    assert ask(tmp_path, rows, sql) == [
        (1, "p3", H3, "https://hf/3"),
        (2, "p1", H1, "https://hf/1"),
        (3, "p2", H2, "https://hf/2"),
    ]


def test_of_two_sources_the_later_capture_is_trending(tmp_path: Path) -> None:
    """An API and a saved page of one night are two captures; the later one is shown."""
    page = "huggingface_page:x"
    rows = with_metrics(trending(H1, at(10), 1), trending(page, at(10, 9), 1))
    rows["listings"].append(lakes.listing(page))
    rows["memberships"].append(lakes.member(page, "p2"))
    sql = "select source, paper_id from trending_papers"
    assert ask(tmp_path, rows, sql) == [("huggingface_page", "p2")]


def test_an_entry_without_a_paper_is_only_in_the_metrics(tmp_path: Path) -> None:
    """A listing that belongs to no paper is neither trending nor of a day, and yet not lost."""
    rows = with_metrics(trending(H1, at(10), 1), lakes.metric(H1, at(10), rank=1))
    rows["memberships"] = []
    with lakes.opened(tmp_path, rows) as connection:
        assert connection.execute("from trending_history").fetchall() == []
        assert connection.execute("from daily_papers").fetchall() == []
        found = connection.execute(
            "select list, paper_id from paper_metrics order by list"
        ).fetchall()
    assert found == [("daily", None), ("trending", None)]


# Daily lists


def test_upvotes_then_and_now(tmp_path: Path) -> None:
    """Then is the first capture in that list that gave a number; now is the latest known anywhere."""
    day = date(2026, 11, 10)
    rows = with_metrics(
        lakes.metric(H1, at(10), rank=3),
        lakes.metric(H1, at(11), list_date=day, rank=2, upvotes=5),
        lakes.metric(H1, at(12), list_date=day, rank=1, upvotes=9),
        lakes.metric(H1, at(12), list_date=date(2026, 11, 12), rank=7, upvotes=9),
        trending(H1, at(13), 1, upvotes=20),
        lakes.metric(H2, at(13), list_date=None, rank=1, upvotes=2),
    )
    found = ask(
        tmp_path,
        rows,
        "select list_date, rank, paper_id, listing_id, upvotes_then, upvotes, first_captured_at, "
        "last_captured_at, landing_page_url from daily_papers order by list_date",
    )
    assert found == [
        (day, 1, "p1", H1, 5, 20, at(10), at(12), "https://hf/1"),
        (date(2026, 11, 12), 7, "p1", H1, 9, 20, at(12), at(12), "https://hf/1"),
    ]


# New papers


@pytest.mark.parametrize(
    ("values", "is_new"),
    [
        ({"submitted_date": date(2026, 10, 21)}, True),
        ({"submitted_date": date(2026, 10, 20)}, False),
        ({"submitted_date": date(2026, 11, 21)}, True),
        ({"publication_date": date(2026, 11, 1)}, True),
        ({"publication_date": date(2026, 1, 1)}, False),
        # A revision of this week of a paper of last year.
        ({"submitted_date": date(2025, 5, 5), "publication_date": date(2026, 11, 19)}, False),
        ({"submitted_date": date(2026, 11, 19), "publication_date": date(2020, 1, 1)}, True),
        ({}, False),
        ({"submitted_date": date(2026, 11, 19), "first_seen_kind": "import"}, False),
        ({"submitted_date": date(2026, 11, 19), "first_seen_kind": "backfill"}, False),
        ({"submitted_date": date(2026, 11, 19), "first_seen_kind": None}, False),
        ({"submitted_date": date(2026, 11, 19), "first_seen_date": None}, False),
    ],
)
def test_what_is_new(tmp_path: Path, values: dict[str, Any], is_new: bool) -> None:
    """New is what a night first saw within 30 days of its first version, and nothing else."""
    rows: dict[str, list[Row]] = {"papers": [lakes.paper("p1", H1, **values)]}
    assert ask(tmp_path, rows, "select paper_id from new_papers") == ([("p1",)] if is_new else [])


# Papers and listings


def test_papers_have_the_latest_metrics(tmp_path: Path) -> None:
    """Each number is the newest one given, whichever listing and list it came from."""
    rows = with_metrics(
        lakes.metric(H1, at(10), upvotes=5, comment_count=2, github_stars=50),
        trending(H1, at(11), 1, upvotes=4),
        lakes.metric("arxiv:1", at(12), list="cs", cited_by_count=3),
        lakes.metric(H1, at(9), upvotes=100, comment_count=100),
    )
    numbers = "upvotes, comment_count, github_stars, cited_by_count"
    with lakes.opened(tmp_path, rows) as connection:
        papers = connection.execute(f"select paper_id, {numbers} from papers order by 1").fetchall()
        found = connection.execute(
            f"select listing_id, {numbers} from listings where paper_id = 'p1' order by 1"
        ).fetchall()
    assert papers == [
        ("p1", 4, 2, 50, 3),
        ("p2", None, None, None, None),
        ("p3", None, None, None, None),
    ]
    assert found == [("arxiv:1", None, None, None, 3), (H1, 4, 2, 50, None)]


def test_papers_and_listings_are_readable_as_text(tmp_path: Path) -> None:
    """Names, categories, year and hash are told from the stored columns; what is empty is null."""
    sql = (
        "select authors_text, first_author, categories_text, year, text_hash from {} "
        "where {} order by 1"
    )
    expected = (
        "Ada Lovelace; Jürgen O'Neil",
        "Ada Lovelace",
        "cs.CL cs.LG",
        2026,
        hashlib.sha256(b"Engines that Weave\nWe weave.").hexdigest(),
    )
    empty = (None, None, None, 2003, hashlib.sha256(b"Title of p2\n").hexdigest())
    nothing = (None, None, None, None, hashlib.sha256(b"\n").hexdigest())
    with lakes.opened(tmp_path, lakes.small_rows()) as connection:
        assert connection.execute(sql.format("papers", "paper_id = 'p1'")).fetchall() == [expected]
        assert connection.execute(sql.format("papers", "paper_id = 'p2'")).fetchall() == [empty]
        found = connection.execute(
            sql.format("listings", "listing_id like '%2611.00001'")
        ).fetchall()
        assert found == [expected, expected]
        found = connection.execute(sql.format("listings", "is_withdrawn")).fetchall()
        assert found == [nothing]


def test_a_listing_tells_its_paper_or_none(tmp_path: Path) -> None:
    """Every listing is there; one withdrawn before its title was seen belongs to no paper."""
    sql = "select listing_id, paper_id, relation, matched_by from listings order by 1"
    assert ask(tmp_path, lakes.small_rows(), sql) == [
        ("arxiv:2611.00001", "p1", "same", "arxiv"),
        ("arxiv:2611.00009", None, None, None),
        ("arxiv:math/0309136", "p2", "same", None),
        ("huggingface:2611.00001", "p1", "same", "arxiv"),
        ("huggingface:2611.00003", "p3", "same", None),
    ]


def test_authors_have_their_positions(tmp_path: Path) -> None:
    """Positions run from 1 in the order of the paper, namesakes apart; no authors, no rows."""
    authors = (
        Author(name="B. Same", given="B.", family="Same", affiliation="Here"),
        Author(name="A. Other", orcid="0000-0002-1825-0097"),
        Author(name="B. Same", given="B.", family="Same"),
    )
    rows: dict[str, list[Row]] = {
        "papers": [lakes.paper("p1", H1, authors=authors), lakes.paper("p2", H2)]
    }
    assert ask(tmp_path, rows, "from authorships order by paper_id, position") == [
        ("p1", 1, "B. Same", "B.", "Same", None, "Here"),
        ("p1", 2, "A. Other", None, None, "0000-0002-1825-0097", None),
        ("p1", 3, "B. Same", "B.", "Same", None, None),
    ]


def test_identifiers_lead_to_listings_and_papers(tmp_path: Path) -> None:
    """One row an identifier of a listing, with the paper where there is one."""
    rows = lakes.small_rows()
    withdrawn = (Identifier(scheme="arxiv", value="2611.00009"),)
    rows["listings"][4] = rows["listings"][4].model_copy(update={"identifiers": withdrawn})
    sql = "select scheme, value, listing_id, paper_id from identifiers order by all"
    assert ask(tmp_path, rows, sql) == [
        ("arxiv", "2611.00001", "arxiv:2611.00001", "p1"),
        ("arxiv", "2611.00001", "huggingface:2611.00001", "p1"),
        ("arxiv", "2611.00009", "arxiv:2611.00009", None),
        ("doi", "10.1000/x", "arxiv:2611.00001", "p1"),
    ]


def test_what_is_stored_is_passed_on(tmp_path: Path) -> None:
    """Quarantine and redirects show what the tables hold."""
    rows: dict[str, list[Row]] = {
        "redirects": [Redirect(paper_id="p0", merged_into="p1", night_date=lakes.NIGHT)],
        "quarantine": [
            Quarantined(
                response_sha256="ab",
                position=-1,
                source="arxiv",
                reason="no title",
                where="page 1",
                night_date=lakes.NIGHT,
                quarantined_at=lakes.NOON,
            )
        ],
    }
    with lakes.opened(tmp_path, rows) as connection:
        assert connection.execute("from redirects").fetchall() == [("p0", "p1", lakes.NIGHT)]
        assert connection.execute("from quarantine").fetchall() == [
            ("ab", -1, "arxiv", "no title", "page 1", None, lakes.NIGHT, lakes.NOON)
        ]


def test_the_contract_names_these_columns(tmp_path: Path) -> None:
    """The columns that users were promised are there, in every view."""
    promised = {
        "papers": "paper_id, title, abstract, authors, authors_text, first_author, publication_date, "
        "year, submitted_date, updated_at, type, venue, doi, arxiv_id, arxiv_version, identifiers, "
        "primary_category, categories, categories_text, keywords, language, license, comments, "
        "journal_ref, report_no, is_open_access, is_retracted, is_withdrawn, primary_topic, tldr, "
        "tldr_source, organization, submitted_by, landing_page_url, pdf_url, code_url, code_source, "
        "project_url, thumbnail_url, upvotes, comment_count, github_stars, cited_by_count, "
        "listings_count, sources, first_seen_at, last_changed_at, text_hash",
        "listings": "raw_title, paper_id, edition_id, relation, matched_by, response_sha256, fetched_at, "
        "parser_version, authors_text, upvotes, text_hash",
        "authorships": "paper_id, position, name, given, family, orcid, affiliation",
        "identifiers": "listing_id, scheme, value, paper_id",
        "daily_papers": "list_date, rank, upvotes_then, upvotes, paper_id",
        "trending_papers": "rank, upvotes, upvotes_per_day, github_stars, github_stars_per_day, "
        "days_on_list, first_listed_date, paper_id",
        "new_papers": "first_seen_date, paper_id",
        "paper_metrics": "paper_id, rank, upvotes, captured_at",
        "sources": "source, list, watermark",
        "runs": "run_id, kind, night_date, started_at, ended_at, outcomes",
        "quarantine": "response_sha256, position, source, reason, excerpt",
        "snapshots": "snapshot, created_at, content_hash",
        "match_evidence": "left_id, right_id, is_joined, relation, score, evidence",
        "editions": "edition_id, paper_id, relation, is_main, type, venue, year, doi, listings_count, "
        "listing_ids",
        "related_papers": "paper_id, related_paper_id, relation, is_directed",
        "papers_history": "snapshot, paper_id, event, other_id, listing_ids",
    }
    with lakes.opened(tmp_path, {}) as connection:
        for view, columns in promised.items():
            connection.execute(f"select {columns} from {view}")
        zones = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main' "
            "and not internal and (column_name like '%\\_at' escape '\\' and "
            "data_type <> 'TIMESTAMP WITH TIME ZONE' "
            "or column_name like '%\\_date' escape '\\' and data_type <> 'DATE')"
        ).fetchall()
    assert zones == []


def test_keys_are_keys(tmp_path: Path) -> None:
    """On a lake with something everywhere, no view has two rows of one key."""
    rows = lakes.small_rows()
    key = "huggingface:2611.00001"
    rows["metrics"] = [
        make(key, at(day), rank=rank, upvotes=day)
        for day in (10, 11, 12)
        for rank, make in ((1, lakes.metric), (2, trending))
    ]
    with lakes.opened(tmp_path, rows) as connection:
        for view in load_views():
            names = ", ".join(f'"{name}"' for name in view.key)
            found = connection.execute(
                f"select {names}, count(*) from main.{view.name} group by all having count(*) > 1"
            ).fetchall()
            assert found == [], view.name


def test_numbers_of_metrics_are_read_only_when_asked_for(tmp_path: Path) -> None:
    """Counting papers, or looking one up without its numbers, reads the keys of metrics at most."""
    rows = with_metrics(lakes.metric(H1, at(10), upvotes=1))
    with lakes.opened(tmp_path, rows) as connection:
        for sql, reads in (
            ("select count(*) from papers", False),
            ("select title from papers where paper_id = 'p1'", False),
            ("select title from papers where publication_date >= date '2026-11-13'", False),
            ("select count(*) from new_papers", False),
            ("select title from listings where listing_id = 'arxiv:1'", False),
            ("select upvotes from papers where paper_id = 'p1'", True),
        ):
            plan = connection.execute(f"explain {sql}").fetchall()[0][1]
            assert ("captured_at" in plan or "upvotes" in plan) == reads, sql


def test_trending_is_joined_by_equality(tmp_path: Path) -> None:
    """No join of trending compares every row with every row, whatever DuckDB thinks of sizes."""
    rows = with_metrics(trending(H1, at(10), 1, upvotes=1))
    with lakes.opened(tmp_path, rows) as connection:
        plan = connection.execute("explain from trending_papers").fetchall()[0][1]
    words = re.sub(r"[\s_]+", " ", plan.lower())
    for bad in ("nested loop", "asof", "cross product", "piecewise", "blockwise"):
        assert bad not in words


# How the SQL is written


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sql_is_written_in_the_house_style(path: Path) -> None:
    """Lower case, a leading comment, 100 columns, no tabs, no blanks at the end, no semicolon."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0].startswith("-- ")
    if path.parent == VIEWS:
        header = [line for line in lines if line.startswith("--")]
        assert any(line.startswith("-- Grain: one row per ") for line in header)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for number, line in enumerate(lines, start=1):
        assert len(line) <= 100, (number, line)
        assert line == line.rstrip(), number
        assert "\t" not in line, number
    code = re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", text)
    assert code == code.lower()
    assert ";" not in code
    assert not re.search(r"\bselect \*,? *\n? *from lake\.", code), "columns are named"
    # A relation's and a column's new name follow an explicit `as`.
    assert not re.search(r"\b(?:from|join) (?:lake|main)\.\w+ (?!as\b|on\b|where\b)\w+", code)


def test_of_two_captures_of_a_day_the_later_is_the_list(tmp_path: Path) -> None:
    """Of two sources' captures of one day and night the later one is the list of the day."""
    rows = with_metrics(
        trending(H1, at(10, 6), 1),
        trending(H2, at(10, 9), 1).model_copy(update={"source": "huggingface_page"}),
    )
    sql = "select source, is_last_of_day from trending_history order by captured_at"
    assert ask(tmp_path, rows, sql) == [("huggingface", False), ("huggingface_page", True)]
    (latest,) = ask(tmp_path, rows, "select paper_id from trending_papers")
    assert latest == ("p2",)
