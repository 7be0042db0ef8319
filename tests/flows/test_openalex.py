"""The OpenAlex source: how it asks, what it reads, what it makes of it, and how it is refused."""

import contextlib
import gzip
import hashlib
import json
import logging
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml  # brought by prefect
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flows import fetching, health
from flows.importing import import_files
from flows.openalex_forms import abstract_of, parse, refusal
from flows.report import remarks
from flows.running import run_nightly
from flows.runs import Silent
from flows.sandbox import truth
from flows.sandbox.client import Sandbox
from flows.sandbox.served import openalex as served
from flows.sandbox.server import run_in_thread
from flows.sandbox.universe import Universe
from flows.settings import Settings, load_settings
from flows.source import Seen, Source, Window, load_sources
from flows.sources.openalex import SOURCE, off, secrets
from flows.validate import Problem, validate
from schemas.errors import BrokenResponseError, RefusedError, SettingsError
from schemas.paper import Listing, Metric, Run
from tests.flows.asking import NOW, Asked, FakeFetch, everything
from tests.flows.nights import night, rows, settings
from tests.flows.test_sandbox import dump
from tests.recordings import RECORDED, needs_recordings
from warehouse.responses import Response
from warehouse.snapshots import Lake

FORMATS = {item.name: item for item in SOURCE.formats}
BASE = SOURCE.base_url
KEY = "s3cret-Key/with+signs"
PLAN = json.dumps(
    {"error": "Plan upgrade required", "message": 'The "from_updated_date:2026-06-05" filter ...'}
).encode()


def work(key: str = "W2741809807", **more: Any) -> dict[str, Any]:
    """A work in full; keyword arguments win."""
    place = {
        "is_oa": True,
        "landing_page_url": "https://doi.org/10.7717/LOOM.4375",
        "pdf_url": "https://loom.example.org/4375.pdf",
        "source": {"id": "https://openalex.org/S1", "display_name": "Journal of Looms"},
        "license": "cc-by",
        "license_id": "https://openalex.org/licenses/cc-by",
        "version": "publishedVersion",
        "raw_type": "journal-article",
    }
    preprint = {**place, "landing_page_url": "http://arxiv.org/abs/2506.08007v2", "license": "mit"}
    return {
        "id": f"https://openalex.org/{key}",
        "doi": "https://doi.org/10.7717/LOOM.4375",
        "title": "On Looms",
        "display_name": "On <i>Looms</i> &amp; Engines",
        "publication_date": "2026-06-01",
        "ids": {
            "openalex": f"https://openalex.org/{key}",
            "mag": 2741809807,
            "pmid": "https://pubmed.ncbi.nlm.nih.gov/29456894",
            "pmcid": "https://www.ncbi.nlm.nih.gov/pmc/articles/5815332",
        },
        "language": "en",
        "primary_location": place,
        "best_oa_location": place,
        "locations": [place, preprint],
        "type": "article",
        "open_access": {"is_oa": True, "oa_status": "gold", "oa_url": None},
        "authorships": [
            {
                "author_position": "first",
                "author": {
                    "id": "https://openalex.org/A1",
                    "display_name": "Ada Lovelace",
                    "orcid": "https://orcid.org/0000-0002-1825-0097",
                },
                "raw_affiliation_strings": ["London", "Ockham"],
                "institutions": [{"display_name": "University of London"}],
            },
            {
                "author": {"display_name": None},
                "raw_author_name": "Charles Babbage",
                "institutions": [{"display_name": "Cambridge"}],
            },
            {"author": None, "raw_author_name": None},
        ],
        "cited_by_count": 382,
        "biblio": {"volume": "12", "issue": "3", "first_page": "45", "last_page": "67"},
        "is_retracted": True,
        "is_paratext": False,
        "primary_topic": {"id": "https://openalex.org/T1", "display_name": "Weaving"},
        "keywords": [{"display_name": "Looms", "score": 0.5}, {"keyword": "Looms"}],
        "abstract_inverted_index": {"We": [0], "weave": [1, 3], "and": [2]},
        "updated_date": "2026-06-11T05:29:33.219541",
        "created_date": "2026-06-02",
        **more,
    }


def page(*works: Any, cursor: str | None = None, **meta: Any) -> bytes:
    """An answer of `/works`."""
    told = {"count": len(works), "per_page": 100, "next_cursor": cursor, **meta}
    return json.dumps({"meta": told, "results": works, "group_by": []}).encode()


def response(body: bytes, url: str = BASE, context: Mapping[str, Any] | None = None) -> Response:
    """An answer as it is kept."""
    return Response(url, 200, {}, body, hashlib.sha256(body).hexdigest(), NOW, context or {})


def read(body: bytes) -> tuple[list[Listing], list[Metric], list[Problem], list[str]]:
    """Parse, validate and normalize a body as the pipeline does."""
    sound, problems, warnings = validate(parse(body), FORMATS, set())
    found: list[Listing] = []
    metrics: list[Metric] = []
    for raw, record in sound:
        seen = Seen(response(body), raw.format, raw.position, NOW.date(), 1)
        row, said = SOURCE.listing(record, seen)
        found.append(row)
        metrics += said
    return found, metrics, problems, warnings


