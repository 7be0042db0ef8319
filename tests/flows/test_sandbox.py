"""The sandbox over real HTTP: protocols, nights, rates, and a truth that agrees with what is served."""

import hashlib
import json
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from lxml import etree, html

from flows.sandbox import days, markup, truth
from flows.sandbox.server import app, run_in_thread
from flows.sandbox.universe import FIRST_NIGHT, Universe
from schemas.errors import UsageError

PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
)
OAI = "{http://www.openarchives.org/OAI/2.0/}"
ARXIV = "{http://arxiv.org/OAI/arXiv/}"
DAILY = "/huggingface/api/daily_papers"
LISTING = {"verb": "ListRecords", "metadataPrefix": "arXiv"}
SMALL = 300
FIRST_SOURCES = ("arxiv", "huggingface")
GOLDEN = "5e6a951e633bf01910d1ab7ff031f12f1d4bd35ed4195fe7f3ef2a9028aa40e7"
"""Hash of a small universe and its first sources' truth: the same on every machine and Python."""


@pytest.fixture(scope="module")
def large() -> Universe:
    """The universe of the ordinary size."""
    return Universe(1, 5000)


@pytest.fixture(scope="module")
def small() -> Universe:
    """A small universe with short pages, so that paging is met everywhere."""
    return Universe(3, SMALL, oai_page_size=70)


@pytest.fixture(scope="module")
def client(small: Universe) -> Iterator[httpx.Client]:
    """A client of the small universe's server."""
    with run_in_thread(small) as base, httpx.Client(base_url=base) as opened:
        yield opened


@pytest.fixture(scope="module")
def large_client(large: Universe) -> Iterator[httpx.Client]:
    """A client of the large universe's server."""
    with run_in_thread(large) as base, httpx.Client(base_url=base) as opened:
        yield opened


def strict_json(answer: httpx.Response) -> Any:
    """The answer's JSON, refusing NaN and bytes that are not UTF-8."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(answer.content.decode("utf-8", "strict"), parse_constant=refuse)


def pages(client: httpx.Client, path: str, **params: str | int) -> list[list[dict[str, Any]]]:
    """Every page of a list, along its next links."""
    found = []
    answer = client.get(path, params=params)
    while True:
        assert answer.status_code == 200, answer.text
        found.append(strict_json(answer))
        if "next" not in answer.links:
            return found
        answer = client.get(answer.links["next"]["url"])


def oai(client: httpx.Client, prefix: str = "", **params: str) -> etree._Element:
    """One answer of OAI-PMH, parsed safely; `from_` stands for `from`."""
    answer = client.get(f"{prefix}/arxiv/oai", params={k.rstrip("_"): v for k, v in params.items()})
    assert answer.status_code == 200
    assert b"<!DOCTYPE" not in answer.content
    return etree.fromstring(answer.content, PARSER)


def oai_records(client: httpx.Client, prefix: str = "", **params: str) -> list[etree._Element]:
    """Every record of a list, along its tokens."""
    found: list[etree._Element] = []
    root = oai(client, prefix, **LISTING, **params)
    while True:
        found += root.iter(f"{OAI}record")
        token = root.findtext(f".//{OAI}resumptionToken")
        if not token:
            return found
        root = oai(client, prefix, verb="ListRecords", resumptionToken=token)


def error_code(root: etree._Element) -> str | None:
    """The protocol's error code, if there is one."""
    error = root.find(f"{OAI}error")
    return None if error is None else error.get("code")


def one_line(text: str | None) -> str:
    """The text in NFC on one line."""
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def readable_or_latex(text: str) -> set[str]:
    """The two ways in which a source may print the text."""
    return {one_line(text), one_line(markup.latex(text))}


def dump(universe: Universe, nights: int, sources: Sequence[str] = FIRST_SOURCES) -> str:
    """Hash of what is true of these sources in the first nights, and of the works themselves."""
    told = (line for n in range(nights) for line in truth.as_json_lines(universe, n))
    lines = [line for line in told if json.loads(line)["source"] in sources]
    for work in universe.works(nights):
        post = work.post and replace(work.post, quirks=frozenset())
        lines.append(repr(replace(work, quirks=frozenset(), post=post)))
        lines.append(" ".join(sorted(work.quirks | (work.post.quirks if work.post else set()))))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_same_seed_same_universe() -> None:
    """Seed, size and night decide everything; another seed is another universe."""
    assert dump(Universe(7, 60), 4) == dump(Universe(7, 60), 4) == GOLDEN
    assert dump(Universe(8, 60), 4) != GOLDEN


