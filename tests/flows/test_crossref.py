"""The Crossref source: how it walks through a list, what it reads, and what it makes of it."""

import dataclasses
import gzip
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows.crossref_answers import parse, refusal
from flows.importing import import_files
from flows.sandbox import truth
from flows.sandbox.routes import crossref as routes
from flows.sandbox.served import crossref as served
from flows.sandbox.server import run_in_thread
from flows.sandbox.universe import Universe
from flows.settings import load_settings
from flows.source import Fetch, Seen, Window
from flows.sources import crossref
from flows.sources.crossref import SOURCE
from flows.validate import Problem, validate
from schemas import normalize
from schemas.errors import BrokenResponseError, RefusedError, SettingsError
from schemas.paper import Listing, Metric
from tests.flows.asking import NOW, Asked, FakeFetch, Kept, Lost, everything
from tests.flows.nights import differences, night, rows, settings
from tests.flows.test_sandbox import dump
from tests.recordings import RECORDED, needs_recordings
from warehouse.responses import Response

FORMATS = {item.name: item for item in SOURCE.formats}
LIST = "member:320"


def work(**fields: Any) -> dict[str, Any]:
    """A work as Crossref gives it; `_` in names stands for a hyphen, and None leaves a field out."""
    given = {
        "DOI": "10.5555/Loom.1",
        "type": "journal-article",
        "title": ["On Looms"],
        "indexed": {"date-parts": [[2026, 6, 11]], "date-time": "2026-06-11T01:02:03Z"},
        "deposited": {"date-parts": [[2026, 6, 9]], "date-time": "2026-06-09T01:02:03Z"},
        "issued": {"date-parts": [[2026, 6, 1]]},
        "is-referenced-by-count": 3,
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


def page(*items: Any, cursor: str | None = None, total: int | None = None) -> bytes:
    """A page of `/works`."""
    message: dict[str, Any] = {
        "items": list(items),
        "total-results": len(items) if total is None else total,
    }
    if cursor is not None:
        message["next-cursor"] = cursor
    return json.dumps({"status": "ok", "message-type": "work-list", "message": message}).encode()


def failure(kind: str, complaint: str, words: str = "It is wrong.") -> bytes:
    """An error in JSON."""
    message = [{"type": complaint, "value": "x", "message": words}]
    return json.dumps({"status": "failed", "message-type": kind, "message": message}).encode()


def answer(body: bytes, context: Mapping[str, Any] | None = None) -> Response:
    """An answer of the source."""
    sha256 = hashlib.sha256(body).hexdigest()
    return Response("https://api.crossref.org/works", 200, {}, body, sha256, NOW, context or {})


def read(body: bytes) -> tuple[list[Listing], list[Metric], list[Problem], list[str]]:
    """Parse, validate and normalize a body as the pipeline does."""
    sound, problems, warnings = validate(parse(body), FORMATS, set())
    listings: list[Listing] = []
    metrics: list[Metric] = []
    for raw, found in sound:
        seen = Seen(answer(body, {"list": LIST}), raw.format, raw.position, NOW.date(), 1)
        row, said = SOURCE.listing(found, seen)
        listings.append(row)
        metrics.extend(said)
    return listings, metrics, problems, warnings


def read_one(**fields: Any) -> Listing:
    """The listing of one sound work."""
    (row,), _, problems, warnings = read(page(work(**fields)))
    assert (problems, warnings) == ([], [])
    return row


# ----------------------------------------------------------------------------------------- records


def test_a_work_becomes_a_listing() -> None:
    """Each field of a work lands in its column."""
    (row,), (metric,), problems, warnings = read(
        page(
            work(
                title=["On <i>Looms</i> &amp; Engines"],
                subtitle=["A First Look"],
                abstract="<jats:title>Abstract</jats:title>\n   <jats:p>We\n    weave "
                "(https://github.com/ada/loom).</jats:p><jats:p>Well.</jats:p>",
                author=[
                    {
                        "given": "Ada",
                        "family": "Lovelace",
                        "suffix": "Jr.",
                        "ORCID": "http://orcid.org/0000-0001-7542-028x",
                        "affiliation": [{"name": "London"}, {"name": "Ockham"}],
                        "sequence": "first",
                    },
                    {"name": "The Loom Collaboration", "sequence": "additional"},
                ],
                container_title=["Journal of Looms"],
                volume="12",
                issue="3",
                page="45-67",
                license=[
                    {"URL": "http://x.example.org/tdm", "content-version": "tdm"},
                    {
                        "URL": "https://creativecommons.org/licenses/by/4.0/",
                        "content-version": "vor",
                        "delay-in-days": 0,
                    },
                ],
                link=[
                    {
                        "URL": "https://x.example.org/s.pdf",
                        "intended-application": "similarity-checking",
                    },
                    {"URL": "https://x.example.org/p", "content-type": "application/pdf"},
                ],
                language="en-GB",
                ISSN=["1234-567x"],
                ISBN=["http://id.crossref.org/isbn/9781590598160"],
                alternative_id=["S123", "10.5555/loom.1"],
            )
        )
    )
    assert (problems, warnings) == ([], [])
    assert (row.listing_id, row.source_id) == ("crossref:10.5555/Loom.1", "10.5555/Loom.1")
    assert row.raw_title == "On <i>Looms</i> &amp; Engines"
    assert row.title == "On Looms & Engines: A First Look"
    assert row.abstract == "We weave (https://github.com/ada/loom).\n\nWell."
    assert [(a.name, a.orcid, a.affiliation) for a in row.authors] == [
        ("Ada Lovelace Jr.", "0000-0001-7542-028X", "London"),
        ("The Loom Collaboration", None, None),
    ]
    assert (row.type, row.venue, row.language) == ("article", "Journal of Looms", "en")
    assert row.journal_ref == "Journal of Looms 12(3), 45-67 (2026)"
    assert (row.license, row.is_open_access) == ("CC-BY-4.0", True)
    assert row.pdf_url == "https://x.example.org/p"
    assert (row.doi, row.landing_page_url) == ("10.5555/loom.1", "https://doi.org/10.5555/loom.1")
    assert [(i.scheme, i.value) for i in row.identifiers] == [
        ("doi", "10.5555/loom.1"),
        ("isbn", "9781590598160"),
        ("issn", "1234-567X"),
        ("publisher", "S123"),
    ]
    assert (row.code_url, row.code_source) == ("https://github.com/ada/loom", "abstract")
    assert (row.publication_date, row.submitted_date) == (date(2026, 6, 1), None)
    assert row.source_modified_at == datetime(2026, 6, 9, 1, 2, 3, tzinfo=UTC)
    assert (metric.list, metric.list_date, metric.cited_by_count) == (LIST, None, 3)
    assert (metric.listing_id, metric.rank) == (row.listing_id, None)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"issued": {"date-parts": [[None]]}}, None),
        ({"issued": None}, None),
        ({"issued": {"date-parts": [[2020]]}}, date(2020, 1, 1)),
        ({"issued": {"date-parts": [[2020, 3]]}}, date(2020, 3, 1)),
        ({"issued": {"date-parts": [[2020, 3, None]]}}, date(2020, 3, 1)),
        ({"issued": {"date-parts": [[2020, 2, 31]]}}, date(2020, 2, 1)),
        ({"issued": {"date-parts": [[20201, 2, 3]]}}, None),
        (
            {
                "issued": {"date-parts": [[2020]]},
                "published_online": {"date-parts": [[2020, 11, 13]]},
            },
            date(2020, 11, 13),
        ),
        (
            {
                "issued": {"date-parts": [[2020, 3]]},
                "published_online": {"date-parts": [[2020, 11, 13]]},
            },
            date(2020, 3, 1),
        ),
        ({"issued": None, "posted": {"date-parts": [[2021, 5, 4]]}}, date(2021, 5, 4)),
    ],
)
def test_partial_dates(dates: dict[str, Any], expected: date | None) -> None:
    """A month stands for its first day and a year for 1 January, unless another date says more."""
    assert read_one(**dates).publication_date == expected


