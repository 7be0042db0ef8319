"""The arXiv source: how it walks through a set, what it reads, and what it makes of it."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.reading import BYTES_PER_BODY
from flows.settings import Settings
from flows.source import Seen, Window
from flows.sources.arxiv import SOURCE, parse
from flows.validate import Problem, validate
from schemas.errors import BrokenResponseError, UsageError
from schemas.paper import Bibliography, Listing
from tests.flows.asking import NOW, Asked, FakeFetch, everything
from tests.recordings import RECORDED, needs_recordings
from warehouse.responses import Response

FORMATS = {item.name: item for item in SOURCE.formats}
BASE = SOURCE.base_url


def oai(inner: str, answered: str = "2026-06-12T06:30:05Z") -> bytes:
    """An OAI-PMH answer around its verb or error."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"<responseDate>{answered}</responseDate>\n"
        f'<request verb="ListRecords">{BASE}</request>\n{inner}\n</OAI-PMH>\n'
    ).encode()


def record(key: str = "2606.01234", fields: str = "", header: str = "", **texts: str) -> str:
    """A record in the format arXiv; `fields` are further elements, `header` its attributes."""
    given = {
        "title": "On Looms\n  and Engines",
        "abstract": "  We weave.\n",
        "created": "2026-06-01",
        "categories": "cs.LO math.HO",
        **texts,
    }
    authors = (
        "<authors><author><keyname>Lovelace</keyname><forenames>Ada</forenames>"
        "<affiliation>London</affiliation><affiliation>Ockham</affiliation></author>"
        "<author><keyname>Babbage</keyname><forenames>Charles</forenames><suffix>Jr.</suffix>"
        "</author></authors>"
    )
    elements = "".join(f"<{name}>{text}</{name}>" for name, text in given.items() if text)
    return (
        f"<record><header{header}><identifier>oai:arXiv.org:{key}</identifier>"
        "<datestamp>2026-06-11</datestamp><setSpec>cs</setSpec><setSpec>math</setSpec></header>"
        f'<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>{key}</id>{authors}'
        f"{elements}{fields}</arXiv></metadata></record>"
    )


def records(*given: str, token: str | None = None) -> bytes:
    """A page of records, with the token of the next."""
    end = "" if token is None else f'<resumptionToken cursor="0">{token}</resumptionToken>'
    return oai(f"<ListRecords>\n{''.join(given)}\n{end}</ListRecords>")


def error(code: str, words: str = "") -> bytes:
    """An OAI-PMH error, which comes with status 200."""
    return oai(f'<error code="{code}">{words}</error>')


def answer(body: bytes, url: str = BASE, context: Mapping[str, Any] | None = None) -> Response:
    """An answer of the source."""
    return Response(url, 200, {}, body, hashlib.sha256(body).hexdigest(), NOW, context or {})


def read(body: bytes) -> tuple[list[Listing], list[Problem], list[str]]:
    """Parse, validate and normalize a body as the pipeline does."""
    sound, problems, warnings = validate(parse(body), FORMATS, set())
    rows, given_answer = [], answer(body)
    for raw, found in sound:
        seen = Seen(given_answer, raw.format, raw.position, NOW.date(), 1)
        row, metrics = SOURCE.listing(found, seen)
        assert not metrics
        rows.append(row)
    return rows, problems, warnings


def read_one(body: bytes) -> Listing:
    """The only record of a body, read without a problem."""
    (row,), problems, warnings = read(body)
    assert (problems, warnings) == ([], [])
    return row


# ---------------------------------------------------------------------------------------- OAI-PMH


