"""The Hugging Face source: what it asks, what it reads, and what it makes of it."""

import gzip
import hashlib
import html
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.huggingface_forms import parse
from flows.settings import Settings
from flows.source import ListSpec, Seen, Window
from flows.sources.huggingface import SOURCE, next_link
from flows.validate import Problem, validate
from schemas.errors import BrokenResponseError, UsageError
from schemas.paper import Listing, Metric
from tests.flows.asking import NOW, Answer, Asked, FakeFetch, everything
from tests.recordings import RECORDED, needs_recordings
from warehouse.responses import Response

FORMATS = {item.name: item for item in SOURCE.formats}
BASE = "https://huggingface.co"


def item(paper_id: str = "2606.01234", **more: Any) -> dict[str, Any]:
    """An entry as the API gives it; `paper__x` sets a field of the inner paper."""
    inner = {key.removeprefix("paper__"): v for key, v in more.items() if key.startswith("paper__")}
    outer = {key: v for key, v in more.items() if not key.startswith("paper__")}
    paper = {
        "id": paper_id,
        "authors": [
            {"_id": "1", "name": "Ada Lovelace", "hidden": False},
            {"_id": "2", "name": "Charles Babbage", "hidden": True, "status": "claimed"},
        ],
        "publishedAt": "2026-06-09T00:00:00.000Z",
        "submittedOnDailyAt": "2026-06-11T00:00:00.000Z",
        "title": "An Engine\n  for Notes",
        "summary": "We weave algebraic patterns.",
        "upvotes": 17,
        **inner,
    }
    return {
        "paper": paper,
        "publishedAt": "2026-06-08T20:00:00.000Z",
        "title": "An Engine for Notes (outer)",
        "numComments": 2,
        "submittedBy": {"_id": "3", "name": "ada", "fullname": "Ada L.", "isPro": False},
        "isAuthorParticipating": False,
        **outer,
    }


def response(body: bytes, **context: Any) -> Response:
    """An answer with the given context."""
    sha256 = hashlib.sha256(body).hexdigest()
    return Response(f"{BASE}/x", 200, {}, body, sha256, NOW, context)


def read(body: bytes, **context: Any) -> tuple[list[tuple[Listing, Any]], list[Problem], list[str]]:
    """Parse, validate and normalize a body as the pipeline does."""
    sound, problems, warnings = validate(parse(body), FORMATS, set())
    answer = response(body, **context)
    rows = [
        SOURCE.listing(record, Seen(answer, raw.format, raw.position, NOW.date(), 1))
        for raw, record in sound
    ]
    return rows, problems, warnings


def read_one(body: bytes, **context: Any) -> tuple[Listing, Metric]:
    """The only entry of a body, read without a problem."""
    ((listing, (metric,)),), problems, _ = read(body, **context)
    assert problems == []
    return listing, metric


def as_json(value: Any) -> bytes:
    """JSON as the API sends it."""
    return json.dumps(value).encode()


# ------------------------------------------------------------------------------------------ records


