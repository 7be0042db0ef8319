"""`paperlake dedupe` as a user types it: what it writes, what it refuses, and the page in a browser."""

import csv
import itertools
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.deduplication import deduplicate_files
from flows.deduplication_page import outcomes
from schemas.errors import UsageError
from tests import forked
from warehouse.dedupe.alone import Grouping

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
LIBRARY = """id,title,authors,year,journal,volume,pages,doi
a1,Guarded clusters of bibliographic records,"Doe, Jane; Roe, Richard",2019,Journal of Lakes,4,10-19,10.1000/lake.1
a2,On the colour of deep water,"Poe, Ann; Low, Bert",2020,Journal of Lakes,5,1-9,
a3,A paper that nobody else has,"Solo, Han",2021,Journal of Seas,1,5-6,
"""
REFERENCES = """@article{b1,
  title = {Guarded Clusters of Bibliographic Records},
  author = {Doe, J. and Roe, R.}, year = 2019, journal = {J. Lakes}, volume = 4, pages = {10--19},
}
@article{b2,
  title = {On the colour of deep water},
  author = {Poe, A. and Low, B.}, year = 2020, journal = {Journal of Lakes}, volume = 5,
}
"""


def dedupe(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PAPERLAKE_")}
    env = {**clean, "PYTHONPATH": str(forked.ROOT)}
    return forked.run(forked.COMMAND, ["dedupe", *args], folder, env)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with two files that share two papers."""
    (tmp_path / "library.csv").write_text(LIBRARY)
    (tmp_path / "refs.bib").write_text(REFERENCES)
    return tmp_path


def clusters(path: Path) -> list[list[str]]:
    """The record ids of each paper, sorted."""
    found: dict[str, list[str]] = {}
    for row in pq.read_table(path).to_pylist():
        found.setdefault(row["paper_id"], []).append(row["record_id"])
    return sorted(sorted(ids) for ids in found.values())


def test_records_of_all_files_are_joined(home: Path) -> None:
    """One row a record in the order of the files, the same paper_id for one paper, one line of summary."""
    done = dedupe(home, "library.csv", "refs.bib", "--out", "out.parquet")
    assert done.returncode == 0, done.stderr
    assert clusters(home / "out.parquet") == [["a1", "b1"], ["a2", "b2"], ["a3"]]
    table = pq.read_table(home / "out.parquet")
    assert table.column_names == ["record_id", "paper_id", "edition_id", "relation", "score"]
    assert table["record_id"].to_pylist() == ["a1", "a2", "a3", "b1", "b2"]
    assert re.fullmatch(
        r"5 records: 3 papers, \d editions, 2 joined pairs, 0 undecided. Wrote out.parquet\n",
        done.stdout,
    )
    assert sorted(path.name for path in home.iterdir()) == [
        "library.csv",
        "out.parquet",
        "refs.bib",
    ]


def test_bad_rows_are_told_and_the_rest_is_done(home: Path) -> None:
    """Exit 4, each bad row in a sentence on stderr and in the JSON, and the output for the others."""
    with (home / "library.csv").open("a") as file:
        file.write("a4,too,few\na1,Again,,,,,,\n")
    done = dedupe(home, "library.csv", "refs.bib", "--out", "out.parquet", "--json")
    assert done.returncode == 4
    assert "library.csv, line 5: its number of cells is 3" in done.stderr
    answer = json.loads(done.stdout)
    assert [(row["file"], row["line"]) for row in answer["bad"]] == [
        ("library.csv", 5),
        ("library.csv", 6),
    ]
    assert (answer["n_records"], answer["n_papers"], answer["n_bad"]) == (5, 3, 2)
    assert len(clusters(home / "out.parquet")) == 3


def test_many_bad_rows_are_counted(home: Path) -> None:
    """On stderr the first twenty, and how many more there are; in the JSON a thousand at most."""
    with (home / "library.csv").open("a") as file:
        file.write("too,few\n" * 1_005)
    done = dedupe(home, "library.csv", "--out", "out.parquet", "--json")
    assert done.returncode == 4
    assert done.stderr.count("its number of cells is 2") == 20
    assert "985 more records were left out" in done.stderr
    answer = json.loads(done.stdout)
    assert (answer["n_bad"], len(answer["bad"])) == (1_005, 1_000)


def test_quiet_says_nothing(home: Path) -> None:
    """With --quiet neither progress nor summary."""
    done = dedupe(home, "library.csv", "refs.bib", "--out", "out.parquet", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_row_a_source_never_joins_within_one(tmp_path: Path) -> None:
    """With --one-per-source two rows of one source stay two papers, however alike they are."""
    row = '"{}",Guarded clusters of records,"Doe, Jane",2019,Journal of Lakes\n'
    (tmp_path / "a.csv").write_text(
        "id,title,authors,year,journal\n" + row.format(1) + row.format(2)
    )
    for options, expected in (([], [["1", "2"]]), (["--one-per-source"], [["1"], ["2"]])):
        done = dedupe(tmp_path, "a.csv", "--out", "o.parquet", "--json", *options)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["n_joined_pairs"] == 2 - len(expected)
        assert clusters(tmp_path / "o.parquet") == expected


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["absent.csv", "--out", "o.parquet"], "There is no file absent.csv"),
        ([".", "--out", "o.parquet"], "is no file"),
        (["library.csv", "--out", "library.csv"], "is also library.csv"),
        (["library.csv", "--out", "./link.parquet"], "is also library.csv"),
        (["library.csv", "--out", "thesis.parquet"], "is none of ours"),
        (["library.csv", "--out", "other.parquet"], "is none of ours"),
        (["library.csv", "--out", "o.parquet", "--report", "thesis.parquet"], "is none of ours"),
        (["library.csv", "--out", "o.parquet", "--report", "o.parquet"], "is also o.parquet"),
        (["library.csv", "--out", "."], "is a folder"),
        (["library.csv", "--out", "absent/o.parquet"], "there is no folder absent"),
        (["library.csv", "--out", "o.jsonl"], "end the name in .parquet or .csv"),
        (["refs.bib", "--out", "untitled.csv"], "is none of ours"),
        (["thesis.parquet", "--out", "o.parquet"], "thesis.parquet cannot be read as Parquet"),
        (["untitled.csv", "--out", "o.parquet"], "has no column title"),
        (["library.csv"], "Missing option '--out'"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    args: list[str], message: str, home: Path
) -> None:
    """Exit 2, what to do on stderr, and every file as it was."""
    (home / "thesis.parquet").write_text("mine")
    pq.write_table(pa.table({"paper_id": ["mine"]}), home / "other.parquet")
    (home / "untitled.csv").write_text("a,b\n1,2\n")
    (home / "link.parquet").symlink_to("library.csv")
    before = {path: path.read_bytes() for path in home.iterdir()}
    done = dedupe(home, *args)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in home.iterdir()} == before


def test_its_own_output_is_written_over(home: Path) -> None:
    """The same command again replaces its files, with the same bytes for the same input."""
    args = ["library.csv", "refs.bib", "--out", "out.parquet", "--report", "page.html"]
    assert dedupe(home, *args).returncode == 0
    before = [(home / name).read_bytes() for name in ("out.parquet", "page.html")]
    assert dedupe(home, *args).returncode == 0
    assert [(home / name).read_bytes() for name in ("out.parquet", "page.html")] == before


def test_csv_is_written_where_the_name_says_so(home: Path) -> None:
    """The same rows as in Parquet, and such a file is written over by the same command only."""
    for name in ("out.parquet", "out.csv", "out.csv"):
        assert dedupe(home, "library.csv", "refs.bib", "--out", name).returncode == 0
    with (home / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    table = pq.read_table(home / "out.parquet")
    assert rows[0] == table.column_names
    assert [row[:4] for row in rows[1:]] == [
        list(row.values())[:4] for row in table.select(table.column_names[:4]).to_pylist()
    ]
    assert [float(row[4]) if row[4] else None for row in rows[1:]] == table["score"].to_pylist()


@pytest.mark.parametrize(
    ("text", "told"),
    [("PMID- 123\n", "PubMed's own"), ("FN Clarivate\n", "Web of"), ("%0 Journal\n", "EndNote's")],
)
def test_formats_that_are_not_read_are_called_by_name(text: str, told: str, home: Path) -> None:
    """A file in a format that looks like text is refused with its name and what to export instead."""
    (home / "export.txt").write_text(text)
    with pytest.raises(UsageError, match=told):
        deduplicate_files([home / "export.txt"], home / "out.parquet")


def test_records_without_title_are_told(home: Path) -> None:
    """How many records are joined with nothing because they have no title is said on stderr."""
    (home / "more.csv").write_text("title,doi\n,10.1000/lake.1\n,10.1000/lake.1\nOne,\n")
    done = dedupe(home, "more.csv", "--out", "out.parquet")
    assert "2 records have no title and are joined with nothing." in done.stderr
    assert len(clusters(home / "out.parquet")) == 3


def test_a_single_source_that_lists_nothing_twice_is_told(home: Path) -> None:
    """With --one-per-source and one source nothing can be joined, and it is said."""
    done = dedupe(home, "library.csv", "--out", "out.parquet", "--one-per-source")
    assert done.returncode == 0
    assert "All records are of one source" in done.stderr
    done = dedupe(home, "library.csv", "refs.bib", "--out", "out.parquet", "--one-per-source")
    assert "All records are of one source" not in done.stderr


def test_an_arxiv_id_without_a_place_is_a_preprint(home: Path) -> None:
    """Where nothing says where it appeared, a record with an arXiv id is another edition than the article."""
    (home / "pre.bib").write_text(
        "@misc{p1, title = {Guarded Clusters of Bibliographic Records}, author = {Doe, J. and Roe, R.},"
        " year = 2019, eprint = {1903.00001}, archivePrefix = {arXiv}}\n"
    )
    assert dedupe(home, "library.csv", "pre.bib", "--out", "out.parquet").returncode == 0
    rows = {row["record_id"]: row for row in pq.read_table(home / "out.parquet").to_pylist()}
    assert rows["a1"]["paper_id"] == rows["p1"]["paper_id"]
    assert rows["a1"]["edition_id"] != rows["p1"]["edition_id"]


def test_pairs_are_undecided_or_kept_apart_between_papers_only() -> None:
    """An undecided pair that others joined waits for nobody; a pair that matches may be in two papers."""
    matches = [
        ("a", "b", "same"),
        ("b", "c", "same"),
        ("a", "c", "undecided"),
        ("c", "d", "version"),
    ]
    matches += [("d", "e", "undecided"), ("a", "e", "related")]
    papers = pa.table({"record_id": list("abcde"), "paper_id": list("aaade")})
    left, right, relation = map(list, zip(*matches, strict=True))
    table = pa.table({"left_id": left, "right_id": right, "relation": relation})
    assert outcomes(Grouping(papers, table)).to_pylist() == [
        *("joined", "joined", "within", "apart", "undecided", "related"),
    ]


def test_a_folder_that_cannot_be_written_to_is_told_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read, for a user who may not write there."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match="cannot be written to"):
        deduplicate_files([home / "absent.csv"], home / "out.parquet")


def test_output_that_is_not_finished_is_not_seen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails while writing leaves the earlier output and nothing beside it."""
    out = home / "out.parquet"
    deduplicate_files([home / "library.csv"], out)
    before = out.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.deduplication.pq.write_table", full)
    with pytest.raises(OSError, match="No space"):
        deduplicate_files([home / "library.csv", home / "refs.bib"], out)
    assert out.read_bytes() == before
    assert len([*home.iterdir()]) == 3


def test_progress_runs_from_reading_to_the_report(home: Path) -> None:
    """Every step is told in order, and its share never goes back."""
    seen: list[tuple[str, float]] = []
    deduplicate_files(
        [home / "library.csv"],
        home / "out.parquet",
        report=home / "page.html",
        progress=lambda step, share: seen.append((step, share)),
    )
    assert seen[0] == ("reading library.csv", 0.0)
    assert seen[-1] == ("writing the report", 0.0)
    for (step, share), (after, more) in itertools.pairwise(seen):
        assert 0 <= share <= 1
        assert step != after or share <= more


class _Seen(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = """id,title,authors,year,journal
<img src=x onerror=alert(1)>,<script>alert(1)</script> in deep and cold lakes,"Doe, Jane",2019,Lakes
2,<script>alert(1)</script> in deep and cold lakes,"Doe, Jane",2019,</style>{{ 7*7 }}
"""


def test_the_page_shows_what_was_joined_and_why(home: Path) -> None:
    """Figures, the records of each paper side by side with what differs marked, reasons."""
    args = ["library.csv", "refs.bib", "--out", "out.parquet", "--report", "page.html"]
    assert dedupe(home, *args).returncode == 0
    page = _Seen()
    page.feed((home / "page.html").read_text())
    clusters = [values for tag, values in page.tags if tag == "article"]
    assert [values["class"] for values in clusters] == ["cluster", "cluster"]
    assert {"a1", "b1", "a2", "b2"} <= {*re.findall(r"\b[ab]\d\b", page.text)}
    assert "Solo, Han" not in page.text  # a paper of one record is not a duplicate
    assert ("td", {"class": "differs"}) in page.tags
    for word in ("title +", "J. Lakes", "10--19", "Undecided"):
        assert word in page.text


def test_the_page_holds_no_markup_of_records_and_asks_for_nothing(tmp_path: Path) -> None:
    """What records hold is text on it, and there is nothing on it that would make a request."""
    (tmp_path / "a.csv").write_text(HOSTILE)
    done = dedupe(tmp_path, "a.csv", "--out", "o.parquet", "--report", "page.html")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "page.html").read_text()
    page = _Seen()
    page.feed(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "form", "base"}
    assert not [name for _, values in page.tags for name in values if name in ("src", "style")]
    assert {values["href"] for _, values in page.tags if "href" in values} <= {
        "#joined",
        "#undecided",
        "#apart",
        "#related",
    }
    assert "<script>alert(1)</script> in deep" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "http:" not in text
    assert "https:" not in text


def test_the_page_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows so many papers and says how many there are."""
    monkeypatch.setattr("flows.deduplication_page.MOST_CLUSTERS", 2)
    titles = {
        "Amber": "Insects caught in resin",
        "Basalt": "Columns of cooling lava",
        "Cobalt": "Blue glass of the lakeside kilns",
        "Dolomite": "Slow erosion of a limestone massif",
        "Emerald": "Green beryl from abandoned mines",
    }
    rows = [
        f'{name}{n},{title},"{name}, Ada",2001,Lakes\n'
        for name, title in titles.items()
        for n in range(2)
    ]
    (tmp_path / "a.csv").write_text("id,title,authors,year,journal\n" + "".join(rows))
    deduplicate_files([tmp_path / "a.csv"], tmp_path / "o.parquet", report=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert text.count('<article class="cluster">') == 2
    assert "5 papers have two records or more; the 2 least certain are shown" in text


# A browser alone knows whether the style is applied and whether anything sticks out. What the page
# says, its escaping, its policy (the hash of its style too) and its bounds are looked at without one,
# above and in test_deduplication_page.py.
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: `apt-get install chromium`")
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_the_page(width: int, is_dark: bool, home: Path) -> None:
    """A real browser applies the style (the policy lets it), and nothing sticks out to the right."""
    args = ["library.csv", "refs.bib", "--out", "out.parquet", "--report", "page.html"]
    assert dedupe(home, *args).returncode == 0
    # The page allows no script, so a copy without that policy measures itself.
    text = (home / "page.html").read_text()
    probe = (
        "<script>document.title = JSON.stringify({"
        "over: document.documentElement.scrollWidth - innerWidth,"
        "page: getComputedStyle(document.body).backgroundColor,"
        "differs: document.querySelectorAll('td.differs').length})</script></body>"
    )
    allowed = text.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    (home / "probe.html").write_text(allowed.replace("</body>", probe))
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            *[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-extensions",
            ],
            *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"),
            f"--user-data-dir={home / 'profile'}",
            f"--window-size={width},900",
            f"--blink-settings=preferredColorScheme={0 if is_dark else 1}",
            "--dump-dom",
            (home / "probe.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    seen = json.loads(title[1])
    assert seen["over"] <= 0
    assert seen["differs"] > 0
    assert seen["page"] == ("rgb(18, 21, 27)" if is_dark else "rgb(245, 246, 248)")


def test_the_same_files_twice_are_refused(home: Path) -> None:
    """A file cannot be its own duplicate."""
    with pytest.raises(UsageError, match="named twice"):
        deduplicate_files([home / "refs.bib"] * 2, home / "out.parquet")