def test_a_record_becomes_a_listing() -> None:
    """Each element of a record lands in its column."""
    row = read_one(
        records(
            record(
                updated="2026-06-10",
                comments="12 pages. Code: https://github.com/ada/loom",
                doi="10.1000/ABC; 10.1000/def",
                license="http://creativecommons.org/licenses/by/4.0/",
                fields="<journal-ref>J. Looms 1 (2026)</journal-ref><report-no>R-1</report-no>"
                "<msc-class>01A55</msc-class><acm-class>K.2</acm-class>",
            )
        )
    )
    assert (row.listing_id, row.source_id) == ("arxiv:2606.01234", "2606.01234")
    assert (row.raw_title, row.title) == ("On Looms\n  and Engines", "On Looms and Engines")
    assert row.abstract == "We weave."
    assert [(a.name, a.family, a.affiliation) for a in row.authors] == [
        ("Ada Lovelace", "Lovelace", "London"),
        ("Charles Babbage Jr.", "Babbage Jr.", None),
    ]
    assert row.publication_date == row.submitted_date == date(2026, 6, 1)
    assert row.updated_at == datetime(2026, 6, 10, tzinfo=UTC)
    assert (row.primary_category, row.categories) == ("cs.LO", ("cs.LO", "math.HO"))
    assert (row.doi, row.arxiv_id) == ("10.1000/abc", "2606.01234")
    assert [(i.scheme, i.value) for i in row.identifiers] == [
        ("arxiv", "2606.01234"),
        ("doi", "10.1000/abc"),
        ("doi", "10.1000/def"),
    ]
    assert (row.journal_ref, row.report_no) == ("J. Looms 1 (2026)", "R-1")
    assert row.license == "CC-BY-4.0"
    assert (row.type, row.venue, row.arxiv_version) == ("preprint", None, None)
    assert (row.code_url, row.code_source) == ("https://github.com/ada/loom", "comments")
    assert row.landing_page_url == "https://arxiv.org/abs/2606.01234"
    assert row.pdf_url == "https://arxiv.org/pdf/2606.01234"
    assert row.source_modified_at == datetime(2026, 6, 11, tzinfo=UTC)
    assert (row.fetched_at, row.record_format) == (NOW, "arxiv-oai")
    assert FORMATS["arxiv-oai"].lacks == {"arxiv_version", "submitted_by"}


def test_the_namespace_of_the_record_may_be_missing() -> None:
    """Some answers name the format's schema but not its namespace."""
    body = records(record()).replace(b' xmlns="http://arxiv.org/OAI/arXiv/"', b"")
    assert read_one(body).title == "On Looms and Engines"


def test_get_record_is_read_like_a_list() -> None:
    """One record asked for by its name is read as well."""
    assert read_one(oai(f"<GetRecord>{record('math/0309136')}</GetRecord>")).arxiv_id == (
        "math/0309136"
    )


def test_a_deleted_record_says_only_that_it_is_gone() -> None:
    """A deleted header marks the listing withdrawn and carries no other field."""
    head, _, _ = record(header=' status="deleted"').partition("<metadata>")
    row = read_one(records(head + "</record>"))
    assert (row.listing_id, row.is_withdrawn) == ("arxiv:2606.01234", True)
    assert row.record_format == "arxiv-oai-deleted"
    lacks = FORMATS["arxiv-oai-deleted"].lacks
    assert lacks == {*Bibliography.model_fields, "raw_title"} - {"is_withdrawn", "arxiv_id"}


@pytest.mark.parametrize(
    ("texts", "is_withdrawn"),
    [
        ({"comments": "This paper has been withdrawn by the author"}, True),
        ({"abstract": " This paper has been withdrawn due to a crucial error."}, True),
        ({"abstract": "We study why papers are withdrawn. This paper has been withdrawn."}, False),
        ({"comments": "12 pages"}, False),
    ],
)
def test_a_withdrawn_paper_is_marked(texts: dict[str, str], is_withdrawn: bool) -> None:
    """The comment says that a paper is withdrawn or, in old records, only the abstract."""
    assert read_one(records(record(**texts))).is_withdrawn is is_withdrawn


def test_repeated_empty_and_unknown_elements() -> None:
    """A name given twice is joined, an empty element is none, an unknown one is told and dropped."""
    body = records(
        record(fields="<comments/><journal-ref> </journal-ref><venue>x</venue>").replace(
            "<keyname>Lovelace</keyname>", "<keyname>King</keyname><keyname>Lovelace</keyname>"
        )
    )
    (row,), problems, warnings = read(body)
    assert problems == []
    assert warnings == ["unknown field arXiv.venue ignored"]
    assert row.authors[0].family == "King Lovelace"
    assert (row.comments, row.journal_ref) == (None, None)


