"""Anyone's files as records: every format, every encoding, and what is hostile or broken in them."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.bibliography.cells import authors_of, year_of
from flows.bibliography.reading import Reading, read_files
from schemas.errors import UsageError
from schemas.normalize.cleaning import clean

LIMIT = 4_000_001


def read(folder: Path, name: str, content: str | bytes) -> Reading:
    """What is read of one file of this name and content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_files([path])


def rows(reading: Reading, *names: str) -> list[Any]:
    """Some columns of what was read, as tuples, or as values where it is one column."""
    columns = [reading.records[name].to_pylist() for name in names]
    return columns[0] if len(names) == 1 else [*zip(*columns, strict=True)]


def told(reading: Reading) -> list[tuple[int, str]]:
    """Where the bad records begin, and why they are bad."""
    assert reading.n_bad == len(reading.bad)
    return [(row.place, row.reason) for row in reading.bad]


BIBTEX = """% a comment
@string{vldb = "Very Large " # {Data Bases}}
@article{one,
  title = {A {N}ested, "quoted" title},
  author = {Doe, Jane and {Barnes and Noble} and Roe, R.},
  year = 1999, month = jan, number = 4, volume = {12},
  journal = vldb # ", endowed",
  pages = "1--9", doi = {10.1000/x}, eprint = {2101.00001}, archivePrefix = {arXiv},
}
@inproceedings(two, title = "In brackets", booktitle = {Proc.}, eprint = {99}, eprinttype = {pubmed})
"""
RIS = """TY  - JOUR
ID  - ignored
TI  - A title that
 goes on
AU  - Doe, Jane
AU  - Ministry of Health and Welfare
PY  - 2001/05//
JO  - Journal
SP  - 10
EP  - 19
DO  - 10.1000/x
AN  - 12345678
UR  - https://arxiv.org/abs/2101.00001
ER  -

TY  - CONF
T1  - Second
A1  - Roe; Poe
ER  - """


def test_bibtex_is_read_as_written(tmp_path: Path) -> None:
    """Macros, concatenation, nested braces, quotes and round brackets; authors split outside braces."""
    reading = read(tmp_path, "a.bib", BIBTEX)
    first, second = reading.records.to_pylist()
    assert first == {
        "record_id": "one",
        "title": 'A {N}ested, "quoted" title',
        "authors": ["Doe, Jane", "{Barnes and Noble}", "Roe, R."],
        "year": 1999,
        "venue": "Very Large Data Bases, endowed",
        "volume": "12",
        "issue": "4",
        "pages": "1--9",
        "doi": "10.1000/x",
        "arxiv_id": "2101.00001",
        "pmid": None,
        "abstract": None,
        "type": "article",
        "source": "a.bib",
    }
    assert (second["title"], second["venue"], second["pmid"]) == ("In brackets", "Proc.", "99")
    assert (reading.n_bad, reading.notes) == (0, [])


def test_ris_is_read_as_written(tmp_path: Path) -> None:
    """Values that go on, lists of authors, pages put together, identifiers in addresses, made ids."""
    reading = read(tmp_path, "a.ris", RIS)
    first, second = reading.records.to_pylist()
    assert first["record_id"] == "a.ris:1"
    assert first["title"] == "A title that goes on"
    assert first["authors"] == ["Doe, Jane", "Ministry of Health and Welfare"]
    assert (first["year"], first["venue"], first["pages"]) == (2001, "Journal", "10-19")
    assert (first["doi"], first["pmid"]) == ("10.1000/x", "12345678")
    assert first["arxiv_id"] == "https://arxiv.org/abs/2101.00001"
    assert (second["record_id"], second["authors"]) == ("a.ris:16", ["Roe", "Poe"])
    assert "no record id" in reading.notes[0]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("ID,Title,Author,Number", "1,T,A. B.; C. D.,7.0", ("1", "T", ["A. B.", "C. D."], "7")),
        ("key;TI;AU;IS", "1;T;Doe, J. and Roe, R.;7", ("1", "T", ["Doe, J.", "Roe, R."], "7")),
        (
            "Key\tT1\tA1\tissue",
            "1\tT\tLud&#228;scher, B;Roe\t",
            ("1", "T", ["Ludäscher, B", "Roe"], None),
        ),
        ("record id|Article Title|Authors|No.", "1|T||NA", ("1", "T", None, None)),
    ],
)
def test_headers_and_delimiters_are_understood(
    header: str, row: str, expected: tuple[Any, ...], tmp_path: Path
) -> None:
    """Commas, semicolons, tabs and bars; the spellings in use; entities resolved before splitting."""
    reading = read(tmp_path, "a.csv", f"\ufeff{header}\n{row}\n")
    assert rows(reading, "record_id", "title", "authors", "issue") == [expected]