@given(
    st.lists(st.none() | st.integers(-10, 12_000), max_size=5),
    st.lists(st.none() | st.integers(1, 31) | st.integers(1990, 2030), max_size=4),
)
def test_any_date_parts_give_a_day_or_none(issued: list[Any], online: list[Any]) -> None:
    """No numbers make an error, and a day that is given in full is that day."""
    row = read_one(issued={"date-parts": [issued]}, published_online={"date-parts": [online]})
    try:
        full = date(*issued[:3]) if len(issued) >= 3 else None
    except (TypeError, ValueError):
        full = None
    if full is not None and 1500 <= full.year <= 2200:
        assert row.publication_date == full


@given(st.text(max_size=200), st.lists(st.text(max_size=40), max_size=4))
def test_any_text_between_tags_is_read(text: str, parts: list[str]) -> None:
    """Any abstract gives text without JATS tags or None, and plain results stay as they are."""
    tagged = "".join(f"<jats:p>{part}</jats:p>" for part in parts) + text
    found = normalize.readable_jats(tagged)
    assert found is None or "<jats:p>" not in found or "<jats:p>" in text + "".join(parts)
    if found is not None and "<" not in found and "&" not in found:
        assert normalize.readable_jats(found) == normalize.readable_block(
            found
        ) or found.lower().startswith(("abstract", "summary"))


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                name: st.none() | st.text(max_size=30)
                for name in ("given", "family", "suffix", "name", "ORCID", "prefix")
            },
        ),
        max_size=5,
    )
)
def test_any_authors_are_named_or_left_out(authors: list[dict[str, Any]]) -> None:
    """Authors without any name vanish, the others keep their order, and an ORCID is one or null."""
    row = read_one(author=authors)
    assert len(row.authors) <= len(authors)
    assert all(author.name for author in row.authors)
    assert all(author.orcid is None or len(author.orcid) == 19 for author in row.authors)


