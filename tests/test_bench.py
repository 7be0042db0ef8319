"""The benchmarks run: tiny, untimed, and whether or not the peers are installed."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.sources import arxiv
from tests.bench import measuring, records, table
from tests.bench.__main__ import load_cases
from tests.bench.bench import Bench, Figure, has
from tests.bench.cases import starting, upsert
from tests.bench.measuring import Measured

SCALE = 0.002
# Its server takes longer to start than a test may; that it answers is tested with the nights.
SLOW = {"orchestration"}
LONG = {"growth", "memory", "opening", "upsert"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of inputs and lakes for all benchmarks."""
    return tmp_path_factory.mktemp("bench")


@pytest.fixture
def bench(cache: Path, tmp_path: Path) -> Bench:
    """A benchmark at a tiny scale."""
    return Bench(SCALE, 1, cache, tmp_path, lambda text: None)


def _run(function: str, **arguments: Any) -> Measured:
    """As `measuring.run`, in this process: a start of Python for each of fifty steps is too slow."""
    module, _, name = function.partition(":")
    work = importlib.import_module(f"tests.bench.work.{module}")
    value = json.loads(json.dumps(getattr(work, name)(**arguments)))
    return Measured(1.0, 1.0, measuring.MIB, value)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if name in LONG else [])
        for name in sorted(set(load_cases()) - SLOW)
    ],
)
def test_every_benchmark_runs(name: str, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark gives lines with what it measured; a peer that is absent leaves its ratio empty."""
    measured = measuring.run
    monkeypatch.setattr(
        measuring,
        "run",
        lambda function, **a: (measured if "_peer" in function else _run)(function, **a),
    )
    monkeypatch.setattr(upsert, "NIGHTS", 2)
    monkeypatch.setattr(starting, "TIMES", 1)
    figures = list(load_cases()[name](bench))
    assert figures
    assert all(figure.what and figure.ours for figure in figures)
    peers = has("dlt") and has("sickle")
    bounded = [figure for figure in figures if figure.bar is not None]
    assert bounded or name == "stages" or not peers
    assert all(figure.value is not None and figure.value > 0 for figure in bounded)


def test_a_record_is_a_function_of_its_number() -> None:
    """The same number gives the same record, other numbers give other ids, titles and texts."""
    many = [records.record(number) for number in range(0, 400_000, 399)]
    assert records.record(399) == many[1]
    for name in ("id", "title", "abstract"):
        assert len({record[name] for record in many}) == len(many)
    revised = records.record(399, revision=1)
    assert revised["title"] == many[1]["title"]
    assert len(revised["versions"]) == len(many[1]["versions"]) + 1


def test_records_are_as_large_as_the_real_ones() -> None:
    """A line is about as long as one of the real snapshot, with its line breaks and accents."""
    lines = [orjson.dumps(records.record(number)) for number in range(1_000)]
    assert 1_500 < sum(map(len, lines)) / len(lines) < 1_900
    shown = [orjson.loads(line) for line in lines]
    assert all(record["abstract"].startswith("  ") for record in shown)
    assert any("\n" in record["title"] for record in shown)
    assert 0.1 < sum("\\" in record["abstract"] for record in shown) / len(shown) < 0.2


def test_pages_hold_what_lines_hold() -> None:
    """An OAI answer lists the same papers as the lines of the same numbers."""
    pages = list(records.oai_pages(range(50), size=20))
    found = [raw.data["arXiv"]["id"] for page in pages for raw in arxiv.parse(page)]
    assert found == [records.record(number)["id"] for number in range(50)]


def test_a_process_is_measured_with_its_children() -> None:
    """CPU seconds and memory of a child count, also where it ended before its parent."""
    burn = "x = bytearray(90 * 2**20); i = 0\nwhile i < 10_000_000: i += 1"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}], check=True)"
    run = measuring.command_run([sys.executable, "-c", code])
    assert run.cpu > 0.2
    assert run.peak > 90 * 2**20


def test_a_failure_tells_why() -> None:
    """What a measured process wrote to stderr is the error's message."""
    with pytest.raises(measuring.WorkError, match="no such thing"):
        measuring.command_run([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_page_is_rewritten_between_its_marks(tmp_path: Path) -> None:
    """Only what lies between the marks changes, and a page without them is refused."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
    table.write(page, table.markdown([Figure("it", "1 s", "2 s", 0.5, bar=1.0, aim=0.4)]))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| it | 1 s | 2 s | 0.50 x | <= 1 x | <= 0.4 x | met |" in text
    assert "old" not in text
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="has no"):
        table.write(page, "text")


def test_the_command_lists_its_benchmarks() -> None:
    """`--list` names every benchmark with its first sentence."""
    command = [sys.executable, "-m", "tests.bench", "--list"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=measuring.ROOT)
    assert [line.split()[0] for line in shown.stdout.splitlines()] == sorted(load_cases())
    assert all(len(line.split()) > 3 for line in shown.stdout.splitlines())
