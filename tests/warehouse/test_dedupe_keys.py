"""Quick roads to the keys of a record lead where the plain ones do."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.normalize.ids import doi, dois
from schemas.normalize.text import folded_words, readable
from warehouse.dedupe import titles
from warehouse.dedupe.alone import RECORDS, read_records
from warehouse.dedupe.blocks import ABSENT, PARTS, blocks_of, number_of, number_of_word
from warehouse.dedupe.keys import Record, keys_of, keys_of_all
from warehouse.dedupe.model import Model
from warehouse.dedupe.remembering import remembered

MASK = 2**60 - 1
ASCII = st.text(st.characters(max_codepoint=127), max_size=60)
PIECES = st.sampled_from(
    [
        *(
            "Reply",
            "Re:",
            "re",
            ":",
            "Letter",
            "Comments",
            "on",
            "Errata",
            "[Erratum]",
            "software:",
        ),
        *("Part", "II", "part", "two", "pt.", "script.", "volume", "book", "IV", "I.", "x", "(I)"),
        *("(panel)", "(vol", "3,", "pg", "4,", "2001)", "fifteen", "3D", "007"),
        *("it's", "\\alpha", "é", "Æther"),
    ]
)
TITLE = st.one_of(ASCII, st.text(max_size=40), st.lists(PIECES, max_size=6).map(" ".join))
NUMBER = st.integers(0, MASK)
PART = st.one_of(st.just(ABSENT), NUMBER, st.integers(0, 3))


def _sum(kind: int, *parts: int) -> int | None:
    """A block by its definition, with numbers of any size; none if a part is missing."""
    if ABSENT in parts:
        return None
    factors = [1, *(number_of(f"place {place}") | 1 for place in range(3))]
    mixed = sum(part * factor for part, factor in zip(parts, factors, strict=False))
    return (number_of(f"block {kind}") + mixed) & MASK


def _blocks(parts: Sequence[int]) -> tuple[int, ...]:
    """The blocks of one record, one by one."""
    of = dict(zip(PARTS, parts, strict=True))
    names = [of[f"name_{place}"] for place in (1, 2, 3)]
    words = sorted(of[f"word_{place}"] for place in (1, 2, 3) if of[f"word_{place}"] != ABSENT)
    several = sorted(name for name in names if name != ABSENT)
    found = [
        _sum(0, of["head"]),
        _sum(1, of["tail"]),
        *(_sum(2, of["start"], name) for name in names[:2]),
        *(_sum(3, one, other) for one, other in combinations(words, 2)),
        *(_sum(4, of[f"word_{word}"], name) for word in (1, 2) for name in names),
        _sum(5, names[0], of["year"], of["page"]),
        _sum(6, of["year"], of["volume"], of["page"]),
        _sum(8, of["title"], of["year"]),
        _sum(9, of["title"], names[0]),
        *(None if of[name] == ABSENT else of[name] for name in ("doi", "arxiv_id", "pmid")),
    ]
    if len(several) > 1:
        found.append(_sum(7, *several, *[0] * (3 - len(several)), of["year"]))
    return tuple(sorted({block for block in found if block is not None}))


@given(st.lists(st.tuples(*[PART] * len(PARTS)), max_size=4))
def test_blocks_of_many_are_those_of_each(records: list[tuple[int, ...]]) -> None:
    """Blocks made at once are those that their definition gives one by one, with any part missing."""
    flat = [part for record in records for part in record]
    assert blocks_of(flat) == [_blocks(record) for record in records]


@given(st.text(max_size=20))
def test_a_number_stands_for_a_text_for_ever(text: str) -> None:
    """Numbers are 60 bits of BLAKE2b, whether they are remembered or made anew."""
    text = text.encode("utf-8", "replace").decode()
    expected = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") & MASK
    assert number_of(text) == number_of_word(text) == number_of_word(text) == expected


@given(st.lists(st.builds(Record, TITLE, st.lists(TITLE, max_size=4), year=st.integers(0, 9))))
def test_keys_do_not_depend_on_the_batch(records: list[Record]) -> None:
    """A record has the same keys alone and among others."""
    model = Model(n_records=9, words={"part": 5, "ii": 3})
    assert keys_of_all(records, model) == [keys_of(record, model) for record in records]


@given(TITLE)
@example("Oesophageal' sten'ts, part 'two")
@example("Letter I")
@example("On the re:union of concept. I")
@example("Re: looms")
@example("Looms\x1fII\x1f.")
def test_plain_titles_need_no_closer_look(title: str) -> None:
    """A title in which no word tells anything is read as if it were looked at closely."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(titles, "_is_telling", lambda _word: True)
        closely = titles.read_title(title)
    assert titles.read_title(title) == closely