def test_an_entry_becomes_a_listing_and_a_metric() -> None:
    """Each field of an entry lands in its column, the inner paper's title and dates first."""
    entry = item(
        paper__ai_summary="An engine.",
        paper__ai_summary_model="some/model",
        paper__ai_keywords=["engines", "notes", "engines"],
        paper__githubRepo="https://github.com/ada/engine",
        paper__githubStars=5,
        paper__projectPage="https://engine.example.org/",
        organization={"_id": "9", "name": "royal", "fullname": "Royal Society", "avatar": "x"},
        thumbnail="https://cdn-thumbnails.example.org/1.png",
    )
    row, metric = read_one(as_json([entry]), list="daily", list_date="2026-06-11", offset=100)
    assert row.listing_id == "huggingface:2606.01234"
    assert row.raw_title == "An Engine\n  for Notes"
    assert row.title == "An Engine for Notes"
    assert row.abstract == "We weave algebraic patterns."
    assert [author.name for author in row.authors] == ["Ada Lovelace", "Charles Babbage"]
    assert row.publication_date == row.submitted_date == date(2026, 6, 9)
    assert (row.arxiv_id, row.type, row.is_withdrawn) == ("2606.01234", "preprint", False)
    assert (row.tldr, row.tldr_source) == ("An engine.", "huggingface (some/model)")
    assert row.keywords == ("engines", "notes")
    assert (row.organization, row.submitted_by) == ("Royal Society", "ada")
    assert (row.code_url, row.code_source) == ("https://github.com/ada/engine", "huggingface")
    assert row.landing_page_url == "https://huggingface.co/papers/2606.01234"
    assert row.pdf_url == "https://arxiv.org/pdf/2606.01234"
    assert row.thumbnail_url == "https://cdn-thumbnails.example.org/1.png"
    assert row.source_modified_at == row.fetched_at == NOW
    assert (metric.list, metric.list_date, metric.rank) == ("daily", date(2026, 6, 11), 101)
    assert (metric.upvotes, metric.comment_count, metric.github_stars) == (17, 2, 5)
    assert metric.night_date == NOW.date()


def test_the_outer_fields_stand_in_where_the_paper_has_none() -> None:
    """Title and abstract come from the outer fields when the inner ones are missing."""
    entry = item(summary="Outer abstract.")
    del entry["paper"]["title"], entry["paper"]["summary"]
    row, _ = read_one(as_json([entry]))
    assert (row.title, row.abstract) == ("An Engine for Notes (outer)", "Outer abstract.")


def test_code_is_found_in_the_abstract() -> None:
    """Without a linked repository the code's address is looked for in the abstract."""
    row, _ = read_one(as_json([item(paper__summary="Code: https://github.com/ada/loom .")]))
    assert (row.code_url, row.code_source) == ("https://github.com/ada/loom", "abstract")


def test_a_withdrawn_paper_is_marked() -> None:
    """The field withdrawnAt marks the listing, which stays."""
    row, _ = read_one(as_json([item(paper__withdrawnAt="2026-06-10T10:00:00.000Z")]))
    assert row.is_withdrawn


def test_the_list_day_is_what_was_asked_for_else_what_the_paper_says() -> None:
    """The list day is the request's, else submittedOnDailyAt, else null; never publishedAt."""
    assert read_one(as_json([item()]), list_date="2026-06-12")[1].list_date == date(2026, 6, 12)
    assert read_one(as_json([item()]))[1].list_date == date(2026, 6, 11)
    old = item()
    del old["paper"]["submittedOnDailyAt"]
    assert read_one(as_json([old]))[1].list_date is None


def test_a_trending_entry_has_no_list_day_of_its_own() -> None:
    """An entry of the trending list does not take the day of its daily list."""
    _, metric = read_one(as_json([item()]), list="trending", offset=0, size=100)
    assert (metric.list, metric.list_date) == ("trending", None)


def test_entries_beyond_the_size_of_a_capture_have_no_rank() -> None:
    """The last page may reach beyond the capture: such entries are listings without a metric."""
    body = as_json([item("2606.00001"), item("2606.00002")])
    rows, _, _ = read(body, list="trending", offset=149, size=150)
    assert [len(metrics) for _, metrics in rows] == [1, 0]


def test_damaged_entries_are_put_aside_one_by_one() -> None:
    """Wrong types, wild ids and sizes out of bounds cost the entry, not its neighbours."""
    body = as_json(
        [
            item("../../etc/passwd"),
            item(paper__upvotes="17"),
            item(paper__title="x" * 1_000_000),
            item("2606.00009"),
            item(paper__authors=[{"name": None}]),
            item(paper__publishedAt="yesterday"),
            item(paper__upvotes=True),
        ]
    )
    rows, problems, _ = read(body)
    assert [row.source_id for row, _ in rows] == ["2606.00009"]
    assert [problem.reason for problem in problems] == [
        "paper.id: does not have the expected form, got '../../etc/passwd'",
        "paper.upvotes: should be an integer, got a string",
        "paper.title: is longer than 5,000 characters (1,000,000)",
        "paper.authors[0].name: should be text, got null",
        "paper.publishedAt: does not have the expected form, got 'yesterday'",
        "paper.upvotes: should be an integer, got true",
    ]
    assert problems[1].where == "[1].paper.upvotes"