def test_relations_and_notices() -> None:
    """Relations name other works in normal form, notices by what they do; a retraction is told."""
    row = read_one(
        relation={
            "has-preprint": [
                {"id-type": "doi", "id": "10.48550/arXiv.2401.00001", "asserted-by": "subject"},
                {"id-type": "doi", "id": "https://doi.org/10.1101/ABC", "asserted-by": "object"},
            ],
            "references": [{"id-type": "doi", "id": "10.1/x", "asserted-by": "subject"}],
            "is-part-of": [{"id-type": "issn", "id": "1234-5678", "asserted-by": "subject"}],
        },
        updated_by=[{"DOI": "10.5555/notice", "type": "retraction", "source": "retraction-watch"}],
    )
    assert [(r.type, r.scheme, r.value) for r in row.relations] == [
        ("has-preprint", "arxiv", "2401.00001"),
        ("has-preprint", "doi", "10.1101/abc"),
        ("retracted-by", "doi", "10.5555/notice"),
    ]
    assert row.is_retracted is True
    notice = read_one(update_to=[{"DOI": "10.5555/other", "type": "retraction"}])
    assert [(r.type, r.value) for r in notice.relations] == [("retracts", "10.5555/other")]
    assert notice.is_retracted is None
    own = read_one(update_to=[{"DOI": "10.5555/loom.1", "type": "retraction"}])
    assert (own.relations, own.is_retracted) == ((), True)
    assert read_one(updated_by=[{"DOI": "10.5555/e", "type": "erratum"}]).is_retracted is None


def test_preprints_have_the_server_as_venue() -> None:
    """Posted content is a preprint unless it says otherwise; its server is its venue."""
    row = read_one(type="posted-content", subtype="preprint", institution=[{"name": "bioRxiv"}])
    assert (row.type, row.venue, row.submitted_date) == ("preprint", "bioRxiv", date(2026, 6, 1))
    other = read_one(type="posted-content", subtype="other", institution={"name": "A Blog"})
    assert (other.type, other.venue) == ("posted-content", "A Blog")


def test_dois_stay_whole() -> None:
    """A record's own DOI is never cut where text about it would end, and leads to its page."""
    odd = "10.1002/(SICI)1097(1998)17:1<16::AID-1>3.0.CO;2-2"
    row = read_one(DOI=odd)
    assert (row.source_id, row.doi) == (odd, odd.lower())
    assert row.landing_page_url is not None
    assert "%3C16::aid-1%3E" in row.landing_page_url
    assert read_one(DOI="10.5555/page/pdf").doi == "10.5555/page/pdf"
    assert read_one(DOI="10.5555/tést").doi == "10.5555/tést"


def test_what_is_no_work_is_left_out() -> None:
    """Journals, issues and figures are no works; they are neither listed nor put aside."""
    listings, _, problems, _ = read(
        page(work(type="journal-issue", title=[]), work(), work(type="component", title=[]))
    )
    assert (len(listings), problems) == (1, [])