def test_order_of_questions_does_not_matter() -> None:
    """A night looks the same whether or not later nights were asked for before."""
    forward, backward = Universe(5, 60), Universe(5, 60)
    list(truth.as_json_lines(backward, 30))
    assert list(truth.as_json_lines(forward, 2)) == list(truth.as_json_lines(backward, 2))


def test_two_servers_send_equal_bytes() -> None:
    """Equal universes give equal bytes over HTTP, compressed or not."""
    paths = [
        f"{DAILY}?date=2026-03-02",
        f"{DAILY}?sort=trending",
        "/huggingface/papers/trending",
        "/arxiv/oai?verb=Identify",
        "/night/3/arxiv/oai?verb=ListRecords&metadataPrefix=arXiv&set=cs",
    ]
    bodies = []
    for _ in range(2):
        with run_in_thread(Universe(7, 60), port=0) as base, httpx.Client(base_url=base) as client:
            # The port is in the base URL that OAI-PMH repeats.
            port = base.rpartition(":")[2].encode()
            bodies.append([client.get(path).content.replace(port, b"PORT") for path in paths])
    assert bodies[0] == bodies[1]


def test_hash_seed_does_not_matter() -> None:
    """Another hash seed of the interpreter changes nothing."""
    code = (
        "from flows.sandbox.universe import Universe; from tests.flows.test_sandbox import dump;"
        "print(dump(Universe(7, 60), 4))"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        assert run.stdout.strip() == GOLDEN


def test_universe_is_cheap_to_import() -> None:
    """The universe does not import the web framework."""
    code = "import sys, flows.sandbox.universe; print('starlette' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_calendar() -> None:
    """Night 0 is a Tuesday; weekends are nights without new works."""
    assert FIRST_NIGHT.weekday() == 1
    assert [days.weekday_night(n) for n in range(5)] == [0, 1, 2, 3, 6]
    assert [days.weekdays_by(n) for n in range(8)] == [0, 1, 2, 3, 3, 3, 4, 5]
    for count in range(300):
        assert days.weekdays_by(days.weekday_night(count)) == count
        assert days.is_weekday(days.night_date(days.weekday_night(count)))


@pytest.mark.parametrize("papers", [1, 2, 10, 37, 100])
def test_tiny_universes(papers: int) -> None:
    """A universe of any size works, and every later weekday lists something on Hugging Face."""
    universe = Universe(2, papers)
    assert list(truth.listings(universe, 8))
    posted = {work.post.list_date for work in universe.works(8) if work.post}
    assert posted >= set(days.weekdays(universe.night_date(1), universe.night_date(8)))


def test_papers_out_of_range() -> None:
    """Too many papers would need more arXiv numbers than a month has."""
    with pytest.raises(UsageError):
        Universe(1, 100_001)


def test_rates_of_the_works(large: Universe) -> None:
    """The shares that any universe must have hold at 5,000 papers."""
    works = large.works(0)
    published = [work.published for work in works if work.published]

    def share(found: int, of: int = len(published)) -> float:
        return found / of

    assert share(sum(not form.shares_identifier for form in published)) >= 0.30
    assert share(sum(form.is_retitled for form in published)) >= 0.08
    assert share(sum(form.year is None for form in published)) >= 0.05
    assert share(sum(form.differs_only_by_markup for form in published)) >= 0.03
    kin = Counter(work.kin for work in works)
    for kind in ("part_two", "same_title", "erratum"):
        assert share(kin[kind], len(works)) >= 0.01
    gone = sum(any(c.kind in {"withdrawn", "deleted"} for c in w.changes) for w in works)
    assert 0.02 <= share(gone, len(works)) <= 0.03
    listed = sum(work.post is not None for work in works)
    assert 0.20 <= share(listed, len(works)) <= 0.30


def test_what_rates_mean(large: Universe) -> None:
    """Retitled forms differ in title, marked-up ones only by accents or LaTeX, namesakes in authors."""
    works = {work.work_id: work for work in large.works(0)}
    for work in works.values():
        form = work.published
        if form:
            assert (form.title != work.title) == (form.is_retitled or form.differs_only_by_markup)
            if form.differs_only_by_markup:
                assert form.title in {markup.folded(work.title), markup.latex(work.title)}
        if work.kin_work_id:
            base = works[work.kin_work_id]
            assert (work.authors == base.authors) == (work.kin != "same_title")
            assert (work.title == base.title) == (work.kin == "same_title")
    titles = Counter(work.title.casefold() for work in works.values() if work.kin != "same_title")
    assert max(titles.values()) == 1
    assert len({work.arxiv_id for work in works.values()}) == len(works)


def test_first_night_lists_as_many_papers_as_asked(large: Universe) -> None:
    """The sources list about `papers` distinct papers in night 0, and most of HF's are on arXiv."""
    rows = list(truth.listings(large, 0))
    assert len({row["work_id"] for row in rows}) == pytest.approx(5000, rel=0.03)
    ids = {
        name: {r["arxiv_id"] for r in rows if r["source"] == name}
        for name in ("arxiv", "huggingface")
    }
    both = ids["arxiv"] & ids["huggingface"]
    assert 0.5 < len(both) / len(ids["huggingface"]) < 0.9
    assert ids["arxiv"] - both


def test_each_weekday_adds_and_revises(large: Universe) -> None:
    """A weekday adds 2 % new works and changes about 1 % of the papers; a weekend does nothing."""
    for night in range(1, 13):
        day = large.night_date(night)
        new = len(large.works(night)) - len(large.works(night - 1))
        revised = sum(
            change.night == night and change.kind == "revised"
            for work in large.works(night)
            for change in work.changes
        )
        if days.is_weekday(day):
            assert new == 100
            assert 25 <= revised <= 85
        else:
            assert (new, revised) == (0, 0)


def test_about(client: httpx.Client) -> None:
    """The root says which universe and night this is."""
    about = strict_json(client.get("/night/2/"))
    assert about == {
        "sandbox": "paperlake",
        "origin": f"sandbox:3:{SMALL}",
        "seed": 3,
        "papers": SMALL,
        "night": 2,
        "night_date": "2026-03-05",
        "now": "2026-03-05T06:30:00Z",
    }
    assert strict_json(client.get("/"))["night"] == 0


@pytest.mark.parametrize("path", ["/night/401/", "/night/x/", "/nothing", "/night/401/arxiv/oai"])
def test_nothing_there(client: httpx.Client, path: str) -> None:
    """Unknown addresses and nights beyond 400 are 404 with a JSON body."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert "error" in strict_json(answer)


def test_daily_pages_are_complete(large_client: httpx.Client) -> None:
    """Paging by next links loses and doubles nothing, and upvotes descend."""
    whole = pages(large_client, DAILY, date="2026-02-26", limit=100)
    parts = pages(large_client, DAILY, date="2026-02-26", limit=7)
    assert len(parts) > 3
    assert [len(part) for part in parts[:-1]] == [7] * (len(parts) - 1)
    assert [item for page in parts for item in page] == [item for page in whole for item in page]
    votes = [
        item["paper"]["upvotes"]
        for page in whole
        for item in page
        if isinstance(item["paper"], dict) and isinstance(item["paper"]["upvotes"], int)
    ]
    assert votes == sorted(votes, reverse=True)
    assert len(strict_json(large_client.get(DAILY, params={"date": "2026-02-26"}))) == 50


def test_daily_links_stay_below_their_night(large_client: httpx.Client) -> None:
    """A next link is absolute and stays below the night it belongs to."""
    answer = large_client.get(f"/night/1{DAILY}", params={"date": "2026-03-02", "limit": 20})
    url = answer.links["next"]["url"]
    assert url.startswith(f"{large_client.base_url}/night/1{DAILY}".replace("//night", "/night"))
    assert "p=1" in url
    assert "limit=20" in url
    assert answer.headers["RateLimit"].startswith('"api";r=')
    assert "RateLimit-Policy" in answer.headers


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("date=2026-03-01", 200),
        ("date=2026-02-28", 200),
        ("date=2020-01-01", 200),
        ("date=2026-03-04", 400),
        ("date=yesterday", 400),
        ("date=20260302", 400),
        ("limit=101", 400),
        ("limit=0", 400),
        ("p=-1", 400),
        ("p=x", 400),
        ("sort=best", 400),
        ("week=2026-W09", 400),
    ],
)
def test_daily_edges(client: httpx.Client, query: str, status: int) -> None:
    """Weekends and the time before history are empty; the future and odd values are errors."""
    answer = client.get(f"{DAILY}?{query}")
    assert answer.status_code == status
    if status == 200:
        assert strict_json(answer) == []
    else:
        assert strict_json(answer)["error"]


def test_trending_is_more_than_a_capture(large_client: httpx.Client) -> None:
    """Trending holds 150 papers, so that the first hundred are two pages and a real cut."""
    found = pages(large_client, DAILY, sort="trending", limit=50)
    assert [len(page) for page in found] == [50, 50, 50]
    ids = [item["paper"]["id"] for page in found for item in page]
    assert len(set(ids)) == 150
    assert pages(large_client, f"/night/9{DAILY}", sort="trending", limit=50) != found


def test_paper_page(client: httpx.Client, small: Universe) -> None:
    """A paper's own address gives the inner record; an unknown one is 404 with a JSON error."""
    paper_id = next(
        r["source_id"] for r in truth.listings(small, 0) if r["source"] == "huggingface"
    )
    assert strict_json(client.get(f"/huggingface/api/papers/{paper_id}"))["id"] == paper_id
    answer = client.get("/huggingface/api/papers/../../etc")
    assert answer.status_code == 404
    assert strict_json(client.get("/huggingface/api/papers/2603.99999"))["error"]


def test_hydrated_pages(client: httpx.Client) -> None:
    """Pages carry the same items as the API; a weekend snaps back to its Friday."""
    cases: list[tuple[str, str, dict[str, str | int]]] = [
        ("date/2026-03-01", "2026-02-27", {"date": "2026-02-27", "limit": 100}),
        ("date/2026-03-02", "2026-03-02", {"date": "2026-03-02", "limit": 100}),
        ("trending", "2026-03-03", {"sort": "trending"}),
    ]
    for path, expected, query in cases:
        answer = client.get(f"/huggingface/papers/{path}")
        assert answer.headers["RateLimit"].startswith('"pages"')
        tree = html.fromstring(answer.text)
        found = tree.xpath('//div[@data-target="DailyPapers"]/@data-props')
        assert isinstance(found, list)
        assert len(found) == 1
        props = json.loads(str(found[0]))
        assert props["dateString"] == expected
        assert props["prevDate"] < expected
        assert props["dailyPapers"] == strict_json(client.get(DAILY, params=query))
    assert client.get("/huggingface/papers/date/2026-03-04").status_code == 404


def test_summaries_arrive_later_and_numbers_grow(client: httpx.Client) -> None:
    """ai_summary is missing on the listing day and there three days later; upvotes grow."""

    def items(night: int) -> dict[str, dict[str, Any]]:
        found = strict_json(client.get(f"/night/{night}{DAILY}?date=2026-03-02&limit=100"))
        papers = [item["paper"] for item in found if trusted(item)]
        return {paper["id"]: paper for paper in papers}

    early, late = items(0), items(6)
    assert early
    assert early.keys() <= late.keys()
    assert all("ai_summary" in paper for paper in late.values())
    assert any("ai_summary" not in paper for paper in early.values())
    assert all(late[key]["upvotes"] >= paper["upvotes"] for key, paper in early.items())
    assert any(late[key]["upvotes"] > paper["upvotes"] for key, paper in early.items())


def test_two_nights_at_once(client: httpx.Client) -> None:
    """Nights do not disturb each other, and the default night is the server's own."""
    query: dict[str, str | int] = {"date": "2026-03-03", "limit": 100}
    first = client.get(DAILY, params=query).content
    other = client.get(f"/night/9{DAILY}", params=query).content
    assert client.get(f"/night/0{DAILY}", params=query).content == first != other
    dates = [
        oai(client, p, verb="Identify").findtext(f"{OAI}responseDate") for p in ("", "/night/9")
    ]
    assert dates == ["2026-03-03T06:30:00Z", "2026-03-12T06:30:00Z"]


def test_oai_paging_is_complete(client: httpx.Client) -> None:
    """Tokens lead through every record once, in the order of datestamp and identifier."""
    found = oai_records(client, set="cs", from_="2026-02-24")
    keys = [
        (str(r.findtext(f".//{OAI}datestamp")), str(r.findtext(f".//{OAI}identifier")))
        for r in found
    ]
    assert len(keys) > 140
    assert keys == sorted(set(keys))
    assert keys[0][0] == "2026-02-24"
    by_day = [
        record
        for day in days.weekdays(FIRST_NIGHT - timedelta(days=7), FIRST_NIGHT)
        for record in oai_records(client, set="cs", from_=str(day), until=str(day))
    ]
    assert len(by_day) == len(found)


def test_oai_sets(client: httpx.Client) -> None:
    """A record stands in each of its sets, and a sub set is part of its set."""
    root = oai(client, verb="ListSets")
    specs = {str(e.text) for e in root.iter(f"{OAI}setSpec")}
    assert {"cs", "stat", "eess", "math", "physics", "cs:cs:CL", "physics:hep-th"} <= specs

    def ids(group: str) -> set[str]:
        return {str(r.findtext(f".//{OAI}identifier")) for r in oai_records(client, set=group)}

    assert ids("cs:cs:LG") <= ids("cs:cs") == ids("cs")
    assert ids("cs") & ids("stat")
    assert ids("math") - ids("cs") - ids("stat") - ids("eess")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"verb": "Nothing"}, "badVerb"),
        ({}, "badVerb"),
        ({"verb": "ListRecords"}, "badArgument"),
        ({**LISTING, "from": "2026-03-03T00:00:00Z"}, "badArgument"),
        ({**LISTING, "from": "2026-03-03", "until": "2026-03-01"}, "badArgument"),
        ({**LISTING, "colour": "red"}, "badArgument"),
        ({**LISTING, "set": "nowhere"}, "badArgument"),
        ({**LISTING, "resumptionToken": "x"}, "badArgument"),
        ({**LISTING, "from": "2026-03-04"}, "noRecordsMatch"),
        ({**LISTING, "from": "2026-02-28", "until": "2026-03-01"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc"}, "cannotDisseminateFormat"),
        ({"verb": "ListRecords", "resumptionToken": "x"}, "badResumptionToken"),
        (
            {"verb": "GetRecord", "metadataPrefix": "arXiv", "identifier": "oai:arXiv.org:1\x00"},
            "idDoesNotExist",
        ),
    ],
)
def test_oai_errors(client: httpx.Client, params: dict[str, str], code: str) -> None:
    """Errors are elements with the protocol's codes, at status 200."""
    answer = client.get("/arxiv/oai", params=params)
    assert answer.status_code == 200
    assert error_code(etree.fromstring(answer.content, PARSER)) == code