def test_a_new_field_is_named_and_loses_nothing() -> None:
    """A field nobody knows is told with its path, and the entry stays."""
    rows, problems, warnings = read(as_json([item(paper__newField=1), item(other={})]))
    assert (len(rows), problems) == (2, [])
    assert warnings == ["unknown field paper.newField ignored", "unknown field other ignored"]


def test_half_a_surrogate_pair_costs_one_entry() -> None:
    """Half a surrogate pair puts its entry aside and leaves the others."""
    body = as_json([item("2606.00001"), item("2606.00002", title="\ud83d")])
    rows, problems, _ = read(body)
    assert [row.source_id for row, _ in rows] == ["2606.00001"]
    assert "surrogates" in problems[0].reason


def test_nul_and_control_characters_are_cleaned() -> None:
    """NUL does not reach a column."""
    row, _ = read_one(as_json([item(paper__title="An \x00Engine\x07")]))
    assert row.title == "An Engine"
    assert row.raw_title == "An Engine"


# ------------------------------------------------------------------------------------- other forms


def test_rows_recorded_with_repr_are_explained() -> None:
    """The text of a Python dict is put aside with its cause, and never evaluated."""
    body = as_json([str(item()), json.dumps(item()), 5])
    rows, problems, _ = read(body)
    assert rows == []
    assert "repr() instead of json.dumps()" in problems[0].reason
    assert problems[1].reason == "is the text of a JSON object, not the object: encoded twice"
    assert problems[2].reason == "is not a JSON object"
    assert problems[0].excerpt is not None
    assert problems[0].excerpt.startswith("{'paper'")


def test_a_wrapped_list_is_read() -> None:
    """Sound rows in a recorder's wrapper are kept, under the wrapper's day; damaged ones are not."""
    body = as_json({"status": "success", "date": "2026-06-10", "data": [item(), str(item())]})
    ((_, (metric,)),), problems, _ = read(body)
    assert metric.list_date == date(2026, 6, 10)
    assert len(problems) == 1


def test_a_single_entry_is_read() -> None:
    """One entry alone is a list of one."""
    assert read_one(as_json(item()))[0].source_id == "2606.01234"


def page(props: Any, before: str = "") -> bytes:
    """A page as the site sends it: cards, and the same list in an attribute."""
    escaped = html.escape(json.dumps(props))
    div = f'<div {before} data-target="DailyPapers" data-props="{escaped}"></div>'
    card = "<article><h3><a href='/papers/2606.01234'>An Engine</a></h3></article>"
    return f"<!doctype html><html><body>{card}<main>{div}</main>{card}</body></html>".encode()


def test_a_page_is_read_from_its_hydration_data() -> None:
    """A page's list comes from its attribute, once, under the day the page says."""
    props = {"periodType": "day", "dateString": "2026-06-05", "dailyPapers": [item()]}
    _, metric = read_one(page(props, 'class="SVELTE_HYDRATER contents"'))
    assert (metric.list, metric.list_date, metric.rank) == ("daily", date(2026, 6, 5), 1)


def test_a_page_with_its_attributes_in_another_order_is_read() -> None:
    """The order and the quotes of attributes do not matter, nor does a > inside them."""
    props = json.dumps({"dailyPapers": [item(paper__title="a > b & <i>c</i>")]})
    body = f"<div data-props='{props.replace('&', '&amp;')}' data-target=DailyPapers>".encode()
    assert read_one(body)[0].raw_title == "a > b & <i>c</i>"