def test_unknown_fields_are_told_and_damage_is_put_aside() -> None:
    """A new field costs a warning, a field of another kind its record, with the place and the DOI."""
    listings, _, problems, warnings = read(
        page(work(novelty=1), work(title="text"), work(DOI="../../etc"), None)
    )
    assert len(listings) == 1
    assert warnings == ["unknown field novelty ignored"]
    assert [(item.position, item.reason) for item in problems] == [
        (1, "title: should be a list, got a string"),
        (2, "DOI: does not have the expected form, got '../../etc'"),
        (3, "should be an object, got null"),
    ]
    assert problems[0].where == "items[1] (10.5555/Loom.1).title"


# ------------------------------------------------------------------------------------------ answers


def test_works_come_in_many_wrappings() -> None:
    """A list, one work, a data file, works a line and a bare array are read alike."""
    one = json.dumps({"status": "ok", "message-type": "work", "message": work()}).encode()
    bodies = [
        page(work()),
        one,
        json.dumps({"items": [work()]}, indent=2).encode(),
        json.dumps(work()).encode(),
        json.dumps([work()]).encode(),
        json.dumps(work()).encode() + b"\n\n",
    ]
    for body in bodies:
        (row,), _, problems, _ = read(body)
        assert (row.source_id, problems) == ("10.5555/Loom.1", [])
    listings, _, problems, _ = read(json.dumps(work()).encode() + b"\n{half\n" + one)
    assert (len(listings), [item.where for item in problems]) == (2, ["line 2"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"Resource not found.", "there is no such work or cursor"),
        (b"<html><body>429 Too Many Requests</body></html>", "is an HTML page"),
        (
            failure("validation-failure", "filter-not-available"),
            "filter-not-available: It is wrong",
        ),
        (
            json.dumps(
                {"status": "error", "message": {"name": "Fault", "message": "Down."}}
            ).encode(),
            "the error .*Down",
        ),
        (b'{"status":"failed","message":"Gone."}', "Gone"),
        (b'{"status":"ok","message":{"items":7}}', "no list of works"),
        (b'{"status":"ok","message":{"agency":1}}', "neither a DOI nor a title"),
        (b"{", "is not JSON"),
        (b"7", "neither an object nor a list"),
        (b"", "is not JSON"),
    ],
)
def test_answers_that_hold_no_works(body: bytes, words: str) -> None:
    """Each form of an error is told in a sentence that names it."""
    with pytest.raises(BrokenResponseError, match=words):
        parse(body)


def test_errors_with_a_meaning_are_not_asked_again() -> None:
    """JSON and text errors say what they are; HTML, and what passes, are left to the status."""
    bad = refusal(400, {}, failure("validation-failure", "filter-not-available", "No such filter."))
    assert bad is not None
    assert (bad.kind, bad.reason) == (
        "filter-not-available",
        "No such filter; if that is a filter, correct PAPERLAKE_CROSSREF_LISTS",
    )
    dead = refusal(404, {}, failure("resource-failure", "cursor-invalid"))
    assert dead is not None
    assert dead.kind == "cursor-invalid"
    gone = refusal(404, {}, b"Resource not found.")
    assert gone is not None
    assert gone.kind == "not-found"
    assert refusal(429, {}, b"<html>slow down</html>") is None
    assert refusal(404, {}, b"<html>") is None
    assert refusal(503, {}, failure("x", "y")) is None


# ------------------------------------------------------------------------------------------- a walk


def window(*, is_open: bool = True) -> Window:
    """A window of eight days."""
    (spec,) = SOURCE.lists(load_settings())
    return Window(spec, date(2026, 6, 5), date(2026, 6, 12), is_open, NOW)


def scripted(*answers: bytes | Exception) -> FakeFetch:
    """Answers in a row; what is an error is raised."""
    left = iter(answers)

    def following(_: Asked) -> bytes:
        told = next(left)
        if isinstance(told, Exception):
            raise told
        return told

    return FakeFetch(SOURCE, following)


def walk(fetch: FakeFetch, asked: Window | None = None) -> list[Response]:
    """Every response of a window; it asks for works only."""
    try:
        return everything(SOURCE, fetch, asked or window())
    finally:
        assert {item.path for item in fetch.asked} == {"works"}


def steps(fetch: FakeFetch) -> list[tuple[str, int, bool]]:
    """Cursor, page, and whether the network was to be asked."""
    return [(item.query["cursor"], item.context["page"], item.is_fresh) for item in fetch.asked]


