"""The page of a deduplication, made of groupings small enough to know by heart; no browser is needed."""

import base64
import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pytest

from flows.bibliography.reading import BadRow, Reading
from flows.deduplication_page import page
from warehouse.dedupe.alone import CLUSTERS, MATCHES, RECORDS, Grouping

COUNTS = dict.fromkeys(
    (
        *("n_records", "n_papers", "n_editions", "n_joined_pairs", "n_undecided_pairs"),
        *("n_apart_pairs", "n_related_pairs", "n_bad"),
    ),
    1_000,
)
Pair = tuple[str, str, str, float]


def shown(
    papers: Mapping[str, Sequence[str]],
    pairs: Iterable[Pair] = (),
    fields: Mapping[str, Mapping[str, str]] | None = None,
    bad: Sequence[BadRow] = (),
) -> str:
    """The page of papers (id -> its records), pairs (left, right, relation, score) and fields."""
    clusters = [
        {"record_id": record_id, "paper_id": paper_id, "edition_id": paper_id, "relation": "same"}
        for paper_id, ids in papers.items()
        for record_id in ids
    ]
    records = [
        {"record_id": row["record_id"], "title": "T", **(fields or {}).get(row["record_id"], {})}
        for row in clusters
    ]
    matches = [
        dict(zip(("left_id", "right_id", "relation", "score"), pair, strict=True)) for pair in pairs
    ]
    reading = Reading(pa.Table.from_pylist(records, RECORDS), bad=[*bad])
    grouping = Grouping(
        pa.Table.from_pylist(clusters, CLUSTERS), pa.Table.from_pylist(matches, MATCHES)
    )
    return page(reading, grouping, COUNTS)


def named(html: str) -> list[str]:
    """The pairs in the order of the page, as `left right`."""
    return [" ".join(pair) for pair in re.findall(r"</span> (\w+) and (\w+): <strong>", html)]


def test_its_policy_allows_nothing_but_its_style() -> None:
    """No request, script, base, form or other style: the policy says so, and stands before the style."""
    html = shown({"p": ["a", "b"]})
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert html.index(policy) < html.index("<style>")


def test_everything_that_files_say_is_escaped() -> None:
    """Ids, values, and the reasons for which records were left out are text."""
    hostile = "<img src=x>\"'&"
    html = shown(
        {"p": [f"1{hostile}", f"2{hostile}"]},
        [(f"1{hostile}", f"2{hostile}", "same", 20.0)],
        {f"1{hostile}": {"title": hostile, "venue": hostile}},
        [BadRow(hostile, "line", 2, hostile)],
    )
    assert "<img" not in html
    assert html.count("&lt;img src=x&gt;&#34;&#39;&amp;") == 9


def test_what_differs_from_most_is_marked() -> None:
    """Not what is missing, nor case and punctuation, nor where a record comes from."""
    html = shown(
        {"p": ["a", "b", "c", "d"]},
        fields={
            "a": {"venue": "J. Lakes", "volume": "4", "source": "x.csv", "pages": "1"},
            "b": {"venue": "j lakes", "source": "y.csv", "pages": "1"},
            "c": {"venue": "J. Lakes", "source": "y.csv", "pages": "1"},
            "d": {"venue": "J. Seas", "source": "y.csv", "pages": "2"},
        },
    )
    assert re.findall(r'<td class="differs">(.*?)</td>', html) == ["J. Seas", "2"]
    labels = re.findall(r'<tr class="differs"><th scope="row">(\w+)', html)
    assert labels == ["Venue", "Pages"]


def test_the_least_certain_come_first() -> None:
    """Papers by their weakest pair, and its pairs likewise; undecided pairs by the most alike."""
    html = shown(
        {"p": ["a", "b", "c"], "q": ["d", "e"], "r": ["f"], "s": ["g"], "t": ["h"]},
        [
            ("a", "b", "same", 30.0),
            ("a", "c", "version", 20.0),
            ("d", "e", "same", 11.0),
            # Alike, but something else kept them apart.
            ("e", "f", "same", 40.0),
            ("f", "g", "undecided", 8.0),
            ("f", "h", "undecided", 9.0),
            ("g", "h", "related", 7.0),
        ],
    )
    assert named(html) == ["d e", "a c", "a b", "f h", "f g", "e f", "g h"]
    assert "2 papers have two records or more, the least certain first" in html


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many papers, records and pairs of one, undecided and related pairs, bad rows, characters."""
    for name, most in {
        "MOST_CLUSTERS": 2,
        "MOST_PAIRS": 2,
        "_MOST_RECORDS": 3,
        "_MOST_REASONS": 2,
        "_MOST_BAD": 1,
        "_WIDEST": 50,
    }.items():
        monkeypatch.setattr(f"flows.deduplication_page.{name}", most)
    papers = {key: [f"{key}{n}" for n in range(5)] for key in "pqr"}
    pairs = [
        (left, right, "same", 20.0)
        for ids in papers.values()
        for left, right in itertools.combinations(ids, 2)
    ]
    pairs += [(f"p{n}", f"q{n}", "undecided", 9.0) for n in range(4)]
    pairs += [(f"p{n}", f"r{n}", "related", 9.0) for n in range(4)]
    html = shown(
        papers,
        pairs,
        {"p0": {"abstract": "x" * 80}},
        [BadRow("a.csv", "line", n, "is bad") for n in range(3)],
    )
    assert html.count('<article class="cluster">') == 2
    assert "3 papers have two records or more; the 2 least certain are shown" in html
    assert html.count("2 more records are not shown") == 2
    assert named(html) == [
        *("p0 p1", "p0 p2", "q0 q1", "q0 q2", "p0 q0", "p1 q1", "p0 r0", "p1 r1")
    ]
    assert html.count("; the 2 most alike are shown") == 2
    assert re.findall(r"<li>(a\.csv.*)</li>", html) == ["a.csv, line 0: is bad."]
    assert "1,000 records could not be used; the first 1:" in html
    assert max(map(len, re.findall("x{5,}", html))) <= 50