def test_the_day_asked_for_wins_over_the_page() -> None:
    """A day given for the file is the list day."""
    props = {"dateString": "2026-06-05", "dailyPapers": [item()]}
    assert read_one(page(props), list_date="2026-06-08")[1].list_date == date(2026, 6, 8)


def test_a_week_is_not_a_day() -> None:
    """A week's page is a list of its own, whose ranks are not those of a day."""
    props = {"periodType": "week", "dateString": "2026-W23", "dailyPapers": [item()]}
    _, metric = read_one(page(props))
    assert (metric.list, metric.list_date) == ("weekly", None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no paragraph reads as the abstract"),
        (b"{}", "holds no list of papers"),
        (b'{"error": "Invalid date"}', "is an error: Invalid date"),
        (b"[{]", "is not JSON"),
        (b"<html><body>Sign in</body></html>", "without an element"),
        (b"<div data-target='DailyPapers' data-props='{'></div>", "is not JSON"),
        (b"\xff\xfe\x00", "neither JSON, HTML nor text"),
        (b"just a word", "no paragraph reads as the abstract"),
        (b"[" * 3_000, "is not JSON"),
    ],
)
def test_what_is_no_list_stops_the_source(body: bytes, words: str) -> None:
    """A body without a list is refused in words."""
    with pytest.raises(BrokenResponseError, match=words):
        parse(body)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    """Whatever comes, parse returns records or refuses the response."""
    for prefix in (
        b"",
        b"[",
        b"<div ",
        b"Title\n\nA sentence that reads as an abstract does here.",
    ):
        try:
            raws = parse(prefix + body)
        except BrokenResponseError:
            continue
        validate(raws, FORMATS, set())


# ------------------------------------------------------------------------------------- saved pages

BANNER = "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nbyAK and friends\n\nJun 5"
FIRST = ("A Loom for Numbers", "We weave numbers into cloth and measure how it wears.")
SECOND = ("Is Cloth All You Need?", "Yes: " + "cloth and more cloth, " * 15 + "as we show")
PAPERS = "\n\n".join((*FIRST, *SECOND))


def titles(body: str) -> list[str | None]:
    """The titles on a saved page, read without a problem."""
    rows, problems, _ = read(body.encode())
    assert problems == []
    return [row.title for row, _ in rows]


@pytest.mark.parametrize(
    "text",
    [
        f"{BANNER}\n\n{PAPERS}\n",
        f"{BANNER}\n\n{PAPERS}",
        PAPERS,
        f"\ufeff{BANNER}\n\n{PAPERS}\n\n\n".replace("\n", "\r\n"),
        f"Ad\n \nAnother banner\n\t\n\n{PAPERS}",
        f"{BANNER}\n\n{PAPERS}".replace("\n\n", "\n"),
        PAPERS.replace("numbers into", "numbers\ninto"),
    ],
)
def test_a_saved_page_is_read_without_its_banner(text: str) -> None:
    """Titles and abstracts are found under any banner, with any line ends."""
    assert titles(text) == [FIRST[0], SECOND[0]]


def test_a_listing_of_a_saved_page_is_known_by_its_title() -> None:
    """Without ids the key is the hash of the title, NFC and white space folded, of another source."""
    rows, _, _ = read(f"{BANNER}\n\n{PAPERS}\n".encode(), list="trending", list_date="2026-06-05")
    row, (metric,) = rows[1]
    assert row.source == metric.source == "huggingface_page"
    assert row.source_id == hashlib.sha256(SECOND[0].encode()).hexdigest()
    assert (metric.list, metric.list_date, metric.rank) == ("trending", date(2026, 6, 5), 2)
    assert row.abstract == SECOND[1]
    decomposed = PAPERS.replace("A Loom", "Á  Loom")
    composed = PAPERS.replace("A Loom", "Á Loom")
    first = [read(text.encode())[0][0][0].source_id for text in (decomposed, composed)]
    assert first[0] == first[1]