def read_one(body: bytes) -> Listing:
    """The only work of a body, read without a problem."""
    (row,), _, problems, warnings = read(body)
    assert (problems, warnings) == ([], [])
    return row


# ---------------------------------------------------------------------------------------- records


def test_a_work_becomes_a_listing() -> None:
    """Each field of a work lands in its column, and its citations in a metric without a list day."""
    body = page(work())
    (row,), (metric,), problems, warnings = read(body)
    assert (problems, warnings) == ([], [])
    assert (row.listing_id, row.source_id) == ("openalex:W2741809807", "W2741809807")
    assert (row.raw_title, row.title) == ("On <i>Looms</i> &amp; Engines", "On Looms & Engines")
    assert row.abstract == "We weave and weave"
    assert [(a.name, a.orcid, a.affiliation) for a in row.authors] == [
        ("Ada Lovelace", "0000-0002-1825-0097", "London"),
        ("Charles Babbage", None, "Cambridge"),
    ]
    assert (row.publication_date, row.submitted_date) == (date(2026, 6, 1), None)
    assert (row.type, row.venue, row.language) == ("article", "Journal of Looms", "en")
    assert (row.doi, row.arxiv_id, row.arxiv_version) == ("10.7717/loom.4375", "2506.08007", None)
    assert [(i.scheme, i.value) for i in row.identifiers] == [
        ("arxiv", "2506.08007"),
        ("doi", "10.7717/loom.4375"),
        ("mag", "2741809807"),
        ("openalex", "W2741809807"),
        ("pmcid", "PMC5815332"),
        ("pmid", "29456894"),
    ]
    # Which version of CC BY it is, OpenAlex does not say.
    assert row.license is None
    assert row.journal_ref == "Journal of Looms 12(3), 45-67 (2026)"
    assert (row.is_open_access, row.is_retracted, row.is_withdrawn) == (True, True, False)
    assert (row.primary_topic, row.keywords) == ("Weaving", ("Looms",))
    assert row.landing_page_url == "https://doi.org/10.7717/LOOM.4375"
    assert row.pdf_url == "https://loom.example.org/4375.pdf"
    assert row.source_modified_at == datetime(2026, 6, 11, 5, 29, 33, 219541, tzinfo=UTC)
    assert (metric.cited_by_count, metric.list, metric.list_date) == (382, "file", None)
    assert (metric.rank, metric.listing_id) == (None, row.listing_id)
    assert FORMATS["openalex-work"].lacks == {"is_withdrawn"}


def test_nearly_everything_may_be_null() -> None:
    """A work of which only id and title are known is a listing, modified when it was fetched."""
    sparse = dict.fromkeys(work()) | {
        "id": "https://openalex.org/W1",
        "display_name": "A",
    }
    row = read_one(page(sparse))
    assert (row.title, row.landing_page_url) == ("A", "https://openalex.org/W1")
    assert (row.source_modified_at, row.is_open_access, row.doi) == (NOW, None, None)
    assert read_one(page({"id": "https://openalex.org/W1", "title": "A"})).journal_ref is None


@pytest.mark.parametrize(
    ("told", "crossref", "expected"),
    [
        ("article", "journal-article", "article"),
        ("article", "proceedings-article", "proceedings-article"),
        ("article", "posted-content", "preprint"),
        ("article", "text", "article"),
        ("preprint", "posted-content", "preprint"),
        ("review", "journal-article", "review"),
        ("dataset", "component", "dataset"),
        ("conference-paper", None, "proceedings-article"),
        (None, "proceedings-article", "proceedings-article"),
        (None, None, None),
    ],
)
def test_kinds_of_work(told: str | None, crossref: str | None, expected: str | None) -> None:
    """An article is made more exact by Crossref's word for it; the other kinds stand."""
    row = read_one(page(work(type=told, primary_location={"raw_type": crossref})))
    assert row.type == expected
    old = work(type=told, type_crossref=crossref, primary_location=None)
    assert read_one(page(old)).type == expected
    assert read_one(page(work(type=told, is_paratext=True))).type == "paratext"


@pytest.mark.parametrize(
    ("fields", "doi", "arxiv"),
    [
        ({"doi": "https://doi.org/10.48550/arxiv.2506.08007"}, None, "2506.08007"),
        ({"doi": None, "ids": {"doi": "https://doi.org/10.1/a"}}, None, None),
        ({"doi": None, "ids": {"doi": "https://doi.org/10.1000/A"}}, "10.1000/a", None),
        ({"locations": [{"pdf_url": "https://arxiv.org/pdf/math/0309136"}]}, None, "math/0309136"),
        ({"locations": [{"landing_page_url": "https://arxiv.org/help"}]}, None, None),
    ],
)
def test_where_identifiers_are_found(
    fields: dict[str, Any], doi: str | None, arxiv: str | None
) -> None:
    """ArXiv's own DOI is an arXiv id; else the id comes from a location there."""
    bare: dict[str, Any] = {"doi": None, "ids": None, "locations": None}
    places = {"primary_location": None, "best_oa_location": None}
    row = read_one(page(work(**(bare | places | fields))))
    assert (row.doi, row.arxiv_id) == (doi, arxiv)


