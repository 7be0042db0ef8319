"""The README says what is so."""

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest
import typer

from flows.cli import app
from flows.sandbox.server import run_in_thread
from flows.sandbox.universe import Universe
from flows.settings import Settings
from flows.source import load_sources
from tests.flows.nights import night
from warehouse import decisions
from warehouse.reading import single_select

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def between(mark: str) -> str:
    """The code block between two marks."""
    match = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```\n<!-- /{mark} -->", README, re.DOTALL)
    assert match is not None
    return match[1]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake after two nights, large enough for every question to have an answer."""
    path = tmp_path_factory.mktemp("readme") / "lake"
    with run_in_thread(Universe(seed=1, papers=1500)) as url:
        night(path, url)
        night(path, url)
    return path


def test_the_ten_queries_answer(lake: Path) -> None:
    """Each example query runs read-only on the published file and returns rows."""
    queries = [text for text in between("queries").split(";\n") if text.strip()]
    assert len(queries) == 10
    with duckdb.connect(lake / "warehouse.duckdb", read_only=True) as connection:
        for query in queries:
            assert connection.execute(single_select(query)).fetchall(), query


def test_the_python_example_runs(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python example reads the lake as it stands on the page."""
    monkeypatch.chdir(lake.parent)
    names: dict[str, object] = {}
    exec(between("python"), names)
    assert getattr(names["table"], "num_rows", 0) > 0


def test_the_decision_on_the_page_is_one() -> None:
    """The example of decisions.toml is read as it stands on the page."""
    (pair,) = decisions.pairs_of(between("decisions"), "README.md")
    assert (pair.verdict, pair.who, pair.decided_on) == ("apart", "Ada", date(2026, 11, 24))


def test_every_command_is_listed() -> None:
    """The table of commands names exactly the commands there are."""
    listed = set(re.findall(r"^\| `([a-z]+)` \|", README, re.MULTILINE))
    command = typer.main.get_command(app)
    assert listed == set(command.commands)  # type: ignore[attr-defined]


def test_every_setting_is_listed() -> None:
    """The table of settings names exactly the settings there are."""
    listed = set(re.findall(r"^\| `PAPERLAKE_([A-Z_]+)` \|", README, re.MULTILINE))
    common = {name.upper() for name in Settings.model_fields} - {"OF_SOURCES"}
    own = {
        f"{source.name}_{name}".upper()
        for source in load_sources().values()
        if source.settings is not None
        for name in source.settings.model_fields
    }
    assert listed == common | own