def test_a_title_at_the_end_without_an_abstract_is_put_aside() -> None:
    """An odd number of paragraphs costs the last one only."""
    rows, problems, _ = read(f"{PAPERS}\n\nA Title Alone".encode())
    assert len(rows) == 2
    assert (problems[0].reason, problems[0].excerpt) == (
        "a title without an abstract",
        "A Title Alone",
    )
    assert problems[0].where == "paragraph 5"


def test_a_missing_title_does_not_shift_the_others() -> None:
    """A second long paragraph is put aside, and the next title keeps its abstract."""
    rows, problems, _ = read("\n\n".join((*SECOND, SECOND[1], *FIRST)).encode())
    assert [row.title for row, _ in rows] == [SECOND[0], FIRST[0]]
    assert [problem.reason for problem in problems] == ["an abstract without a title"]


# ------------------------------------------------------------------------------------------ asking


def answering(rows_of: Callable[[str], tuple[list[Any], str | None]]) -> FakeFetch:
    """Answers with the rows, and the link to the next page, that a function has for an address."""

    def answer(asked: Asked) -> Answer:
        rows, link = rows_of(asked.url)
        return as_json(rows), {"link": link} if link else {}

    return FakeFetch(SOURCE, answer)


def ask(fetch: FakeFetch, window: Window) -> list[Response]:
    """Everything the source yields for a window; it warns of nothing."""
    try:
        return everything(SOURCE, fetch, window)
    finally:
        assert fetch.warnings == []


DAILY, TRENDING = SOURCE.lists(Settings(trending_size=150))


def window(spec: ListSpec, start: date, end: date) -> Window:
    """A window, open if it reaches to today."""
    return Window(spec, start, end, is_open=end == NOW.date(), now=NOW)


def test_each_weekday_is_asked_for_and_no_day_to_come() -> None:
    """Weekend days and days after today are not asked for; today is."""
    fetch = answering(lambda url: ([], None))
    ask(fetch, window(DAILY, date(2026, 6, 5), date(2026, 6, 14)))
    days = [asked.context["list_date"] for asked in fetch.asked]
    assert days == ["2026-06-05", *(f"2026-06-{day:02}" for day in (8, 9, 10, 11, 12))]
    assert fetch.asked[0].url == f"{BASE}/api/daily_papers?date=2026-06-05&limit=100&p=0"
    assert SOURCE.expected_requests(window(DAILY, date(2026, 6, 5), date(2026, 6, 14))) == 6


def test_pages_follow_the_link_and_count_rows_received() -> None:
    """The next page is where the Link header says; its offset counts the rows so far."""

    def answer(url: str) -> tuple[list[Any], str | None]:
        if "p=0" in url:
            return [item("2606.00001"), item("2606.00002")], '<?p=1>; rel="next"'
        return [item("2606.00003")], '<?p=0>; rel="prev"'

    fetch = answering(answer)
    answers = ask(fetch, window(DAILY, date(2026, 6, 12), date(2026, 6, 12)))
    assert [answer.context["offset"] for answer in answers] == [0, 2]
    assert fetch.asked[1].url == f"{BASE}/api/daily_papers?p=1"


def test_a_capture_ends_at_its_size() -> None:
    """Pages of the trending list are asked for until the capture is full."""
    assert TRENDING.size == 150
    entries = [item(f"2606.{n:05}") for n in range(300)]

    def answer(url: str) -> tuple[list[Any], str | None]:
        n = int(url.rpartition("=")[2])
        return entries[n * 100 : n * 100 + 100], f"</api/daily_papers?p={n + 1}>; rel=next"

    fetch = answering(answer)
    answers = ask(fetch, window(TRENDING, NOW.date(), NOW.date()))
    assert len(answers) == 2
    assert fetch.asked[0].url == f"{BASE}/api/daily_papers?sort=trending&limit=100&p=0"
    day = NOW.date().isoformat()
    assert fetch.asked[1].context == {
        "list": "trending",
        "list_date": day,
        "size": 150,
        "offset": 100,
    }
    assert SOURCE.expected_requests(window(TRENDING, NOW.date(), NOW.date())) == 2