@pytest.mark.parametrize(
    ("biblio", "venue", "expected"),
    [
        ({"volume": "12"}, "J", "J 12 (2026)"),
        ({"volume": "12", "first_page": "4", "last_page": "4"}, None, "12, 4 (2026)"),
        ({"first_page": "e12"}, "J", "J, e12 (2026)"),
        ({"volume": "12", "issue": "Spring"}, "J", "J 12(Spring) (2026)"),
        ({"issue": "3"}, "J", None),
        ({}, "J", None),
    ],
)
def test_the_reference_is_put_together(
    biblio: dict[str, str], venue: str | None, expected: str | None
) -> None:
    """Venue, volume, issue, pages and year in one fixed form, as far as they are known."""
    place = {"source": {"display_name": venue}}
    assert read_one(page(work(biblio=biblio, primary_location=place))).journal_ref == expected


def test_the_placeholder_of_deleted_works_is_no_work() -> None:
    """It is left out, alone, among others and in lines, and is no problem."""
    gone = work("W4285719527", display_name="Deleted Work")
    bodies = [
        page(gone, work()),
        b"\n".join(json.dumps(item).encode() for item in (gone, work())),
    ]
    for body in bodies:
        assert read_one(body).source_id == "W2741809807"
    assert parse(json.dumps(gone).encode()) == []


def test_works_that_cannot_be_trusted_are_put_aside() -> None:
    """Wrong kinds, foreign keys and endless texts cost the work, with a reason."""
    bad: list[Any] = [
        {key: value for key, value in work().items() if key != "id"},
        work("../../etc"),
        work(cited_by_count="many"),
        work(cited_by_count=-1),
        work(abstract_inverted_index={"a": "0"}),
        work(abstract_inverted_index={"a": [-1]}),
        work(abstract_inverted_index={"a": [1.5]}),
        work(abstract_inverted_index={"word": list(range(30_000))}),
        work(updated_date="yesterday"),
        work(display_name="x" * 6_000),
        [1],
        None,
    ]
    found, _, problems, warnings = read(page(*bad, work(novelty=1)))
    assert [row.source_id for row in found] == ["W2741809807"]
    assert warnings == ["unknown field novelty ignored"]
    assert [problem.reason for problem in problems] == [
        "id: is missing",
        "id: does not have the expected form, got 'https://openalex.org/../../etc'",
        "cited_by_count: should be an integer, got a string",
        "cited_by_count: should be at least 0, got -1",
        "abstract_inverted_index.a: should be a list, got a string",
        "abstract_inverted_index.a[0]: should be at least 0, got -1",
        "abstract_inverted_index.a[0]: should be an integer, got a decimal number",
        "abstract_inverted_index: stands for more than 100,000 characters",
        "updated_date: does not have the expected form, got 'yesterday'",
        "display_name: is longer than 5,000 characters (6,000)",
        "should be an object, got a list",
        "should be an object, got null",
    ]
    assert problems[1].where == "results[1].id"


# -------------------------------------------------------------------------------------- abstracts


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1), max_size=60))
def test_an_inverted_abstract_is_turned_back(words: list[str]) -> None:
    """Inverting a text and reading the index gives the words in their order again."""
    index: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        index.setdefault(word, []).append(place)
    assert abstract_of(index) == " ".join(words)


@given(
    st.dictionaries(st.text(max_size=8), st.lists(st.integers(0, 10**30), max_size=8), max_size=20)
)
def test_any_index_is_read(index: dict[str, list[int]]) -> None:
    """Huge, repeated and missing positions cost nothing: each mention of a word is in the text once."""
    mentioned = [word for word, places in index.items() for _ in places]
    text = abstract_of(index)
    assert len(text) == max(sum(map(len, mentioned)) + len(mentioned) - 1, 0)
    if all(word and not set(word) & {" "} for word in mentioned):
        assert sorted(text.split(" ") if text else []) == sorted(mentioned)


# ---------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"<!doctype html>\n<title>404 Not Found</title>", "it begins with '<!doctype html>"),
        (b"[1]", "is not a JSON object"),
        (b'{"error": "Invalid query", "message": "no"}', "is an error, Invalid query: no"),
        (b'{"meta": {}, "group_by": []}', "is a count, not a list"),
        (b'{"results": 3}', "no list of works"),
        (b'{"id": "https://openalex.org/W1"', "is not JSON"),
        (b'{\n"id": "\xff"\n}', "is not JSON"),
    ],
)
def test_what_is_no_list_of_works_stops_the_source(body: bytes, words: str) -> None:
    """An answer without works is refused with what it is."""
    with pytest.raises(BrokenResponseError, match=words):
        parse(body)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    """Whatever comes, parse returns records or refuses the answer, and refusals are told or not."""
    for prefix in (b"", b"{", b'{"results": [', b'{"id": "1"}\n'):
        refusal(429, {}, prefix + body)
        try:
            raws = parse(prefix + body)
        except BrokenResponseError:
            continue
        validate(raws, FORMATS, set())


