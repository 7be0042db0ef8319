"""What files call their fields, and a batch of raw records as a table of records.

Values stay as printed, because the engine normalizes. Lists of authors are split where that is safe,
parts that files keep apart are put together (first and last page), and addresses give up the
identifiers in them.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from flows.bibliography.batches import Batch, Complain
from flows.bibliography.cells import authors_of, number_of, text_of, year_of
from schemas.normalize import arxiv_id, doi
from warehouse.dedupe.alone import RECORDS

# Column -> what files call it, letters and digits only; the first that has a value counts.
_SPELLINGS: Mapping[str, str] = {
    "record_id": "recordid id key citationkey citekey bibtexkey listingid paperid ut uid",
    "title": "title ti t1 articletitle documenttitle papertitle primarytitle",
    "authors": "authors author au a1 authornames authorlist authorfullnames authorstext creators creator",
    "year": "year publicationyear pubyear py y1 date publicationdate da issued published coverdate",
    "venue": "journal journaltitle booktitle venue publicationtitle sourcetitle containertitle jo jf t2 "
    "so journalbook publicationname journalname ja j2 bt conference",
    "volume": "volume vol vl",
    "issue": "issue number is issuenumber no",
    "pages": "pages page pagerange pg",
    "first_page": "sp startpage pagestart firstpage bp",
    "last_page": "ep endpage pageend lastpage",
    "article_number": "artno articlenumber eid c7",
    "doi": "doi do di doinumber",
    "arxiv_id": "arxivid arxiv",
    "eprint": "eprint",
    "eprint_type": "archiveprefix eprinttype",
    "pmid": "pmid pubmedid pm",
    "accession": "an accessionnumber",
    "abstract": "abstract ab n2 abstractnote summary",
    "type": "type entrytype ty itemtype documenttype publicationtype dt pt",
    "source": "source db database databasename",
    "url": "url ur link landingpageurl",
}
_COLUMN_OF = {spelling: column for column, text in _SPELLINGS.items() for spelling in text.split()}
_PUBMED = re.compile(r"(?:ncbi\.nlm\.nih\.gov/pubmed|pubmed\.ncbi\.nlm\.nih\.gov)/0*(\d{1,8})\b")
_PMID = re.compile(r"\d{1,8}")


@functools.lru_cache(maxsize=10_000)
def column_of(name: str) -> str | None:
    """What a field of this name is to us; None where it is nothing that we compare."""
    return _COLUMN_OF.get("".join(filter(str.isalnum, name)).lower())


def wanted(names: Sequence[str]) -> list[str]:
    """Those of a file's fields that are read."""
    return [name for name in names if column_of(name) is not None]


def table_of(
    batch: Batch, label: str, *, has_ids: bool, complain: Complain
) -> tuple[pa.Table, list[int], int]:
    """A batch as a table of `RECORDS`, the places of its rows, and how many ids were made.

    A record that does not name itself is called by its file and its place.

    Args:
        batch: raw records.
        label: the name of their file, which is their source where they name none.
        has_ids: whether records may name themselves; those of RIS do not.
        complain: told of the records that are left out.
    """
    bad: dict[int, str] = {}
    raw = _Raw(batch, bad)
    count = len(batch.places)
    columns: dict[str, list[Any]] = {
        name: raw.texts(name)
        for name in ("title", "venue", "abstract", "type", "source", "doi", "arxiv_id")
    }
    given = raw.texts("record_id") if has_ids else [None] * count
    columns["record_id"] = [
        value or f"{label}:{place}" for value, place in zip(given, batch.places, strict=True)
    ]
    for name in ("volume", "issue", "pages", "pmid"):
        columns[name] = raw.read(name, number_of)
    columns["year"] = raw.read("year", year_of)
    columns["authors"] = raw.read("authors", authors_of)
    _put_pages_together(columns, raw)
    _read_identifiers(columns, raw)
    columns["source"] = [value or label for value in columns["source"]]
    compared = [columns[name] for name in RECORDS.names if name not in ("record_id", "source")]
    for index, values in enumerate(zip(*compared, strict=True)):
        if not any(values):
            bad.setdefault(index, "holds nothing to compare")
    for index in sorted(bad):
        complain(batch.places[index], bad[index])
    kept = [index for index in range(count) if index not in bad]
    arrays = [
        pa.array(
            columns[field.name] if not bad else [columns[field.name][index] for index in kept],
            field.type,
        )
        for field in RECORDS
    ]
    places = [batch.places[index] for index in kept]
    n_made = sum(given[index] is None for index in kept)
    return pa.Table.from_arrays(arrays, schema=RECORDS), places, n_made