def test_cells_that_say_nothing_are_none(tmp_path: Path) -> None:
    """Empty cells beyond the header are no mistake, and "None" is missing, but for a title."""
    reading = read(tmp_path, "a.csv", "id,title,journal\n1,None,None,,\n2,NA,N/A\n")
    assert rows(reading, "title", "venue") == [("None", None), ("NA", None)]
    assert reading.n_bad == 0


def test_abstracts_in_parts_are_one(tmp_path: Path) -> None:
    """RIS repeats the tag for each paragraph."""
    text = "TY  - JOUR\nTI  - T\nAB  - One.\nAB  - Two.\nER  - \n"
    assert rows(read(tmp_path, "a.ris", text), "abstract") == ["One. Two."]


def test_json_lines_hold_lists_and_objects(tmp_path: Path) -> None:
    """Authors as objects, titles as lists, dates in parts; a list of records is one document."""
    record = {
        "id": 7,
        "title": ["First"],
        "author": [{"family": "Doe", "given": "J."}, {"name": "A Group"}, "Roe, R."],
        "issued": {"date-parts": [[2001, 2]]},
        "container-title": ["Journal"],
        "DOI": "10.1000/x",
    }
    for name, text in (("a.jsonl", json.dumps(record) + "\n"), ("a.json", json.dumps([record]))):
        reading = read(tmp_path, name, text)
        assert rows(reading, "record_id", "title", "authors", "year", "venue", "doi") == [
            ("7", "First", ["Doe, J.", "A Group", "Roe, R."], 2001, "Journal", "10.1000/x")
        ]