BUDGET = b'{"error": "Rate limit exceeded", "message": "Insufficient budget. This request ..."}'
RATE = (
    b'{"error": "Rate limit exceeded", "message": "Rate limit exceeded: 30 requests per second."}'
)


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (429, {}, PLAN, "plan"),
        (403, {}, b'{"message": "from_updated_date needs a paid plan"}', "plan"),
        (400, {}, b'{"message": "from_created_date wants a Premium subscription"}', "plan"),
        (400, {}, b'{"message": "from_updated_date is not a date"}', None),
        (429, {"retry-after": "53578"}, BUDGET, "budget"),
        (429, {"x-ratelimit-remaining": "0"}, b"<html>", "budget"),
        (429, {"x-ratelimit-remaining": "0"}, RATE, None),
        (429, {"x-ratelimit-remaining": "812", "retry-after": "1"}, RATE, None),
        (429, {}, b"<html>Too Many Requests</html>", None),
        (401, {}, b'{"error": "Invalid or missing API key"}', "key"),
        (404, {}, b"<!doctype html><title>404 Not Found</title>", None),
        (503, {}, BUDGET, None),
    ],
)
def test_refusals_are_told_apart(
    status: int, headers: dict[str, str], body: bytes, kind: str | None
) -> None:
    """A plan that is wanted, a spent budget, a wrong key: no waiting helps; too fast is no refusal."""
    found = refusal(status, headers, body)
    assert (found and found.kind) == kind


def test_a_spent_budget_says_until_when() -> None:
    """The sentence names the time of renewal, and what leaves more."""
    found = refusal(429, {"retry-after": "3600"}, BUDGET)
    assert found is not None
    until = datetime.now(UTC) + timedelta(hours=1)
    assert f"spent until {until:%Y-%m-%d %H}:" in found.reason
    assert "PAPERLAKE_OPENALEX_LISTS" in found.reason


# ----------------------------------------------------------------------------------------- asking


def window(*, is_open: bool = True) -> Window:
    """Eight days of the default list."""
    (spec,) = SOURCE.lists(Settings())
    return Window(spec, date(2026, 6, 5), date(2026, 6, 12), is_open, NOW)


def ask(fetch: FakeFetch, *, is_open: bool = True) -> list[Response]:
    """Everything the source yields for a window; it asks for works only."""
    try:
        return everything(SOURCE, fetch, window(is_open=is_open))
    finally:
        assert {asked.path for asked in fetch.asked} == {"works"}


def test_pages_follow_the_cursors() -> None:
    """Each cursor leads to the next page, until there is none; only what is used is selected."""
    pages = {
        "*": page(work("W1"), work("W2"), cursor="a==", count=5),
        "a==": page(work("W3"), work("W4"), cursor="b", count=5),
        "b": page(work("W5"), count=5),
    }
    fetch = FakeFetch(SOURCE, lambda asked: pages[asked.query["cursor"]])
    assert [item.context["page"] for item in ask(fetch)] == [0, 1, 2]
    assert [asked.query["cursor"] for asked in fetch.asked] == ["*", "a==", "b"]
    assert fetch.asked[0].query["filter"] == (
        "primary_topic.subfield.id:1702|1707,is_paratext:false,from_updated_date:2026-06-05"
    )
    assert fetch.asked[0].query["per-page"] == 100
    fields = set(fetch.asked[0].query["select"].split(","))
    assert {"id", "abstract_inverted_index", "cited_by_count"} <= fields
    assert "referenced_works" not in fields
    fetch = FakeFetch(SOURCE, lambda _: page())
    ask(fetch, is_open=False)
    assert fetch.asked[0].query["filter"].endswith("05,to_updated_date:2026-06-13")
    assert fetch.warnings == []


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({"*": ("W1", "a"), "a": ("W2", "*")}, "cursor that leads back"),
        ({"*": ("W1", "a"), "a": ("W2", "b"), "b": ("W3", "a")}, "cursor that leads back"),
        ({"*": ("W1", "a"), "a": ("W1", "b")}, "the same page twice"),
        ({"*": ("W1", 7)}, "cursor that leads back"),
        ({"*": ("W1", "a"), "a": (None, None)}, "ends after 1 of 100 works"),
        ({"*": (None, None)}, "ends after 0 of 100 works"),
    ],
)
def test_loops_and_short_lists_stop_the_source(pages: dict[str, Any], words: str) -> None:
    """A cursor that was seen, a page that was seen, and a list that ends early fail the window."""

    def body(asked: Asked) -> bytes:
        key, cursor = pages[asked.query["cursor"]]
        return page(*([work(key)] if key else []), cursor=cursor, count=100)

    fetch = FakeFetch(SOURCE, body)
    with pytest.raises(BrokenResponseError, match=words):
        ask(fetch)
    assert len(fetch.asked) <= 3


def refusing(asked: Asked) -> bytes:
    """Refuses what only a plan pays for."""
    if "updated_date" in asked.query["filter"]:
        raise RefusedError("no plan.", refusal="plan")
    return page(work())


