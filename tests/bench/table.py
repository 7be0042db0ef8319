"""The table as Markdown, and its place in a page."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from tests.bench.bench import Figure

_PACKAGES = ("duckdb", "pyarrow", "pydantic", "orjson", "lxml", "prefect", "dlt", "sickle")


def markdown(figures: Sequence[Figure]) -> str:
    """One table of all figures."""
    return rows(
        ("what", "ours", "peer", "figure", "bar", "aim", ""),
        [
            (
                f.what,
                f.ours,
                f.theirs,
                _amount(f.value, f.unit),
                _bound(f.bar, f.unit),
                _bound(f.aim, f.unit),
                f.verdict,
            )
            for f in figures
        ],
    )


def rows(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    lines = [header, *cells]
    shown = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([shown[0], "|" + "---|" * len(header), *shown[1:]])


def machine(scale: float, repetitions: int, packages: Sequence[str] = _PACKAGES) -> str:
    """What the figures were taken on: no names, only what they depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    size = "" if scale == 1 else f" At a scale of {scale:g}: no figure below is about a bar."
    load = os.getloadavg()[0]
    if load > 1.5:
        size += (
            f" Other work kept the machine busy meanwhile (a load of {load:.0f}): seconds of wall "
            "time are too high."
        )
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} on {platform.machine()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}; "
        f"{f'medians of {repetitions}' if repetitions > 1 else 'measured once'}.{size}"
    )


def write(path: Path, text: str, mark: str = "bench") -> None:
    """Put a text between the page's two marks of this name.

    Raises:
        ValueError: the page has not both marks, in order.
    """
    opening, closing = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, start, rest = path.read_text(encoding="utf-8").partition(opening)
    _, end, after = rest.partition(closing)
    if not start or not end:
        raise ValueError(f"{path} has no {opening} ... {closing} to write between")
    path.write_text(f"{before}{opening}\n{text}\n{closing}{after}", encoding="utf-8")


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "x":
        return f"{value:.2f} x"
    return f"{value:,.0f} {unit}" if unit in ("MB", "ms") else f"{value:.2f} {unit}"


def _bound(value: float | None, unit: str) -> str:
    return "" if value is None else f"<= {value:g} {unit}"
