"""Commands that write: a lake, or files made from it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.options import (
    AllowOption,
    Common,
    NoPrefectOption,
    SandboxOption,
    checks,
    command,
    complain,
    typed_day,
    typed_moment,
)
from schemas.errors import PaperlakeError
from schemas.paper import Run

app = typer.Typer()


@command(app, default_lake="lake-demo")
def demo(
    common: Common,
    no_prefect: NoPrefectOption = False,
    papers: Annotated[
        int,
        typer.Option(
            min=300,
            max=100_000,
            help="Papers in the sandbox's universe (fewer than 300 leave lists of damaged records only).",
        ),
    ] = 5000,
    seed: Annotated[int, typer.Option(help="Which universe.")] = 1,
) -> None:
    """A night against the built-in sandbox into ./lake-demo; run again: the next day."""
    from flows.running import run_nightly
    from flows.sandbox.server import run_in_thread
    from flows.sandbox.universe import Universe

    def night(report: Any) -> Run:
        with run_in_thread(Universe(seed, papers)) as url:
            return run_nightly(
                common.settings,
                use_prefect=not no_prefect,
                sandbox_url=url,
                report=report,
            )

    _run(common, night, again="demo")


@command(app)
def nightly(
    common: Common,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="Only this source (may be repeated).",
            show_default=False,
        ),
    ] = None,
    no_prefect: NoPrefectOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 4 also when a list is only late.")
    ] = False,
    sandbox: SandboxOption = None,
    allow: AllowOption = None,
    no_maintain: Annotated[
        bool,
        typer.Option("--no-maintain", help="Leave compaction and garbage to `paperlake maintain`."),
    ] = False,
) -> None:
    """A night: fetch every source, keep, normalize, join, publish one snapshot.

    Needs PAPERLAKE_CONTACT (your mail address or URL, for the User-Agent) to talk to real sources.
    An unfinished night is taken up again under its own date.
    """
    from flows.running import run_nightly

    settings = common.settings
    if no_maintain:
        settings = settings.model_copy(update={"maintain": False})
    _run(
        common,
        lambda report: run_nightly(
            settings,
            use_prefect=not no_prefect,
            sandbox_url=sandbox,
            source_names=source or (),
            is_strict=strict,
            overrides=checks(allow),
            report=report,
        ),
    )


@command(app)
def backfill(
    common: Common,
    source: Annotated[str, typer.Option("--source", metavar="NAME", help="Which source.")],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD.")],
    end: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, included.")],
    no_prefect: NoPrefectOption = False,
    sandbox: SandboxOption = None,
    allow: AllowOption = None,
) -> None:
    """Older days of one source, in slices, each a snapshot; killed and started again, it goes on.

    What it brings of counts that change, such as upvotes, is of today, not of the day listed.
    """
    from flows.running import run_backfill

    first, last = typed_day(start, "--from"), typed_day(end, "--to")
    _run(
        common,
        lambda report: run_backfill(
            common.settings,
            source_name=source,
            start=first,
            end=last,
            use_prefect=not no_prefect,
            sandbox_url=sandbox,
            overrides=checks(allow),
            report=report,
        ),
    )


@command(app, "import")
def import_(
    common: Common,
    source: Annotated[str, typer.Argument(help="Whose files they are: huggingface, arxiv, ...")],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files in any form of the source; .gz too."),
    ],
    date_: Annotated[
        str | None,
        typer.Option(
            "--date",
            metavar="DAY",
            help="List day of files that do not say it.",
            show_default=False,
        ),
    ] = None,
    captured_at: Annotated[
        str | None,
        typer.Option(
            "--captured-at",
            metavar="TIME",
            help="When they were captured (ISO 8601, UTC).",
            show_default=False,
        ),
    ] = None,
    allow: AllowOption = None,
) -> None:
    """Files instead of the network; one import is one snapshot, or none if nothing changed."""
    from flows.importing import import_files

    day = typed_day(date_, "--date") if date_ else None
    moment = typed_moment(captured_at, "--captured-at") if captured_at else None
    _run(
        common,
        lambda report: import_files(
            common.settings,
            source,
            files,
            day=day,
            captured_at=moment,
            overrides=checks(allow),
            report=report,
        ),
    )


@command(app)
def export(
    common: Common,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder to put the export in.")],
    view: Annotated[
        list[str] | None,
        typer.Option(
            "--view", metavar="NAME", help="Only this view (may be repeated).", show_default=False
        ),
    ] = None,
) -> None:
    """One compacted Parquet file per view and a manifest.json, put in place whole or not at all."""
    from flows.answers import exported
    from flows.terminal import emit, emit_json, text_table
    from warehouse.snapshots import Lake

    manifest = exported(Lake(common.settings.lake), to, view)
    if common.is_json:
        emit_json(manifest)
    elif not common.is_quiet:
        rows = [
            [file["path"], f"{file['rows']:,}", f"{file['bytes']:,}"] for file in manifest["files"]
        ]
        emit(
            f"Snapshot {manifest['snapshot']} exported to {to}\n\n"
            + text_table(["file", "rows", "bytes"], rows)
        )


@command(app)
def maintain(
    common: Common,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Compact tables of many small files, and remove what is kept no longer.

    A night does the same when it is due. The content stays what it is. PAPERLAKE_KEEP_SNAPSHOTS and
    PAPERLAKE_KEEP_RESPONSES say how long things are kept, PAPERLAKE_GRACE_HOURS how long files
    outlive their snapshot.
    """
    from flows.maintain import maintain as maintained
    from flows.maintain import told
    from flows.progress import watching
    from flows.terminal import emit, emit_json
    from flows.texts_of_lakes import maintain_text

    with watching(common) as progress:
        done = maintained(common.settings, is_dry_run=dry_run, report=progress)
    answer = told(done, is_dry_run=dry_run)
    if common.is_json:
        emit_json(answer)
    elif not common.is_quiet:
        emit(maintain_text(answer))


def _run(
    common: Common,
    work: Callable[[Any], Run],
    *,
    again: str | None = None,
) -> None:
    """Run something that ends with a run, tell how it ended, and exit with its code."""
    from flows.progress import watching
    from flows.running import end_in_time, ending_at_once

    with watching(common) as progress, ending_at_once(progress.say):
        try:
            run = work(progress)
        except BaseException as error:
            end_in_time(error.exit_code if isinstance(error, PaperlakeError) else 1)
            raise
    _tell(common, run, progress.say, again)
    end_in_time(run.exit_code)
    raise typer.Exit(run.exit_code)


def _tell(common: Common, run: Run, say: Callable[[str], None], again: str | None) -> None:
    from flows import answers
    from flows.terminal import emit, emit_json
    from flows.texts import summary_text
    from warehouse.snapshots import Lake

    if common.is_json:
        emit_json(run.model_dump(mode="json"))
    elif common.is_logged:
        say(f"{run.kind} {run.night_date}: {run.state}, snapshot {run.snapshot}")
    elif not common.is_quiet:
        facts = answers.after_run(Lake(common.settings.lake), run)
        emit(summary_text(run, facts, lake=common.settings.lake, again=again))
    if run.problem:
        complain(run.problem)