@pytest.mark.parametrize("link", ["</api/daily_papers?p=1>; rel=next", "</x?n={n}>; rel=next"])
def test_pages_in_a_circle_end_as_an_error(link: str) -> None:
    """The same address or the same page again ends the harvest, which is then not complete."""
    count = iter(range(100))

    def answer(url: str) -> tuple[list[Any], str | None]:
        n = next(count)
        return [item("2606.00001" if "{n}" in link else f"2606.{n:05}")], link.format(n=n)

    fetch = answering(answer)
    with pytest.raises(BrokenResponseError):
        ask(fetch, window(DAILY, date(2026, 6, 12), date(2026, 6, 12)))
    assert len(fetch.asked) <= 3


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ('<https://huggingface.co/a?p=1>; rel="next"', "https://huggingface.co/a?p=1"),
        ("</a?p=2>; rel=next", "https://huggingface.co/a?p=2"),
        ('</a>; rel="prev", </b,c>; title="x, y; rel=next"; rel="last Next"', "/b,c"),
        ('</a>; title="rel=next"', None),
        ('</a>; rel="nextish"', None),
        ("garbage, <", None),
    ],
)
def test_link_headers_are_read_as_written(header: str, expected: str | None) -> None:
    """Commas in addresses, several relations, quotes and cases are all allowed (RFC 8288)."""
    found = next_link(header, "https://huggingface.co/api/daily_papers?p=0")
    assert found == (BASE + expected if expected and expected.startswith("/") else expected)


def test_the_watermark_never_passes_now() -> None:
    """A window that is over is complete to its end, an open one to now."""
    over = window(DAILY, date(2026, 6, 1), date(2026, 6, 5))
    assert SOURCE.watermark(over, None) == datetime(2026, 6, 6, tzinfo=UTC)
    assert SOURCE.watermark(window(DAILY, date(2026, 6, 8), NOW.date()), None) == NOW


# ------------------------------------------------------------------------------------------- files


def only(contexts: Iterator[tuple[bytes, Mapping[str, Any]]]) -> tuple[bytes, Mapping[str, Any]]:
    """The only body of a file."""
    (pair,) = contexts
    return pair


def test_a_file_is_listed_under_the_day_given_else_named(tmp_path: Path) -> None:
    """The day in the name and the one given are told apart; without either the records decide."""
    path = tmp_path / "daily-2026-06-04.json"
    path.write_bytes(as_json([item()]))
    _, context = only(SOURCE.read_file(path, {}))
    assert (context["list"], context["day_in_name"]) == ("daily", "2026-06-04")
    assert "list_date" not in context
    _, context = only(SOURCE.read_file(path, {"date": date(2026, 6, 3)}))
    assert context["list_date"] == "2026-06-03"
    plain = tmp_path / "papers-v20261399.json"
    plain.write_bytes(as_json([item()]))
    assert not {"list_date", "day_in_name"} & set(only(SOURCE.read_file(plain, {}))[1])


def test_a_page_knows_its_day_better_than_its_file() -> None:
    """A page saved for a weekend shows the Friday before: its own day wins over the file's name."""
    props = {"dateString": "2026-06-05", "dailyPapers": [item()]}
    assert read_one(page(props), day_in_name="2026-06-06")[1].list_date == date(2026, 6, 5)
    assert read_one(as_json([item()]), day_in_name="2026-06-06")[1].list_date == date(2026, 6, 6)


def test_text_and_files_called_trending_are_the_trending_list(tmp_path: Path) -> None:
    """A saved page's text, or a name that says so, is the trending list."""
    (tmp_path / "page.txt").write_text(f"{BANNER}\n\n{PAPERS}")
    (tmp_path / "Trending.json").write_bytes(as_json([item()]))
    for name in ("page.txt", "Trending.json"):
        assert only(SOURCE.read_file(tmp_path / name, {}))[1]["list"] == "trending"