def test_records_that_cannot_be_trusted_are_put_aside() -> None:
    """Foreign formats, missing keys and impossible values cost the record, with a reason."""
    dublin = (
        "<record><header><identifier>oai:arXiv.org:2606.00001</identifier>"
        "<datestamp>2026-06-11</datestamp></header><metadata>"
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"/>'
        "</metadata></record>"
    )
    body = records(
        dublin,
        "<record><header><datestamp>2026-06-11</datestamp></header></record>",
        "<record><metadata/></record>",
        record("../../etc/passwd"),
        record(created="2026-02-31"),
        record(title="x" * 6_000),
        record(title=""),
        dublin.partition("<metadata>")[0] + "</record>",
        record("2606.00009"),
    )
    rows, problems, _ = read(body)
    assert [row.source_id for row in rows] == ["2606.00009"]
    assert [problem.reason for problem in problems] == [
        "is in the format oai_dc:dc, not arXiv",
        "has a header without identifier",
        "has no header",
        "identifier: does not have the expected form, got 'oai:arXiv.org:../../etc/passwd' "
        "(and 1 more)",
        "arXiv.created: value error, day is out of range for month",
        "arXiv.title: is longer than 5,000 characters (6,000)",
        "arXiv.title: is missing",
        "has no metadata, and is not marked deleted",
    ]
    assert problems[4].where == "record 5 (oai:arXiv.org:2606.01234).arXiv.created"
    assert [problem.position for problem in problems] == list(range(8))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not well-formed XML"),
        (b"broken xml", "line 1, column 1"),
        (records(record())[:-40], "not well-formed XML at line"),
        (b"<html><body/></html>", "is <html>, not OAI-PMH"),
        (oai("<Identify/>"), "holds Identify, neither ListRecords nor GetRecord"),
        (oai(""), "holds nothing"),
        (error("badArgument", "from &gt; until"), "is the error badArgument: from > until"),
        (error("badResumptionToken"), "is the error badResumptionToken: no text"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + records(record()), "declares a DOCTYPE"),
        (b"<!-- <a --><!DOCTYPE OAI-PMH><OAI-PMH/>", "declares a DOCTYPE"),
        (b"[1]", "give one record a line"),
    ],
)
def test_what_is_no_list_of_records_stops_the_source(body: bytes, words: str) -> None:
    """An answer without records is refused with what it is."""
    with pytest.raises(BrokenResponseError, match=words):
        parse(body)


def test_an_empty_window_is_an_empty_list() -> None:
    """The error noRecordsMatch means that nothing was modified."""
    assert parse(error("noRecordsMatch")) == []


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    """Whatever comes, parse returns records or refuses the answer."""
    for prefix in (b"", b"{", b'<?xml version="1.0"?><OAI-PMH>', b'{"id": "1"}\n'):
        try:
            raws = parse(prefix + body)
        except BrokenResponseError:
            continue
        validate(raws, FORMATS, set())


# --------------------------------------------------------------------------------------- snapshot


def line(key: str = "0704.0001", **more: Any) -> dict[str, Any]:
    """A line of the snapshot, with its line breaks and leading blanks."""
    return {
        "id": key,
        "submitter": "Ada Lovelace",
        "authors": "Ada Lovelace, Charles Babbage Jr. (Cambridge)",
        "title": "On Looms\n  and Engines",
        "comments": "12 pages",
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": "cs.LO math.HO",
        "license": None,
        "abstract": "  We weave numbers\ninto cloth.\n",
        "versions": [{"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"}],
        "update_date": "2008-11-26",
        "authors_parsed": [
            ["Lovelace", "Ada", ""],
            ["Babbage", "Charles", "Jr.", "Cambridge", "London"],
        ],
        **more,
    }