def test_repeated_argument(client: httpx.Client) -> None:
    """An argument given twice is a bad argument."""
    answer = client.get("/arxiv/oai?verb=Identify&verb=Identify")
    assert error_code(etree.fromstring(answer.content, PARSER)) == "badArgument"


def test_tokens_die_with_their_night(client: httpx.Client) -> None:
    """A token of one night is not honoured in the next."""
    root = oai(client, **LISTING, set="cs")
    token = str(root.findtext(f".//{OAI}resumptionToken"))
    again = {"verb": "ListRecords", "resumptionToken": token}
    assert error_code(oai(client, **again)) is None
    assert error_code(oai(client, "/night/1", **again)) == "badResumptionToken"


def test_single_records(client: httpx.Client, small: Universe) -> None:
    """GetRecord gives a record; a deleted one has a header only."""
    rows = [row for row in truth.listings(small, 60) if row["source"] == "arxiv"]
    alive = next(row for row in rows if not row["is_withdrawn"])
    query = {"verb": "GetRecord", "metadataPrefix": "arXiv"}
    root = oai(client, "/night/60", **query, identifier=f"oai:arXiv.org:{alive['source_id']}")
    assert root.findtext(f".//{ARXIV}id") == alive["source_id"]
    gone = [
        record
        for record in oai_records(client, "/night/60")
        if record[0].get("status") == "deleted"
    ]
    assert gone
    assert all(len(record) == 1 for record in gone)
    root = oai(
        client, "/night/60", **query, identifier=str(gone[0].findtext(f".//{OAI}identifier"))
    )
    assert root.find(f".//{OAI}header[@status='deleted']") is not None


