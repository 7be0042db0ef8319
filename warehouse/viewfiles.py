"""The files of `warehouse/views`: what each holds, what it reads, and in which order they build.

A view's file begins with comment lines: what it holds, then `-- Grain: one row per ...`,
`-- Key: column, ...` and, where exports are not best sorted by the key, `-- Order: column, ...`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import warehouse
from schemas.datasets import DATASETS
from schemas.errors import LakeError

VIEWS = Path(warehouse.__path__[0], "views")

_RELATION = re.compile(r"\b(lake|main)\.([a-z_][a-z0-9_]*)")
_UNQUALIFIED = re.compile(r"(?<!distinct )\b(?:from|join)\s+([a-z_][a-z0-9_]*)\b(?!\s*[.(])")
_CTE = re.compile(r"\b([a-z_][a-z0-9_]*)\s+as\s+(?:not\s+materialized\s+|materialized\s+)?\(")
_NOT_CODE = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_COLUMN = re.compile(r"(?:^ {4}([a-z_]+)\.)?\"?([a-z_][a-z0-9_]*)\"?,?\s*(?:--\s*(.*))?$")
_ALIAS = re.compile(r"\b((?:lake|main)\.[a-z_][a-z0-9_]*)\s+as\s+([a-z_]+)")
_HEADER = re.compile(r"(Grain|Key|Order):\s*(.+)")


@dataclass(frozen=True, slots=True)
class View:
    """One file of `warehouse/views`."""

    name: str
    sql: str
    """The select, without the leading comment."""
    description: str
    grain: str
    """Completes the sentence 'one row per ...'."""
    key: tuple[str, ...]
    order: tuple[str, ...]
    """Columns to sort an export by; the key where the file does not say."""
    sentences: Mapping[str, str]
    """Column -> what its own comment says."""
    origins: Mapping[str, str]
    """Column -> the relation it is taken from as it is, where the SQL says so."""
    relations: tuple[str, ...]
    """What it reads, `lake.x` or `main.y`, in the order met."""

    @property
    def comment(self) -> str:
        """The comment of the view in the database; `keyed` reads its end."""
        order = f" Order: {', '.join(self.order)}." if self.order != self.key else ""
        return f"{self.description} Grain: {self.grain} Key: {', '.join(self.key)}.{order}"


def load_views(folder: Path = VIEWS) -> list[View]:
    """Every view of a folder, each after the views it reads.

    Raises:
        LakeError: a file breaks the rules above, or views read each other in a circle.
    """
    views = {path.stem: _parsed(path) for path in sorted(folder.glob("*.sql"))}
    stored = {dataset.name for dataset in DATASETS}
    graph: dict[str, list[str]] = {}
    for view in views.values():
        graph[view.name] = []
        for relation in view.relations:
            schema, name = relation.split(".")
            if name not in (stored if schema == "lake" else views):
                raise LakeError(f"The view {view.name} reads {relation}, which does not exist.")
            if schema == "main":
                graph[view.name].append(name)
    try:
        return [views[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise LakeError(f"Views read each other in a circle: {circle}.") from None


def _parsed(path: Path) -> View:
    header, body = _split(path.read_text(encoding="utf-8"))
    values: dict[str, str] = {}
    description = []
    for line in header:
        if match := _HEADER.fullmatch(line):
            values[match[1]] = match[2]
        else:
            description.append(line)
    key = names_of(values.get("Key", ""))
    if not description or not key or not values.get("Grain", "").startswith("one row per "):
        raise LakeError(
            f"The view {path.stem} must begin with comments that say what it holds, "
            "'-- Grain: one row per ...' and '-- Key: column, ...'.",
            path=path,
        )
    code = _NOT_CODE.sub("", body)
    ctes = set(_CTE.findall(code))
    if loose := sorted(set(_UNQUALIFIED.findall(code)) - ctes):
        raise LakeError(
            f"The view {path.stem} reads {', '.join(loose)} without a schema: "
            "write lake.x for a stored table, main.y for a view.",
            path=path,
        )
    relations = dict.fromkeys(f"{schema}.{name}" for schema, name in _RELATION.findall(code))
    sentences, aliases = _columns(body)
    relation_of = {alias: relation for relation, alias in _ALIAS.findall(code)}
    return View(
        name=path.stem,
        sql=body,
        description=" ".join(description),
        grain=values["Grain"],
        key=key,
        order=names_of(values.get("Order", "")) or key,
        sentences=sentences,
        origins={
            name: relation_of[alias] for name, alias in aliases.items() if alias in relation_of
        },
        relations=tuple(relations),
    )


def _split(text: str) -> tuple[list[str], str]:
    """The lines of the leading comment, without dashes, and the rest."""
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return [line.removeprefix("--").strip() for line in lines[:end]], "\n".join(lines[end:]).strip()


def names_of(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _columns(body: str) -> tuple[dict[str, str], dict[str, str]]:
    """Of the last select: column -> its comment, beside it or on lines below it; column -> alias."""
    lines = body.splitlines()
    start = max((i for i, line in enumerate(lines) if line.startswith("select")), default=0)
    sentences: dict[str, str] = {}
    aliases: dict[str, str] = {}
    column = None
    for line in lines[start:]:
        if line.startswith("from "):
            break
        if line.strip().startswith("--"):
            if column:
                text = line.strip().removeprefix("--").strip()
                sentences[column] = f"{sentences.get(column, '')} {text}".strip()
        elif match := _COLUMN.search(line):
            alias, column, sentence = match.groups()
            if alias:
                aliases[column] = alias
            if sentence:
                sentences[column] = sentence.strip()
    return sentences, aliases