def test_a_packed_file_is_unpacked_and_a_damaged_one_refused(tmp_path: Path) -> None:
    """Gzip is known by its content; what cannot be unpacked or is missing is the user's to mend."""
    body = as_json([item()])
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(body))
    assert only(SOURCE.read_file(path, {}))[0] == body
    for name, content in (
        ("cut", gzip.compress(body)[:-9]),
        ("wild", b"\x1f\x8b" + body),
        ("zip", b"PK\x03\x04"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError):
            list(SOURCE.read_file(tmp_path / name, {}))
    with pytest.raises(UsageError, match="cannot be read"):
        list(SOURCE.read_file(tmp_path / "missing", {}))


def test_a_file_out_of_bounds_is_refused(tmp_path: Path) -> None:
    """A packed file that unpacks to more than 64 MiB is refused."""
    path = tmp_path / "bomb.json.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(65):
            file.write(b" " * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        list(SOURCE.read_file(path, {}))


# ---------------------------------------------------------------------------------------- recorded


@needs_recordings
@pytest.mark.parametrize(
    ("name", "n_sound", "n_damaged"),
    [
        ("daily-2024-05-27", 13, 0),
        ("daily-2024-06-20", 6, 0),
        ("daily-2024-08-19", 7, 0),
        ("daily-2024-11-11", 8, 0),
        ("daily-2024-12-12", 0, 18),
        ("daily-2025-01-10", 0, 9),
        ("daily-2025-01-13", 5, 0),
        ("daily-2025-03-10", 13, 0),
        ("daily-2025-06-10", 28, 0),
        ("daily-2025-07-23", 13, 0),
        ("daily-2025-09-30", 50, 0),
        ("daily-2025-10-15", 26, 0),
        ("daily-2025-12-10", 10, 0),
        ("daily-2026-06-12", 30, 0),
    ],
)
def test_every_era_is_read(name: str, n_sound: int, n_damaged: int) -> None:
    """Recorded days of every era are read in full; damaged recordings say what they are."""
    path = RECORDED / "huggingface" / f"{name}.json"
    ((body, context),) = SOURCE.read_file(path, {})
    rows, problems, warnings = read(body, **context)
    assert (len(rows), len(problems), warnings) == (n_sound, n_damaged, [])
    assert {problem.reason.split(":")[0] for problem in problems} <= {
        "is the text of a Python dict, not a JSON object"
    }
    for row, (metric,) in rows:
        assert row.title
        assert row.abstract
        assert row.authors
        assert row.publication_date
        assert row.arxiv_id == row.source_id
        assert metric.list_date == date.fromisoformat(name.removeprefix("daily-"))


@needs_recordings
def test_the_seed_page_is_read_in_full() -> None:
    """The customer's page holds 62 papers, each with title and abstract, and nothing else."""
    ((body, context),) = SOURCE.read_file(RECORDED / "seed" / "trending-papers-page.txt", {})
    rows, problems, _ = read(body, **context)
    assert (len(rows), problems) == (62, [])
    assert all(row.title and row.abstract and len(row.abstract) > 1_000 for row, _ in rows)
    assert len({row.source_id for row, _ in rows}) == 62
    assert [metric.rank for _, (metric,) in rows] == list(range(1, 63))
    assert {(metric.list, metric.list_date) for _, (metric,) in rows} == {("trending", None)}


def test_a_day_without_end_is_an_error() -> None:
    """Ever new pages with ever new links end the harvest at a bound."""
    count = iter(range(10_000))

    def answer(url: str) -> tuple[list[Any], str | None]:
        n = next(count)
        return [item(f"2606.{n:05}")], f"</api/daily_papers?p={n + 1}>; rel=next"

    fetch = answering(answer)
    with pytest.raises(BrokenResponseError, match="does not end"):
        ask(fetch, window(DAILY, date(2026, 6, 12), date(2026, 6, 12)))
    assert len(fetch.asked) <= 60