VERSIONS = [
    {"version": "v9", "created": "Tue, 2 Sep 2008 09:00:00 GMT"},
    {"version": "v10", "created": "Wed, 5 Nov 2008 10:00:00 GMT"},
    {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
]


def test_lines_of_the_snapshot_become_listings() -> None:
    """Each line is a listing; the latest version is the one with the highest number."""
    given_lines = [line(), line("math/0309136"), line("0704.0003", versions=VERSIONS)]
    rows, problems, warnings = read("\n".join(map(json.dumps, given_lines)).encode() + b"\n")
    assert (problems, warnings) == ([], [])
    first, old, many = rows
    assert (first.title, first.abstract) == ("On Looms and Engines", "We weave numbers into cloth.")
    assert [(a.name, a.affiliation) for a in first.authors] == [
        ("Ada Lovelace", None),
        ("Charles Babbage Jr.", "Cambridge"),
    ]
    assert first.submitted_date == first.publication_date == date(2007, 4, 2)
    assert (first.arxiv_version, first.updated_at, first.submitted_by) == (1, None, "Ada Lovelace")
    assert first.source_modified_at == datetime(2008, 11, 26, tzinfo=UTC)
    assert (old.listing_id, old.arxiv_id) == ("arxiv:math/0309136", "math/0309136")
    assert many.arxiv_version == 10
    assert many.updated_at == datetime(2008, 11, 5, 10, tzinfo=UTC)
    assert many.submitted_date == date(2007, 4, 2)


def test_bad_lines_are_put_aside_by_number() -> None:
    """A line that is no record costs itself; blank lines cost nothing."""
    good = json.dumps(line()).encode()
    bad_version = json.dumps(line(versions=[{"version": "1", "created": "?"}])).encode()
    body = b"\n".join(
        [good, b'{"id": "0704.0002", ', b"", b"[1]", b'{"id": "\\ud800"}', bad_version, good]
    )
    rows, problems, _ = read(body)
    assert len(rows) == 2
    assert [(problem.position, problem.where.split(".")[0]) for problem in problems] == [
        (1, "line 2"),
        (3, "line 4"),
        (4, "line 5"),
        (5, "line 6"),
    ]
    assert problems[0].reason.startswith("is not a JSON object: ")
    assert problems[1].reason == "should be an object, got a list"
    assert problems[3].reason.startswith("versions[0].version: does not have the expected form")


def test_a_file_is_cut_at_line_ends(tmp_path: Path) -> None:
    """A snapshot of any length comes in bodies of 1,000 lines, each with its first line's number."""
    path = tmp_path / "snapshot.json"
    lines = [json.dumps(line(f"0704.{n:04}")).encode() for n in range(1, 2_502)]
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    bodies = list(SOURCE.read_file(path, {}))
    assert [context["line"] for _, context in bodies] == [1, 1_001, 2_001]
    assert b"".join(body for body, _ in bodies) == b"\n".join(lines)
    assert bodies[0][1]["file"] == "snapshot.json"


def test_a_line_that_no_body_can_hold_is_put_aside(tmp_path: Path) -> None:
    """Of an endless line only its beginning is kept, as a record that is too long."""
    path = tmp_path / "long.jsonl"
    good = json.dumps(line()).encode()
    path.write_bytes(good + b'\n{"id": "' + b"x" * (BYTES_PER_BODY * 2) + b'"}\n' + good)
    bodies = list(SOURCE.read_file(path, {}))
    assert [context["line"] for _, context in bodies] == [1]
    rows, problems, _ = read(bodies[0][0])
    assert len(rows) == 2
    assert (problems[0].where, problems[0].reason) == ("line 2", "is longer than 8 MiB")


def test_an_oai_file_is_read_whole(tmp_path: Path) -> None:
    """An OAI-PMH answer in a file is one body; a file that is missing is the user's to mend."""
    path = tmp_path / "page.xml"
    path.write_bytes(records(record()))
    ((body, context),) = SOURCE.read_file(path, {})
    assert read_one(body).source_id == "2606.01234"
    assert context["file"] == "page.xml"
    with pytest.raises(UsageError):
        list(SOURCE.read_file(tmp_path / "missing.xml", {}))


# ----------------------------------------------------------------------------------------- asking


def ask(fetch: FakeFetch, *, is_open: bool = True) -> list[Response]:
    """Everything the source yields for a window of the set cs; it asks one address, and warns of nothing."""
    spec = SOURCE.lists(Settings(arxiv_sets=("cs",)))[0]
    window = Window(spec, date(2026, 6, 5), date(2026, 6, 12), is_open, NOW)
    try:
        return everything(SOURCE, fetch, window)
    finally:
        assert {asked.path for asked in fetch.asked} == {BASE}
        assert fetch.warnings == []


def test_pages_follow_the_tokens() -> None:
    """Each token leads to the next page; an open window has no upper bound."""
    pages = {
        None: records(record("2606.00001"), token="verb=L&amp;skip=1"),
        "verb=L&skip=1": records(record("2606.00002"), token="verb=L&amp;skip=2"),
        "verb=L&skip=2": records(record("2606.00003"), token=""),
    }
    fetch = FakeFetch(SOURCE, lambda asked: pages[asked.query.get("resumptionToken")])
    answers = ask(fetch)
    assert [item.context["page"] for item in answers] == [0, 1, 2]
    first = {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": "cs", "from": "2026-06-05"}
    assert (fetch.asked[0].query, fetch.asked[0].is_fresh) == (first, False)
    assert fetch.asked[1].query == {"verb": "ListRecords", "resumptionToken": "verb=L&skip=1"}
    fetch = FakeFetch(SOURCE, lambda _: error("noRecordsMatch"))
    (only,) = ask(fetch, is_open=False)
    assert parse(only.body) == []
    assert fetch.asked[0].query["until"] == "2026-06-12"


@pytest.mark.parametrize(
    "end",
    [
        "<resumptionToken>t</resumptionToken></ListRecords>",
        "<resumptionToken cursor='0' completeListSize='9'\n> t </resumptionToken>\n</ListRecords >",
        "<resumptionToken>&#116;</resumptionToken></ListRecords><!-- end -->",
        "<resumptionToken><![CDATA[t]]></resumptionToken></ListRecords>",
        "<resumptionToken odd='>'>t</resumptionToken></ListRecords>",
    ],
)
def test_a_token_is_found_however_it_is_written(end: str) -> None:
    """The short way to the token and the full parse agree."""
    first = oai(f"<ListRecords>{record('2606.00001')}{end}")
    fetch = FakeFetch(
        SOURCE,
        lambda asked: records(record()) if asked.query.get("resumptionToken") == "t" else first,
    )
    assert len(ask(fetch)) == 2


def test_a_token_in_a_text_is_no_token() -> None:
    """What an abstract says of tokens leads nowhere."""
    text = "&lt;resumptionToken&gt;t&lt;/resumptionToken&gt;&lt;/ListRecords&gt;"
    assert len(ask(FakeFetch(SOURCE, lambda _: records(record(abstract=text))))) == 1


def test_a_refused_token_begins_the_window_anew() -> None:
    """After badResumptionToken the window is asked for from its start, past what was kept."""

    def body(asked: Asked) -> bytes:
        if "resumptionToken" not in asked.query:
            return records(record("2606.00001"), token="t")
        return (
            records(record("2606.00002"))
            if asked.is_fresh
            else error("badResumptionToken", "expired")
        )

    fetch = FakeFetch(SOURCE, body)
    assert len(ask(fetch)) == 3
    assert [asked.is_fresh for asked in fetch.asked] == [False, False, True, True]


def test_a_source_that_refuses_every_token_is_given_up() -> None:
    """A window that cannot be completed after three tries is an error."""
    fetch = FakeFetch(
        SOURCE,
        lambda asked: (
            error("badResumptionToken", "expired")
            if "resumptionToken" in asked.query
            else records(record(), token="t")
        ),
    )
    with pytest.raises(BrokenResponseError, match=r"refuses its own resumption tokens \(expired\)"):
        ask(fetch)
    assert len(fetch.asked) == 6


def test_no_records_after_a_token_keeps_what_came() -> None:
    """The error noRecordsMatch after a token ends the window."""
    fetch = FakeFetch(
        SOURCE,
        lambda asked: (
            error("noRecordsMatch")
            if "resumptionToken" in asked.query
            else records(record(), token="t")
        ),
    )
    assert len(ask(fetch)) == 1


def test_other_errors_stop_the_source() -> None:
    """An OAI-PMH error is told with its code and words."""
    with pytest.raises(BrokenResponseError, match="badArgument: no such set"):
        ask(FakeFetch(SOURCE, lambda _: error("badArgument", "no such set")))


@pytest.mark.parametrize("tokens", ["AAAA", "ABAB", "ABCB"])
def test_tokens_in_a_circle_end_as_an_error(tokens: str) -> None:
    """A token seen before would go on for ever: the window is not complete."""
    count = iter(range(9))

    def body(_: Asked) -> bytes:
        n = next(count)
        return records(record(f"2606.{n + 1:05}"), token=tokens[n])

    with pytest.raises(BrokenResponseError, match="again"):
        ask(FakeFetch(SOURCE, body))


def test_the_same_page_under_new_tokens_ends_as_an_error() -> None:
    """A page seen before is recognized by its records, whatever its date and token."""
    count = iter(range(9))

    def body(_: Asked) -> bytes:
        n = next(count)
        page = records(record(), token=f"t{n}")
        return page.replace(b"06:30:05Z", f"06:30:1{n}Z".encode())

    fetch = FakeFetch(SOURCE, body)
    with pytest.raises(BrokenResponseError, match="again"):
        ask(fetch)
    assert len(fetch.asked) == 2


def test_the_watermark_is_the_clock_of_the_first_response() -> None:
    """An open window is complete to the first responseDate, a closed one to its end at most."""
    spec = SOURCE.lists(Settings())[0]
    first = answer(oai("<ListRecords/>", "2026-06-11T22:10:00Z"))
    wrong = answer(oai("<ListRecords/>", "2099-01-01T00:00:00Z"))
    opened = Window(spec, date(2026, 6, 5), date(2026, 6, 12), True, NOW)
    closed = Window(spec, date(2026, 5, 1), date(2026, 5, 31), False, NOW)
    assert SOURCE.watermark(opened, first) == datetime(2026, 6, 11, 22, 10, tzinfo=UTC)
    assert SOURCE.watermark(opened, wrong) == datetime(2026, 6, 13, 6, 30, tzinfo=UTC)
    assert SOURCE.watermark(opened, None) == NOW
    assert SOURCE.watermark(closed, first) == datetime(2026, 6, 1, tzinfo=UTC)


def test_requests_are_estimated_by_the_days_of_a_set() -> None:
    """The estimate grows with the window and is never nothing."""
    cs, stat, _ = SOURCE.lists(Settings())
    first, last = date(2026, 5, 1), date(2026, 5, 31)
    assert SOURCE.expected_requests(Window(cs, first, last, False, NOW)) == 47
    assert SOURCE.expected_requests(Window(stat, first, first, False, NOW)) == 1


# --------------------------------------------------------------------------------------- recorded


@needs_recordings
def test_recorded_records_are_read_in_full() -> None:
    """Every recorded record of arXiv gives a listing with title, authors and dates."""
    counts = {}
    for path in sorted((RECORDED / "arxiv" / "oai").glob("*.xml")):
        ((body, _),) = SOURCE.read_file(path, {})
        rows, problems, warnings = read(body)
        assert (problems, warnings) == ([], []), path.name
        for row in rows:
            assert row.title
            assert row.abstract
            assert row.authors
            assert row.submitted_date
            assert row.arxiv_id == row.source_id
        counts[path.stem.rpartition("arxiv")[2]] = len(rows)
    assert counts.pop("-physics-hep-ex") == counts.pop("-physics-hep-th") == 3
    assert counts.pop("_record") == 12
    assert set(counts.values()) == {1}
    assert len(counts) == 12


@needs_recordings
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GetRecord", ["is in the format oai_dc:dc, not arXiv"]),
        ("GetRecord_utf8test", ["is in the format oai_dc:dc, not arXiv"]),
        *(
            (
                f"ListRecords{n}",
                [
                    "identifier: does not have the expected form, got "
                    "'oai:test.example.com:1585310'",
                    "is in the format oai_dc:dc, not arXiv",
                ],
            )
            for n in ("", 2, 3)
        ),
        (
            "ListRecords4",
            ["has a header without identifier", "is in the format oai_dc:dc, not arXiv"],
        ),
        ("noRecordsMatch", []),
    ],
)
def test_recorded_records_of_others_are_put_aside(name: str, expected: list[str]) -> None:
    """Records of other repositories are not arXiv's, and say why."""
    body = (RECORDED / "oai-pmh" / f"sickle_tests_sample_data_{name}.xml").read_bytes()
    rows, problems, _ = read(body)
    assert rows == []
    assert [problem.reason for problem in problems] == expected