@given(ASCII)
def test_words_of_ascii_are_its_letters_and_digits(text: str) -> None:
    """Words in ASCII are runs of letters and digits in small letters, joined over apostrophes."""
    text = text.replace("\\", "")
    assert folded_words(text) == re.findall("[a-z0-9]+", text.lower().replace("'", ""))


@given(
    st.from_regex(r"(10\.|1)?(48550|\d{3,10})/(arxiv\.)?[a-z0-9._/-]{0,9}[a-zA-Z0-9. ]?(\.pdf)?")
    | st.from_regex(r"\A10\.48550/(arxiv)?\.?[a-z]?\Z")
    | st.integers(240, 250).map(lambda n: "10.1000/" + "x" * n)
)
@example("10.1000/a.pdf")
@example("10.1000/.")
@example("10.1000/")
def test_a_plain_doi_is_the_first_of_its_text(text: str) -> None:
    """A text that is a DOI already is what is found in it."""
    assert doi(text) == next(iter(dois(text)), None)


TEXTS = st.one_of(
    st.none(),
    TITLE,
    st.sampled_from(["a -- b", "a  b", " a", "a ", "", "-", "{\\'e}", "a & b", "a\nb", "x--y"]),
)


@given(st.lists(st.tuples(TEXTS, st.one_of(st.none(), st.lists(TEXTS, max_size=3))), max_size=4))
def test_columns_are_made_readable_as_texts_are(rows: list[tuple[str | None, list[str]]]) -> None:
    """Titles, venues and authors of a table are each what `readable` makes of the text."""
    table = pa.Table.from_pylist(
        [{"title": title, "venue": title, "authors": names} for title, names in rows],
        schema=RECORDS,
    )
    found = [
        (record.title, record.venue, record.authors)
        for record in read_records(table.slice(1), lambda _share: None)
    ]
    assert found == [
        (readable(title), readable(title), [name for name in map(readable, names or ()) if name])
        for title, names in rows[1:]
    ]


def test_so_many_answers_are_remembered_and_no_more() -> None:
    """A function is asked once for what is remembered, and again after too many other answers."""
    asked: list[int] = []

    def doubled(number: int) -> int:
        asked.append(number)
        return 2 * number

    quick = remembered(doubled, most=2)
    assert [quick(number) for number in (1, 1, 2, 1, 3, 1)] == [2, 2, 4, 2, 6, 2]
    assert asked == [1, 2, 3, 1]


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ("94 p.", None),
        ("xii, 215 p", None),
        ("62 pages ", None),
        ("101-9", 101),
        ("e505", 505),
        ("S42", 42),
        ("pp. 62-70", 62),
        ("62-70 pp.", 62),
        ("p 62", 62),
        ("62A", 62),
        ("No Pagination Specified", None),
        ("", None),
        (None, None),
    ],
)
def test_how_many_pages_there_are_is_no_first_page(pages: str | None, expected: int | None) -> None:
    """A number of pages, as of a thesis, says nothing of where a record begins."""
    assert keys_of(Record("Looms", pages=pages), Model()).page == expected