DEAD = RefusedError("The cursor is too old.", refusal="cursor-invalid")
A, B, C = (work(DOI=f"10.5555/{name}") for name in "abc")


def test_a_walk_ends_at_the_empty_page() -> None:
    """The cursor may repeat or be missing: only a page without works is the end."""
    script = scripted(page(A, cursor="x", total=3), page(B, cursor="x"), page(C), page(cursor="x"))
    assert len(walk(script)) == 4
    assert steps(script) == [("*", 0, False), ("x", 1, False), ("x", 2, False), ("x", 3, False)]
    assert script.asked[-1].query["filter"] == "from-index-date:2026-06-05,member:320"


def test_a_closed_window_has_an_end() -> None:
    """Only a window that reaches to now is asked for without an upper bound."""
    script = scripted(page(total=0))
    walk(script, window(is_open=False))
    assert script.asked[-1].query["filter"] == (
        "from-index-date:2026-06-05,until-index-date:2026-06-12,member:320"
    )


def test_a_dead_cursor_begins_the_window_anew() -> None:
    """A cursor that died costs the walk and nothing else; the new one is asked of the network."""
    script = scripted(
        page(A, cursor="x", total=2), DEAD, page(A, cursor="y", total=2), page(B), page(cursor="y")
    )
    assert len(walk(script)) == 4
    assert steps(script)[2:] == [("*", 0, True), ("y", 1, True), ("y", 2, True)]


def test_cursors_that_always_die_fail_the_list() -> None:
    """After three walks it is given up, so that the watermark stays."""
    dying: list[bytes | Exception] = [page(A, cursor="x", total=2), DEAD]
    script = scripted(*dying * 3)
    with pytest.raises(BrokenResponseError, match="3 walks"):
        walk(script)
    first = RefusedError("Not there.", refusal="not-found")
    with pytest.raises(RefusedError):
        walk(scripted(first))


def test_a_lost_page_is_noticed() -> None:
    """A walk with fewer works than announced begins anew, and counts when it is whole."""
    script = scripted(
        page(A, cursor="x", total=3),
        page(C),
        page(),
        page(A, cursor="x", total=3),
        page(B, C),
        page(),
    )
    assert len(walk(script)) == 6
    assert len(script.asked) == 6


def test_a_wrong_total_does_not_stop_the_list() -> None:
    """Where two walks without a lost answer lack equally many works, there are no more; it is told."""
    script = scripted(*[page(A, cursor="x", total=9), page()] * 2)
    assert len(walk(script)) == 4
    assert "two walks found 1 works of the 9 announced" in script.warnings[0]
    # One more was indexed between the walks.
    script = scripted(
        page(A, cursor="x", total=9), page(), page(A, B, cursor="x", total=10), page()
    )
    assert len(walk(script)) == 4


SHORT = page(A, cursor="x", total=3)


@pytest.mark.parametrize(
    "answers",
    [
        [SHORT, Lost(page(C)), page()] * 3,
        [SHORT, page(C), page(), *[SHORT, Lost(page(C)), page()] * 2],
        [Kept(SHORT), page(C), page(), SHORT, page(C), page(), SHORT, Lost(page(B)), page()],
        [SHORT, page(), SHORT, page(C), page(), SHORT, Lost(page(B)), page()],
    ],
    ids=["always", "later", "in an earlier process", "and other works each time"],
)
def test_a_page_lost_twice_holds_the_watermark(answers: list[bytes | Exception]) -> None:
    """Walks that lost an answer prove nothing, however much they are alike: the list fails."""
    script = scripted(*answers)
    with pytest.raises(BrokenResponseError, match="3 walks"):
        walk(script)
    assert len(script.asked) == len(answers)
    assert not script.warnings


def test_a_run_that_lost_a_page_walks_again() -> None:
    """After a lost answer, two walks that lack equally many are enough."""
    script = scripted(SHORT, Lost(page(C)), page(), *[SHORT, page(B), page()] * 2)
    assert len(walk(script)) == 9
    assert script.warnings


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((page(A, cursor="x", total=5), page(A, cursor="x")), "same page again"),
        ((page(A, total=5),), "no cursor for its next page"),
        ((failure("validation-failure", "filter-not-available"),), "filter-not-available"),
        ((b"<html></html>",), "HTML"),
    ],
)
def test_a_walk_that_cannot_be_trusted(answers: tuple[bytes, ...], words: str) -> None:
    """Circles, missing cursors and errors with status 200 fail the list."""
    with pytest.raises(BrokenResponseError, match=words) as caught:
        walk(scripted(*answers))
    assert caught.value.facts["url"]


