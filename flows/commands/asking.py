"""Commands that ask a lake and change nothing."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from flows.options import Common, command, typed_day
from schemas.errors import UsageError

app = typer.Typer()


@command(app)
def trending(
    common: Common,
    day: Annotated[
        str | None,
        typer.Option(
            "--day",
            metavar="DAY",
            help="The list of this day instead of the latest.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown list.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many entries at the most.")] = 1000,
) -> None:
    """The trending list: rank, title, authors, upvotes, links."""
    from flows import answers
    from flows.terminal import emit, emit_json
    from flows.texts import trending_markdown, trending_text
    from warehouse.snapshots import Lake

    rows = answers.trending(Lake(common.settings.lake), typed_day(day, "--day") if day else None)
    if common.is_json:
        emit_json(rows[:limit])
    else:
        emit(trending_markdown(rows[:limit]) if markdown else trending_text(rows, limit))


@command(app)
def show(
    common: Common,
    key: Annotated[
        str, typer.Argument(metavar="ID", help="A paper_id, a listing_id, a DOI or an arXiv id.")
    ],
) -> None:
    """One paper: best fields, its listings, its metrics."""
    from flows import answers
    from flows.terminal import emit, emit_json
    from flows.texts import paper_text
    from warehouse.snapshots import Lake

    answer = answers.show(Lake(common.settings.lake), key)
    if common.is_json:
        emit_json(answer)
    else:
        emit(paper_text(answer))


# A query may begin with a comment, which looks like an option.
@command(app, context_settings={"ignore_unknown_options": True})
def sql(
    common: Common,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="One SELECT; '-' reads it from stdin.")
    ],
    format_: Annotated[
        str, typer.Option("--format", metavar="FORM", help="table, csv, json, jsonl or markdown.")
    ] = "table",
    snapshot: Annotated[
        int | None,
        typer.Option("--snapshot", metavar="N", help="An earlier snapshot.", show_default=False),
    ] = None,
) -> None:
    """Ask the warehouse in SQL, read-only; nested values come as JSON."""
    from flows import answers
    from flows.terminal import FORMATS, emit, render
    from warehouse.snapshots import Lake

    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: choose among {', '.join(FORMATS)}.")
    text = sys.stdin.read() if query == "-" else query
    columns, rows = answers.query(Lake(common.settings.lake), text, snapshot)
    emit(render(columns, rows, "json" if common.is_json else format_))


@command(app)
def status(
    common: Common,
) -> None:
    """Health of the lake: newest snapshot, last runs, who writes it, what is unfinished, sizes."""
    from flows import health
    from flows.terminal import emit, emit_json
    from flows.texts_of_lakes import status_text
    from warehouse.snapshots import Lake

    answer = health.status(common.settings, Lake(common.settings.lake))
    if common.is_json:
        emit_json(answer)
    else:
        emit(status_text(answer))


@command(app)
def sources(
    common: Common,
) -> None:
    """What is configured, and how far each list is harvested."""
    from flows import health
    from warehouse.snapshots import Lake

    rows = health.sources(common.settings, Lake(common.settings.lake))
    _emit_rows(
        common,
        rows if common.is_json else _counted_once(rows),
        ["source", "list", "n_listings", "watermark", "last_success_date", "base_url", "off"],
    )


@command(app)
def snapshots(
    common: Common,
) -> None:
    """The published snapshots, oldest first."""
    from flows import answers
    from warehouse.snapshots import Lake

    rows = answers.snapshots(Lake(common.settings.lake))
    _emit_rows(
        common,
        rows,
        [
            "snapshot",
            "created_at",
            "kind",
            "night_date",
            "n_listings",
            "n_papers",
            "is_readable",
            "content_hash",
        ],
    )


@command(app)
def check(
    common: Common,
    snapshot: Annotated[
        int | None,
        typer.Option("--snapshot", metavar="N", help="An earlier snapshot.", show_default=False),
    ] = None,
) -> None:
    """Run every check, and compare every file and hash with the manifest; exit 5 if any fails."""
    from flows import health
    from flows.terminal import emit, emit_json
    from flows.texts_of_lakes import check_text
    from warehouse.snapshots import Lake

    answer = health.check(Lake(common.settings.lake), snapshot)
    if common.is_json:
        emit_json(answer)
    elif not common.is_quiet or not answer["is_sound"]:
        emit(check_text(answer))
    if not answer["is_sound"]:
        raise typer.Exit(5)


def _counted_once(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A source's total on its first list only, or it would read as so many listings a list."""
    return [
        row if row["source"] != before else {**row, "n_listings": None}
        for before, row in zip([None, *(row["source"] for row in rows)], rows, strict=False)
    ]


def _emit_rows(common: Common, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    from flows.terminal import emit, emit_json, render

    if common.is_json:
        emit_json(rows)
    else:
        emit(render(columns, [[row[name] for name in columns] for row in rows], "table"))