@needs_recordings
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Identify", "holds Identify"),
        ("ListIdentifiers", "holds ListIdentifiers"),
        ("ListIdentifiers2", "holds ListIdentifiers"),
        ("ListMetadataFormats", "holds ListMetadataFormats"),
        ("ListSets", "holds ListSets"),
        ("ListRecordsBroken", "line 1, column 1"),
        ("badArgument", "badArgument"),
        ("badResumptionToken", "This resumptionToken is invalid"),
        ("cannotDisseminateFormat", "cannotDisseminateFormat"),
        ("idDoesNotExist", "idDoesNotExist: oai:lcoa1.loc.gov:loc.rbc/rbpe.00000111 has the"),
        ("noSetHierarchy", "This repository does not support sets"),
        ("undefinedError", "undefinedError"),
    ],
)
def test_recorded_answers_without_records_are_refused(name: str, words: str) -> None:
    """Other verbs, errors and broken lists stop the source in words."""
    body = (RECORDED / "oai-pmh" / f"sickle_tests_sample_data_{name}.xml").read_bytes()
    with pytest.raises(BrokenResponseError, match=words):
        parse(body)


@needs_recordings
def test_ten_thousand_records_are_read_in_full() -> None:
    """Every line of the recorded snapshot gives a listing."""
    rows: list[Listing] = []
    for body, _ in SOURCE.read_file(RECORDED / "arxiv" / "snapshot-sample-10k.jsonl.gz", {}):
        found, problems, warnings = read(body)
        assert (problems, warnings) == ([], [])
        rows.extend(found)
    assert len(rows) == len({row.source_id for row in rows}) == 10_000
    assert all(row.title and row.abstract and row.submitted_date for row in rows)
    assert all(row.authors and row.categories for row in rows)
    assert sum(row.doi is not None for row in rows) > 2_400


def test_a_wrong_clock_there_does_not_carry_the_watermark_away() -> None:
    """A response date long ago leaves the watermark at the window's start, one in the future at tomorrow."""
    now = datetime(2026, 3, 3, 6, 30, tzinfo=UTC)
    spec = SOURCE.lists(Settings())[0]
    window = Window(spec, date(2026, 2, 24), date(2026, 3, 3), True, now)

    def answered(stamp: str) -> Response:
        body = f"<OAI-PMH><responseDate>{stamp}</responseDate></OAI-PMH>".encode()
        return Response("u", 200, {}, body, "s", now, {})

    assert SOURCE.watermark(window, answered("1900-01-01T00:00:00Z")).date() == date(2026, 2, 24)
    assert SOURCE.watermark(window, answered("2099-01-01T00:00:00Z")).date() == date(2026, 3, 4)
    assert SOURCE.watermark(window, answered("2026-03-03T05:00:00Z")).hour == 5
