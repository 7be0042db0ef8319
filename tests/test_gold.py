"""The labelled sets are read as they are meant."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.bench import gold, synthetic_records
from tests.recordings import GOLD, needs_gold
from tests.scoring import score
from warehouse.dedupe.alone import RECORDS, deduplicate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two small sets in the shapes of the real ones."""
    export, two = tmp_path / "stroke", tmp_path / "dblp-acm"
    export.mkdir()
    two.mkdir()
    (export / "records_pre_merged.csv").write_text(
        '"ID","title","year","author","pages","volume","number","ENTRYTYPE","journal"\n'
        '"a","A, title",2010,"Zhai, Q. J. and Andersen, P.","73-76",7,,"article","Stroke"\n'
        '"b","A title",,"Zhai, Q. J.",,,,"article",\n'
        '"c",,2011,,,"35 Suppl 1",2,"article","Stroke"\n'
        '"d","Other",2011,,,,,"article","Stroke"\n',
        encoding="utf-8",
    )
    (export / "merged_record_ids.csv").write_text('merged_ids\n"a;b"\n"b;c"\n', encoding="utf-8")
    (two / "DBLP2.csv").write_bytes(
        b'"id","title","authors","venue","year"\r\n'
        b'"conf/1","One","Ugur \xc7etintemel, A. Rasin","VLDB",2003\r\n'
        b'"conf/2","Two","J\xc3\xb6rg Sander","VLDB",2003\r\n'
    )
    (two / "ACM.csv").write_bytes(
        b'"id","title","authors","venue","year"\r\n17,"One",,"VLDB",2003\r\n'
    )
    (two / "DBLP-ACM_perfectMapping.csv").write_bytes(b'"idDBLP","idACM"\r\n"conf/1",17\r\n')
    return tmp_path


def test_an_export_is_read_as_printed(folder: Path) -> None:
    """Authors are split and left as printed, empty cells are null, groups that overlap are one."""
    (found,) = gold.load(folder, ["stroke"])
    assert found.records.schema == RECORDS
    first, second, third, _ = found.records.to_pylist()
    assert first["authors"] == ["Zhai, Q. J.", "Andersen, P."]
    assert (first["title"], first["year"], first["volume"]) == ("A, title", 2010, "7")
    assert (first["issue"], second["year"], third["title"]) == (None, None, None)
    assert third["authors"] is None
    labels = found.labels
    assert len(set(labels[:3])) == 1
    assert labels[3] != labels[0]
    assert found.tables is None


def test_two_tables_know_their_pairs(folder: Path) -> None:
    """A line is UTF-8 or else Latin-1; a record's table is its source."""
    (found,) = gold.load(folder, ["dblp-acm"])
    one, two, other = found.records.to_pylist()
    assert one["authors"] == ["Ugur Çetintemel", "A. Rasin"]
    assert two["authors"] == ["Jörg Sander"]
    assert found.tables == ["dblp", "dblp", "acm"]
    assert (found.labels == found.labels[2]).tolist() == [True, False, True]
    assert other["record_id"] == "17"


def test_a_set_that_is_absent_is_left_out(folder: Path) -> None:
    """What is not there is not loaded; a set that lacks a file is a mistake."""
    assert [found.name for found in gold.load(folder)] == ["stroke", "dblp-acm"]
    (folder / "stroke" / "merged_record_ids.csv").unlink()
    with pytest.raises(FileNotFoundError, match="merged_record_ids"):
        list(gold.load(folder))


@needs_gold
def test_the_sets_have_their_known_sizes() -> None:
    """Records and pairs of each set are as many as were published."""
    sizes = {}
    for found in gold.load(GOLD):
        alone = np.arange(found.records.num_rows)
        sizes[found.name] = (len(alone), score(alone, found.labels, found.tables).gold_pairs)
        assert len(set(found.ids)) == len(alone)
    assert sizes == {
        "cytology_screening": (1_856, 909),
        "stroke": (1_292, 479),
        "haematology": (1_415, 163),
        "respiratory": (1_988, 508),
        "dblp-acm": (4_910, 2_224),
    }


@needs_gold
@pytest.mark.parametrize(
    ("name", "one_per_source", "least", "most_false"),
    [
        ("cytology_screening", False, 0.994, 5),
        ("stroke", False, 0.995, 4),
        ("respiratory", False, 0.992, 5),
        ("haematology", False, 0.89, 10),
        ("dblp-acm", False, 0.978, 45),
        ("dblp-acm", True, 0.989, 8),
    ],
)
def test_editions_agree_with_the_labels(
    name: str, one_per_source: bool, least: float, most_false: int
) -> None:
    """With one setting every labelled set is grouped as well as ever, and few records wrongly."""
    (found,) = gold.load(GOLD, [name])
    clusters = deduplicate(found.records, one_per_source=one_per_source).clusters
    editions = [str(edition) for edition in clusters["edition_id"].to_pylist()]
    agreed = score(editions, found.labels, found.tables)
    assert agreed.f1 >= least
    assert agreed.false_merges <= most_false


def test_made_up_records_are_grouped_as_they_were_made(tmp_path: Path) -> None:
    """Typos, initials, cut titles and missing fields are seen through; parts and namesakes stay apart."""
    records = tmp_path / "records.parquet"
    truth = pq.read_table(synthetic_records.write(records, 4_000, 7)).to_pylist()
    found = deduplicate(pq.read_table(records, columns=RECORDS.names).cast(RECORDS)).clusters
    papers = dict(zip(found["record_id"].to_pylist(), found["paper_id"].to_pylist(), strict=True))
    agreed = score(
        [str(papers[row["record_id"]]) for row in truth], [row["paper"] for row in truth]
    )
    assert agreed.f1 >= 0.99
    assert agreed.false_merges <= 10