def test_parquet_is_read_by_columns(tmp_path: Path) -> None:
    """Lists of structs, numbers and dates are understood; other columns are not read."""
    table = pa.table(
        {
            "listing_id": ["a", "b"],
            "title": ["One", None],
            "authors": [[{"name": "Doe"}, {"name": "Roe"}], None],
            "year": pa.array([2001.0, None]),
            "volume": pa.array([7.0, None]),
            "blob": [b"\xff", None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    reading = read_files([tmp_path / "a.parquet"])
    assert rows(reading, "record_id", "title", "authors", "year", "volume") == [
        ("a", "One", ["Doe", "Roe"], 2001, "7")
    ]
    assert told(reading) == [(2, "holds nothing to compare")]


@pytest.mark.parametrize(
    "content",
    [
        "id,title\n1,Größe “x”\n".encode(),
        "\ufeffid,title\n1,Größe “x”\n".encode(),
        "id,title\n1,Größe “x”\n".encode("utf-16"),
        "id,title\r1,Größe “x”\r".encode(),
        "id,title\r\n1,Größe “x”\r\n".encode("cp1252"),
        gzip.compress("id,title\n1,Größe “x”\n".encode()),
    ],
    ids=["utf-8", "mark", "utf-16", "cr", "cp1252", "gzip"],
)
def test_every_encoding_reads_the_same(content: bytes, tmp_path: Path) -> None:
    """UTF-8 with and without a mark, UTF-16, Windows-1252, old line ends, gzip."""
    assert rows(read(tmp_path, "a.csv", content), "title") == ["Größe “x”"]


def test_lines_of_two_encodings_are_told_apart(tmp_path: Path) -> None:
    """Each line is read by itself, and how many were not UTF-8 is said."""
    content = "id,title\n1,Größe\n".encode() + "2,Größe\n".encode("latin-1") + b"3,\x81\n"
    reading = read(tmp_path, "a.csv", content)
    assert rows(reading, "title") == ["Größe", "Größe"]
    assert "2 lines are not UTF-8" in reading.notes[0]


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (BIBTEX, 'A {N}ested, "quoted" title'),
        (RIS, "A title that goes on"),
        ('\n {"title": "Lines"}\n', "Lines"),
        ("Title,Year\nCommas,2001\n", "Commas"),
    ],
)
def test_the_format_is_seen_by_the_content(content: str, title: str, tmp_path: Path) -> None:
    """A file whose name tells nothing is looked at; so is one that is packed."""
    assert rows(read(tmp_path, "a.txt", content), "title")[0] == title
    assert rows(read(tmp_path, "a", gzip.compress(content.encode())), "title")[0] == title


GOOD_BIB = "@book{good, title={Good}}\n"
GOOD_RIS = "TY  - JOUR\nTI  - Good\nER  - \n"


@pytest.mark.parametrize(
    ("name", "content", "bad"),
    [
        ("a.bib", "@article{bad, title={Open {, year=1}\n" + GOOD_BIB, [(1, "a brace is opened")]),
        ("a.bib", '@article{bad, title="Open, year=1}\n' + GOOD_BIB, [(1, "a quote is opened")]),
        ("a.bib", "@article{bad, title={x}\n" + GOOD_BIB, [(1, "is not closed before")]),
        ("a.bib", "\n@article{title={x}}\n" + GOOD_BIB, [(2, "has no key")]),
        ("a.bib", "@article bad, title={x}}\n" + GOOD_BIB, [(1, "begins no entry")]),
        ("a.bib", "@article{bad, title={x} ]}\n" + GOOD_BIB, [(1, "where a field's name")]),
        ("a.bib", "@a{b,title={" + "x" * 4_000_001 + "}}\n" + GOOD_BIB, [(1, "is longer than")]),
        ("a.bib", "@a{b,title={\n" + "x\n" * 2_000_001 + "}}\n" + GOOD_BIB, [(1, "more than")]),
        ("a.bib", "@a{b,title=" + "{" * 99_999 + "}\n" + GOOD_BIB, [(1, "a brace is opened")]),
        (
            "a.bib",
            "@a{b," + "".join(f"f{n}=1," for n in range(1_001)) + "}\n" + GOOD_BIB,
            [(1, "more than 1,000 fields")],
        ),
        ("a.bib", '@a{b, title="x} {"}\n' + GOOD_BIB, [(1, "a quote is opened")]),
        ("a.ris", "TI  - Lost\nER  - \n" + GOOD_RIS, [(1, "TY is missing")]),
        (
            "a.ris",
            "TY  - JOUR\nTI  - x\n" + "y\n" * 2_000_001 + "ER  -\n" + GOOD_RIS,
            [(1, "more")],
        ),
        ("a.csv", "id,title\nb,c,d\n1,Good\n", [(2, "cells is 3")]),
        ("a.csv", 'id,title\nb,"Open\n1,"Good"\n', [(2, "is not CSV")]),
        (
            "a.csv",
            'id,title\n1,Good\nb,"Open\nx,\n1,"Open\n',
            [(3, "is not CSV"), (4, "nothing to compare"), (5, "never closed")],
        ),
        ("a.csv", f"id,title\nb,{'x' * 1_000_001}\n1,Good\n", [(2, "more than 1,000,000")]),
        ("a.csv", f"id,title\nb,{'x' * LIMIT}\n1,Good\n", [(2, "is longer than")]),
        ("a.csv", "id,title\n1,Good\n2,\n", [(3, "nothing to compare")]),
        ("a.csv", "id,title\n1,Good\n1,Bad\n", [(3, "has the record id 1")]),
        ("a.jsonl", '{"title": "Good"}\n{bad\n[]\n{"title": {}}\n', [(2, ""), (3, ""), (4, "")]),
        (
            "a.jsonl",
            json.dumps({"title": "Bad", "authors": ["A"] * 20_001})
            + "\n"
            + json.dumps({"title": "Bad", "authors": ["A" * 600_000] * 2})
            + "\n"
            + json.dumps({"title": "x" * 1_000_001})
            + '\n{"title": "Good"}\n',
            [(1, "authors that is too long"), (2, "authors that is too long"), (3, "longer than")],
        ),
        ("a.jsonl", "[" * 50_000 + '\n{"title": "Good"}\n', [(1, "is not JSON")]),
    ],
)
def test_a_bad_record_costs_itself_only(
    name: str, content: str, bad: list[tuple[int, str]], tmp_path: Path
) -> None:
    """What is broken, endless or too long is told with its line and a reason; the rest is read."""
    reading = read(tmp_path, name, content)
    assert rows(reading, "title") == ["Good"]
    for (place, reason), (expected, words) in zip(told(reading), bad, strict=True):
        assert place == expected
        assert words in reason


def test_a_comment_may_hold_anything(tmp_path: Path) -> None:
    """Only the word is passed over: an entry in its braces is read, and nothing there is bad."""
    reading = read(tmp_path, "a.bib", "@comment{jabref-meta: = {;\n@book{a, title={In it}}}\n")
    assert rows(reading, "title") == ["In it"]
    assert reading.n_bad == 0


def test_the_first_of_two_fields_counts(tmp_path: Path) -> None:
    """As BibTeX itself has it."""
    assert rows(read(tmp_path, "a.bib", "@a{b, title={One}, title={Two}}"), "title") == ["One"]


def test_a_thousand_bad_records_are_named(tmp_path: Path) -> None:
    """All are counted, and so many told with their places."""
    reading = read(tmp_path, "a.csv", "id,title\n" + "1,2,3\n" * 1_005 + "1,Good\n")
    assert (reading.n_bad, len(reading.bad), reading.bad[-1].place) == (1_005, 1_000, 1_001)


def test_macros_that_multiply_are_stopped(tmp_path: Path) -> None:
    """Macros made of macros cannot fill the memory."""
    bomb = '@string{a0="xxxxxxxxxx"}\n' + "".join(
        f"@string{{a{n} = {' # '.join([f'a{n - 1}'] * 30)}}}\n" for n in range(1, 12)
    )
    reading = read(tmp_path, "a.bib", bomb + "@book{b, title=a11}\n" + GOOD_BIB)
    assert rows(reading, "title")[-1] == "Good"
    assert "longer than" in reading.bad[0].reason


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "a,b\n1,2\n", "has no column title in its first line ('a,b')"),
        ("a.csv", "", "is empty"),
        ("a.csv", "title\n", "There is no record in a.csv"),
        ("a.jsonl", '{"name": "x"}\n', "has no field title; its first record has name"),
        ("a.json", '[{"title": "x"},', "is not JSON"),
        ("a.parquet", "PAR1 and no more", "cannot be read as Parquet"),
        (
            "a.pq",
            gzip.compress(b"PAR1 and more", mtime=0),
            "is Parquet packed by gzip: unpack it first",
        ),
        ("a.csv", "title," * 2_000 + "x\n", "has more than 2,000 columns"),
        ("a.csv.gz", gzip.compress(b"title\n" * 9_999, mtime=0)[:-9], "damaged or cut-off gzip"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    name: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    """One sentence with the file and what to do."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, name, content)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_the_same_id_in_two_files_is_told_apart(tmp_path: Path) -> None:
    """All ids are prefixed by their file then, and it is said; files of one name keep their paths."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text(f"id,title\n1,One\n2{folder},Two\n")
    paths = [tmp_path / folder / "a.csv" for folder in ("x", "y")]
    reading = read_files(paths)
    expected = [
        f"{path}:{name}" for path, name in zip([0, 0, 1, 1], ["1", "2x", "1", "2y"], strict=True)
    ]
    assert rows(reading, "record_id") == [
        item.replace("0:", f"{paths[0]}:").replace("1:", f"{paths[1]}:", 1) for item in expected
    ]
    assert rows(reading, "source") == [str(paths[0])] * 2 + [str(paths[1])] * 2
    assert "1 record ids occur in more than one file" in reading.notes[0]


def test_a_file_named_twice_is_a_mistake(tmp_path: Path) -> None:
    """The same file, however it is written, would be its own duplicate."""
    (tmp_path / "a.csv").write_text("title\nx\n")
    with pytest.raises(UsageError, match="named twice"):
        read_files([tmp_path / "a.csv", tmp_path / "." / "a.csv"])


@pytest.mark.parametrize(
    ("value", "year"),
    [
        ("May 2001", 2001),
        ("2001.0", 2001),
        (2001, 2001),
        ("20010101", None),
        ("c1999-2000", 1999),
        ("", None),
        ({"date-parts": [[None]]}, None),
        ({"date-parts": []}, None),
    ],
)
def test_years_are_found_in_dates(value: Any, year: int | None) -> None:
    """The first year from 1400 to 2100 that stands by itself."""
    assert year_of(value) == year


def test_authors_that_cannot_be_split_are_one() -> None:
    """Commas part names as well as authors, so a list with commas only stays as printed."""
    assert authors_of("Vossen G., Weske M.") == ["Vossen G., Weske M."]
    assert authors_of("Doe, J.} and {Roe, R.") == ["Doe, J.}", "{Roe, R."]
    assert authors_of("Doe, J.\n and  Roe, R.") == ["Doe, J.", "Roe, R."]


PRINTED = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="{}\\"), min_size=1
).filter(lambda text: clean(" ".join(text.split())) == text and any(map(str.isalnum, text)))
NAME = st.text(st.characters(categories=["Lu", "Ll"]), min_size=1, max_size=12).filter(
    lambda text: text.lower() != "and"
)
WRITTEN = st.fixed_dictionaries(
    {
        "title": PRINTED,
        "authors": st.lists(NAME, min_size=1, max_size=4),
        "year": st.integers(1400, 2100),
        "venue": PRINTED.filter(
            lambda text: text.lower() not in ("na", "nan", "null", "none", "n/a", "<na>")
        ),
        "volume": st.integers(1, 999).map(str),
    }
)