def test_without_a_plan_the_last_days_of_publication_are_read() -> None:
    """The refusal is told in the run, and the rolling window is read, no further than today."""
    fetch = FakeFetch(SOURCE, refusing)
    (only,) = ask(fetch)
    assert only.context["asked_by"] == "published"
    assert (
        fetch.asked[1]
        .query["filter"]
        .endswith("from_publication_date:2026-05-13,to_publication_date:2026-06-12")
    )
    (warning,) = fetch.warnings
    assert "published from 2026-05-13 to 2026-06-12" in warning
    assert "is missed" in warning
    fetch = FakeFetch(SOURCE, refusing)
    ask(fetch, is_open=False)
    assert (
        fetch.asked[1]
        .query["filter"]
        .endswith("from_publication_date:2026-06-05,to_publication_date:2026-06-12")
    )


def test_another_refusal_is_passed_on() -> None:
    """A spent budget is no reason to ask otherwise."""

    def spent(_: Asked) -> bytes:
        raise RefusedError("spent.", refusal="budget")

    fetch = FakeFetch(SOURCE, spent)
    with pytest.raises(RefusedError, match="spent"):
        ask(fetch)
    assert len(fetch.asked) == 1


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({"x-ratelimit-remaining": "8", "x-ratelimit-onetime-remaining": "0"}, True),
        ({"x-ratelimit-remaining": "8"}, True),
        ({"x-ratelimit-remaining": "8", "x-ratelimit-onetime-remaining": "1"}, False),
        ({"x-ratelimit-remaining": "9"}, False),
        ({"x-ratelimit-remaining": "80", "x-ratelimit-credits-used": "10"}, True),
        ({"x-ratelimit-remaining": "90", "x-ratelimit-credits-used": "10"}, False),
        ({"x-ratelimit-remaining": "none"}, False),
        ({}, False),
    ],
)
def test_a_window_that_the_budget_does_not_reach_through_is_not_begun(
    headers: dict[str, str], is_refused: bool
) -> None:
    """Of 1,000 works nine more pages follow: without budget for them no second page is asked for."""
    fetch = FakeFetch(SOURCE, lambda _: (page(work(), cursor="a", count=1_000), headers))
    with pytest.raises((RefusedError, BrokenResponseError)) as error:
        ask(fetch)
    assert isinstance(error.value, RefusedError) == is_refused
    assert len(fetch.asked) == (1 if is_refused else 2)
    if is_refused:
        assert error.value.facts["refusal"] == "budget"
        assert "budget has 8 of them left" in str(error.value)


# --------------------------------------------------------------------------------------- settings


def test_lists_are_read_from_the_settings() -> None:
    """Each name=filter is a list of its own; blanks around them do not count."""
    given = " ml = primary_topic.id:T10028|T10320 ;rev=type:!review,cited_by_count:>10; "
    own = Settings(of_sources={"openalex_lists": given, "openalex_window_days": "14"})
    assert [(spec.name, spec.query, spec.rolling_days) for spec in SOURCE.lists(own)] == [
        ("ml", "primary_topic.id:T10028|T10320", 14),
        ("rev", "type:!review,cited_by_count:>10", 14),
    ]
    assert [spec.name for spec in SOURCE.lists(Settings())] == ["ai"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lists", "type:article", "is no name for a list"),
        ("lists", "../x=type:article", "is no name for a list"),
        ("lists", "a=type:article;a=type:book", "the list 'a' is given twice"),
        ("lists", "a=", "'' of the list 'a' is no condition"),
        ("lists", "a=type", "'type' of the list 'a' is no condition"),
        ("lists", "a=type:x&api_key=1", "is no condition"),
        ("lists", "a=from_updated_date:2026-01-01", "chosen by the nights"),
        ("lists", " ; ", "at least 1 item"),
        ("window_days", "0", "greater than or equal to 1"),
        ("key", "two words", "must be ASCII without spaces"),
    ],
)
def test_wrong_settings_are_explained(name: str, value: str, words: str) -> None:
    """The error names the variable and what is wrong, and no key."""
    with pytest.raises(SettingsError, match=words) as error:
        SOURCE.lists(Settings(of_sources={f"openalex_{name}": value}))
    assert str(error.value).startswith(f"PAPERLAKE_OPENALEX_{name.upper()}: ")
    assert "two words" not in str(error.value)


def test_without_a_key_it_is_off() -> None:
    """The reason says where a key is had; with one it is on, and the key goes into the query."""
    reason = off(Settings())
    assert reason is not None
    assert "PAPERLAKE_OPENALEX_KEY" in reason
    assert "free" in reason
    own = Settings(of_sources={"openalex_key": KEY})
    assert off(own) is None
    assert secrets(own) == {"api_key": KEY}
    assert secrets(Settings()) == {}
    assert KEY not in repr(own.of("openalex", SOURCE.settings or Settings))


# ---------------------------------------------------------------------------------------- sandbox

GOLDEN = "1b94cd3becb3c7df2c90ff2031ccf3c52c0a33125a9330c9c2dbaeb4b00ac6a2"
"""Hash of a small universe and what OpenAlex tells of it: the same on every machine and Python."""


def test_same_seed_same_works() -> None:
    """Seed, size and night decide what OpenAlex lists."""
    assert dump(Universe(7, 60), 4, ["openalex"]) == GOLDEN