def test_records_change_on_weekdays_only(client: httpx.Client) -> None:
    """Datestamps fall on weekdays, and a Sunday looks like its Friday."""
    found = oai_records(client, "/night/20")
    stamps = {str(record.findtext(f".//{OAI}datestamp")) for record in found}
    assert all(days.is_weekday(days.FIRST_NIGHT.fromisoformat(stamp)) for stamp in stamps)
    friday, sunday = (
        [etree.tostring(record) for record in oai_records(client, f"/night/{night}")]
        for night in (3, 5)
    )
    assert friday == sunday


@pytest.mark.parametrize("path", ["/arxiv/oai?verb=ListSets", f"{DAILY}?date=2026-03-02"])
def test_compressed_where_allowed(client: httpx.Client, path: str) -> None:
    """Both sources send gzip where Accept-Encoding allows it, and plain bytes elsewhere."""
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Content-Encoding" not in refused.headers
    assert packed.content == plain.content == refused.content


def harvested_arxiv(
    client: httpx.Client, universe: Universe, nights: int
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What a simple harvester learns from arXiv, night by night, and what it cannot read last."""
    known: dict[str, dict[str, Any]] = {}
    unread: list[str] = []
    for night in range(nights + 1):
        start = universe.night_date(max(night - 1, 0)) - timedelta(days=1 if night else 7)
        unread = []
        for group in ("cs", "stat", "eess"):
            for record in oai_records(client, f"/night/{night}", set=group, from_=str(start)):
                header, *metadata = record
                key = str(header.findtext(f"{OAI}identifier")).removeprefix("oai:arXiv.org:")
                if not metadata:
                    row = known.setdefault(key, {"title": None})
                    row["is_withdrawn"] = True
                    continue
                created = str(metadata[0].findtext(f".//{ARXIV}created"))
                if metadata[0].findtext(f".//{ARXIV}id") is None or created[:2] != "20":
                    unread.append(f"oai:arXiv.org:{key}")
                    continue
                comments = metadata[0].findtext(f".//{ARXIV}comments") or ""
                doi = metadata[0].findtext(f".//{ARXIV}doi")
                known[key] = {
                    "title": one_line(metadata[0].findtext(f".//{ARXIV}title")),
                    "abstract": one_line(metadata[0].findtext(f".//{ARXIV}abstract")),
                    "doi": doi.lower() if doi else None,
                    "is_withdrawn": comments.startswith("This paper has been withdrawn"),
                }
    return known, unread


def test_truth_agrees_with_arxiv(client: httpx.Client, small: Universe) -> None:
    """A simple harvest of thirteen nights over HTTP finds exactly the true listings."""
    nights = 12
    known, unread = harvested_arxiv(client, small, nights)
    rows = {r["source_id"]: r for r in truth.listings(small, nights) if r["source"] == "arxiv"}
    assert known.keys() == rows.keys()
    for key, found in known.items():
        row = rows[key]
        assert found["is_withdrawn"] == row["is_withdrawn"]
        if found["title"] is None:
            assert row["title"] is None
            assert row["version"] is None
            continue
        assert found["title"] in readable_or_latex(row["title"])
        assert found["abstract"] in readable_or_latex(row["abstract"])
        assert found["doi"] == row["doi"]
    hints = [r["where"] for r in truth.quarantined(small, nights) if r["source"] == "arxiv"]
    assert unread == hints


def trusted(item: dict[str, Any]) -> bool:
    """Whether an item may become a listing."""
    paper = item["paper"]
    return (
        isinstance(paper, dict)
        and isinstance(paper.get("id"), str)
        and "/" not in paper["id"]
        and isinstance(paper["title"], str)
        and len(paper["title"]) < 10_000
        and isinstance(paper["upvotes"], int)
        and isinstance(paper["authors"], list)
    )


def harvested_huggingface(
    client: httpx.Client, universe: Universe, night: int
) -> list[tuple[str, str, int, dict[str, Any]]]:
    """Everything that one night's lists say: list, day, rank, item."""
    prefix, today = f"/night/{night}", universe.night_date(night)
    start = universe.night_date(max(night - 1, 0)) - timedelta(days=7 if night else 30)
    found = []
    for day in (start + timedelta(days=n) for n in range((today - start).days + 1)):
        items = [i for page in pages(client, prefix + DAILY, date=str(day)) for i in page]
        found += [("daily", str(day), rank, item) for rank, item in enumerate(items, start=1)]
    items = [i for page in pages(client, prefix + DAILY, sort="trending") for i in page][:100]
    return found + [("trending", str(today), rank, i) for rank, i in enumerate(items, start=1)]


def test_truth_agrees_with_huggingface(client: httpx.Client, small: Universe) -> None:
    """A simple harvest of the lists over HTTP finds exactly the true listings and metrics."""
    known: dict[str, dict[str, Any]] = {}
    night, last = 10, []
    for each in range(night + 1):
        last = harvested_huggingface(client, small, each)
        known |= {item["paper"]["id"]: item["paper"] for *_, item in last if trusted(item)}
    rows = {r["source_id"]: r for r in truth.listings(small, night) if r["source"] == "huggingface"}
    assert known.keys() == rows.keys()
    for key, paper in known.items():
        assert one_line(paper["title"]) in readable_or_latex(rows[key]["title"])
        assert one_line(paper["summary"]) == one_line(rows[key]["abstract"])
        assert [one_line(a["name"]) for a in paper["authors"]] == rows[key]["authors"]
        assert ("withdrawnAt" in paper) == rows[key]["is_withdrawn"]
    said = [
        {
            "source": "huggingface",
            "list": name,
            "list_date": day,
            "night_date": str(small.night_date(night)),
            "listing_id": f"huggingface:{item['paper']['id']}",
            "rank": rank,
            "upvotes": item["paper"]["upvotes"],
            "comment_count": item["numComments"],
            "github_stars": item["paper"].get("githubStars"),
        }
        for name, day, rank, item in last
        if trusted(item)
    ]
    assert said == [r for r in truth.metrics(small, night) if r["source"] == "huggingface"]
    hints = [row for row in truth.quarantined(small, night) if row["source"] == "huggingface"]
    assert len(hints) == sum(not trusted(item) for *_, item in last) > 0


def test_every_kind_of_damage_is_served(small: Universe) -> None:
    """Within the first night's windows each kind of damage occurs."""
    hints = {
        row["reason_hint"] for row in truth.quarantined(small, 0) if row["source"] in FIRST_SOURCES
    }
    assert len(hints) == 9


def test_unknown_fields_come_now_and_then(large: Universe) -> None:
    """A few works carry a field that nobody announced, and all markup quirks occur."""
    posts = [work.post for work in large.works(0) if work.post]
    quirks = Counter(quirk for post in posts for quirk in post.quirks)
    assert 1 <= quirks["extra"] <= len(posts) // 20
    assert min(quirks[name] for name in ("wrapped", "latex", "folded", "decomposed", "media")) > 50


def test_withdrawals_take_every_form(large: Universe) -> None:
    """Some records are deleted, some never seen alive, some say so in a comment, some on HF."""
    rows = [row for row in truth.listings(large, 10) if row["is_withdrawn"]]
    arxiv = [row for row in rows if row["source"] == "arxiv"]
    assert any(row["title"] is None for row in arxiv)
    assert any(row["title"] is not None for row in arxiv)
    assert any(row["source"] == "huggingface" for row in rows)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Núñez", r"N\'u\~nez"),
        ("Schrödinger", r"Schr{\"o}dinger"),
        ("Łukasz Sørensen", r"{\L}ukasz S{\o}rensen"),
        ("García", r"Garc\'{\i}a"),
        ("Dvořák", r"Dvo\v{r}\'ak"),
        ("plain $\\ell_1$", "plain $\\ell_1$"),
    ],
)
def test_latex(text: str, sent: str) -> None:
    """Accents are written as authors write them; math stays."""
    assert markup.latex(text) == sent


def test_wrapping_loses_nothing() -> None:
    """Wrapped text has the words of the plain one, and lines of bounded length."""
    text = "a bb ccc " * 40 + "x" * 100 + " end"
    lines = list(markup.lines(text, 20))
    assert " ".join(lines) == text
    assert all(len(line) <= 20 or " " not in line for line in lines)


def test_night_out_of_range() -> None:
    """A server's own night lies from 0 to 400."""
    with pytest.raises(UsageError, match="nights 0 to 400"):
        app(Universe(1, 10), 401)


def test_stops_cleanly() -> None:
    """After the context nobody listens, and the port can be used again."""
    universe = Universe(1, 10)
    with run_in_thread(universe) as base:
        assert httpx.get(base).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(base)
    port = int(base.rpartition(":")[2])
    with run_in_thread(universe, port=port) as again:
        assert again == base
