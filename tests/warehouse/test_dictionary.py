"""The dictionary tells of everything, the same way every time."""

import re
from pathlib import Path

import pytest

from schemas.arrow import STORED_COLUMNS, schema_of
from schemas.datasets import DATASETS
from warehouse.build import type_text
from warehouse.dictionary import dictionary
from warehouse.viewfiles import load_views

PAGE = Path(__file__).resolve().parents[2] / "DICTIONARY.md"


@pytest.fixture(scope="module")
def text() -> str:
    """The page as the code makes it."""
    return dictionary()


def section(text: str, title: str) -> str:
    """What stands under one title of the third level."""
    match = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, title
    return match[1]


def test_the_page_in_the_repository_is_fresh(text: str) -> None:
    """DICTIONARY.md is what `paperlake dictionary` writes."""
    assert PAGE.read_text(encoding="utf-8") == text, "run `paperlake dictionary`"


def test_it_is_the_same_every_time(text: str) -> None:
    """The page depends on nothing but the code."""
    assert dictionary() == text


def test_every_view_is_told(text: str) -> None:
    """Each view has a section with its description, grain and key, and a row in the overview."""
    for view in load_views():
        told = section(text, view.name)
        assert f"Grain: {view.grain} Key: `{view.key[0]}`" in told
        assert " ".join(view.description.split()).split(". ")[0].replace("<", "&lt;") in told
        assert f"| [{view.name}](#{view.name}) |" in text
        assert len(re.findall(r"^\| `", told, re.MULTILINE)) >= 3


def test_every_stored_column_is_told(text: str) -> None:
    """Each stored column stands with its field id, whether it is hashed, and its sentence."""
    for dataset in DATASETS:
        told = section(text, f"lake.{dataset.name}")
        for field in (*schema_of(dataset.model), *STORED_COLUMNS):
            assert field.metadata is not None
            number = field.metadata[b"PARQUET:field_id"].decode()
            row = rf"^\| `{field.name}` \| `[^`]+` \| {number} \| (yes)? ?\| \S.* \|$"
            assert re.search(row, told, re.MULTILINE), (dataset.name, field.name)
    assert "| `authors[].orcid` | `varchar` | 1004 | yes | ORCID iD" in text
    assert "| `fetched_at` | `timestamptz` | 7 | | When the response" in text


def test_every_row_has_the_cells_of_its_head(text: str) -> None:
    """No sentence breaks its table, and no line has a blank at its end."""
    head = 0
    for line in text.splitlines():
        assert line == line.rstrip()
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if cells and head:
            assert cells == head, line
        head = cells


def test_types_are_written_one_way() -> None:
    """Types read alike, whichever names a version of DuckDB puts in quotes."""
    assert (
        type_text('STRUCT("name" VARCHAR, given VARCHAR)[]')
        == "struct(name varchar, given varchar)[]"
    )
    assert type_text("TIMESTAMP WITH TIME ZONE") == "timestamptz"
