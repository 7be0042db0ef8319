"""Commands on anyone's files, without a lake."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import Common, command, complain

app = typer.Typer()
_MOST_BAD = 20


@command(app)
def dedupe(
    common: Common,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="CSV, Parquet, JSON lines, BibTeX or RIS; .gz too."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Parquet to write, or CSV if its name ends in .csv: record_id, paper_id, ...",
        ),
    ],
    one_per_source: Annotated[
        bool,
        typer.Option(
            "--one-per-source", help="No source lists a paper twice: join across sources only."
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Page (HTML) to write: what was joined and why, what is undecided.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Which records of your own files are the same paper; needs no lake.

    Records with the same paper_id are one paper, with the same edition_id one edition of it. Exit 4
    if records had to be left out.

    Columns that are read: title; if there, record_id, authors (separated by ; or " and "), year, venue,
    volume, issue, pages, doi, arxiv_id, pmid, abstract, type, source. Common other names are understood.

    Columns that are written: record_id, paper_id, edition_id, relation (same, or version of the paper's
    first), score (of the record's strongest pair; 10 is accepted).
    """
    from flows.deduplication import deduplicate_files
    from flows.progress import stepping
    from flows.terminal import emit, emit_json, one_line
    from flows.texts import deduplicated_text

    with stepping(common) as progress:
        done = deduplicate_files(
            files, out, report=report, one_per_source=one_per_source, progress=progress.step
        )
    for note in done.notes:
        progress.say(one_line(note, None))
    for row in done.bad[:_MOST_BAD]:
        complain(one_line(str(row), None))
    if done.n_bad > _MOST_BAD:
        complain(
            f"{done.n_bad - _MOST_BAD:,} more records were left out; --json names more of them."
        )
    if common.is_json:
        emit_json(done.as_dict())
    elif not common.is_quiet:
        emit(deduplicated_text(done.counts(), out, report))
    raise typer.Exit(done.exit_code)
