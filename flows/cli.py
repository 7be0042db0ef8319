"""The command line: thin; each command calls what the flows call.

Exit codes: 0 done, 1 failed, 2 usage or settings, 3 busy, 4 published but a source failed or a day
is lost, 5 blocked by checks.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from flows.options import (
    AllowOption,
    Common,
    JsonOption,
    LakeOption,
    LogOption,
    NoPrefectOption,
    QuietOption,
    SandboxOption,
    checks,
    command,
    complain,
    typed_day,
    typed_moment,
)
from schemas.errors import PaperlakeError, UsageError
from schemas.paper import Run

app = typer.Typer(
    name="paperlake",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A nightly, queryable warehouse of paper listings.\n\n"
    "Exit codes: 0 done, 1 failed, 2 usage or settings, 3 busy, 4 published but a source failed or "
    "a day is lost, 5 blocked by checks.",
)
sandbox_app = typer.Typer(
    no_args_is_help=True, help="The loopback internet that demo and tests run against."
)
app.add_typer(sandbox_app, name="sandbox")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        from flows.terminal import emit

        emit(f"paperlake {version('paperlake')}")
        raise typer.Exit


@app.callback()
def _before(
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and end.",
        ),
    ] = False,
) -> None:
    del lake, json_, quiet, log, version  # the first four are read by `options.command`


# Writing


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
    from flows.progress import Logged, Progress
    from flows.terminal import emit, emit_json
    from flows.texts import maintain_text

    is_silent = common.is_quiet or common.is_json
    with Logged() if common.is_logged else Progress(is_quiet=is_silent) as progress:
        done = maintained(common.settings, is_dry_run=dry_run, report=progress)
    answer = told(done, is_dry_run=dry_run)
    if common.is_json:
        emit_json(answer)
    elif not common.is_quiet:
        emit(maintain_text(answer))


# Reading


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
    from flows import answers
    from flows.terminal import emit, emit_json
    from flows.texts import status_text
    from warehouse.snapshots import Lake

    answer = answers.status(common.settings, Lake(common.settings.lake))
    if common.is_json:
        emit_json(answer)
    else:
        emit(status_text(answer))


@command(app)
def sources(
    common: Common,
) -> None:
    """What is configured, and how far each list is harvested."""
    from flows import answers
    from warehouse.snapshots import Lake

    rows = answers.sources(common.settings, Lake(common.settings.lake))
    _emit_rows(
        common,
        rows,
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
    from flows import answers
    from flows.terminal import emit, emit_json
    from flows.texts import check_text
    from warehouse.snapshots import Lake

    answer = answers.check(Lake(common.settings.lake), snapshot)
    if common.is_json:
        emit_json(answer)
    elif not common.is_quiet or not answer["is_sound"]:
        emit(check_text(answer))
    if not answer["is_sound"]:
        raise typer.Exit(5)


@command(app)
def doctor(
    common: Common,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also read every file and every kept response; takes as long as that."
        ),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask neither the sources nor Prefect.")
    ] = False,
    sandbox: SandboxOption = None,
) -> None:
    """What is wrong here, or will be, and what to do; changes nothing; exit 1 if a problem is found.

    Looks at settings, contact, versions, disk, clock, locks, unfinished runs, snapshots, files,
    leftovers, the warehouse file, Prefect, the sources (one request each) and their circuits, within
    ten seconds.
    """
    from flows.doctor.examination import examine
    from flows.progress import Logged, Progress
    from flows.running import end_in_time
    from flows.terminal import emit, emit_json
    from flows.texts import findings_text

    is_silent = common.is_quiet or common.is_json
    watching = Logged() if common.is_logged else Progress(is_quiet=is_silent)
    with watching as progress:
        found = examine(
            common.settings,
            sandbox_url=sandbox,
            is_offline=offline,
            is_deep=deep,
            say=progress.say,
        )
    code = int(any(item.state == "problem" for item in found))
    if common.is_json:
        emit_json([item.as_dict() for item in found])
    elif not common.is_quiet or code:
        shown = [item for item in found if not common.is_quiet or item.state == "problem"]
        emit(findings_text([item.as_dict() for item in shown]))
    # A name server that does not answer would hold the process far longer.
    end_in_time(code, 0.5)
    raise typer.Exit(code)


@command(app)
def dictionary(
    common: Common,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write.")] = Path(
        "DICTIONARY.md"
    ),
) -> None:
    """Write DICTIONARY.md: every table, view and column, from the schemas and the SQL."""
    from flows.terminal import emit, emit_json
    from warehouse.dictionary import dictionary as made
    from warehouse.files import write_bytes

    write_bytes(to, made().encode())
    if common.is_json:
        emit_json({"path": str(to)})
    elif not common.is_quiet:
        emit(f"Wrote {to}")


@command(app)
def schedule(
    common: Common,
    form: Annotated[str, typer.Option("--print", metavar="FORM", help="cron, systemd or prefect.")],
) -> None:
    """Print what to install so that a night runs by itself: a cron line, systemd units, commands.

    With the settings of this environment, for the lake given; nothing is installed.
    """
    from flows.schedule import CONTACT_PLACEHOLDER, printed
    from flows.settings import secrets_given
    from flows.source import load_sources, setting_names
    from flows.terminal import emit, emit_json

    texts = printed(form, common.settings)
    if common.is_json:
        emit_json(texts)
    else:
        emit("\n".join(texts.values()).rstrip("\n"))
    if common.settings.contact is None:
        complain(
            f"PAPERLAKE_CONTACT is not set: write your mail address or URL where it says "
            f"{CONTACT_PLACEHOLDER}."
        )
    for name in secrets_given(common.settings, setting_names(load_sources())):
        complain(f"{name} is not printed: add it where others cannot read it.")


# The sandbox

SeedOption = Annotated[int, typer.Option(help="Which universe.")]
PapersOption = Annotated[int, typer.Option(min=300, max=100_000, help="Papers in the universe.")]
NightOption = Annotated[int, typer.Option(min=0, max=400, help="Which night, from 0.")]


@command(sandbox_app, "serve")
def sandbox_serve(
    common: Common,
    seed: SeedOption = 1,
    papers: PapersOption = 5000,
    night: NightOption = 0,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8765,
) -> None:
    """Serve the sandbox on 127.0.0.1 until interrupted."""
    import time

    from flows.sandbox.server import run_in_thread
    from flows.sandbox.universe import Universe
    from flows.terminal import emit, emit_json

    with run_in_thread(Universe(seed, papers), night, port) as url:
        if common.is_json:
            emit_json({"url": url, "night": night})
        elif not common.is_quiet:
            emit(
                f"The sandbox listens on {url} (night {night}; other nights below {url}/night/N).\n"
                f"Try: paperlake nightly --sandbox {url} --lake lake-sandbox\nEnd it with Ctrl-C."
            )
        while True:
            time.sleep(3600)


@command(sandbox_app, "truth")
def sandbox_truth(
    seed: SeedOption = 1,
    papers: PapersOption = 5000,
    night: NightOption = 0,
) -> None:
    """What a lake must hold after nights 0 to NIGHT, as JSON lines."""
    from flows.sandbox.truth import as_json_lines
    from flows.sandbox.universe import Universe
    from flows.terminal import emit

    for line in as_json_lines(Universe(seed, papers), night):
        emit(line)


# Helpers


def _run(
    common: Common,
    work: Callable[[Any], Run],
    *,
    again: str | None = None,
) -> None:
    """Run something that ends with a run, tell how it ended, and exit with its code."""
    from flows.progress import Logged, Progress
    from flows.running import end_in_time, ending_at_once

    is_silent = common.is_quiet or common.is_json
    watching = Logged() if common.is_logged else Progress(is_quiet=is_silent)
    with watching as progress, ending_at_once(progress.say):
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


def _emit_rows(common: Common, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    from flows.terminal import emit, emit_json, render

    if common.is_json:
        emit_json(rows)
    else:
        emit(render(columns, [[row[name] for name in columns] for row in rows], "table"))


def main() -> None:
    """The console script: one sentence for a user's mistake, never a traceback."""
    try:
        app()
    except PaperlakeError as error:
        _die(str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _die(f"{where}{error.strerror or error}. Mend that and run it again; nothing is lost.", 1)
    except Exception as error:
        # DuckDB is not imported by every command, so its errors are known by their module.
        if "duckdb" not in type(error).__module__:
            raise
        first = str(error).splitlines()[0]
        _die(f"{first} If a file is damaged or missing, `paperlake check` names it.", 1)


def _die(sentence: str, code: int) -> NoReturn:
    complain(sentence)
    sys.exit(code)


if __name__ == "__main__":
    main()