def test_the_watermark_is_when_the_walk_began() -> None:
    """What is indexed during a walk comes again; a closed window counts to its end at most."""
    first = dataclasses.replace(answer(b""), fetched_at=NOW + timedelta(minutes=9))
    assert SOURCE.watermark(window(), first) == NOW + timedelta(minutes=9)
    assert SOURCE.watermark(window(), None) == NOW
    late = dataclasses.replace(first, fetched_at=NOW + timedelta(days=9))
    assert SOURCE.watermark(window(is_open=False), late) == datetime(2026, 6, 13, tzinfo=UTC)


# ----------------------------------------------------------------------------------------- settings


def test_lists_are_filters_in_one_order() -> None:
    """Lists are separated by blanks or semicolons; the order of filters makes no other list."""
    given = {
        "crossref_lists": "type:posted-content,prefix:10.1101; prefix:10.1101,type:posted-content member:78"
    }
    names = [spec.name for spec in SOURCE.lists(load_settings(of_sources=given))]
    assert names == ["prefix:10.1101,type:posted-content", "member:78"]
    assert [spec.name for spec in SOURCE.lists(load_settings())] == [LIST]


@pytest.mark.parametrize(
    "text", ["acm", "member:acm", "from-index-date:2020-01-01", "type:journal", "member:1&x=2", ";"]
)
def test_lists_that_cannot_be(text: str) -> None:
    """What is no filter is refused, and the message names the variable."""
    with pytest.raises(SettingsError, match="PAPERLAKE_CROSSREF_LISTS"):
        SOURCE.lists(load_settings(of_sources={"crossref_lists": text}))


def test_the_polite_pool_wants_a_mail_address() -> None:
    """A contact that is a mail address is sent along, a web address is not."""
    assert SOURCE.secrets(load_settings(contact="ada@example.org")) == {"mailto": "ada@example.org"}
    assert SOURCE.secrets(load_settings(contact="https://example.org")) == {}
    assert SOURCE.secrets(load_settings()) == {}


# ----------------------------------------------------------------------------------- the real things


def recorded() -> list[tuple[str, int, bytes]]:
    """Every recorded answer: file and place, status, body."""
    found = []
    for path in sorted((RECORDED / "crossref").glob("*.yaml")):
        for number, entry in enumerate(yaml.safe_load(path.read_text())["interactions"]):
            body = entry["response"]["body"]["string"]
            body = body.encode() if isinstance(body, str) else body
            if body.startswith(b"\x1f\x8b"):
                body = gzip.decompress(body)
            found.append((f"{path.name} {number}", entry["response"]["status"]["code"], body))
    return found


@needs_recordings
def test_recorded_answers_are_read_without_a_signal() -> None:
    """No recorded work is put aside or has an unknown field; recorded errors are told apart."""
    listings: list[Listing] = []
    kinds = []
    for name, status, body in recorded():
        if status != 200:
            told = refusal(status, {}, body)
            assert told is not None, name
            kinds.append(told.kind)
            with pytest.raises(BrokenResponseError):
                parse(body)
            continue
        rows_, metrics, problems, warnings = read(body)
        assert (problems, warnings) == ([], []), name
        assert len(metrics) == len(rows_)
        listings += rows_
    assert sorted(kinds) == ["cursor-invalid", "not-found"]
    assert len(listings) == 122
    assert all(row.title and row.doi == row.source_id for row in listings)
    dated = [row for row in listings if row.publication_date]
    assert len(dated) > 100
    assert {row.type for row in listings} >= {
        "article",
        "book-chapter",
        "dataset",
        "posted-content",
    }