class _Raw:
    """The raw values of a batch by our names; a value that cannot be one makes its record bad."""

    def __init__(self, batch: Batch, bad: dict[int, str]) -> None:
        self._columns: dict[str, list[list[Any]]] = {}
        self._bad = bad
        self._count = len(batch.places)
        # In the order of the spellings: the first that has a value counts.
        order = {spelling: place for place, spelling in enumerate(_COLUMN_OF)}
        known = [name for name in batch.columns if column_of(name) is not None]
        for name in sorted(known, key=lambda name: order[_squeezed(name)]):
            self._columns.setdefault(column_of(name) or "", []).append(batch.columns[name])

    def read(self, name: str, read: Callable[[Any], Any]) -> list[Any]:
        """A value a record, None where there is none."""
        found: list[Any] = [None] * self._count
        for values in self._columns.get(name, ()):
            for index, value in enumerate(values):
                if value is None or found[index] is not None:
                    continue
                try:
                    found[index] = read(value)
                except ValueError as error:
                    self._bad.setdefault(index, f"has a {name} that {error}")
        return found

    def texts(self, name: str) -> list[str | None]:
        """A text a record, None where there is none."""
        return self.read(name, text_of)


def _squeezed(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _put_pages_together(columns: dict[str, list[Any]], raw: _Raw) -> None:
    first, last = raw.read("first_page", number_of), raw.read("last_page", number_of)
    other = raw.read("article_number", number_of)
    columns["pages"] = [
        pages or (f"{start}-{end}" if start and end and "-" not in start else start) or article
        for pages, start, end, article in zip(columns["pages"], first, last, other, strict=True)
    ]


def _read_identifiers(columns: dict[str, list[Any]], raw: _Raw) -> None:
    """Identifiers that stand in fields of other names."""
    for index, (eprint, kind) in _both(raw.texts("eprint"), raw.texts("eprint_type")):
        if eprint is None:
            continue
        form = (kind or "").lower()
        if form == "pubmed":
            columns["pmid"][index] = columns["pmid"][index] or eprint
        elif form == "arxiv" or (not form and arxiv_id(eprint)):
            columns["arxiv_id"][index] = columns["arxiv_id"][index] or eprint
    for index, accession in enumerate(raw.read("accession", number_of)):
        # Every database numbers its records; those of PubMed are digits only, and few.
        if accession is not None and _PMID.fullmatch(accession):
            columns["pmid"][index] = columns["pmid"][index] or accession
    for index, url in enumerate(raw.texts("url")):
        if url is None:
            continue
        if "doi.org/" in url:
            columns["doi"][index] = columns["doi"][index] or doi(url)
        elif "arxiv.org/" in url and columns["arxiv_id"][index] is None:
            found = arxiv_id(url)
            columns["arxiv_id"][index] = found and url
        elif match := _PUBMED.search(url):
            columns["pmid"][index] = columns["pmid"][index] or match[1]


def _both(
    left: Sequence[str | None], right: Sequence[str | None]
) -> Iterator[tuple[int, tuple[str | None, str | None]]]:
    return enumerate(zip(left, right, strict=True))