def test_the_sandbox_lists_every_kind_of_work() -> None:
    """Works known by the preprint, by the published form and by both; retracted, damaged, not yet there."""
    universe = Universe(1, 1500)
    found = served.entries(universe, 30)
    sound = [entry for entry in found if entry.work is not None]
    kinds = {(entry.has_preprint, entry.is_published) for entry in sound}
    assert kinds == {(True, False), (True, True), (False, True)}
    assert any(entry.is_retracted for entry in sound)
    assert any(not entry.has_abstract for entry in sound)
    assert {entry.damage for entry in found} == {None, *served.DAMAGE}
    assert {row["reason_hint"] for row in truth.quarantined(universe, 0)} >= set(
        served.DAMAGE.values()
    )
    assert all(entry.updated_at.date() <= universe.night_date(30) for entry in found)
    earlier = {entry.key: entry for entry in served.entries(universe, 29) if entry.work}
    moved = [entry for entry in sound if entry != earlier.get(entry.key)]
    assert moved
    for entry in sound:
        before = earlier.get(entry.key)
        if before is not None:
            assert before.updated_at <= entry.updated_at
            assert before.cited_by_count <= entry.cited_by_count
            assert (before == entry) == (before.updated_at == entry.updated_at)


@pytest.fixture(scope="module")
def small() -> Iterator[tuple[Universe, str]]:
    """A sandbox whose first window has several pages."""
    universe = Universe(seed=4, papers=1200)
    with run_in_thread(universe) as url:
        yield universe, url


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("works?per-page=101&cursor=*", 400, "per-page parameter must be between 1 and 100"),
        ("works?cursor=bm8=", 400, "Invalid cursor value"),
        ("works?cursor=%FF", 400, "Invalid cursor value"),
        ("works?filter=author_name:x", 400, "author_name is not a valid field"),
        ("works?filter=from_updated_date:soon", 400, "must be a date"),
        ("works?group=x", 400, "group is not a valid parameter"),
        ("works?select=everything", 400, "not a valid select field"),
        ("works/W1", 404, "<h1>Not Found</h1>"),
        ("gone/works", 404, "<h1>Not Found</h1>"),
        ("free/works?filter=from_updated_date:2026-03-01", 429, "Plan upgrade required"),
        ("free/works?filter=from_publication_date:2026-03-01", 200, '"results":['),
        ("spent/works", 429, "Insufficient budget"),
    ],
)
def test_the_sandbox_refuses_as_openalex_does(
    small: tuple[Universe, str], path: str, status: int, words: str
) -> None:
    """Errors are JSON with error and message, unknown works a page of HTML."""
    answer = httpx.get(f"{small[1]}/openalex/{path}")
    assert answer.status_code == status
    assert words in answer.text
    is_page = status == 404
    assert answer.headers["content-type"].startswith("text/html" if is_page else "application/json")


def test_a_single_work_and_a_merged_one(small: tuple[Universe, str]) -> None:
    """A work is had by its key; one that was merged leads on to the other."""
    universe, url = small
    key = next(entry.key for entry in served.entries(universe, 0) if entry.work)
    told = httpx.get(f"{url}/openalex/works/{key}")
    assert read_one(told.content).source_id == key
    merged = httpx.get(f"{url}/openalex/works/W68{key[3:]}", follow_redirects=True)
    assert merged.json()["id"].endswith(key)
    assert len(merged.history) == 1


