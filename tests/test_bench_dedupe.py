"""Deduplication is scored: the made-up records are what they say, and the command runs."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bench import dedupe, disagreements, measuring, synthetic_records
from tests.bench.contenders import Peer
from tests.bench.gold import Gold
from tests.bench.measuring import Measured
from tests.bench.synthetic_records import KINDS
from warehouse.dedupe.alone import RECORDS

COUNT = 4_000


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of made-up records."""
    path = tmp_path_factory.mktemp("records") / "records.parquet"
    synthetic_records.write(path, COUNT, seed=3)
    return path


@pytest.fixture
def db(made_up: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The made-up records with their truth, as the view `listed`."""
    with duckdb.connect() as connection:
        connection.execute(
            "create view listed as "
            f"from read_parquet('{made_up}') as shown "
            f"join read_parquet('{synthetic_records.truth_path(made_up)}') as truth "
            "using (record_id)"
        )
        yield connection


def _run(function: str, *, python: str = "", **arguments: Any) -> Measured:
    """As `measuring.run`, in this process."""
    module, _, name = function.partition(":")
    work = importlib.import_module(f"tests.bench.work.{module}")
    return Measured(
        1.0, 1.0, measuring.MIB, json.loads(json.dumps(getattr(work, name)(**arguments)))
    )


def _gold() -> Gold:
    rows = [
        {"record_id": "a", "title": "On looms", "authors": ["Ann Weaver"], "year": 2001},
        {"record_id": "b", "title": "On looms.", "authors": ["Weaver, A."], "year": 2001},
        {"record_id": "c", "title": "On looms", "authors": ["Bo Smith"], "year": 2009},
        {"record_id": "d", "title": "Kilns of the north", "year": 1999},
    ]
    return Gold("stroke", pa.Table.from_pylist(rows, schema=RECORDS), (("a", "b"),), False)


def test_made_up_records_depend_on_their_seed(made_up: Path, tmp_path: Path) -> None:
    """The same seed gives the same records and truth, another seed others."""
    again, other = tmp_path / "again.parquet", tmp_path / "other.parquet"
    truth = synthetic_records.write(again, COUNT, seed=3)
    synthetic_records.write(other, COUNT, seed=4)
    assert pq.read_table(again).equals(pq.read_table(made_up))
    known = pq.read_table(synthetic_records.truth_path(made_up))
    assert pq.read_table(truth).equals(known)
    assert not pq.read_table(other).equals(pq.read_table(made_up))
    shown = pq.read_table(made_up).cast(RECORDS)
    assert shown["record_id"].to_pylist() == [f"r{number:09}" for number in range(COUNT)]
    assert known["record_id"].equals(shown["record_id"])


@pytest.mark.parametrize("count", [1, 2, 7, 101])
def test_as_many_records_as_were_asked_for(tmp_path: Path, count: int) -> None:
    """Any number of records has as many ids; none is refused."""
    truth = synthetic_records.write(tmp_path / "few.parquet", count)
    assert len(set(pq.read_table(truth)["record_id"].to_pylist())) == count
    with pytest.raises(ValueError, match="none"):
        synthetic_records.write(tmp_path / "none.parquet", 0)


def test_a_quarter_of_the_records_lists_a_paper_again(db: duckdb.DuckDBPyConnection) -> None:
    """Second listings and preprints belong to a paper that is listed; nothing else does."""
    shares = dict(
        db.execute(
            "select kind, count(*) / sum(count(*)) over () from listed group by kind"
        ).fetchall()
    )
    assert shares[KINDS.index("second listings")] + shares[
        KINDS.index("preprints")
    ] == pytest.approx(0.25, abs=0.01)
    firsts = db.execute(
        "select list(kind) from listed group by paper having count(*) filter (kind not in (1, 2)) <> 1"
    ).fetchall()
    assert firsts == []
    editions = db.execute(
        "select count(*) from listed as a join listed as b on a.edition = b.edition "
        "where a.record_id < b.record_id and 2 in (a.kind, b.kind)"
    ).fetchone()
    assert editions == (0,)


def test_second_listings_are_printed_otherwise(db: duckdb.DuckDBPyConnection) -> None:
    """Titles, authors and years of second listings differ in part, and in part are the same."""
    found = db.execute(
        "select avg(cast(a.title = b.title as int)), avg(cast(a.authors = b.authors as int)), "
        "avg(cast(a.year is distinct from b.year as int)), "
        "avg(levenshtein(lower(a.title), lower(b.title)) / length(a.title)) "
        "from listed as a join listed as b using (paper) where a.kind = 0 and b.kind = 1"
    ).fetchone()
    assert found is not None
    same_title, same_authors, other_year, distance = found
    assert 0.3 < same_title < 0.7
    assert 0.2 < same_authors < 0.6
    assert 0.05 < other_year < 0.25
    assert distance < 0.08


def test_what_must_not_be_merged_is_there(db: duckdb.DuckDBPyConnection) -> None:
    """Parts, follow-ups, errata and titles that others use have their first half in the file."""
    for part, other in (("part i", "part ii"), ("five-year follow-up", "six-year follow-up")):
        pairs = db.execute(
            "select count(*) from listed as a join listed as b "
            f"on lower(b.title) = left(lower(a.title), -length('{part}')) || '{other}' "
            f"and a.paper <> b.paper where lower(a.title) like '% {part}'"
        ).fetchone()
        assert pairs is not None
        assert pairs[0] >= COUNT * 0.003
    others = db.execute(
        "select count(distinct b.record_id) from listed as a join listed as b "
        "on a.title = b.title and a.authors <> b.authors where a.kind = 0 and b.kind = 4"
    ).fetchone()
    errata = db.execute(
        "select count(*) from listed where title like 'Erratum: %' and kind = 5"
    ).fetchone()
    assert others is not None
    assert others[0] > COUNT * 0.008
    assert errata == (int(COUNT * 0.005),)


def test_errors_are_shown_with_both_records() -> None:
    """False merges come before missed pairs, each with how it came and both values of a field."""
    match = {
        "left_id": "a",
        "right_id": "c",
        "relation": "same",
        "score": 10.25,
        "evidence": [{"name": "title", "contribution": 10.0, "detail": "equal"}],
    }
    lines = list(
        disagreements.report(_gold(), [1, 2, 1, 3], pa.Table.from_pylist([match]), "edition")
    )
    text = "\n".join(lines)
    assert text.index("stroke, editions: 1 false merges") < text.index("1 missed pairs")
    assert "### 1 linked; differing in authors, year" in text
    assert "  same, 10.2: title +10.0 (equal)" in text
    assert "  title    = On looms\n" in text
    assert "  year     ! 2001\n           ! 2009" in text
    assert "### 1 never weighed or far from it; differing in authors" in text


def test_a_pair_says_how_it_came() -> None:
    """A pair that was weighed apart, or that others joined, says so."""
    matches = [
        {"left_id": "b", "right_id": "a", "relation": "version", "score": 9.0, "evidence": []},
        {"left_id": "c", "right_id": "d", "relation": "undecided", "score": 7.0, "evidence": []},
    ]
    table = pa.Table.from_pylist(matches)
    text = "\n".join(disagreements.report(_gold(), [1, 2, 1, 1], table, "edition"))
    assert "1 undecided, yet joined through others; differing in title" in text
    assert "1 joined through others; differing in authors, year" in text
    assert "1 version; differing in authors" in text
    text = "\n".join(disagreements.report(_gold(), [1, 2, 3, 4], table, "paper"))
    assert "1 version, yet parted; differing in authors" in text


def test_an_absent_peer_says_so(tmp_path: Path) -> None:
    """A peer that is not installed gives no line, and its reason."""
    records = tmp_path / "records.parquet"
    pq.write_table(_gold().records, records)
    peer = Peer("no_such_peer", sys.executable)
    assert list(peer.lines(_gold(), records, tmp_path)) == []
    assert peer.is_absent
    assert "no_such_peer" in peer.problem
    assert peer.stopped_at == "stroke"


def test_the_command_scores_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set is grouped at both levels, scored, listed, and written between a page's marks."""
    monkeypatch.setattr(measuring, "run", _run)
    folder, page = tmp_path / "stroke", tmp_path / "page.md"
    folder.mkdir()
    page.write_text("<!-- bench -->\nold\n<!-- /bench -->\n", encoding="utf-8")
    (folder / "records_pre_merged.csv").write_text(
        "ID,title,year,author,pages,volume,number,ENTRYTYPE,journal\n"
        'a,Weaving of looms in the northern valleys,2001,"Weaver, A. and Smith, B.",7-9,3,1,article,Looms\n'
        'b,Weaving of looms in the northern valleys,2001,"Weaver, A. and Smith, B.",7-9,3,1,article,Looms\n'
        'c,Kilns and their keepers before the war,1999,"Potter, C.",1-5,8,2,article,Clay\n',
        encoding="utf-8",
    )
    (folder / "merged_record_ids.csv").write_text("merged_ids\na;b\n", encoding="utf-8")
    options = ["--gold", str(tmp_path), "--errors", "--write", str(page)]
    assert dedupe.main(options) == 0
    shown = capsys.readouterr().out
    for level in ("editions", "papers"):
        assert f"| stroke | 3 | 1 | **Paperlake**, {level} | 0 | 0 | 1.000 |" in shown
        assert f"**Paperlake**, {level}" in page.read_text(encoding="utf-8")
    assert "stroke, editions: 0 false merges" in shown


def test_the_command_needs_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without sets is told, with the option that names another."""
    assert dedupe.main(["--gold", str(tmp_path)]) == 1
    assert "--gold DIR" in capsys.readouterr().err


def test_the_command_measures_made_up_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made-up records are kept when asked, grouped, and scored by their kind."""
    monkeypatch.setattr(measuring, "run", _run)
    assert dedupe.main(["--scale-records", "300", "--cache", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "300 records that never were" in shown
    assert "the same: editions, parts II" in shown
    assert (tmp_path / "records-300-1.parquet").exists()


def test_copies_of_keys_are_grouped_as_often(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records whose keys are at hand are grouped; copies of the keys bring as many times the pairs."""
    monkeypatch.setattr(measuring, "run", _run)
    pairs = []
    for copies in (1, 3):
        asked = ["--scale-records", "600", "--keys-at-hand", "--copies", str(copies)]
        assert dedupe.main([*asked, "--cache", str(tmp_path)]) == 0
        shown = capsys.readouterr().out
        assert f"{600 * copies:,} records, keys at hand: wall" in shown
        told = next(line for line in shown.splitlines() if "pairs joined" in line)
        pairs.append(int(told.split("|")[2].replace(",", "")))
    assert pairs[1] == 3 * pairs[0] > 0
