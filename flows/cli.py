"""The command line: thin; each command calls what the flows call.

Exit codes: 0 done, 1 failed, 2 usage or settings, 3 busy, 4 published but a source failed or a day
is lost, 5 blocked by checks.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from flows.settings import Settings, load_settings
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

LakeOption = Annotated[
    Path | None,
    typer.Option(
        "--lake",
        help="Folder of the lake (default: ./lake, or PAPERLAKE_LAKE).",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress, no summary; errors only.")]
LogOption = Annotated[
    str | None,
    typer.Option("--log", help="'json': log as JSON lines on stderr.", show_default=False),
]
NoPrefectOption = Annotated[
    bool, typer.Option("--no-prefect", help="Run without Prefect; the same night, seconds faster.")
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        help="Publish although this check fails (recorded; may be repeated).",
        show_default=False,
    ),
]
SandboxOption = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        help="Talk to a sandbox at this address instead of the real sources.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Common:
    """The common options of a call, those before the command and those after it."""

    settings: Settings
    is_json: bool
    is_quiet: bool
    is_logged: bool


def _common(
    context: typer.Context,
    lake: Path | None,
    is_json: bool = False,
    is_quiet: bool = False,
    log: str | None = None,
    *,
    default_lake: Path | None = None,
) -> Common:
    before = context.find_root().params
    log = log or before.get("log")
    _set_up_logging(log)
    lake = lake or before.get("lake")
    settings = load_settings(lake=lake)
    if default_lake is not None and lake is None:
        settings = settings.model_copy(update={"lake": default_lake})
    return Common(
        settings,
        is_json or bool(before.get("json_")),
        is_quiet or bool(before.get("quiet")) or log == "json",
        log == "json",
    )


def _set_up_logging(form: str | None) -> None:
    if form not in (None, "json"):
        raise UsageError(f"--log {form}: the only form is json.")
    from flows.terminal import JsonLines

    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonLines())
    logger = logging.getLogger("paperlake")
    logger.handlers = [handler]
    # Without --log, progress and summary tell everything but faults of our own.
    logger.setLevel(logging.INFO if form == "json" else logging.ERROR)
    logger.propagate = False


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
    del lake, json_, quiet, log, version  # the first four are read by _common


# Writing


@app.command()
def demo(
    context: typer.Context,
    no_prefect: NoPrefectOption = False,
    papers: Annotated[
        int,
        typer.Option(
            min=150,
            max=100_000,
            help="Papers in the sandbox's universe (fewer than 150 leave list days empty).",
        ),
    ] = 5000,
    seed: Annotated[int, typer.Option(help="Which universe.")] = 1,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """A night against the built-in sandbox into ./lake-demo; run again: the next day."""
    from flows.running import run_nightly
    from flows.sandbox.server import run_in_thread
    from flows.sandbox.universe import Universe

    common = _common(context, lake, json_, quiet, log, default_lake=Path("lake-demo"))

    def night(report: Any, stuck: Callable[[Run], None]) -> Run:
        with run_in_thread(Universe(seed, papers)) as url:
            return run_nightly(
                common.settings,
                use_prefect=not no_prefect,
                sandbox_url=url,
                report=report,
                on_stuck=stuck,
            )

    _run(common, night, again="demo")


@app.command()
def nightly(
    context: typer.Context,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Only this source (may be repeated).", show_default=False),
    ] = None,
    no_prefect: NoPrefectOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 4 also when a list is only late.")
    ] = False,
    sandbox: SandboxOption = None,
    allow: AllowOption = None,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """A night: fetch every source, keep, normalize, join, publish one snapshot.

    Needs PAPERLAKE_CONTACT (your mail address or URL, for the User-Agent) to talk to real sources.
    An unfinished night is taken up again under its own date.
    """
    from flows.running import run_nightly

    common = _common(context, lake, json_, quiet, log)
    _run(
        common,
        lambda report, stuck: run_nightly(
            common.settings,
            use_prefect=not no_prefect,
            sandbox_url=sandbox,
            source_names=source or (),
            is_strict=strict,
            overrides=_checks(allow),
            report=report,
            on_stuck=stuck,
        ),
    )


@app.command()
def backfill(
    context: typer.Context,
    source: Annotated[str, typer.Option("--source", help="Which source.")],
    start: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD.")],
    end: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, included.")],
    no_prefect: NoPrefectOption = False,
    sandbox: SandboxOption = None,
    allow: AllowOption = None,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """Older days of one source, in slices, each a snapshot; killed and started again, it goes on.

    What it brings of counts that change, such as upvotes, is of today, not of the day listed.
    """
    from flows.running import run_backfill

    common = _common(context, lake, json_, quiet, log)
    first, last = _day(start, "--from"), _day(end, "--to")
    _run(
        common,
        lambda report, stuck: run_backfill(
            common.settings,
            source_name=source,
            start=first,
            end=last,
            use_prefect=not no_prefect,
            sandbox_url=sandbox,
            overrides=_checks(allow),
            report=report,
            on_stuck=stuck,
        ),
    )


@app.command("import")
def import_(
    context: typer.Context,
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
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """Files instead of the network; one import is one snapshot, or none if nothing changed."""
    from flows.importing import import_files

    common = _common(context, lake, json_, quiet, log)
    day = _day(date_, "--date") if date_ else None
    moment = _moment(captured_at, "--captured-at") if captured_at else None
    _run(
        common,
        lambda report, _: import_files(
            common.settings,
            source,
            files,
            day=day,
            captured_at=moment,
            overrides=_checks(allow),
            report=report,
        ),
    )


@app.command()
def export(
    context: typer.Context,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder to put the export in.")],
    view: Annotated[
        list[str] | None,
        typer.Option("--view", help="Only this view (may be repeated).", show_default=False),
    ] = None,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """One compacted Parquet file per view and a manifest.json, put in place whole or not at all."""
    from flows.answers import exported
    from flows.terminal import emit, emit_json, text_table
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
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


# Reading


@app.command()
def trending(
    context: typer.Context,
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
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """The trending list: rank, title, authors, upvotes, links."""
    from flows import answers
    from flows.terminal import emit, emit_json, trending_markdown, trending_text
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    rows = answers.trending(Lake(common.settings.lake), _day(day, "--day") if day else None)
    if common.is_json:
        emit_json(rows[:limit])
    else:
        emit(trending_markdown(rows[:limit]) if markdown else trending_text(rows, limit))


@app.command()
def show(
    context: typer.Context,
    key: Annotated[
        str, typer.Argument(metavar="ID", help="A paper_id, a listing_id, a DOI or an arXiv id.")
    ],
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """One paper: best fields, its listings, its metrics."""
    from flows import answers
    from flows.terminal import emit, emit_json, paper_text
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    answer = answers.show(Lake(common.settings.lake), key)
    if common.is_json:
        emit_json(answer)
    else:
        emit(paper_text(answer))


# A query may begin with a comment, which looks like an option.
@app.command(context_settings={"ignore_unknown_options": True})
def sql(
    context: typer.Context,
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
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """Ask the warehouse in SQL, read-only; nested values come as JSON."""
    from flows import answers
    from flows.terminal import FORMATS, emit, render
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: choose among {', '.join(FORMATS)}.")
    text = sys.stdin.read() if query == "-" else query
    columns, rows = answers.query(Lake(common.settings.lake), text, snapshot)
    emit(render(columns, rows, "json" if common.is_json else format_))


@app.command()
def status(
    context: typer.Context,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """Health of the lake: newest snapshot, last runs, who writes it, what is unfinished, sizes."""
    from flows import answers
    from flows.terminal import emit, emit_json, status_text
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    answer = answers.status(Lake(common.settings.lake))
    if common.is_json:
        emit_json(answer)
    else:
        emit(status_text(answer))


@app.command()
def sources(
    context: typer.Context,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """What is configured, and how far each list is harvested."""
    from flows import answers
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    rows = answers.sources(common.settings, Lake(common.settings.lake))
    _emit_rows(
        common, rows, ["source", "list", "n_listings", "watermark", "last_success_date", "base_url"]
    )


@app.command()
def snapshots(
    context: typer.Context,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """The published snapshots, oldest first."""
    from flows import answers
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    rows = answers.snapshots(Lake(common.settings.lake))
    _emit_rows(
        common,
        rows,
        ["snapshot", "created_at", "kind", "night_date", "n_listings", "n_papers", "content_hash"],
    )


@app.command()
def check(
    context: typer.Context,
    snapshot: Annotated[
        int | None,
        typer.Option("--snapshot", metavar="N", help="An earlier snapshot.", show_default=False),
    ] = None,
    lake: LakeOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    log: LogOption = None,
) -> None:
    """Run every check, and compare every file and hash with the manifest; exit 5 if any fails."""
    from flows import answers
    from flows.terminal import check_text, emit, emit_json
    from warehouse.snapshots import Lake

    common = _common(context, lake, json_, quiet, log)
    answer = answers.check(Lake(common.settings.lake), snapshot)
    if common.is_json:
        emit_json(answer)
    elif not common.is_quiet or not answer["is_sound"]:
        emit(check_text(answer))
    if not answer["is_sound"]:
        raise typer.Exit(5)


@app.command()
def dictionary(
    context: typer.Context,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write.")] = Path(
        "DICTIONARY.md"
    ),
    log: LogOption = None,
) -> None:
    """Write DICTIONARY.md: every table, view and column, from the schemas and the SQL."""
    from flows.terminal import emit
    from warehouse.dictionary import dictionary as made
    from warehouse.files import write_bytes

    _common(context, None, log=log)
    write_bytes(to, made().encode())
    emit(f"Wrote {to}")


# The sandbox

SeedOption = Annotated[int, typer.Option(help="Which universe.")]
PapersOption = Annotated[int, typer.Option(min=150, max=100_000, help="Papers in the universe.")]
NightOption = Annotated[int, typer.Option(min=0, max=400, help="Which night, from 0.")]


@sandbox_app.command("serve")
def sandbox_serve(
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
    from flows.terminal import emit

    with run_in_thread(Universe(seed, papers), night, port) as url:
        emit(
            f"The sandbox listens on {url} (night {night}; other nights below {url}/night/N).\n"
            f"Try: paperlake nightly --sandbox {url} --lake lake-sandbox\nEnd it with Ctrl-C."
        )
        while True:
            time.sleep(3600)


@sandbox_app.command("truth")
def sandbox_truth(
    seed: SeedOption = 1, papers: PapersOption = 5000, night: NightOption = 0
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
    work: Callable[[Any, Callable[[Run], None]], Run],
    *,
    again: str | None = None,
) -> None:
    """Run something that ends with a run, tell how it ended, and exit with its code."""
    from flows import answers
    from flows.running import end_in_time, ending_at_once
    from flows.terminal import Logged, Progress, emit, emit_json, summary_text
    from warehouse.snapshots import Lake

    def tell(run: Run) -> None:
        if common.is_json:
            emit_json(run.model_dump(mode="json"))
        elif common.is_logged:
            progress.say(f"{run.kind} {run.night_date}: {run.state}, snapshot {run.snapshot}")
        elif not common.is_quiet:
            facts = answers.after_run(Lake(common.settings.lake), run)
            emit(summary_text(run, facts, lake=common.settings.lake, again=again))
        if run.problem:
            _complain(run.problem)

    is_silent = common.is_quiet or common.is_json
    watching = Logged() if common.is_logged else Progress(is_quiet=is_silent)
    with watching as progress, ending_at_once(progress.say):
        run = work(progress, tell)
    tell(run)
    end_in_time(run.exit_code)
    raise typer.Exit(run.exit_code)


def _emit_rows(common: Common, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    from flows.terminal import emit, emit_json, render

    if common.is_json:
        emit_json(rows)
    else:
        emit(render(columns, [[row[name] for name in columns] for row in rows], "table"))


def _checks(names: Sequence[str] | None) -> tuple[str, ...]:
    if not names:
        return ()
    from warehouse.verify import check_names

    for name in names:
        if name not in check_names():
            raise UsageError(
                f"--allow {name}: there is no such check; there are {', '.join(check_names())}."
            )
    return tuple(names)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: write a day as YYYY-MM-DD.") from None


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text}: write a time as 2026-01-31T06:30:00Z.") from None


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
    _complain(sentence)
    sys.exit(code)


def _complain(sentence: str) -> None:
    """An error on stderr: a sentence, or with --log json a line of the log."""
    logger = logging.getLogger("paperlake")
    if logger.isEnabledFor(logging.INFO) and not logger.propagate:
        logger.error(sentence)
    else:
        print(f"paperlake: {sentence}", file=sys.stderr)  # noqa: T201 - errors go to stderr


if __name__ == "__main__":
    main()