@needs_recordings
def test_recorded_works_are_imported(lake_path: Path, tmp_path: Path) -> None:
    """An answer, a data file and works a line go into a lake; the second time nothing changes."""
    pages = [
        json.loads(body)["message"]["items"] for _, status, body in recorded() if status == 200
    ]
    answer_file = tmp_path / "answer-2026-06-16.json"
    answer_file.write_bytes(next(body for _, status, body in recorded() if status == 200))
    data = tmp_path / "0-2026-06-16.json.gz"
    data.write_bytes(gzip.compress(json.dumps({"items": pages[1]}).encode()))
    lines = tmp_path / "works-2026-06-16.jsonl"
    lines.write_text("".join(json.dumps(item) + "\n" for items in pages for item in items))
    run = import_files(settings(lake_path), "crossref", [answer_file, data, lines])
    assert (run.state, run.warnings) == ("published", ())
    (count,) = rows(
        lake_path,
        "select count(*) as n, count(distinct doi) as dois, max(cited_by_count) as cited "
        "from listings where source = 'crossref'",
    )
    known = {item["DOI"] for items in pages for item in items}
    assert (count["n"], count["dois"]) == (len(known), len(known))
    assert count["cited"] == max(i["is-referenced-by-count"] for items in pages for i in items)
    assert rows(lake_path, "from lake.quarantine") == []
    again = import_files(settings(lake_path), "crossref", [answer_file, data, lines])
    assert again.state == "unchanged"


# ---------------------------------------------------------------------------------------- a sandbox

GOLDEN = "d79c397bfe9ee7cc0872a412916e1a093e46ee0d1709a9f80f5daa2e78b5bacf"
"""Hash of a small universe and what Crossref tells of it: the same on every machine and Python."""


def test_same_seed_same_records() -> None:
    """Seed, size and night decide what Crossref lists."""
    assert dump(Universe(7, 60), 4, ["crossref"]) == GOLDEN
    assert dump(Universe(8, 60), 4, ["crossref"]) != GOLDEN


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of seven works, so that a walk is long."""
    monkeypatch.setattr(crossref, "_ROWS", 7)


@pytest.mark.usefixtures("short_pages")
def test_nights_of_short_pages_equal_the_truth(lake_path: Path) -> None:
    """Walks of many pages under one repeating cursor bring what the sandbox says is listed."""
    universe = Universe(seed=4, papers=300)
    with run_in_thread(universe) as url:
        for number in range(3):
            run = night(lake_path, url, source_names=["crossref"])
            assert run.state == "published", run.problem
            (item,) = run.outcomes
            served_items = served.harvest(universe, number)
            assert item.n_records == len(served_items)
            assert item.n_responses == -(-len(served_items) // 7) + 1
            assert item.n_quarantined == len(list(_quarantined(universe, number)))
            assert [d for d in differences(lake_path, universe, number) if "crossref" in d] == []


def _quarantined(universe: Universe, number: int) -> list[dict[str, Any]]:
    return [row for row in truth.quarantined(universe, number) if row["source"] == "crossref"]


@pytest.mark.usefixtures("short_pages")
def test_cursors_die_and_the_night_goes_on(
    lake_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cursors that die once in mid-walk cost a new walk; the lake equals the truth all the same."""
    universe = Universe(seed=4, papers=300)
    own = routes.Scrolls.go_on
    deaths: list[str] = []

    def forgetful(scrolls: routes.Scrolls, cursor: str, rows: int) -> Any:
        if not deaths:
            deaths.append(cursor)
            monkeypatch.setattr(routes, "CURSOR_SECONDS", -1.0)
            try:
                return own(scrolls, cursor, rows)
            finally:
                monkeypatch.setattr(routes, "CURSOR_SECONDS", 300.0)
        return own(scrolls, cursor, rows)

    monkeypatch.setattr(routes.Scrolls, "go_on", forgetful)
    with run_in_thread(universe) as url:
        run = night(lake_path, url, source_names=["crossref"])
    assert (run.state, len(deaths)) == ("published", 1)
    assert [d for d in differences(lake_path, universe, 0) if "crossref" in d] == []