def as_csv(records: list[dict[str, Any]]) -> str:
    """The records as CSV, authors parted by semicolons."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "title", "authors", "year", "journal", "volume"])
    for number, item in enumerate(records):
        authors = ";".join(item["authors"]) + ";"
        writer.writerow(
            [number, item["title"], authors, item["year"], item["venue"], item["volume"]]
        )
    return out.getvalue()


def as_json(records: list[dict[str, Any]]) -> str:
    """The records as JSON lines."""
    return "".join(json.dumps({"id": n, **item}) + "\n" for n, item in enumerate(records))


def as_bibtex(records: list[dict[str, Any]]) -> str:
    """The records as BibTeX, quoted in every way."""
    return "".join(
        f"@article{{{number},\n  title = {{{item['title']}}},\n  author = {{{' and '.join(item['authors'])}}},\n"
        f'  year = {item["year"]},\n  journal = {{{item["venue"]}}},\n  volume = "{item["volume"]}"\n}}\n'
        for number, item in enumerate(records)
    )


def as_ris(records: list[dict[str, Any]]) -> str:
    """The records as RIS."""
    return "".join(
        f"TY  - JOUR\nTI  - {item['title']}\n{authors}PY  - {item['year']}\nJO  - {item['venue']}\n"
        f"VL  - {item['volume']}\nER  - \n\n"
        for item in records
        for authors in ["".join(f"AU  - {name}\n" for name in item["authors"])]
    )


WRITERS = {"a.csv": as_csv, "a.jsonl": as_json, "a.bib": as_bibtex, "a.ris": as_ris}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=60, deadline=None)
@given(records=st.lists(WRITTEN, min_size=1, max_size=5))
def test_records_come_back_as_they_were_written(name: str, records: list[dict[str, Any]]) -> None:
    """What a program writes in any of the text formats is read back value by value."""
    with tempfile.TemporaryDirectory() as folder:
        reading = read(Path(folder), name, WRITERS[name](records))
    assert told(reading) == []
    names = ("title", "authors", "year", "venue", "volume")
    assert rows(reading, *names) == [tuple(item[field] for field in names) for item in records]


MARKS = '@article{ @string{ @ { } ( ) " # , = title a ; | AU null [ ] : 1999 PAR1 \\ é \x81 \ufeff'
LINES = [
    "\r\n",
    "\x1f\x8b",
    "id,title\n",
    '{"title":',
    "TY  - JOUR\n",
    "ER  - \n",
    "TI  - ",
    "AU - ",
]
PIECES = st.sampled_from([*MARKS.split(), *"\n\r\t \0", *LINES])
BYTES = st.one_of(
    st.lists(PIECES, max_size=40).map(lambda items: "".join(items).encode()),
    st.lists(PIECES, max_size=40).map(lambda items: "".join(items).encode("latin-1", "replace")),
    st.binary(max_size=200),
)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.jsonl", "a.json", "a.bib", "a.ris", "a.parquet", "a.txt"]
)
@settings(max_examples=120, deadline=None)
@given(content=BYTES)
def test_no_content_makes_a_traceback(name: str, content: bytes) -> None:
    """Whatever a file holds, it is read, told of as bad, or refused in a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            reading = read(Path(folder), name, content)
        except UsageError:
            return
    ids = rows(reading, "record_id")
    assert len(set(ids)) == len(ids)
    assert None not in ids