@contextlib.contextmanager
def in_mode(mode: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The sandbox serves OpenAlex in one of its modes."""
    own = Sandbox.base_url

    def base_url(sandbox: Sandbox, source: Source) -> str:
        return own(sandbox, source) + (f"/{mode}" if source.name == "openalex" else "")

    with patch.context() as inner:
        inner.setattr(Sandbox, "base_url", base_url)
        yield


def only(lake: Path, url: str, **options: Any) -> Any:
    """A night of this source alone: its run, and its one outcome."""
    run = night(lake, url, source_names=["openalex"], **options)
    (outcome,) = run.outcomes
    return run, outcome


def test_a_night_reads_every_page(small: tuple[Universe, str], lake_path: Path) -> None:
    """Several pages are one window; its listings, citations and problems are the truth's."""
    universe, url = small
    run, outcome = only(lake_path, url)
    assert (run.state, outcome.n_responses > 1) == ("published", True)
    told = [row for row in truth.listings(universe, 0) if row["source"] == "openalex"]
    assert outcome.n_new == len(told) > 100
    mine = rows(lake_path, "select listing_id, cited_by_count from lake.metrics")
    assert {(row["listing_id"], row["cited_by_count"]) for row in mine} == {
        (row["listing_id"], row["cited_by_count"])
        for row in truth.metrics(universe, 0)
        if row["source"] == "openalex"
    }
    hints = [row for row in truth.quarantined(universe, 0) if row["source"] == "openalex"]
    assert outcome.n_quarantined == len(hints) == len(served.DAMAGE)
    (watermark,) = rows(lake_path, "select watermark from sources where source = 'openalex'")
    assert watermark["watermark"] == universe.now(0)
    (retracted,) = rows(lake_path, "select count(*) as n from papers where cited_by_count > 0")
    assert retracted["n"] > 0


def test_a_night_without_a_plan_says_what_it_misses(
    small: tuple[Universe, str], lake_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was published in 30 days is read, with a warning; tomorrow again, and a plan later goes on."""
    universe, url = small
    with in_mode("free", monkeypatch):
        run, outcome = only(lake_path, url)
        assert (run.exit_code, outcome.state) == (0, "ok")
        assert any("2026-02-01 to 2026-03-03 were read instead" in text for text in run.warnings)
        first, today = universe.night_date(0) - timedelta(days=30), universe.night_date(0)
        expected = {
            f"openalex:{entry.key}"
            for entry in served.entries(universe, 0)
            if entry.work
            and entry.subfield in served.SUBFIELDS
            and first <= entry.publication_date <= today
        }
        known = rows(lake_path, "select listing_id, publication_date from lake.listings")
        assert {row["listing_id"] for row in known} == expected
        assert len(expected) > 100
        again, outcome = only(lake_path, url)
        assert any("2026-02-02 to 2026-03-04" in text for text in again.warnings)
        assert outcome.n_unchanged > 0
    run, _ = only(lake_path, url)
    assert not any("were read instead" in text for text in run.warnings)
    start = served.window_start(universe, 2)
    changed = {
        f"openalex:{entry.key}"
        for entry in served.entries(universe, 2)
        if entry.work and entry.subfield in served.SUBFIELDS and entry.updated_at.date() >= start
    }
    known = rows(lake_path, "select listing_id from lake.listings")
    assert changed <= {row["listing_id"] for row in known}


def test_a_spent_budget_ends_the_source_for_the_night(
    small: tuple[Universe, str], lake_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request, no waiting, a sentence that says until when; the next night reads what was left."""
    url = small[1]
    started = time.monotonic()
    with in_mode("spent", monkeypatch):
        run, outcome = only(lake_path, url)
    assert time.monotonic() - started < 15
    assert (run.exit_code, outcome.state, outcome.n_fetched) == (1, "failed", 0)
    assert "the day's budget is spent until" in outcome.problem
    with in_mode("poor", monkeypatch):
        run, outcome = only(lake_path, url)
    assert outcome.state == "failed"
    assert "today's budget has 1 of them left" in outcome.problem
    run, outcome = only(lake_path, url)
    assert (run.state, outcome.n_new > 100) == ("published", True)


def test_too_many_requests_a_second_are_waited_for(
    lake_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page that is refused as too fast is asked for again, and the night is whole."""
    # A second is waited for each page.
    with run_in_thread(Universe(seed=4, papers=550)) as url, in_mode("busy", monkeypatch):
        run, outcome = only(lake_path, url)
    assert (run.exit_code, outcome.state) == (0, "ok")
    n = outcome.n_responses
    assert n > 1
    assert f"openalex ai: {n} requests had to be repeated." in run.warnings


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("circling", "the same page twice"),
        ("short", "works: try again later"),
        ("gone", "it is not there, or has moved"),
    ],
)
def test_a_list_that_misleads_publishes_nothing(
    mode: str,
    words: str,
    small: tuple[Universe, str],
    lake_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cursors in a circle, a list cut short, a page of HTML: the window fails and nothing is kept of it."""
    with in_mode(mode, monkeypatch):
        run, outcome = only(lake_path, small[1])
    assert (run.exit_code, outcome.state) == (1, "failed")
    assert words in outcome.problem
    assert Lake(lake_path).manifest() is None


@pytest.mark.parametrize("mode", ["", "spent"])
def test_the_key_is_nowhere_on_the_disk(
    mode: str,
    small: tuple[Universe, str],
    lake_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a night with a key, neither the lake nor the log nor what is said of the run holds it."""
    sent: list[str] = []
    own = fetching.Fetcher._exchange

    async def noted(self: fetching.Fetcher, url: httpx.URL) -> Any:
        sent.append(str(url))
        return await own(self, url)

    monkeypatch.setattr(fetching.Fetcher, "_exchange", noted)
    monkeypatch.setenv("PAPERLAKE_OPENALEX_KEY", KEY)
    with caplog.at_level(logging.DEBUG), in_mode(mode, monkeypatch):
        run, outcome = only(lake_path, small[1])
    assert (outcome.state == "failed") == (mode == "spent")
    hidden = quote(KEY, safe="")
    assert sent
    assert all(f"api_key={hidden}" in url for url in sent)
    for form in (KEY, hidden, quote(KEY)):
        assert form not in caplog.text
        assert form not in repr(run)
        for path in lake_path.parent.rglob("*"):
            if path.is_file():
                body = path.read_bytes()
                assert form.encode() not in body, path
                if path.suffix == ".zst" or body.startswith(b"\x28\xb5\x2f\xfd"):
                    assert form.encode() not in unpacked(body), path


def unpacked(body: bytes) -> bytes:
    """Every frame of a pack of responses."""
    with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as frames:
        return frames.read()


def test_a_night_without_a_key_goes_on_without_it(
    small: tuple[Universe, str], lake_path: Path
) -> None:
    """Real sources and no key: the night reports it as off; named on its own it is refused."""
    real = load_settings(
        lake=lake_path,
        state_dir=lake_path.parent / "shared",
        base_urls={name: f"{small[1]}/night/0/{name}" for name in load_sources()}
        | {"arxiv": f"{small[1]}/night/0/arxiv/oai"},
        arxiv_sets=("eess",),
        attempts=1,
    )
    with pytest.raises(SettingsError, match="openalex is off: it wants a key, which is free"):
        run_nightly(real, use_prefect=False, source_names=["openalex"])
    said: list[str] = []

    class Watch(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    run = run_nightly(real, use_prefect=False, report=Watch())
    (outcome,) = (item for item in run.outcomes if item.source == "openalex")
    assert (outcome.state, outcome.n_responses) == ("off", 0)
    assert "set PAPERLAKE_OPENALEX_KEY" in (outcome.problem or "")
    assert any("openalex is off" in line for line in remarks(run))
    assert any("requests" in line for line in said)
    assert not any("openalex" in line for line in said if line.startswith("Expecting"))
    told = {row["source"]: row["off"] for row in health.sources(real, Lake(lake_path))}
    assert told["openalex"].startswith("openalex is off")
    assert told["arxiv"] is None
    # What is off does not hide what went wrong: these sources list nothing at the test's own date.
    assert run.exit_code == 4
    (last, *_) = health.status(load_settings(), Lake(lake_path))["last_runs"]
    assert "huggingface" in last["problem"]


# ----------------------------------------------------------------------------------------- import


def put(lake: Path, *paths: Path) -> Run:
    """An import."""
    return import_files(settings(lake), "openalex", paths)


def test_files_are_read_in_every_form(tmp_path: Path, lake_path: Path) -> None:
    """Answers, a single work, an indented one, lines and gzip of lines; no list day is missed."""
    forms = {
        "list.json": page(work("W1"), work("W2")),
        "one.json": json.dumps(work("W3")).encode(),
        "indented.json": json.dumps(work("W4"), indent=2).encode(),
        "part_000.gz": gzip.compress(
            b"".join(json.dumps(work(f"W{n}")).encode() + b"\n" for n in range(10, 1_210))
        ),
        "lines.jsonl": json.dumps(work("W5")).encode() + b'\n{"id": \n' + b"\n",
    }
    paths = []
    for name, body in forms.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(body)
    run = put(lake_path, *paths)
    (outcome,) = run.outcomes
    assert (run.state, run.warnings) == ("published", ())
    assert (outcome.n_new, outcome.n_quarantined, outcome.n_responses) == (1_205, 1, 6)
    (row,) = rows(lake_path, 'select reason, "where" from lake.quarantine')
    assert row["reason"].startswith("is not a JSON object")
    assert "line 2" in row["where"]
    # All of these have the same DOI, so they are one paper.
    (paper,) = rows(lake_path, "select listings_count, cited_by_count, is_retracted from papers")
    assert paper == {"listings_count": 1_205, "cited_by_count": 382, "is_retracted": True}
    assert put(lake_path, *paths).state == "unchanged"


def recorded() -> dict[str, tuple[int, bytes]]:
    """Status and body of each recorded answer."""
    found = {}
    for path in sorted((RECORDED / "openalex").glob("*.yaml")):
        (told,) = yaml.safe_load(path.read_text())["interactions"]
        body = told["response"]["body"]["string"]
        body = body if isinstance(body, bytes) else body.encode()
        if body.startswith(b"\x1f\x8b"):
            body = zlib.decompressobj(31).decompress(body)
        found[path.stem] = told["response"]["status"]["code"], body
    return found


@needs_recordings
def test_every_recorded_answer_parses_or_says_why(tmp_path: Path, lake_path: Path) -> None:
    """Three works without their ids go to the quarantine, the page of HTML is refused."""
    answers_ = recorded()
    assert len(answers_) == 4
    reasons = []
    for name, (status, body) in answers_.items():
        (tmp_path / f"{name}.json").write_bytes(body)
        if status == 404:
            with pytest.raises(BrokenResponseError, match="begins with '<!doctype html>"):
                parse(body)
            assert refusal(status, {}, body) is None
            continue
        found, _, (problem,), warnings = read(body)
        assert (found, warnings) == ([], [])
        reasons.append(problem.reason)
    assert reasons == ["id: is missing"] * 3
    run = put(lake_path, *(tmp_path / f"{name}.json" for name in answers_))
    assert (run.exit_code, run.state) == (4, "incomplete")
    assert [row["n"] for row in rows(lake_path, "select count(*) as n from lake.quarantine")] == [4]


@needs_recordings
def test_recorded_answers_become_works_with_an_id() -> None:
    """With the fields that these calls did not select, the recorded ones land in their columns."""
    found = {}
    for status, body in recorded().values():
        if status == 200:
            told = {**json.loads(body), "id": "https://openalex.org/W1", "display_name": "A"}
            row = read_one(json.dumps(told).encode())
            found[row.doi] = row.is_open_access
    assert found == {
        "10.1002/wrna.1370": False,
        "10.1021/acs.jctc.5b00178": True,
        "10.1093/nar/gkw1164": True,
    }