@pytest.mark.usefixtures("short_pages")
def test_an_answer_that_was_lost_is_a_page_that_was_lost(
    lake_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server went on and its answer never arrived, the walk begins anew and nothing misses."""
    universe = Universe(seed=4, papers=300)
    own = routes.Scrolls.go_on
    lost: list[str] = []

    def skipping(scrolls: routes.Scrolls, cursor: str, rows: int) -> Any:
        if not lost:
            lost.append(cursor)
            own(scrolls, cursor, rows)
        return own(scrolls, cursor, rows)

    monkeypatch.setattr(routes.Scrolls, "go_on", skipping)
    with run_in_thread(universe) as url:
        run = night(lake_path, url, source_names=["crossref"])
    assert run.state == "published"
    assert [d for d in differences(lake_path, universe, 0) if "crossref" in d] == []


@pytest.mark.usefixtures("short_pages")
def test_a_night_is_taken_up_without_its_cursor(
    lake_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk broken off in the middle is gone on with; whatever its cursor is worth, nothing misses."""
    universe = Universe(seed=4, papers=300)
    own = crossref.SOURCE.requests

    async def broken_off(fetch: Fetch, asked: Window) -> AsyncIterator[Response]:
        count = 0
        async for response in own(fetch, asked):
            count += 1
            yield response
            if count == 3:
                raise OSError("the disk is full")

    with run_in_thread(universe) as url:
        with monkeypatch.context() as patch:
            source = dataclasses.replace(crossref.SOURCE, requests=broken_off)
            patch.setattr(crossref, "SOURCE", source)
            with pytest.raises(OSError, match="full"):
                night(lake_path, url, source_names=["crossref"])
        run = night(lake_path, url, source_names=["crossref"])
    assert run.state == "published"
    (item,) = run.outcomes
    assert item.n_responses - item.n_fetched >= 3
    assert [d for d in differences(lake_path, universe, 0) if "crossref" in d] == []


def test_the_sandbox_says_no_as_crossref_does() -> None:
    """Wrong parameters, filters, numbers and days, dead cursors and unknown works each have their error."""
    import httpx

    universe = Universe(seed=4, papers=300)
    with run_in_thread(universe) as base, httpx.Client(base_url=f"{base}/crossref") as client:
        for query, status, complaint in (
            ("colour=red", 400, "parameter-not-allowed"),
            ("filter=colour:red", 400, "filter-not-available"),
            ("rows=1001", 400, "integer-not-valid"),
            ("filter=from-index-date:yesterday", 400, "date-not-valid"),
            ("cursor=thing", 404, "cursor-invalid"),
        ):
            given_answer = client.get(f"/works?{query}")
            assert given_answer.status_code == status
            assert given_answer.json()["message"][0]["type"] == complaint
            told = refusal(status, {}, given_answer.content)
            assert told is not None
            assert told.kind == complaint
        gone = client.get("/works/10.5555/nothing")
        assert (gone.status_code, gone.text) == (404, "Resource not found.")
        public, polite = client.get("/works?rows=1"), client.get("/works?rows=1&mailto=a@b.c")
        assert [r.headers["x-api-pool"] for r in (public, polite)] == ["public", "polite"]
        assert public.headers["x-rate-limit-interval"] == "1s"
        item = public.json()["message"]["items"][0]
        assert client.get(f"/works/{item['DOI']}").json()["message"] == item


def test_every_kind_of_damage_and_of_change_is_served() -> None:
    """Within a fortnight each kind of damage comes, works are retracted, and most share no arXiv DOI."""
    universe = Universe(seed=1, papers=5000)
    hints = {row["reason_hint"] for n in range(14) for row in served.quarantined(universe, n)}
    assert hints == set(served.DAMAGE.values())
    told = list(served.listings(universe, 13))
    assert sum(bool(row["is_retracted"]) for row in told) >= 5
    items = served.records(universe, 13)
    assert {kind for item in items for kind, *_ in item.relations} == {
        "has-preprint",
        "is-preprint-of",
        "retracted-by",
        "retracts",
        "corrects",
    }
    forms = [item.plan.form for item in items if item.kind == "form" and item.plan]
    for trait, share in (
        (lambda form: not form.shares_identifier, 0.3),
        (lambda form: form.is_retitled, 0.08),
        (lambda form: form.year is None, 0.05),
        (lambda form: form.differs_only_by_markup, 0.03),
    ):
        assert sum(map(trait, forms)) >= share * len(forms)


def test_cursors_are_forgotten_in_time() -> None:
    """A walk can be gone on with from several threads, and dies when it is not used."""
    universe = Universe(seed=4, papers=100)
    scrolls = routes.Scrolls(0)
    found = served.records(universe, 0)
    cursor, first = scrolls.begin(found, 1)
    pages: list[Any] = [first]
    threads = [
        threading.Thread(target=lambda: pages.append(scrolls.go_on(cursor, 1)[0]))
        for _ in range(len(found))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(item.doi for part in pages for item in part) == sorted(i.doi for i in found)
